"""The counts of the capacity model, against the engine's own replay and by hand."""

import math
from collections import Counter
from random import Random

import pytest

from domain.question import Choice, Question, question_id
from domain.session.effects import EntryRemoved, EntrySaved
from domain.session.engine import new_session
from domain.session.replay import Replay, Submission
from domain.session.state import Session, Source
from lambdas.contract.delivery import DELIVERY
from ops.cost.budgets import POOL_ENTRY_STARTS_AGAIN, WRONG
from ops.cost.workload import SHARDS, Profile, answer_cost, answer_mix, counting, demand

QUESTIONS = 1_500


def session() -> Session:
    return new_session(
        user_id="ada",
        session_id="0" * 27,
        name="",
        seed=b"0123456789abcdef",
        sources=[Source(category="law", question_count=QUESTIONS, size=QUESTIONS, left=QUESTIONS)],
        wrong_answer_percentage=20,
        now=0,
    )


def played(error_rate: float) -> Counter[str]:
    """Play a session to its end, and count its answers by what they change."""
    choices = (Choice("right", correct=True), Choice("wrong", correct=False))
    bank = {
        name: Question(question_id=name, version=1, text="", choices=choices)
        for name in (question_id("law", number) for number in range(QUESTIONS))
    }
    replay, random, kinds = Replay(session(), bank), Random(1), Counter[str]()
    at = 0
    while replay.question:
        at += 1
        right = random.random() >= error_rate
        answered = replay.submit(Submission(selected=frozenset({0 if right else 1}), at=at))
        changes = {type(change) for change in answered.pool_changes}
        if not right:
            kinds["wrong"] += 1
        elif changes == {EntrySaved, EntryRemoved}:
            kinds["again"] += 1
        else:
            kinds["pool" if changes else "fresh_right"] += 1
    return kinds


@pytest.mark.parametrize("error_rate", [0.05, 0.2, 0.4])
def test_the_mix_of_answers_is_what_the_engine_plays(error_rate: float) -> None:
    expected, found = answer_mix(error_rate)._asdict(), played(error_rate)
    for kind, share in expected.items():
        assert found[kind] / QUESTIONS == pytest.approx(share, rel=0.15, abs=0.01), kind


def test_who_makes_no_mistake_answers_each_question_once() -> None:
    assert answer_mix(0) == (1, 0, 0, 0)


def test_who_is_always_wrong_never_comes_to_an_end() -> None:
    with pytest.raises(ValueError, match=r"1\.0"):
        answer_mix(1.0)


def test_an_answer_costs_between_its_cheapest_and_its_dearest_kind() -> None:
    cost = answer_cost(Profile(cached=1.0))
    assert WRONG.write_units < cost.write_units < POOL_ENTRY_STARTS_AGAIN.write_units
    assert answer_cost(Profile(cached=0.0)).read_units == pytest.approx(cost.read_units + 0.5)
    assert answer_cost(Profile(error_rate=0.0, cached=1.0)) == (2, 1, 4)


def test_an_answer_counted_alone_touches_its_learner_and_its_question() -> None:
    alone = counting(Profile(), answers_a_second=0, window=0)
    assert (*alone, alone.write_units, alone.read_units) == pytest.approx((1, 2, 4, 2))


def test_a_longer_window_counts_more_answers_with_each_write() -> None:
    profile = Profile(seconds_per_answer=20, bank=10)
    second, minute = (counting(profile, 40, window) for window in (1, 60))
    assert second.batch == 1 + 40 / SHARDS
    # 200 learners of a shard; in a second one in 20 of them answers, one of ten questions.
    learners = 1 + 199 * (1 - math.exp(-1 / 20))
    questions = 10 * (1 - 0.9 ** (11 - (11 - learners) * 0.2))
    assert second.items == pytest.approx((learners + questions) / 11)
    assert minute.items < second.items / 2


def test_a_full_batch_ends_its_window() -> None:
    busy = counting(Profile(), 1e6, 60)
    assert busy.batch == DELIVERY.batch_size
    # Within milliseconds, so hardly anybody answered twice.
    assert busy.items == pytest.approx(2, rel=0.06)
    assert counting(Profile(), 1e6, 600) == busy


def test_a_batch_holds_what_learners_answer_independently_of_each_other() -> None:
    """Against a simulation: who answers in a window, and to how many questions."""
    profile, random, answers_a_second, window = Profile(bank=500), Random(5), 16, 30.0
    learners = int(answers_a_second / SHARDS * profile.seconds_per_answer)
    batches, items = 400, 0.0
    batch = 0
    for _ in range(batches):
        touched: set[tuple[str, int]] = set()
        for learner in range(learners):
            question = random.randrange(profile.bank)
            at = random.expovariate(1 / profile.seconds_per_answer)
            while at < window:
                touched |= {("learner", learner), ("question", question)}
                batch += 1
                if random.random() >= profile.error_rate:
                    question = random.randrange(profile.bank)
                at += random.expovariate(1 / profile.seconds_per_answer)
        items += len(touched)
    assert counting(profile, answers_a_second, window).items == pytest.approx(
        items / batch, rel=0.03
    )


def test_nobody_asks_for_nothing() -> None:
    idle = demand(0, Profile())
    assert (idle.requests, idle.write_units, idle.counting_calls, idle.stored_bytes) == (0, 0, 0, 0)


def test_twice_the_learners_ask_for_twice_as_much() -> None:
    one, two = demand(1_000, Profile()), demand(2_000, Profile())
    assert two.requests == 2 * one.requests
    assert two.write_units == pytest.approx(2 * one.write_units)
    # Counting hardly depends on company: who opens a batch is sure to be in it.
    assert two.counting_write_units == pytest.approx(2 * one.counting_write_units, rel=0.02)
