"""Saved queries of CloudWatch Logs Insights for operators.

Fields are those of the line of a request (`request_log` in `lambdas.shared.telemetry`), of the line
Lambda itself writes at the end of a call (`@type = "REPORT"`), and of the gateway's access log. A
request has one line with its `Operation`; metrics of the stage or of an error's code have further
lines without one, so a query that adds up filters for `Operation`. No line names a user: find heavy
callers by operation here, by pseudonym in the audit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from infra.permissions import PERMISSIONS
from infra.stages import Stage
from lambdas.contract.delivery import CONSUMER
from lambdas.shared.telemetry.metrics import (
    ANSWER_AGE,
    CIRCUITS_OPENED,
    COLD_STARTS,
    CONFLICTS,
    COUNTED,
    COUNTING,
    DUE_LAG,
    DUPLICATES,
    FAILED_ATTEMPTS,
    FRESH_DRAWS,
    LATENCY,
    MALFORMED,
    POOL_DEPTH,
    READ_UNITS,
    REFUSED_CALLS,
    SPACED,
    THROTTLES,
    UNFINISHED,
    WRITE_UNITS,
)

READ_PRICE, WRITE_PRICE = 0.125, 0.625
"""USD for a million request units, on demand in us-east-1: for the order, not for the bill."""


class Asks(Enum):
    """Whose logs a query asks."""

    FUNCTIONS = auto()
    GATEWAY = auto()
    CONSUMER = auto()
    ALL = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A saved query. `steps` are its commands in order; the comment above them is the question."""

    name: str
    question: str
    asks: Asks
    steps: tuple[str, ...]

    @property
    def text(self) -> str:
        """The query as Logs Insights takes it."""
        return "\n| ".join((f"# {self.question}\n{self.steps[0]}", *self.steps[1:]))

    def log_groups(self, stage: Stage) -> Iterator[str]:
        """Return the names of the log groups it asks."""
        if self.asks is Asks.CONSUMER:
            yield f"/aws/lambda/{stage.named(CONSUMER)}"
            return
        if self.asks in (Asks.FUNCTIONS, Asks.ALL):
            yield from (f"/aws/lambda/{stage.named(folder)}" for folder in PERMISSIONS)
        if self.asks in (Asks.GATEWAY, Asks.ALL):
            yield f"/aws/apigateway/{stage.prefix}"


POLICIES = Query(
    name="policies",
    question="How deep are the pools and how late are reviews, by policy (1 is SPACED)?",
    asks=Asks.FUNCTIONS,
    steps=(
        f"filter ispresent({POOL_DEPTH.name}) or ispresent({FRESH_DRAWS.name})",
        (
            f"stats count(*) as draws, count({POOL_DEPTH.name}) as reviews, "
            f"pct({POOL_DEPTH.name}, 50) as depth, pct({POOL_DEPTH.name}, 95) as deep, "
            f"pct({DUE_LAG.name}, 50) as lag, pct({DUE_LAG.name}, 95) as late "
            f"by coalesce({SPACED.name}, 0) as spaced"
        ),
    ),
)
"""The dashboard shows it too: by dimension each policy would be a metric of its own, and billed."""

