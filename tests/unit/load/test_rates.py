"""The search for the highest rate, on stages whose limit is known."""

from collections import Counter

import pytest

from tests.load.rates import highest, holding


@pytest.mark.parametrize("limit", [15.0, 45.0, 130.0, 1000.0])
def test_the_limit_is_found_from_below_to_a_few_percent(limit: float) -> None:
    found = highest(40.0, lambda rate: rate <= limit)
    assert 0.9 * limit - 5 <= found <= limit


def test_a_rate_served_for_a_moment_alone_is_lowered_until_it_holds() -> None:
    found = holding(100.0, 4.0, lambda rate: rate <= 80)
    assert 72 <= found <= 80


def test_a_hiccup_does_not_end_the_search() -> None:
    asked: list[float] = []

    def served(rate: float) -> bool:
        asked.append(rate)
        return rate <= 130 and len(asked) != 2

    assert 110 <= highest(40.0, served) <= 130
    assert asked[1] == asked[2]


def test_what_is_not_served_twice_is_not_served() -> None:
    tries: Counter[float] = Counter()

    def served(rate: float) -> bool:
        tries[rate] += 1
        return rate <= 50 or tries[rate] > 2

    assert highest(40.0, served) <= 50


def test_a_stage_that_serves_next_to_nothing_is_told() -> None:
    with pytest.raises(ValueError, match="not even 4 requests a second"):
        holding(highest(40.0, lambda _: False), 4.0, lambda _: False)
