"""One log line a request: what was asked, how it ended, what it cost."""

import json
import math
import sys
import time
import traceback
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError


@dataclass(slots=True)
class Usage:
    """What a request asked of the database: calls made, and capacity units consumed.

    `deadline` is when the invocation ends, in seconds of the monotonic clock; `in_trouble` says
    that an attempt at the call being made failed.
    """

    round_trips: int = 0
    read_units: float = 0.0
    write_units: float = 0.0
    deadline: float = math.inf
    in_trouble: bool = False


usage: ContextVar[Usage] = ContextVar("usage")
"""The meter of the request being served; every call to the database adds to it."""

METRIC_NAMESPACE = "AdaptiveQuiz"

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLog:
    """What is told of one request; no body, token or name is ever part of it."""

    function: str
    operation: str | None
    request_id: str
    status: int
    code: str | None
    milliseconds: float
    spent: Usage
    cold_start: bool

    def write(self, level: str) -> None:
        """Write the line if `level` lets it through; 5xx are errors, all else is information."""
        own = "ERROR" if self.status >= 500 else "INFO"
        if LEVELS[own] < LEVELS[level]:
            return
        line: dict[str, Any] = {
            "level": own,
            "function": self.function,
            "operation": self.operation,
            "requestId": self.request_id,
            "status": self.status,
            "ms": round(self.milliseconds, 2),
            "roundTrips": self.spent.round_trips,
            "rru": self.spent.read_units,
            "wru": self.spent.write_units,
        }
        if self.code:
            line["code"] = self.code
        if self.cold_start:
            line["coldStart"] = True
        _write(line)


def log_fault(error: BaseException, request_id: str) -> None:
    """Write an unforeseen error: its type and where it was raised, never its message.

    A message may hold what a learner sent. The code of a refusal by AWS (`AccessDeniedException`)
    is one of a list of AWS's own.
    """
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    line: dict[str, Any] = {
        "level": "ERROR",
        "event": "fault",
        "requestId": request_id,
        "error": type(error).__name__,
        "where": ["/".join(f.filename.split("/")[-2:]) + f":{f.lineno}" for f in frames],
    }
    if isinstance(error, ClientError):
        line["refusal"] = error.response.get("Error", {}).get("Code", "")
    _write(line)


def log_breaker_opened(stage: str, table: str, direction: str) -> None:
    """Write that a circuit opened, as an event and a metric in one line.

    The form is CloudWatch's Embedded Metric Format; stage and direction are its dimensions.
    """
    metric = {"Name": "CircuitOpened", "Unit": "Count"}
    directive = {
        "Namespace": METRIC_NAMESPACE,
        "Dimensions": [["Stage", "Direction"]],
        "Metrics": [metric],
    }
    _write(
        {
            "level": "WARNING",
            "event": "circuitOpened",
            "table": table,
            "Stage": stage,
            "Direction": direction,
            "CircuitOpened": 1,
            "_aws": {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]},
        }
    )


def _write(line: dict[str, Any]) -> None:
    # ASCII only: a line break of any alphabet is escaped, so one event is one line.
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
