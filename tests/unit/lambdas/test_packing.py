"""Tallies as bytes and back, and how many bytes they take."""

from contextlib import suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.statistics.given_answer import DAY, GivenAnswer
from domain.statistics.item import ItemTally, tally_of
from domain.statistics.learner import (
    MAX_CATEGORIES,
    MAX_SPANS,
    CategoryTally,
    LearnerTally,
    Ledger,
    count,
)
from domain.statistics.streaks import DayStreak, Run, Span
from lambdas.shared.store.packing import (
    DamagedTallyError,
    packed_item,
    packed_learner,
    packed_ledger,
    unpacked_item,
    unpacked_learner,
    unpacked_ledger,
)

NUMBERS = st.integers(0, 2**62)
RUNS = st.builds(Run, *[NUMBERS] * 5)


@given(
    as_of=NUMBERS,
    closed=st.integers(-1, 40_000),
    before=RUNS,
    days_before=st.builds(DayStreak, st.integers(-1, 40_000), NUMBERS, NUMBERS),
    categories=st.dictionaries(
        st.from_regex("[a-z0-9-]{1,48}", fullmatch=True),
        st.builds(CategoryTally, NUMBERS, NUMBERS, NUMBERS, st.integers(-1000, 1000)),
        max_size=5,
    ),
    days=st.dictionaries(st.integers(0, 40_000), RUNS, max_size=8),
)
def test_a_learners_totals_come_back_as_they_were(
    as_of: int,
    closed: int,
    before: Run,
    days_before: DayStreak,
    categories: dict[str, CategoryTally],
    days: dict[int, Run],
) -> None:
    tally = LearnerTally(
        as_of=as_of,
        time_spent=as_of,
        categories=categories,
        days=days,
        closed_through=closed,
        before=before,
        days_before=days_before,
    )
    assert unpacked_learner(packed_learner(tally)) == tally


@pytest.mark.slow
@given(
    st.dictionaries(
        st.from_regex("[0-9a-f]{27}", fullmatch=True),
        st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=4),
        max_size=5,
    )
)
def test_a_ledger_comes_back_as_it_was(sessions: dict[str, list[tuple[int, int]]]) -> None:
    ledger: Ledger = {}
    for session_id, gaps in sessions.items():
        spans, end = [], 0
        for gap, length in gaps:
            spans.append(Span(end + gap, Run(length, length, length, length, length)))
            end = spans[-1].end
        ledger = {**ledger, session_id: tuple(spans)}
    assert unpacked_ledger(packed_ledger(ledger)) == ledger


@given(st.dictionaries(st.integers(0, 60_000), st.integers(1, 2**60)), NUMBERS)
def test_a_questions_tally_comes_back_as_it_was(cells: dict[int, int], as_of: int) -> None:
    tally = ItemTally(cells, as_of)
    assert unpacked_item(packed_item(tally)) == tally


def test_a_learner_of_ninety_busy_days_and_ten_categories_takes_less_than_a_kilobyte() -> None:
    tally, largest = LearnerTally(), 0
    for day in range(20_000, 20_090):
        answers = [
            GivenAnswer(
                user_id="ada",
                session_id=f"{day:013x}{session:014x}",
                number=number,
                right_before=0,
                pool_entries=4,
                question_id=f"a-long-category-{number % 10}:000001",
                version=1,
                correct=number % 7 > 0,
                attempt=1 + (day > 20_000),
                mastered=0,
                selected=(0,),
                time_spent=9_000,
                at=day * DAY,
            )
            for session in range(3)
            for number in range(1, 101)
        ]
        result = count(tally, {}, answers, day * DAY)
        tally, (ledger,) = result.tally, result.ledgers.values()
        largest = max(largest, len(packed_ledger(ledger)))
    # Beside a user's id and a profile of some 150 bytes, that is one write unit.
    assert len(packed_learner(tally)) <= 850
    assert largest <= 80


def test_a_question_tried_by_ten_thousand_takes_half_a_kilobyte() -> None:
    random = Random(1)
    tally = tally_of(
        GivenAnswer(
            user_id="ada",
            session_id="a" * 27,
            number=60,
            right_before=random.randrange(10, 60),
            pool_entries=random.randrange(20),
            question_id="geography:000001",
            version=1,
            correct=random.random() < 0.7,
            attempt=1,
            mastered=0,
            selected=(random.randrange(5),),
            time_spent=int(random.lognormvariate(9.5, 0.8)),
            at=20_000 * DAY + random.randrange(720) * DAY,
        )
        for _ in range(10_000)
    )
    assert len(packed_item(tally)) <= 512


def test_a_question_at_the_extremes_takes_less_than_two_kilobytes() -> None:
    cells = dict.fromkeys([*range(11), *range(16, 97), *range(100, 230)], 10**6)
    months = {1000 + 2 * 12 * 2026 + month: 10**6 for month in range(48)}
    assert len(packed_item(ItemTally({**cells, **months}, 10**13))) <= 1300


def test_a_users_item_at_every_limit_has_room_to_spare() -> None:
    """The limits of docs/limits.md: the item may have 400 KB, its profile takes 1."""
    large = 10**6  # answers of one learner on one day, or milliseconds of a year in thousands
    run = Run(*[large] * 5)
    ledger: Ledger = {f"{16**26 + n:027x}": (Span(large, run),) for n in range(MAX_SPANS)}
    assert len(packed_ledger(ledger)) <= 90_000
    ordinary: Ledger = {f"{16**26 + n:027x}": (Span(1, Run(*[30] * 5)),) for n in range(1_200)}
    assert len(packed_ledger(ordinary)) <= 1_200 * 23
    tally = LearnerTally(
        as_of=10**13,
        time_spent=10**12,
        categories={
            f"{n:048d}": CategoryTally(large, large, large, large)
            for n in range(MAX_CATEGORIES + 1)
        },
        days={20_000 + day: run for day in range(62)},
        before=run,
    )
    assert len(packed_learner(tally)) <= 35_000


@given(st.binary(max_size=40))
def test_bytes_that_are_no_tally_raise_one_error(packed: bytes) -> None:
    for unpack in (unpacked_learner, unpacked_ledger, unpacked_item):
        with suppress(DamagedTallyError):
            unpack(packed)
