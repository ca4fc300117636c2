"""Checks lines against CloudWatch's Embedded Metric Format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
CloudWatch_Embedded_Metric_Format_Specification.html, read in November 2026; the schema at its end
is followed where the text leaves something open. Units are those of MetricDatum:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_SIZES = ("Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes")
_BITS = ("Bits", "Kilobits", "Megabits", "Gigabits", "Terabits")
UNITS = frozenset(
    [
        *("Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None"),
        *_SIZES,
        *_BITS,
        *(f"{size}/Second" for size in (*_SIZES, *_BITS)),
    ]
)
MAX_LINE = 1024 * 1024
MAX_METRICS = 100
MAX_VALUES = 100
MAX_DIMENSIONS = 30
MAX_NAME = 255
DAY = 24 * 3600 * 1000


class Sample(NamedTuple):
    """A value CloudWatch makes a metric of, under one set of dimensions."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    value: float


def samples(text: str, now: int) -> list[Sample]:
    """Return the samples of a line at `now` (ms); none where it carries no metrics.

    Raises:
        AssertionError: the line is not as the specification demands.
    """
    assert len(text.encode()) <= MAX_LINE
    line = json.loads(text, parse_constant=_no_number)
    assert isinstance(line, dict)
    if "_aws" not in line:
        return []
    metadata = line["_aws"]
    assert set(metadata) == {"Timestamp", "CloudWatchMetrics"}
    # Whole milliseconds; CloudWatch refuses what is older than two weeks or ahead by two hours.
    assert type(metadata["Timestamp"]) is int
    assert now - 14 * DAY <= metadata["Timestamp"] <= now + 2 * 3600 * 1000
    assert metadata["CloudWatchMetrics"]
    return [each for part in metadata["CloudWatchMetrics"] for each in _directive(line, part)]


def _directive(line: Mapping[str, Any], directive: Mapping[str, Any]) -> Iterator[Sample]:
    assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
    namespace = directive["Namespace"]
    assert 1 <= len(namespace) <= MAX_NAME
    assert not namespace.startswith("AWS/")
    assert 1 <= len(directive["Metrics"]) <= MAX_METRICS
    assert directive["Dimensions"]
    names = [metric["Name"] for metric in directive["Metrics"]]
    assert len(set(names)) == len(names)
    for metric in directive["Metrics"]:
        assert set(metric) <= {"Name", "Unit", "StorageResolution"}
        assert 1 <= len(metric["Name"]) <= MAX_NAME
        assert metric.get("Unit", "None") in UNITS
        assert metric.get("StorageResolution", 60) in (1, 60)
        for keys in directive["Dimensions"]:
            assert len(set(keys)) == len(keys) <= MAX_DIMENSIONS
            dimensions = tuple((key, _dimension(line[key])) for key in keys)
            for value in _values(line[metric["Name"]]):
                yield Sample(namespace, metric["Name"], dimensions, value)


def _dimension(value: object) -> str:
    assert isinstance(value, str)
    assert value.strip()
    assert value.isascii()
    assert len(value) <= MAX_NAME
    return value


def _values(target: Any) -> list[float]:
    values: list[Any] = target if isinstance(target, list) else [target]
    assert 1 <= len(values) <= MAX_VALUES
    for value in values:
        assert type(value) in (int, float)
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
        assert math.isfinite(value)
        assert abs(value) <= 2**360
    return values


def _no_number(constant: str) -> float:
    raise AssertionError(f"{constant} is no JSON")
