"""The laboratory: its learners, its policies, and its arithmetic."""

from itertools import pairwise
from math import inf, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t as student

from domain.session.replay import Replay, Submission
from local.errors import CommandError
from ops.lab.learners import MODELS, person
from ops.lab.logs import habits, predictions, read_log
from ops.lab.plots import write_plots
from ops.lab.policies import (
    OTHERS,
    POLICIES,
    PRODUCT,
    RATIO,
    RIGHT,
    SPACED,
    WRONG,
    Policy,
    ProductPlay,
    bank,
    begin,
    ordinal,
)
from ops.lab.program import Options, run_laboratory
from ops.lab.report import course_table, difference, goals, missed_recall
from ops.lab.run import Course, Marathon, Result, marathon, measure, measure_all, play

SHORT = Course(questions=40, answers_a_day=20, days=3)


def result(policy: str, seed: int, recall: float, model: str = "DSR") -> Result:
    return Result(
        policy=policy,
        model=model,
        error=0.25,
        seed=seed,
        answers=10,
        known=1.0,
        missed_recall=(recall, recall),
        stranded=0,
        waits=(1,),
        covered=1.0,
        deepest=1,
        refills=0,
    )


def test_a_learner_is_the_same_under_every_policy() -> None:
    one, other = person(7, 50, 0.25), person(7, 50, 0.25)
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert not np.array_equal(one.known, person(8, 50, 0.25).known)


@pytest.mark.parametrize("error", [0.10, 0.25, 0.45])
def test_first_tries_are_wrong_at_the_rate_that_is_asked_for(error: float) -> None:
    known = np.concatenate([person(seed, 300, error).known for seed in range(40)])
    expected = np.where(known, 0.03, 0.75).mean()
    assert expected == pytest.approx(error, abs=0.04)


@pytest.mark.parametrize("model", MODELS)
def test_a_memory_fades_and_a_review_strengthens_it(model: str) -> None:
    who = person(1, 60, 0.45)
    learner = MODELS[model](who)
    question = int(np.flatnonzero(~who.known)[0])
    assert learner.recall(question, 0.0) == 0.0
    learner.learned(question, 0.0, recalled=False)
    faded = [learner.recall(question, day * 86_400.0) for day in (0.01, 1, 7, 30)]
    assert all(later < sooner for sooner, later in pairwise(faded))
    learner.learned(question, 3_600.0, recalled=True)
    assert learner.recall(question, 7 * 86_400.0) > faded[2]


@pytest.mark.parametrize("model", MODELS)
def test_reviews_under_ratio_succeed_as_often_as_in_public_logs(model: str) -> None:
    right: list[float] = []

    class Observed:
        def __init__(self, seed: int) -> None:
            self.memory = MODELS[model](person(seed, 300, 0.25))
            self.seen: set[int] = set()

        def recall(self, question: int, now: float) -> float:
            return self.memory.recall(question, now)

        def learned(self, question: int, now: float, *, recalled: bool) -> None:
            if question in self.seen:
                right.append(0.97 if recalled else 0.25)
            self.seen.add(question)
            self.memory.learned(question, now, recalled=recalled)

    for seed in (1, 2, 3):
        play(RATIO, Observed(seed), person(seed, 300, 0.25), Course(), seed)
    assert np.mean(right) == pytest.approx(0.79, abs=0.02)


@pytest.mark.parametrize("policy", PRODUCT, ids=lambda policy: policy.name)
def test_a_play_of_the_product_is_the_products_engine(policy: Policy) -> None:
    questions = bank(30)
    laboratory = begin(policy, questions, np.zeros(30), seed=5)
    assert isinstance(laboratory, ProductPlay)
    engine = Replay(begin(policy, questions, np.zeros(30), seed=5).session, questions)
    for number in range(200):
        if engine.question is None:
            break
        right = number % 3 > 0 or number > 60
        now = 20.0 * number
        laboratory.submit(right=right, now=now)
        engine.submit(Submission(selected=RIGHT if right else WRONG, at=int(1000 * now)))
        assert laboratory.session == engine.session
    assert engine.question is None


@pytest.mark.parametrize("policy", OTHERS, ids=lambda policy: policy.name)
def test_another_policy_never_repeats_a_question_that_was_right(policy: Policy) -> None:
    session = begin(policy, bank(12), np.linspace(-2, 2, 12), seed=5)
    asked: list[int] = []
    for number in range(150):
        turn = session.session.turn
        assert turn is not None
        if not turn.missed:
            asked.append(ordinal(turn.question_id))
        session.submit(right=number % 4 > 0, now=60.0 * number)
    assert all(one != other for one, other in pairwise(asked))
    assert len(set(asked)) == 12 or policy.name == "Random"


