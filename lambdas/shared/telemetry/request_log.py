"""Structured logs and metrics of a request, written by Powertools' Logger and Metrics.

A request leaves one line in CloudWatch's Embedded Metric Format: its metrics, and the fields of its
log event as metadata. Metrics with other dimensions (an error's code, the stage alone) need a line
of their own, which carries the request's id. Faults are lines of the Logger. Names of metrics and
dimensions are in PascalCase, fields of the log alone in camelCase.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import logging
import math
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from lambdas.shared.telemetry.metrics import (
    AUDIT_KEY_FAILURES,
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

SERVICE = "adaptive-quiz"
"""Name of the Logger, and the field `service` of its lines."""

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}

MAX_VALUES = 99
"""Samples kept for one metric of a line: at 100, the most that the format takes, Powertools writes
a line of its own."""

Values = dict[str, float | list[float]]
"""Values of metrics by name; a list holds one a sample."""


class Usage:
    """Meter of a request.

    Attributes:
        round_trips: Calls to the database.
        read_units: Read request units consumed.
        write_units: Write request units consumed.
        deadline: When the invocation ends, in seconds of the monotonic clock.
        in_trouble: Whether an attempt at the current call failed.
        values: Values of metrics by name.
        samples: Samples of metrics by name.
    """

    def __init__(
        self,
        *,
        round_trips: int = 0,
        read_units: float = 0.0,
        write_units: float = 0.0,
        deadline: float = math.inf,
    ) -> None:
        """Begin with no values and no samples."""
        self.round_trips = round_trips
        self.read_units = read_units
        self.write_units = write_units
        self.deadline = deadline
        self.in_trouble = False
        self.values: dict[str, float] = {}
        self.samples: dict[str, list[float]] = {}

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
            values[READ_UNITS.name] = self.read_units
        if self.write_units:
            values[WRITE_UNITS.name] = self.write_units
        return values


usage: ContextVar[Usage] = ContextVar("usage")
"""The meter of the request being served; every call to the database adds to it."""


def note(metric: Metric, value: float = 1) -> None:
    """Set a metric of the request being served; the last value counts."""
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
    """Log a request that was served; no body, token or name is ever part of it.

    A response of 5xx is an error, any other is information, which needs no level on the line.
    """
    values = spent.totals(milliseconds)
    if status >= 500:
        values[FAULTS.name] = 1
    dimensions = {"Operation": operation or NO_OPERATION}
    if code:
        values[ERRORS.name] = 1
        dimensions["Code"] = code
    fields = {"requestId": request_id, "status": status, "roundTrips": spent.round_trips}
    level = "ERROR" if status >= 500 else "INFO"
    log_measured(settings, level, "Request served", fields, dimensions, values)


def log_fault(settings: "Settings", error: BaseException, request_id: str) -> None:
    """Log an unforeseen error: its type and where it was raised, never its message.

    A message may hold what a learner sent. The code of a refusal by AWS (`AccessDeniedException`)
    is one of AWS's own list.
    """
    places = []
    traceback = error.__traceback__
    while traceback:
        path = traceback.tb_frame.f_code.co_filename.split("/")
        places.append("/".join(path[-2:]) + f":{traceback.tb_lineno}")
        traceback = traceback.tb_next
    fields: dict[str, Any] = {
        "event": "fault",
        "requestId": request_id,
        "error": type(error).__name__,
        "where": places[-8:],
    }
    # A ClientError of botocore, recognized by its shape: the health function never loads the SDK.
    response = getattr(error, "response", None)
    refusal = response.get("Error") if isinstance(response, dict) else None
    if isinstance(refusal, dict):
        fields["refusal"] = refusal.get("Code", "")
    _logger(settings.log_level).error("Unhandled error", extra=fields)


def log_breaker_opened(settings: "Settings", table: str, direction: str) -> None:
    """Log and count a circuit that opened."""
    fields = {"event": "circuitOpened", "table": table}
    dimensions, values = {"Direction": direction}, Values({CIRCUITS_OPENED.name: 1})
    log_measured(settings, "WARNING", "Circuit opened", fields, dimensions, values)


def log_key_failure(settings: "Settings", error: Exception) -> None:
    """Log and count a failed read of the audit's key; a message of AWS names the role and no more.

    The kind of refusal is one of AWS's own codes.
    """
    response = getattr(error, "response", None) or {}
    fields = {
        "event": "auditKey",
        "error": type(error).__name__,
        "refusal": response.get("Error", {}).get("Code", ""),
    }
    values = Values({AUDIT_KEY_FAILURES.name: 1})
    log_measured(settings, "ERROR", "The audit's key cannot be read", fields, {}, values)


def log_measured(
    settings: "Settings",
    level: str,
    message: str,
    fields: Mapping[str, Any],
    dimensions: Mapping[str, str],
    values: Values,
) -> None:
    """Write an event together with its metrics.

    A stage's log level hides the event and never the metrics. A stage without performance
    monitoring writes the event alone, by the Logger. `dimensions` are those beside the stage. The
    event's own line comes last.
    """
    told = LEVELS[level] >= LEVELS[settings.log_level]
    named = {"Stage": settings.stage, **dimensions}
    event = {**fields, **named, **{name: _single(value) for name, value in values.items()}}
    if not settings.performance_monitoring:
        if told:
            getattr(_logger(settings.log_level), level.lower())(message, extra=event)
        return
    if level != "INFO":
        event = {"level": level, **event}
    main, *others = _measured(dimensions.get("Operation"), values)
    for of, metrics in (*others, main):
        line = EphemeralMetrics(namespace=NAMESPACE)
        for dimension in of:
            line.add_dimension(dimension, named[dimension])
        metadata = event if metrics is main[1] else {"requestId": fields.get("requestId")}
        for name, value in metadata.items() if told else ():
            line.add_metadata(name, value)
        for metric in metrics:
            value = values[metric.name]
            for each in value if isinstance(value, list) else [value]:
                line.add_metric(metric.name, metric.unit, each)
        _write(line, metrics)


def _measured(operation: str | None, values: Values) -> list[tuple[Dimensions, list[Metric]]]:
    """Return the values that are metrics of the operation, grouped by their dimensions.

    The first value decides which group is the first: a request's latency, by operation.
    """
    groups: dict[Dimensions, list[Metric]] = {}
    for metric in map(METRICS.__getitem__, values):
        if metric.operations is None or operation in metric.operations:
            groups.setdefault(metric.dimensions, []).append(metric)
    return list(groups.items())


def _write(line: EphemeralMetrics, metrics: list[Metric]) -> None:
    """Write one line. `flush_metrics` prints text and line end apart, and threads would mix them.

    A metric with one value is written as a number: Logs Insights reads no list as one.
    """
    members: dict[str, Any] = {**line.serialize_metric_set()}
    for metric in metrics:
        members[metric.name] = _single(members[metric.name])
    sys.stdout.write(_encode(members) + "\n")


def _single(value: float | list[float]) -> float | list[float]:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


# ASCII only: a line break of any alphabet is escaped, so one event is one line.
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


class _StandardOutput(logging.Handler):
    """Writes to standard output as it is at that moment, a line at a time."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stdout.write(self.format(record) + "\n")


@lru_cache(maxsize=1)
def _configured() -> Logger:
    # The location would be a function of this module, whatever is logged.
    return Logger(
        service=SERVICE,
        logger_handler=_StandardOutput(),
        json_serializer=_encode,
        utc=True,
        location=None,
    )


def _logger(level: str) -> Logger:
    logger = _configured()
    logger.setLevel(level)
    return logger


def _short(milliseconds: float) -> float:
    """Return a time in few characters: with one decimal, from 100 ms on with none."""
    return round(milliseconds, 1) if milliseconds < 100 else round(milliseconds)
