"""FSRS-6 of the laboratory against the package that its authors publish."""

from datetime import UTC, datetime, timedelta

import pytest
from fsrs import Card, Rating, Scheduler
from hypothesis import given
from hypothesis import strategies as st

from ops.lab import fsrs6

START = datetime(2026, 1, 1, tzinfo=UTC)
RATINGS = st.integers(fsrs6.AGAIN, fsrs6.EASY)
GAPS = st.integers(1, 400) | st.sampled_from([0, 0, 1])


def test_the_parameters_are_the_published_defaults() -> None:
    assert Scheduler().parameters == pytest.approx(fsrs6.PARAMETERS, abs=1e-12)


@given(first=RATINGS, later=st.lists(st.tuples(GAPS, RATINGS), max_size=12))
def test_memories_are_those_of_the_package(first: int, later: list[tuple[int, int]]) -> None:
    scheduler = Scheduler(enable_fuzzing=False)
    card, _ = scheduler.review_card(Card(card_id=1), Rating(first), START)
    memory, now = fsrs6.first_memory(first), START
    for days, rating in later:
        now += timedelta(days=days)
        if days:
            assert scheduler.get_card_retrievability(card, now) == pytest.approx(
                fsrs6.recall(memory.stability, days), abs=1e-9
            )
        card, _ = scheduler.review_card(card, Rating(rating), now)
        memory = fsrs6.reviewed(memory, rating, days)
        assert card.stability == pytest.approx(memory.stability, rel=1e-9)
        assert card.difficulty == pytest.approx(memory.difficulty, rel=1e-9)


@given(stability=st.floats(0.1, 1_000), retention=st.floats(0.5, 0.99))
def test_an_interval_ends_when_recall_has_fallen_to_the_retention(
    stability: float, retention: float
) -> None:
    days = fsrs6.interval(stability, retention)
    assert fsrs6.recall(stability, days) == pytest.approx(retention)