QUERIES = (
    Query(
        name="slowest-routes",
        question="Which routes are slow, and how many requests is that?",
        asks=Asks.FUNCTIONS,
        steps=(
            f"filter ispresent({LATENCY.name})",
            (
                f"stats count(*) as requests, pct({LATENCY.name}, 50) as p50, "
                f"pct({LATENCY.name}, 95) as p95, max({LATENCY.name}) as slowest by Operation"
            ),
            "sort p95 desc",
        ),
    ),
    Query(
        name="errors-by-code",
        question="What is refused or fails, where, and how often?",
        asks=Asks.FUNCTIONS,
        steps=(
            "filter ispresent(Code) and ispresent(status)",
            "stats count(*) as requests, latest(requestId) as example by status, Code, Operation",
            "sort status desc, requests desc",
        ),
    ),
    Query(
        name="one-request",
        question="What became of one request? Put its X-Request-Id in place of the dots.",
        asks=Asks.ALL,
        steps=(
            'filter requestId = "..."',
            "fields @timestamp, @log, @message",
            "sort @timestamp asc",
        ),
    ),
    Query(
        name="faults",
        question="Which errors did nobody foresee, and where were they raised?",
        asks=Asks.FUNCTIONS,
        steps=(
            'filter event = "fault"',
            "fields @timestamp, requestId, error, refusal, @message",
            "sort @timestamp desc",
            "limit 100",
        ),
    ),
    Query(
        name="cold-starts",
        question="How often does a function start cold, and how long does that take?",
        asks=Asks.FUNCTIONS,
        steps=(
            'filter @type = "REPORT"',
            (
                "stats count(*) as calls, count(@initDuration) as cold, "
                "avg(@initDuration) as mean, max(@initDuration) as slowest, "
                "max(@maxMemoryUsed) / 1000000 as megabytes by @log"
            ),
            "sort cold desc",
        ),
    ),
    Query(
        name="cold-requests",
        question="What did the first requests of environments take?",
        asks=Asks.FUNCTIONS,
        steps=(
            f"filter {COLD_STARTS.name} = 1 and ispresent(Operation)",
            f"stats count(*) as requests, pct({LATENCY.name}, 95) as p95 by Operation, bin(1h)",
        ),
    ),
    Query(
        name="throttled",
        question="Whom did the gateway throttle or turn away, and on which routes?",
        asks=Asks.GATEWAY,
        steps=(
            "filter status = 429 or status = 403",
            "stats count(*) as requests by status, method, resource, error, bin(5m)",
            "sort requests desc",
        ),
    ),
    Query(
        name="dearest-routes",
        question="Which routes consume most of the tables, in units and in money?",
        asks=Asks.FUNCTIONS,
        steps=(
            f"filter ispresent({LATENCY.name})",
            (
                f"stats count(*) as requests, sum({READ_UNITS.name}) as reads, "
                f"sum({WRITE_UNITS.name}) as writes, sum(roundTrips) as calls, "
                f"(sum({READ_UNITS.name}) * {READ_PRICE} + "
                f"sum({WRITE_UNITS.name}) * {WRITE_PRICE}) / 1000000 as usd by Operation"
            ),
            "sort usd desc",
        ),
    ),
    Query(
        name="circuits",
        question="Which circuits opened, and what was refused meanwhile?",
        asks=Asks.FUNCTIONS,
        steps=(
            (
                f"filter {CIRCUITS_OPENED.name} > 0 or "
                f"({REFUSED_CALLS.name} > 0 and ispresent(Operation))"
            ),
            (
                f"stats sum({CIRCUITS_OPENED.name}) as opened, "
                f"sum({REFUSED_CALLS.name}) as refused by table, Direction, Operation, bin(1m)"
            ),
        ),
    ),
    Query(
        name="retries",
        question="Which routes try again: failed attempts, throttles, conflicts?",
        asks=Asks.FUNCTIONS,
        steps=(
            (
                f"filter ispresent(Operation) and ({FAILED_ATTEMPTS.name} > 0 "
                f"or {CONFLICTS.name} > 0 or {THROTTLES.name} > 0)"
            ),
            (
                f"stats sum({FAILED_ATTEMPTS.name}) as failed, sum({THROTTLES.name}) as throttled, "
                f"sum({CONFLICTS.name}) as conflicts, latest(requestId) as example "
                "by Operation, bin(5m)"
            ),
        ),
    ),
    Query(
        name="busiest",
        question="Who is hammering? By route and minute; the audit tells the pseudonym.",
        asks=Asks.GATEWAY,
        steps=(
            "stats count(*) as requests, pct(latency, 95) as p95 by method, resource, bin(1m)",
            "sort requests desc",
            "limit 50",
        ),
    ),
    POLICIES,
    Query(
        name="batches",
        question="Does the consumer keep up: batches, answers counted, how late?",
        asks=Asks.CONSUMER,
        steps=(
            f'filter Operation = "{COUNTING}"',
            (
                f"stats count(*) as batches, sum(records) as told, sum({COUNTED.name}) as counted, "
                f"sum({DUPLICATES.name}) as twice, sum(tooOld) as late, sum(erased) as gone, "
                f"max({ANSWER_AGE.name}) as oldest, pct({LATENCY.name}, 95) as p95 by bin(5m)"
            ),
        ),
    ),
    Query(
        name="poison",
        question="Which records were not counted, and why?",
        asks=Asks.CONSUMER,
        steps=(
            (
                f"filter {UNFINISHED.name} = 1 or {MALFORMED.name} > 0 or edited > 0 "
                'or event = "fault"'
            ),
            f"fields @timestamp, requestId, records, {MALFORMED.name}, error, @message",
            "sort @timestamp desc",
            "limit 100",
        ),
    ),
)
