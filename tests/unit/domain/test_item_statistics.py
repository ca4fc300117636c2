"""Statistics of questions: equal to an independent computation, in any order and division."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from math import tanh
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.statistics.given_answer import DAY, GivenAnswer
from domain.statistics.item import (
    FEWEST_FIRST_TRIES,
    MONTHS,
    TIME_BOUNDS,
    Flag,
    ItemTally,
    tally_of,
    together,
)
from tests.support import recount
from tests.support.simulated_learners import CHOICES, START, Item, answers, items

pytestmark = pytest.mark.slow

Tallies = Mapping[str, ItemTally]


@cache
def simulated() -> tuple[list[Item], list[GivenAnswer]]:
    """50,000 answers and more to 50 questions."""
    random = Random(20_261_122)
    bank = items(random, 50)
    return bank, list(answers(random, bank, 600))


def tallied(given_answers: list[GivenAnswer]) -> Tallies:
    own: defaultdict[str, list[GivenAnswer]] = defaultdict(list)
    for each in given_answers:
        own[each.question_id].append(each)
    return {question: tally_of(some) for question, some in own.items()}


def test_every_figure_is_that_of_an_independent_computation() -> None:
    bank, given_answers = simulated()
    assert len(given_answers) >= 50_000
    tallies = tallied(given_answers)
    for (question, _), own in recount.by_version(given_answers).items():
        expected, tally = recount.item_statistics(own, CHOICES), tallies[question]
        assert (tally.answers, tally.right) == (expected["answers"], expected["right"])
        assert tally.first_tries == expected["firstTries"] == 600
        assert tally.first_right == expected["firstRight"]
        assert tally.facility == pytest.approx(expected["facility"], rel=1e-12)
        assert tally.scored == expected["scored"]
        assert tally.discrimination
        assert tally.discrimination.value == pytest.approx(expected["discrimination"], abs=1e-9)
        assert tally.timed == expected["timed"]
        assert tally.mean_time == pytest.approx(expected["meanTime"], rel=1e-12)
        assert tally.taken(CHOICES) == expected["taken"]
        assert tally.first_taken(CHOICES) == expected["firstTaken"]
        strongest = tally.strongest(CHOICES)
        assert (strongest.learners, strongest.taken) == expected["strongest"]
        assert [tuple(month) for month in tally.months] == expected["months"]
        assert [tuple(each) for each in tally.attempts] == expected["attempts"]
        assert [tuple(each) for each in tally.depths] == expected["depths"]
        for share, value in expected["quantiles"].items():
            assert tally.time_quantile(share) == pytest.approx(value, rel=2 ** (1 / 8) - 1 + 1e-9)
    assert len(tallies) == len(bank)


def test_known_parameters_show_in_the_figures() -> None:
    bank, given_answers = simulated()
    tallies = tallied(given_answers)

    def ranks(values: list[float]) -> Any:
        return np.argsort(np.argsort(values))

    facility = [tallies[item.question_id].facility or 0.0 for item in bank]
    easiness = [-item.b for item in bank]
    assert np.corrcoef(ranks(facility), ranks(easiness))[0, 1] > 0.95
    # Middling difficulty: a question nearly all get right separates nobody, whatever its a.
    middling = [item for item in bank if abs(item.b) < 1.5]
    found = [tallies[item.question_id].discrimination for item in middling]
    told = [each.value for each in found if each]
    assert np.corrcoef(ranks(told), ranks([item.a for item in middling]))[0, 1] > 0.8
    assert all(each.low is not None and each.low < each.value for each in found if each)


@pytest.mark.parametrize("seed", range(2))
def test_any_order_and_any_division_give_the_same(seed: int) -> None:
    _, given_answers = simulated()
    random = Random(seed)
    shuffled = random.sample(given_answers, len(given_answers))
    summed: dict[str, ItemTally] = {}
    while shuffled:
        size = random.randint(1, 4_000)
        for question, tally in tallied(shuffled[-size:]).items():
            summed[question] = together(summed.get(question, ItemTally()), tally)
        del shuffled[-size:]
    assert summed == tallied(given_answers)


@given(st.randoms(use_true_random=False), st.integers(0, 40), st.integers(0, 40))
def test_sums_of_tallies_are_tallies_of_sums(random: Random, one: int, other: int) -> None:
    made = [
        an_answer(
            number,
            right=random.random() < 0.5,
            score=random.random(),
            at=START + random.randrange(2_000) * DAY,
            attempt=random.randint(1, 2),
        )
        for number in range(one + other)
    ]
    assert together(tally_of(made[:one]), tally_of(made[one:])) == tally_of(made)
    assert together(tally_of(made[one:]), tally_of(made[:one])) == tally_of(made)


def test_the_interval_holds_the_true_correlation_as_often_as_it_says() -> None:
    random, held, rounds = Random(7), 0, 400

    # Right with a probability that rises with the score: the true correlation of these two is
    # 0.4 * sd(score) * ..., taken here from a large sample.
    def sample(size: int) -> ItemTally:
        """First tries that are right the more often the higher the score."""
        made = []
        for number in range(size):
            score = random.random()
            made.append(an_answer(number, right=random.random() < 0.3 + 0.4 * score, score=score))
        return tally_of(made)

    large = sample(10_000).discrimination
    assert large
    for _ in range(rounds):
        small = sample(60).discrimination
        assert small
        assert small.low is not None
        assert small.high is not None
        held += small.low <= large.value <= small.high
    assert 0.91 <= held / rounds <= 0.99


def an_answer(
    number: int,
    *,
    right: bool = True,
    score: float = 0.5,
    choice: int | None = None,
    **other: Any,
) -> GivenAnswer:
    """The answer of a learner with some score after a hundred answers."""
    values: dict[str, Any] = {
        "user_id": f"learner-{number}",
        "session_id": f"{number:027x}",
        "number": 101,
        "right_before": round(100 * score),
        "pool_entries": 2,
        "question_id": "geography:000001",
        "version": 1,
        "correct": right,
        "attempt": 1,
        "mastered": int(right),
        "selected": (choice if choice is not None else 0 if right else 1,),
        "time_spent": 0,
        "at": START,
        **other,
    }
    return GivenAnswer(**values)


def test_nothing_answered_tells_nothing() -> None:
    none = ItemTally()
    assert (none.answers, none.facility, none.discrimination) == (0, None, None)
    assert (none.mean_time, none.time_quantile(0.5), none.months) == (None, None, ())
    assert none.strongest(4) == (0, 1.0, (0, 0, 0, 0))
    assert none.flags == ()
    assert tally_of([]) == none


@pytest.mark.parametrize(("before", "scored"), [(4, 0), (5, 1)])
def test_a_score_is_made_of_five_answers_at_least(before: int, scored: int) -> None:
    answer = replace(an_answer(1), number=before + 1, right_before=before)
    assert tally_of([answer]).scored == scored


def test_only_the_first_try_counts_for_facility_and_every_answer_for_time() -> None:
    tally = tally_of(
        [
            an_answer(1, right=False, time_spent=4_000),
            an_answer(1, attempt=2, time_spent=2_000),
            an_answer(1, attempt=3),
        ]
    )
    assert (tally.answers, tally.first_tries, tally.facility) == (3, 1, 0.0)
    assert (tally.timed, tally.mean_time) == (2, 3_000)


@pytest.mark.parametrize("outcomes", [(True, True), (False, False)])
def test_without_two_outcomes_there_is_no_discrimination(outcomes: tuple[bool, bool]) -> None:
    made = [an_answer(n, right=right, score=n / 2) for n, right in enumerate(outcomes)]
    assert tally_of(made).discrimination is None


def test_without_two_scores_there_is_no_discrimination() -> None:
    assert tally_of([an_answer(n, right=n > 3) for n in range(9)]).discrimination is None


def test_a_perfect_correlation_has_no_interval() -> None:
    made = [an_answer(n, right=n >= 5, score=float(n >= 5)) for n in range(10)]
    assert tally_of(made).discrimination == (1.0, None, None)


def test_three_learners_have_no_interval() -> None:
    made = [an_answer(n, right=n != 1, score=n / 4) for n in range(3)]
    found = tally_of(made).discrimination
    assert found
    assert (found.low, found.high) == (None, None)


def test_the_interval_is_fishers() -> None:
    made = [an_answer(n, right=n % 3 > 0, score=n / 50) for n in range(50)]
    found = tally_of(made).discrimination
    assert found
    z = np.arctanh(found.value)
    assert found.low == pytest.approx(tanh(z - 1.959964 / np.sqrt(47)), abs=1e-6)
    assert found.high == pytest.approx(tanh(z + 1.959964 / np.sqrt(47)), abs=1e-6)


def test_the_learning_curve_is_of_attempts_and_the_eighth_stands_for_more() -> None:
    made = [an_answer(1, attempt=number, right=number != 3) for number in range(1, 11)]
    assert tally_of(made).attempts == (
        *((number, 1, int(number != 3)) for number in range(1, 8)),
        (8, 3, 3),
    )


@pytest.mark.parametrize(
    ("number", "first", "last"),
    [(1, 1, 1), (2, 2, 2), (3, 3, 4), (5, 5, 8), (1024, 513, 1024), (1025, 1025, None)],
)
def test_pools_are_told_by_how_far_the_session_had_come(
    number: int, first: int, last: int | None
) -> None:
    made = [replace(an_answer(n), number=number, right_before=0, pool_entries=n) for n in (2, 5)]
    assert tally_of(made).depths == ((first, last, 2, 7),)


@given(st.integers(1, 86_400_000))
def test_a_quantile_is_off_by_less_than_a_tenth(time: int) -> None:
    told = tally_of([an_answer(1, time_spent=time)]).time_quantile(0.5)
    assert told is not None
    if time < TIME_BOUNDS[0]:
        assert told == TIME_BOUNDS[0] / 2
    else:
        assert told == pytest.approx(time, rel=0.095)


def test_months_before_the_last_twenty_four_are_dropped_in_any_order() -> None:
    made = [an_answer(n, at=START + 31 * DAY * n) for n in range(60)]
    forward, backward = ItemTally(), ItemTally()
    for each in made:
        forward = together(forward, tally_of([each]))
    for each in reversed(made):
        backward = together(backward, tally_of([each]))
    assert forward == backward
    assert MONTHS - 2 <= len(forward.months) <= MONTHS
    assert forward.first_tries == 60
    assert forward.months[-1].month == "2029-10"


def judged(*groups: tuple[int, float, int]) -> tuple[Flag, ...]:
    """Flags of a question that so many learners of some score took some choice of."""
    made, number = [], 0
    for learners, score, choice in groups:
        for _ in range(learners):
            number += 1
            made.append(an_answer(number, right=choice == 0, score=score, choice=choice))
    return tally_of(made).flags


def test_a_sound_question_has_no_flag() -> None:
    assert judged((40, 0.9, 0), (5, 0.9, 1), (20, 0.4, 0), (20, 0.4, 1), (15, 0.4, 2)) == ()


def test_few_first_tries_are_not_judged() -> None:
    assert judged((FEWEST_FIRST_TRIES - 1, 0.9, 1)) == ()
    assert judged((FEWEST_FIRST_TRIES, 0.9, 1)) == (Flag.MISLEADING, Flag.TOO_HARD)


@pytest.mark.parametrize(("right", "flags"), [(95, (Flag.TOO_EASY,)), (94, ())])
def test_a_question_nearly_everybody_gets_right_is_too_easy(
    right: int, flags: tuple[Flag, ...]
) -> None:
    assert judged((right, 0.9, 0), (100 - right, 0.3, 1)) == flags


@pytest.mark.parametrize(("right", "flags"), [(20, (Flag.TOO_HARD,)), (21, ())])
def test_a_question_few_get_right_is_too_hard(right: int, flags: tuple[Flag, ...]) -> None:
    able = [(right, 0.9, 0), (27 - right, 0.9, 1)]
    assert judged(*able, (25, 0.3, 1), (24, 0.3, 2), (24, 0.3, 3)) == flags


def test_a_wrong_choice_that_beats_the_right_one_among_the_strongest_is_misleading() -> None:
    weak = ((30, 0.3, 0), (30, 0.3, 2))
    assert judged((10, 0.9, 0), (16, 0.9, 1), *weak) == (Flag.MISLEADING,)
    assert judged((16, 0.9, 0), (10, 0.9, 1), *weak) == (Flag.AMBIGUOUS,)


def test_the_weak_may_be_misled_without_a_flag() -> None:
    assert judged((30, 0.9, 0), (4, 0.9, 1), (10, 0.3, 0), (56, 0.3, 1)) == ()


def test_a_question_that_tells_the_able_apart_is_not_ambiguous() -> None:
    assert judged((20, 0.9, 0), (10, 0.9, 1), (5, 0.2, 0), (40, 0.2, 2)) == ()


def test_a_question_of_several_right_choices_is_judged_by_the_one_least_taken() -> None:
    right = [replace(an_answer(n, score=0.9), selected=(0, 1)) for n in range(10)]
    wrong = [an_answer(n, right=False, score=0.9) for n in range(10, 40)]
    half_right = [replace(each, selected=(0, 2)) for each in wrong]
    assert tally_of([*right, *half_right]).flags == (Flag.MISLEADING,)
    assert tally_of([*right, *(replace(each, selected=(0,)) for each in wrong)]).flags == ()
