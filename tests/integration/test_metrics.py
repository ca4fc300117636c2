"""The lines of a stage in use: the metrics they carry, the bytes they take, what queries ask."""

import json
import re
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pytest
from moto import mock_aws

from domain.session.pool import HEAD_CAPACITY
from infra.constructs.gateway import ACCESS_LOG_FORMAT
from infra.queries import QUERIES, Asks, Query
from infra.stages import STAGES
from lambdas.contract.errors import ERROR_CODES
from lambdas.contract.route import Access
from lambdas.contract.routes import ROUTES
from lambdas.health.handler import get_health
from lambdas.shared.http import entrypoint
from lambdas.shared.services import Services
from lambdas.shared.store.breaker import Direction
from lambdas.shared.store.client import database
from lambdas.shared.telemetry.metrics import CALLS, COUNTING, METRICS, NAMESPACE, NO_OPERATION, PLAY
from lambdas.shared.telemetry.pseudonym_key import key_cache
from ops.cost.budgets import LOG_LINE_BYTES
from ops.cost.capacity import ONLY_IN_TROUBLE, learner_refusals, metrics_in_use
from tests.integration.counting import Letters
from tests.integration.plays import PLAYS, Scene
from tests.integration.stage import InvokedStage, cancels, drafts, refuses, submission, unreachable
from tests.support import emf

MAX_REQUEST_BYTES, MAX_REQUEST_LINES = 900, 2
"""Logged for a request of play, the audit record apart, also one that starts cold, refills a queue
or ends a session: a few in a hundred."""

UUID_BYTES = len("c6af9ac6-7b61-11e6-9a41-93e8deadbeef")

DIMENSIONS = {
    "Stage": {"test"},
    "Operation": {route.operation for route in ROUTES} | {COUNTING, NO_OPERATION},
    "Code": set(ERROR_CODES),
    "Direction": {direction.value for direction in Direction},
}
"""All values a dimension may take: what is not here is unbounded."""


RARELY = {("SessionsCompleted", "getQuestion")}
"""The question on screen is gone from the bank, and was the last."""


@dataclass(frozen=True)
class Output:
    """Lines that a stage wrote, without the audit records."""

    lines: list[str]

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    @cached_property
    def samples(self) -> list[emf.Sample]:
        """All samples; each line is as the format demands."""
        now = time.time_ns() // 1_000_000
        return [sample for line in self.lines for sample in emf.samples(line, now)]


def written(stage: InvokedStage) -> Iterator[str]:
    for line in stage.read_output().splitlines():
        if '"kind":"audit"' not in line:
            yield line