def test_every_policy_is_measured_on_the_same_learners() -> None:
    results = measure_all(POLICIES, [1, 2], [0.25], SHORT)
    assert len(results) == len(POLICIES) * len(MODELS) * 2
    assert {each.policy for each in results} == {policy.name for policy in POLICIES}
    assert all(each.answers <= 60 for each in results)
    assert measure(SPACED, "BKT", 0.25, 2, SHORT) in results


def test_processes_change_no_figure() -> None:
    one = measure_all(PRODUCT, [1], [0.25], SHORT)
    assert measure_all(PRODUCT, [1], [0.25], SHORT, processes=2) == one


def test_a_difference_is_paired_by_learner_and_averaged_over_models() -> None:
    results = [
        *(result(RATIO.name, seed, base) for seed, base in ((1, 0.2), (2, 0.5), (3, 0.4))),
        *(result(SPACED.name, seed, value) for seed, value in ((1, 0.3), (2, 0.8), (3, 0.6))),
        *(result(name, 1, 0.5, model="BKT") for name in (RATIO.name, SPACED.name)),
    ]
    found = difference(results, SPACED.name, missed_recall)
    # Differences of the learners: (0.1 + 0) / 2, 0.3, 0.2.
    assert found.mean == pytest.approx(0.55 / 3)
    spread = float(np.std([0.05, 0.3, 0.2], ddof=1))
    assert found.half == pytest.approx(student.ppf(0.975, 2) * spread / sqrt(3))


def test_a_marathon_ends_with_every_question_mastered_and_keeps_its_limit() -> None:
    runs = [marathon(policy, 120, 0.41, 3) for policy in PRODUCT]
    assert all(each.depths[-1][1] == 0 for each in runs)
    limited = runs[-1]
    assert (limited.deepest, limited.refills) == (16, 0)


def test_numbers_to_reach_are_compared_with_their_bounds() -> None:
    results = [
        result(name, seed, base + 0.2 * (name != RATIO.name))
        for name in (policy.name for policy in PRODUCT)
        for seed, base in ((1, 0.2), (2, 0.5))
    ]
    runs = [Marathon(policy.name, 100, 17, 0, 9.0, ((1, 1),)) for policy in PRODUCT]
    found = {each.name: each for each in goals(results, results, runs)}
    assert found["missed recall, SPACED 50, lower bound"].found == pytest.approx(0.2)
    assert found["missed recall, SPACED 50, lower bound"].reached
    assert not found["deepest pool of a large bank, limit 16"].reached
    assert found["first review, limit 16, 90th percentile"].low == -inf


def test_tables_and_plots_are_made_of_any_results(tmp_path: Path) -> None:
    course = measure_all(PRODUCT, [1, 2], [0.25], SHORT)
    assert "| recall of missed questions, 7 days later |" in course_table(course)
    write_plots(course, [marathon(policy, 60, 0.41, 1) for policy in PRODUCT], tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {
        "lab-kept-and-known.svg",
        "lab-first-review.svg",
        "lab-pool-depth.svg",
    }


LOG = """card_id,review_time,correct
a,2026-01-01T10:00:00+00:00,0
a,2026-01-01T10:01:00+00:00,1
b,2026-01-01T10:02:00+00:00,1
a,2026-01-03T10:00:00+00:00,1
b,2026-01-03T10:00:30+00:00,0
b,2026-01-05T10:00:30+00:00,1
"""


def test_a_log_has_its_rates(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(LOG)
    found = habits(read_log(path))
    assert (found.reviews, found.cards, found.first_error) == (6, 2, 0.5)
    assert found.review_success == pytest.approx(2 / 3)
    assert found.answers_a_day == 2


def test_the_policies_are_played_with_the_rates_of_a_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log.csv"
    path.write_text(LOG)
    options = Options(learners=2, course=SHORT, errors=(0.1,), large=0, processes=1)

    assert run_laboratory(options, path, record=False) == 0

    printed = capsys.readouterr().out
    assert "6 reviews of 2 cards: first tries are wrong in 50%" in printed
    assert "FSRS-6, default parameters" in printed
    assert "errors of 50%; a bank of 40 questions, 2 answers a day for 3 days" in printed
    for policy in POLICIES:
        assert policy.name in printed


def test_a_fitted_model_predicts_a_log_no_worse_than_its_average(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(LOG)
    loss = {each.model.partition(",")[0]: each.loss for each in predictions(read_log(path))}
    assert loss["Half-life regression"] <= loss["Average of the log"] + 0.01


@pytest.mark.parametrize(
    "text", ["", "card_id,review_time\n", "card_id,review_time,correct\na,x,1\n"]
)
def test_a_file_that_is_no_log_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text(text)
    with pytest.raises(CommandError, match="log"):
        read_log(path)
