"""Weather for the database: what goes wrong, how often, and how many attempts it met."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from random import Random
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import botocore.endpoint
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from botocore.retries.standard import ExponentialBackoff

from lambdas.shared import deadline as invocation
from lambdas.shared.http import entrypoint
from lambdas.shared.services import Services
from lambdas.shared.store import client
from lambdas.shared.store.breaker import Breaker, Circuit
from lambdas.shared.store.client import Database, database
from lambdas.shared.store.transaction import Transactions
from tests.integration.stage import (
    ROUTE,
    Fault,
    InvokedStage,
    Reply,
    assert_unavailable,
    cancels,
    refuses,
    response_lost,
    submission,
)

_delay_amount = ExponentialBackoff.delay_amount

ATTEMPTS = 3
"""Attempts of one call, by the SDK."""

TRIES = 4
"""Attempts of one write that meets other transactions: the first, and at most three more."""


TIMEOUT = 10.0
"""Seconds an invocation may take: infra/constructs/function.py."""


def connect_timeout(request: AWSPreparedRequest) -> AWSResponse:
    raise ConnectTimeoutError(endpoint_url=request.url, error=TimeoutError())


def read_timeout(request: AWSPreparedRequest) -> AWSResponse:
    raise ReadTimeoutError(endpoint_url=request.url, error=TimeoutError())


def reset(request: AWSPreparedRequest) -> AWSResponse:
    raise ConnectionClosedError(endpoint_url=request.url, error=ConnectionResetError())


def reset_after_work(request: AWSPreparedRequest) -> AWSResponse:
    URLLib3Session().send(request)
    raise ConnectionClosedError(endpoint_url=request.url, error=ConnectionResetError())


def conflict(request: AWSPreparedRequest) -> AWSResponse | None:
    """Writes meet a transaction of somebody else's; reads never do."""
    operation = operation_of(request)
    if operation == "TransactWriteItems":
        return cancels("None", "TransactionConflict")(request)
    if operation in ("PutItem", "UpdateItem", "DeleteItem"):
        return refuses("TransactionConflictException")(request)
    return None


TROUBLE: Mapping[str, Fault] = {
    "throttled": refuses("ThrottlingException"),
    "throughput exceeded": refuses("ProvisionedThroughputExceededException"),
    "internal error": refuses("InternalServerError", 500),
    "connect timeout": connect_timeout,
    "read timeout": read_timeout,
    "reply lost": response_lost,
    "connection reset": reset,
    "connection reset after the work": reset_after_work,
}
"""Faults that the SDK retries and the breaker counts, by name."""


def operation_of(request: AWSPreparedRequest | AWSRequest) -> str:
    """Return `PutItem` of a request's header `X-Amz-Target: DynamoDB_20120810.PutItem`."""
    target: Any = request.headers["X-Amz-Target"]
    text = target.decode() if isinstance(target, bytes) else str(target)
    return text.rpartition(".")[2]


@dataclass
class Storm:
    """A fault for `InvokedStage.fault` that strikes by a pattern; counts attempts and strikes."""

    kind: Fault
    strikes: Callable[[], bool]
    attempts: list[str] = field(default_factory=list)
    struck: int = 0

    def __call__(self, request: AWSPreparedRequest) -> AWSResponse | None:
        self.attempts.append(operation_of(request))
        if not self.strikes():
            return None
        self.struck += 1
        return self.kind(request)


WRITES = "PutItem UpdateItem DeleteItem TransactWriteItems"


def always() -> bool:
    return True


def half(seed: object) -> Callable[[], bool]:
    """Half of all attempts, by this seed."""
    dice = Random(repr(seed))
    return lambda: dice.random() < 0.5


def first(count: int) -> Callable[[], bool]:
    """As many attempts; then the database has recovered."""
    left = iter(range(count))
    return lambda: next(left, None) is not None


