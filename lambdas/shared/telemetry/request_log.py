"""What a request tells: one line that is its log event and its metrics.

The metrics are in CloudWatch's Embedded Metric Format, https://docs.aws.amazon.com/
AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html: a member
`_aws` names the members of the line that are metrics, and those that are their dimensions. Members
CloudWatch takes are written in PascalCase, those of the log alone in camelCase.
"""

import json
import math
import sys
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lambdas.shared.telemetry.metrics import (
    CALLS,
    CIRCUITS_OPENED,
    ERRORS,
    FAULTS,
    LATENCY,
    METRICS,
    NAMESPACE,
    NO_OPERATION,
    READ_UNITS,
    WRITE_UNITS,
    Dimensions,
    Metric,
)

if TYPE_CHECKING:
    from lambdas.shared.settings import Settings

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}

MAX_VALUES = 100
"""Values that the format takes for one metric of a line."""

Values = dict[str, float | list[float]]
"""Values of metrics by name; a list holds one a sample."""


@dataclass(slots=True)
class Usage:
    """What a request did: database calls, capacity units, and whatever else is worth counting.

    `deadline` is when the invocation ends, in seconds of the monotonic clock; `in_trouble` says
    that an attempt at the call being made failed. `values` and `samples` are those of metrics, by
    name.
    """

    round_trips: int = 0
    read_units: float = 0.0
    write_units: float = 0.0
    deadline: float = math.inf
    in_trouble: bool = False
    values: dict[str, float] = field(default_factory=dict)
    samples: dict[str, list[float]] = field(default_factory=dict)

    def sample(self, metric: Metric, value: float) -> None:
        """Add a sample of a metric; those beyond `MAX_VALUES` are left out."""
        samples = self.samples.setdefault(metric.name, [])
        if len(samples) < MAX_VALUES:
            samples.append(value)

    def called(self, operation: str, milliseconds: float) -> None:
        """Note a call to the database by its Python name, and how long it took."""
        if operation in CALLS:
            self.sample(CALLS[operation], _short(milliseconds))

    def totals(self, milliseconds: float) -> Values:
        """Return all values, when the whole took so long."""
        values: Values = {
            LATENCY.name: _short(milliseconds),
            **self.samples,
            **self.values,
        }
        if self.read_units:
            values[READ_UNITS.name] = _whole(self.read_units)
        if self.write_units:
            values[WRITE_UNITS.name] = _whole(self.write_units)
        return values


usage: ContextVar[Usage] = ContextVar("usage")
"""The meter of the request being served; every call to the database adds to it."""


def note(metric: Metric, value: float = 1) -> None:
    """Set a metric of the request being served; the value said last counts."""
    meter = usage.get(None)
    if meter is not None:
        meter.values[metric.name] = value


def count(metric: Metric) -> None:
    """Add one to a metric of the request being served."""
    meter = usage.get(None)
    if meter is not None:
        meter.values[metric.name] = meter.values.get(metric.name, 0) + 1


def sample(metric: Metric, value: float) -> None:
    """Add a sample of a metric of the request being served."""
    meter = usage.get(None)
    if meter is not None:
        meter.sample(metric, value)


def log_request(
    settings: "Settings",
    spent: Usage,
    *,
    operation: str | None,
    request_id: str,
    status: int,
    code: str | None,
    milliseconds: float,
) -> None:
    """Write the line of a request; no body, token or name is ever part of it.

    A request that failed with 5xx is an error, any other information, which its line need not
    say. Where the stage's level leaves information out, the line is the metrics alone: what is
    measured must not depend on what is told.
    """
    values = spent.totals(milliseconds)
    if status >= 500:
        values[FAULTS.name] = 1
    dimensions = {"Operation": operation or NO_OPERATION}
    if code:
        values[ERRORS.name] = 1
        dimensions["Code"] = code
    event = {"requestId": request_id, "status": status, "roundTrips": spent.round_trips}
    write_line(settings, "ERROR" if status >= 500 else "INFO", event, dimensions, values)


def log_fault(settings: "Settings", error: BaseException, request_id: str) -> None:
    """Write an unforeseen error: its type and where it was raised, never its message.

    A message may hold what a learner sent. The code of a refusal by AWS (`AccessDeniedException`)
    is one of a list of AWS's own.
    """
    places = []
    traceback = error.__traceback__
    while traceback:
        path = traceback.tb_frame.f_code.co_filename.split("/")
        places.append("/".join(path[-2:]) + f":{traceback.tb_lineno}")
        traceback = traceback.tb_next
    event: dict[str, Any] = {
        "event": "fault",
        "requestId": request_id,
        "error": type(error).__name__,
        "where": places[-8:],
    }
    # A ClientError of botocore, told by its shape: importing its class costs more than all of this.
    response = getattr(error, "response", None)
    refusal = response.get("Error") if isinstance(response, dict) else None
    if isinstance(refusal, dict):
        event["refusal"] = refusal.get("Code", "")
    write_line(settings, "ERROR", event, {}, {})


def log_breaker_opened(settings: "Settings", table: str, direction: str) -> None:
    """Write that a circuit opened, as an event and a metric in one line."""
    event = {"event": "circuitOpened", "table": table}
    write_line(settings, "WARNING", event, {"Direction": direction}, {CIRCUITS_OPENED.name: 1})


def write_line(
    settings: "Settings",
    level: str,
    event: Mapping[str, Any],
    dimensions: Mapping[str, str],
    values: Values,
) -> None:
    """Write one line: an event where the level lets it through, its metrics where they are on.

    `dimensions` are those of the metrics in `values`, beside the stage.
    """
    told = LEVELS[level] >= LEVELS[settings.log_level]
    measured = settings.performance_monitoring and bool(values)
    if not told and not measured:
        return
    line: dict[str, Any] = {} if level == "INFO" or not told else {"level": level}
    if told:
        line.update(event)
    if values:
        line["Stage"] = settings.stage
        line.update(dimensions)
        for name, value in values.items():
            line[name] = value[0] if isinstance(value, list) and len(value) == 1 else value
    text = _encode(line)
    if measured:
        now = time.time_ns() // 1_000_000
        directives = _directives(dimensions.get("Operation"), tuple(values))
        text = f'{{"_aws":{{"Timestamp":{now},{directives}}},{text[1:]}'
    sys.stdout.write(text + "\n")


# ASCII only: a line break of any alphabet is escaped, so one event is one line.
_encode = json.JSONEncoder(separators=(",", ":")).encode


@lru_cache(maxsize=256)
def _directives(operation: str | None, names: tuple[str, ...]) -> str:
    """Return what makes metrics of members; requests are of few kinds, so it is made once each."""
    by_dimensions: dict[Dimensions, list[dict[str, str]]] = {}
    for metric in map(METRICS.__getitem__, names):
        if metric.operations is None or operation in metric.operations:
            by_dimensions.setdefault(metric.dimensions, []).append({"Name": metric.name})
    directives = [
        {"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": named}
        for dimensions, named in by_dimensions.items()
    ]
    return '"CloudWatchMetrics":' + _encode(directives)


def _short(milliseconds: float) -> float:
    """Return a time as few characters tell it: with one decimal, from 100 ms on with none."""
    return _whole(round(milliseconds, 1)) if milliseconds < 100 else round(milliseconds)


def _whole(number: float) -> float:
    """Return a number as an int where that says the same: `4`, not `4.0`."""
    return number if number % 1 else int(number)