def circuit_opened(stage: InvokedStage, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Have a circuit open and refuse a call."""
    settings = stage.services.settings._replace(circuit_breaker_enabled=True)
    guarded = Services(
        settings=settings,
        database=database(settings),
        clock=stage.clock,
        entropy=stage.services.entropy,
    )
    monkeypatch.setattr(entrypoint, "services", lambda: guarded)
    on_guarded = replace(stage, services=guarded)
    with on_guarded.fault("GetItem", unreachable):
        for _ in range(6):
            on_guarded.handle("users", on_guarded.event("getUser", path={"userId": "me"}))
    monkeypatch.setattr(entrypoint, "services", lambda: stage.services)
    yield from written(stage)


def without_key(stage: InvokedStage) -> Iterator[str]:
    """Have the audit's key be missing."""
    with mock_aws():
        assert key_cache(stage.services.settings, "missing").current() is None
    yield from written(stage)


def troubled(stage: InvokedStage, session_id: str) -> Iterator[str]:
    """Play on through throttling, a conflict and a fault of our own."""
    stage.pauses()
    shown = stage.question(session_id)["question"]
    throttled = refuses("ProvisionedThroughputExceededException")
    for operation, fault, times in (
        ("GetItem", throttled, 1),
        ("TransactWriteItems", cancels("TransactionConflict"), 1),
        ("GetItem", refuses("AccessDeniedException"), 1),
    ):
        body = submission(shown)
        event = stage.event("submitAnswer", body, path={"sessionId": session_id})
        with stage.fault(operation, fault, times):
            shown = stage.handle("answer", event).body.get("question", shown)
    stage.clock.advance(5_000)
    event = stage.event("submitAnswer", submission(shown), path={"sessionId": session_id})
    with stage.fault("BatchGetItem", refuses("InternalServerError")):
        assert stage.handle("answer", event).status == 200
    yield from written(stage)


def counted(stage: InvokedStage) -> Iterator[str]:
    """Count answers, twice; then meet a malformed record and a database that is unavailable."""
    stage.services.dead_letters = Letters()
    records = stage.records()
    with stage.fault("BatchGetItem", unreachable):
        stage.deliver(records)
    stage.deliver(records)
    stage.deliver(records)
    poison = deepcopy(records[0])
    poison["dynamodb"]["NewImage"]["lastChoice"] = {"S": "?"}
    stage.deliver([poison])
    yield from written(stage)


_outputs: list[Output] = []


@pytest.fixture
def output(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Output:
    """Every route done and refused, a session played to its end, trouble, and the counting.

    Once for all tests that only read it.
    """
    if not _outputs:
        _outputs.append(everything(request.getfixturevalue("stage"), monkeypatch))
    return _outputs[0]


def everything(stage: InvokedStage, monkeypatch: pytest.MonkeyPatch) -> Output:
    lines: list[str] = []
    for operation in PLAYS:
        if operation != "eraseUser":
            lines += done_and_refused(Scene.of(stage), operation)
    # The functions' own handlers are warm by now: other tests use them too.
    entrypoint.entrypoint("health", {}, {"getHealth": get_health})(
        stage.event("getHealth"), stage.context
    )
    stage.handle("quiz", {**stage.event("getQuestion"), "resource": "/elsewhere"})
    lines += written(stage)
    lines += played(stage, "wwrrwrrrrrrrrrrrrrrr")
    lines += spaced(stage, f"w{'r' * 20}")
    lines += refilled(stage)
    stage.save(*drafts("mountains", 4))
    lines += troubled(stage, stage.start({"category": "mountains"}, percentage=0))
    lines += circuit_opened(stage, monkeypatch)
    lines += without_key(stage)
    lines += counted(stage)
    lines += done_and_refused(Scene.of(stage), "eraseUser")  # nobody is left to do more
    return Output(lines)


def done_and_refused(scene: Scene, operation: str) -> Iterator[str]:
    for request in (PLAYS[operation].done, PLAYS[operation].refused):
        text = scene.send(operation, request(scene))[1]
        yield from (line for line in text.splitlines() if '"kind":"audit"' not in line)


def played(stage: InvokedStage, pattern: str) -> list[str]:
    """Answer a session of three questions to its end; return the lines of play."""
    stage.save(*drafts("lakes", 3))
    return answered(stage, stage.start({"category": "lakes"}, percentage=60), pattern)


def spaced(stage: InvokedStage, pattern: str) -> list[str]:
    """Answer a session of the policy SPACED; return the lines of play."""
    stage.save(*drafts("deserts", len(pattern)))
    body = {"sources": [{"category": "deserts"}], "settings": {"policy": "SPACED"}}
    return answered(stage, stage.call("startSession", body).body["sessionId"], pattern)


def answered(stage: InvokedStage, session_id: str, pattern: str) -> list[str]:
    """Answer a session by a pattern of `r` and `w`; return the lines of play."""
    lines = list(written(stage))
    for each in pattern:
        shown = stage.question(session_id)["question"]
        if shown is None:
            break
        stage.read_output()
        stage.handle("quiz", stage.event("getQuestion", path={"sessionId": session_id}))
        body = submission(shown, right=each == "r")
        path = {"sessionId": session_id}
        assert stage.handle("answer", stage.event("submitAnswer", body, path=path)).status == 200
        lines += written(stage)
    return lines


def refilled(stage: InvokedStage) -> Iterator[str]:
    """Play until the head of the queue is used up, and lose sight of the questions meanwhile."""
    questions = HEAD_CAPACITY + 2
    stage.save(*drafts("seas", questions))
    session_id = stage.start({"category": "seas"}, percentage=0)
    shown = stage.question(session_id)["question"]
    for number in range(2 * questions + 2 * HEAD_CAPACITY):
        body = submission(shown, right=number >= 2 * questions or number % 2 == 1)
        event = stage.event("submitAnswer", body, path={"sessionId": session_id})
        shown = stage.handle("answer", event).body["question"]
        if number == 2 * questions:
            stage.forget_questions()
    yield from written(stage)


@pytest.mark.slow
def test_every_metric_declared_is_emitted_and_no_other(output: Output) -> None:
    emitted = {name for name, metric in METRICS.items() if metric.operations != ()}
    assert {sample.name for sample in output.samples} == emitted
    assert METRICS.keys() <= {name for event in output.events for name in event}
    assert {sample.namespace for sample in output.samples} == {NAMESPACE}


def test_a_metric_has_its_declared_dimensions_and_their_values_are_bounded(output: Output) -> None:
    for sample in output.samples:
        assert tuple(name for name, _ in sample.dimensions) == METRICS[sample.name].dimensions
        for name, value in sample.dimensions:
            assert value in DIMENSIONS[name], sample
    by_operation = {dict(sample.dimensions).get("Operation") for sample in output.samples}
    assert by_operation - {None} == DIMENSIONS["Operation"]
    assert {metric.unit for metric in METRICS.values()} <= emf.UNITS


def test_a_metric_of_some_operations_is_a_mere_member_of_the_lines_of_others(
    output: Output,
) -> None:
    mere = set()
    for event in output.events:
        operation = event.get("Operation")
        of_line = (
            {
                metric["Name"]
                for directive in event["_aws"]["CloudWatchMetrics"]
                for metric in directive["Metrics"]
            }
            if "_aws" in event
            else set()
        )
        if operation is None:
            continue
        for name in METRICS.keys() & event.keys():
            if "Operation" not in METRICS[name].dimensions:
                continue  # a metric of another line
            operations = METRICS[name].operations
            assert (name in of_line) == (operations is None or operation in operations)
            if name not in of_line:
                mere.add((name, operation))
    assert {("RRU", "listSessions"), ("Query", "listSessions"), ("Get", "getUser")} <= mere


def test_the_operations_of_a_metric_are_those_that_emit_it(output: Output) -> None:
    emitted = {(sample.name, dict(sample.dimensions).get("Operation")) for sample in output.samples}
    of_some = {
        (metric.name, each) for metric in METRICS.values() for each in metric.operations or ()
    }
    assert of_some - emitted <= RARELY


def test_the_metrics_that_learners_emit_are_those_that_are_paid_for(output: Output) -> None:
    """Metrics emitted for learners without failures."""
    learners = {
        route.operation for route in ROUTES if route.access not in (Access.ADMIN, Access.PUBLIC)
    }
    paid = {
        (sample.name, sample.dimensions)
        for sample in output.samples
        if METRICS[sample.name] not in ONLY_IN_TROUBLE
        and dict(sample.dimensions).get("Operation", COUNTING) in learners | {COUNTING}
        and dict(sample.dimensions).get("Code", "NOT_FOUND") in learner_refusals()
    }
    assert 0.85 * metrics_in_use() <= len(paid) <= metrics_in_use()


def test_what_the_dashboard_shows_of_play_is_what_play_emits(output: Output) -> None:
    emitted = {(sample.name, dict(sample.dimensions).get("Operation")) for sample in output.samples}
    for operation in PLAY:
        assert {("Latency", operation), ("Get", operation), ("CacheHits", operation)} <= emitted
    for name in ("PoolDepth", "FreshDraws", "Retries", "SessionsCompleted", "TurnsToMastery"):
        assert (name, "submitAnswer") in emitted
    assert ("SessionsStarted", "startSession") in emitted
    for name in ("TimeSpent", "AttemptsToMastery", "Counted", "Duplicates", "Malformed"):
        assert (name, COUNTING) in emitted


def test_samples_tell_what_was_played(stage: InvokedStage) -> None:
    """Two questions wrong once each: every figure of the algorithm follows by hand."""
    stage.save(*drafts("lakes", 2))
    session_id = stage.start({"category": "lakes"}, percentage=0)
    events = []
    for each in "wrwrrrrr":
        shown = stage.question(session_id)["question"]
        if shown is None:
            break
        events.append(stage.answer(session_id, shown, right=each == "r").log)

    def told(name: str) -> list[Any]:
        return [event[name] for event in events if name in event]

    # Fresh first: both missed and put right, then each worked off by two right answers in turn.
    assert told("Retries") == [1, 1]
    assert told("FreshDraws") == [1]
    assert told("PoolDepth") == [2, 2, 2, 1]
    assert told("SessionsCompleted") == [1]
    assert told("TurnsToMastery") == [8 / 2]
    assert [event["roundTrips"] for event in events] == [
        sum(len(v) if isinstance(v := event.get(c.name, []), list) else 1 for c in CALLS.values())
        for event in events
    ]


def size(line: str) -> int:
    """Bytes of a line on a stage: of the longest name, with an id as the gateway makes them."""
    line = re.sub(r'"requestId":"[^"]*"', f'"requestId":"{"0" * UUID_BYTES}"', line)
    stage = max((name for name, each in STAGES.items() if each.pages), key=len)
    return len(f"{line.replace(chr(34) + 'test' + chr(34), chr(34) + stage + chr(34))}\n".encode())


def test_a_request_of_play_writes_at_most_two_lines_and_900_bytes(stage: InvokedStage) -> None:
    requests: dict[str, list[str]] = {}
    for line in played(stage, "wrrwrrrrrrrrrrrrrrrrrr"):
        requests.setdefault(json.loads(line)["requestId"], []).append(line)
    warm = []
    for lines in requests.values():
        event = json.loads(lines[-1])
        if event["Operation"] in PLAY:
            assert len(lines) <= MAX_REQUEST_LINES
            assert sum(map(size, lines)) <= MAX_REQUEST_BYTES
            if not {"ColdStarts", "BatchGet", "Query", "SessionsCompleted"} & event.keys():
                warm.append(sum(map(size, lines)))
    assert len(warm) > 10
    assert max(warm) <= LOG_LINE_BYTES


# Saved queries

WORDS = frozenset(
    (
        *("fields", "filter", "limit", "sort", "stats", "as", "by", "and", "or", "asc", "desc"),
        *("avg", "bin", "coalesce", "count", "ispresent", "latest", "max", "pct", "sum"),
    )
)
"""Commands and functions of Logs Insights that the queries use.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

LAMBDAS_OWN = frozenset(
    ["@initDuration", "@log", "@maxMemoryUsed", "@message", "@timestamp", "@type"]
)
"""Fields CloudWatch finds in every line, and in those Lambda writes at the end of a call.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html
"""


def asked(query: Query) -> set[str]:
    """Fields a query names: neither words of the language, texts, spans of time nor aliases."""
    steps = re.sub(r'"[^"]*"|\b\d+[smhd]?\b', " ", "\n".join(query.steps))
    aliases = set(re.findall(r"\bas (\w+)", steps))
    return set(re.findall(r"@?[A-Za-z]\w*", steps)) - WORDS - aliases


def test_a_query_names_only_fields_that_some_line_has(output: Output) -> None:
    told = {name for event in output.events for name in event}
    counting = [event for event in output.events if event.get("Operation") == COUNTING]
    by_consumer = {name for event in counting for name in event} | {
        name for event in output.events if event.get("event") == "fault" for name in event
    }
    known = {
        Asks.FUNCTIONS: told | LAMBDAS_OWN,
        Asks.CONSUMER: by_consumer | LAMBDAS_OWN,
        Asks.GATEWAY: set(ACCESS_LOG_FORMAT) | LAMBDAS_OWN,
        Asks.ALL: (told & set(ACCESS_LOG_FORMAT)) | LAMBDAS_OWN,
    }
    for query in QUERIES:
        assert asked(query), query.name
        assert asked(query) <= known[query.asks], query.name


def test_the_values_a_query_looks_for_are_those_of_some_line(output: Output) -> None:
    events = {event["event"] for event in output.events if "event" in event}
    for query in QUERIES:
        for value in re.findall(r'event = "(\w+)"', query.text):
            assert value in events
        for value in re.findall(r'Operation = "(\w+)"', query.text):
            assert value in DIMENSIONS["Operation"]


def test_there_are_the_questions_an_operator_asks() -> None:
    assert len(QUERIES) >= 10
    assert len({query.name for query in QUERIES}) == len(QUERIES)
    for query in QUERIES:
        assert query.question.endswith((".", "?"))
