"""Quantiles, trends and delays of the load test, on numbers whose answers are known."""

import io
import statistics
import threading
from random import Random
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from urllib3 import HTTPResponse

from lambdas.shared.settings import read_settings
from lambdas.shared.store import client
from tests.load.measured_stage import delay_of_a_call, put_at_a_distance
from tests.load.observations import Latencies, quantile, trend


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 50), (0.95, 95), (1.0, 100)])
def test_a_quantile_is_the_value_that_share_stays_at_or_below(share: float, expected: int) -> None:
    assert quantile(range(100, 0, -1), share) == expected


def test_nothing_observed_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        quantile([], 0.5)


def test_what_was_copied_does_not_change_with_what_comes_later() -> None:
    latencies = Latencies()
    latencies.add("GET /x", 1.0, "503")
    seen = latencies.copy()
    latencies.add("GET /x", 2.0)
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


def test_each_call_of_a_handler_is_put_at_a_distance_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "test")
    pauses: list[float] = []
    database = client.database(read_settings({"STAGE": "test"}))
    put_at_a_distance(database.client, pauses.append)

    def answer(**_: object) -> Any:
        return AWSResponse(
            "", 200, HTTPHeaders(), HTTPResponse(io.BytesIO(b"{}"), preload_content=False)
        )

    database.client.meta.events.register("before-send.dynamodb", answer)
    for thread in ("handler_0", "stream-pump", "handler_1"):
        calling = threading.Thread(
            target=database.call,
            name=thread,
            args=["get_item"],
            kwargs={"TableName": "sessions", "Key": {}},
        )
        calling.start()
        calling.join()
    assert len(pauses) == 2
    assert min(pauses) > 0
