"""Quantiles, trends and delays of the load test, on numbers whose answers are known."""

import statistics
from random import Random

import pytest

from tests.load.measured_stage import delay_of_a_call
from tests.load.observations import Latencies, quantile, trend


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 50), (0.95, 95), (1.0, 100)])
def test_a_quantile_is_the_value_that_share_stays_at_or_below(share: float, expected: int) -> None:
    assert quantile(range(100, 0, -1), share) == expected


def test_nothing_observed_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        quantile([], 0.5)


def test_what_was_copied_does_not_change_with_what_comes_later() -> None:
    latencies = Latencies()
    latencies.add("GET /x", 1.0, failed=True)
    seen = latencies.copy()
    latencies.add("GET /x", 2.0, failed=False)
    latencies.clear()
    assert (seen.total, seen.failed, seen.all) == (1, 1, [1.0])


def test_memory_that_grows_after_its_warm_up_is_not_flat() -> None:
    growing = trend((second, 100 + 0.02 * second) for second in range(1800))
    assert growing.hourly == pytest.approx(72.0)
    assert growing.flat is False


def test_memory_that_fills_its_caches_and_stays_is_flat() -> None:
    noise = Random(1)
    points = [(s, min(100.0, 50 + s / 10) + noise.uniform(-1, 1)) for s in range(1800)]
    assert trend(points).flat is True


def test_of_a_short_run_nothing_is_said() -> None:
    assert trend((second, 100.0 + second) for second in range(60)).flat is None


def test_calls_at_a_distance_take_5_ms_in_the_median_and_15_at_the_99th_percentile() -> None:
    source = Random(1)
    delays = [delay_of_a_call(source) for _ in range(50_000)]
    assert statistics.median(delays) == pytest.approx(0.005, rel=0.02)
    assert quantile(delays, 0.99) == pytest.approx(0.015, rel=0.03)