@dataclass
class Seconds:
    """A clock of seconds that only a test advances."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now

    monotonic = __call__

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Weather:
    """A stage in bad weather: its breaker's clock, its pauses and its calls are the test's."""

    stage: InvokedStage
    seconds: Seconds
    pauses: list[float]
    opened: list[Circuit]
    calls: list[list[str]]
    """The attempts of each call the SDK was asked to make."""
    pauses_take_time: bool = False

    def pause(self, seconds: float) -> None:
        """Note how long the store would wait."""
        self.pauses.append(seconds)
        if self.pauses_take_time:
            self.seconds.advance(seconds)

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the handlers be served by this environment."""
        monkeypatch.setattr(entrypoint, "services", lambda: self.stage.services)

    @contextmanager
    def storm(
        self, kind: Fault, strikes: Callable[[], bool] = always, on: str = "*", within: str = ""
    ) -> Iterator[Storm]:
        """Strike calls of the operations named.

        As `InvokedStage.fault`, but after the client's own hooks: what it refuses meets no storm.
        """
        storm = Storm(kind, strikes)

        def meet(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
            body = request.body if isinstance(request.body, bytes) else b""
            if on != "*" and operation_of(request) not in on.split():
                return None
            if within.encode() not in body:
                return None
            return storm(request)

        events, hook = self.stage.services.database.client.meta.events, cast("Any", meet)
        # The emitter calls what is registered for the least specific name last.
        events.register("before-send", hook)
        try:
            with patch.object(ExponentialBackoff, "delay_amount", return_value=0.0):
                yield storm
        finally:
            events.unregister("before-send", hook)

    def timed(self, operation: str, body: object = None, **other: Any) -> Reply:
        """Send a request to an invocation that ends `TIMEOUT` from now, on the test's clock."""
        event = self.stage.event(operation, body, **other)
        function = ROUTE[operation].function
        ends = self.seconds.now + TIMEOUT
        context = SimpleNamespace(
            get_remaining_time_in_millis=lambda: round(1000 * (ends - self.seconds.now))
        )
        result = import_module(f"lambdas.{function}.handler").handler(event, context)
        assert self.seconds.now < ends + 0.001, f"{operation} outlived its invocation"
        body = json.loads(result["body"]) if result["body"] else None
        return Reply(result["statusCode"], body, result["headers"], {}, result["body"])

    def keep_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let deadlines, too, be of the test's clock, and every pause pass on it."""
        clock = SimpleNamespace(monotonic=self.seconds, perf_counter=self.seconds)
        monkeypatch.setattr(client, "time", clock)
        monkeypatch.setattr(invocation, "monotonic", self.seconds)
        self.pauses_take_time = True


def weather(stage: InvokedStage, *, breaker: bool) -> Weather:
    """Return a stage on the same tables, with a client of its own that the test watches.

    A circuit stays open as short as the breaker's jitter may draw it.
    """
    made = Weather(stage, Seconds(), [], [], [])
    sdk = database(stage.services.settings).client
    sdk.meta.events.register_first("before-call.dynamodb", lambda **_: made.calls.append([]))
    sdk.meta.events.register_first(
        "request-created.dynamodb",
        lambda request, **_: made.calls[-1].append(operation_of(request)),
    )
    guard = Breaker(made.opened.append, made.seconds, lambda low, _: low) if breaker else None
    watched = Database(sdk, guard, made.pause)
    environment = Services(
        settings=stage.services.settings._replace(circuit_breaker_enabled=breaker),
        database=watched,
        clock=stage.clock,
        entropy=stage.services.entropy,
    )
    environment.transactions = Transactions(watched, made.pause)
    made.stage = replace(stage, services=environment)
    return made


@contextmanager
def longest_backoff(seconds: Seconds) -> Iterator[None]:
    """The SDK's pauses between attempts are as long as they may be, on this clock."""

    def delay(backoff: ExponentialBackoff, context: Any) -> float:
        with patch.object(backoff, "_random", return_value=1.0):
            return _delay_amount(backoff, context)

    with (
        patch.object(ExponentialBackoff, "delay_amount", delay),
        patch.object(botocore.endpoint, "time", SimpleNamespace(sleep=seconds.advance)),
    ):
        yield


@dataclass
class Player:
    """A learner who plays a session to its end and comes again after each 503.

    They count what they know to have answered; `refusals` are the 503s.
    """

    stage: InvokedStage
    session_id: str = ""
    right: int = 0
    wrong: int = 0
    refusals: int = 0
    most_requests: int = 40

    def ask(self, operation: str, body: object = None, **other: Any) -> Reply:
        """Send a request until it is not refused."""
        path = {"sessionId": self.session_id} if self.session_id else None
        for _ in range(self.most_requests):
            reply = self.stage.call(operation, body, path=path, **other)
            if reply.status != 503:
                return reply
            assert_unavailable(reply)
            self.refusals += 1
        raise AssertionError(f"{operation} was refused {self.most_requests} times")

    def start(self, *categories: str, percentage: int = 50) -> None:
        body = {
            "sources": [{"category": each} for each in categories],
            "settings": {"wrongAnswerPercentage": percentage},
        }
        reply = self.ask("startSession", body, headers={"Idempotency-Key": "storm"})
        assert reply.status in (200, 201), reply.body
        self.session_id = str(reply.body["sessionId"])

    def change(self, **wanted: Any) -> None:
        """Pause, resume or rename; a change whose reply was lost shows as a stale version."""
        session = self.ask("getSession").body
        reply = self.ask("updateSession", {"version": session["version"], **wanted})
        now = self.ask("getSession").body
        assert reply.status == 200 or (reply.status, now["version"]) == (
            409,
            session["version"] + 1,
        )
        assert {name: now[name] for name in wanted} == wanted

    def finish(self, *, misses: int = 0) -> Any:
        """Play to the end, missing each of the first questions once; return the last body."""
        body = self.ask("getQuestion").body
        while body["question"]:
            right = misses == 0 or body["nextAction"] == "RETRY_SAME_QUESTION"
            misses -= not right
            reply = self.ask("submitAnswer", submission(body["question"], right=right))
            assert reply.status == 200, reply.body
            self.right, self.wrong = self.right + right, self.wrong + (not right)
            body = reply.body
        return body


def assert_totals(player: Player, last: Any, questions: int) -> None:
    """The session, the learner's record and the pool say what the player knows."""
    progress = last["progress"]
    assert progress["correctAnswers"] == player.right
    assert progress["wrongAnswers"] == player.wrong
    assert progress["questionsAnswered"] == progress["mastered"] == questions
    assert (progress["answersLeft"], progress["percentComplete"]) == (0, 100.0)
    rows = player.stage.rows("progress")
    assert len(rows) == questions
    for name, count in (("correct", player.right), ("wrong", player.wrong)):
        assert sum(int(row[name]["N"]) for row in rows if name in row) == count
    assert player.stage.rows("wrong_answers") == []
