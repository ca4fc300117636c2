"""The search for the highest rate, on stages whose limit is known."""

import pytest

from tests.load.rates import highest


@pytest.mark.parametrize("limit", [15.0, 45.0, 130.0, 1000.0])
def test_the_limit_is_found_from_below_to_a_few_percent(limit: float) -> None:
    found = highest(40.0, lambda rate: rate <= limit, lambda rate: rate <= limit)
    assert 0.9 * limit - 5 <= found <= limit


def test_a_rate_served_for_a_moment_alone_is_lowered_until_it_holds() -> None:
    found = highest(40.0, lambda rate: rate <= 100, lambda rate: rate <= 80)
    assert 75 <= found <= 80


def test_a_stage_that_serves_next_to_nothing_is_told() -> None:
    with pytest.raises(ValueError, match="not even 4 requests a second"):
        highest(40.0, lambda _: False, lambda _: False)
