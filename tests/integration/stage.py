"""A stage for tests: its handlers are called directly, on a real engine and the test's clock."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from itertools import count
from typing import Any
from unittest.mock import patch

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from botocore.retries.standard import ExponentialBackoff

from lambdas.contract.route import SIGN_IN_SCOPE, Route
from lambdas.contract.routes import ROUTES
from lambdas.shared.bank import Bank
from lambdas.shared.services import Services
from lambdas.shared.store.categories import Category, Lease
from lambdas.shared.store.transaction import Transactions
from local.stream.reader import ShardReader
from tests.support.fixed_context import FixedContext

ROUTE: Mapping[str, Route] = {route.operation: route for route in ROUTES}
CLIENT_ID = "test-client"
START = 1_790_000_000_000
"""When tests begin: 2026-09-21T14:13:20Z, in milliseconds."""


class Clock:
    """Tells the time it is set to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now

    def advance(self, milliseconds: int) -> None:
        self.now += milliseconds


@dataclass(frozen=True)
class Reply:
    """A response, and the cost in the request's log line."""

    status: int
    body: Any
    headers: Mapping[str, str]
    log: Mapping[str, Any]
    text: str

    @property
    def cost(self) -> tuple[int, float, float]:
        """Round trips, read units, write units."""
        return self.log["roundTrips"], self.log.get("RRU", 0), self.log.get("WRU", 0)


@dataclass
class InvokedStage:
    """A stage whose handlers are called directly, with the events that API Gateway would send."""

    services: Services
    clock: Clock
    read_output: Callable[[], str]
    stream: ShardReader
    context: LambdaContext = field(default_factory=FixedContext)
    _ids: "count[int]" = field(default_factory=count)

    def call(
        self,
        operation: str,
        body: object = None,
        *,
        user: str = "ada",
        groups: Sequence[str] = (),
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        event = self.event(
            operation, body, user=user, groups=groups, path=path, query=query, headers=headers
        )
        return self.send(ROUTE[operation].function, event)

    def event(
        self,
        operation: str,
        body: object = None,
        *,
        user: str = "ada",
        groups: Sequence[str] = (),
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return the proxy event of a request."""
        route = ROUTE[operation]
        return {
            "resource": route.path,
            "httpMethod": route.method,
            "pathParameters": dict(path) if path else None,
            "queryStringParameters": dict(query) if query else None,
            "headers": dict(headers or {}),
            "body": body if isinstance(body, str) or body is None else json.dumps(body),
            "isBase64Encoded": False,
            "requestContext": {
                "requestId": f"request-{next(self._ids)}",
                "authorizer": {
                    "claims": {
                        "sub": user,
                        "token_use": "access",
                        "client_id": CLIENT_ID,
                        "scope": SIGN_IN_SCOPE,
                        "exp": "Fri Dec 31 23:59:59 UTC 9999",
                        "cognito:groups": ",".join(groups),
                    }
                },
            },
        }

    def send(self, function: str, event: Mapping[str, Any]) -> Reply:
        self.read_output()
        reply = self.handle(function, event)
        log = json.loads(self.read_output().splitlines()[-1])
        return Reply(reply.status, reply.body, reply.headers, log, reply.text)

    def handle(self, function: str, event: Mapping[str, Any]) -> Reply:
        """Send an event without reading the log, from any thread."""
        result = import_module(f"lambdas.{function}.handler").handler(event, self.context)
        text = result["body"]
        body = json.loads(text) if text else None
        return Reply(result["statusCode"], body, result["headers"], {}, text)

    def admin(self, operation: str, body: object = None, **other: Any) -> Reply:
        """Call an operation as an administrator."""
        return self.call(operation, body, user="root", groups=["admin"], **other)

    def save(self, *questions: Mapping[str, Any]) -> list[Any]:
        """Save questions as an administrator; return the results."""
        saved: list[Any] = []
        for at in range(0, len(questions), 100):
            reply = self.call(
                "saveQuestions", {"questions": questions[at : at + 100]}, groups=["admin"]
            )
            assert reply.status == 200, reply.body
            saved += reply.body["results"]
        return saved

    def set_start_counts(self, user: str = "ada", **numbers: int) -> None:
        """Set counts of started sessions in the user's item: `starts`, `startDay`, `unfinished`."""
        table = self.services.users
        self.services.database.call(
            "update_item",
            TableName=table.name,
            Key=table.key(user),
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in numbers),
            ExpressionAttributeValues={f":{name}": {"N": str(n)} for name, n in numbers.items()},
        )

    def start(self, *sources: Mapping[str, Any], user: str = "ada", percentage: int = 20) -> str:
        """Start a session; return its id."""
        body = {"sources": sources, "settings": {"wrongAnswerPercentage": percentage}}
        reply = self.call("startSession", body, user=user)
        assert reply.status == 201, reply.body
        return str(reply.body["sessionId"])

    def question(self, session_id: str, user: str = "ada") -> Any:
        """Return the current question's response body."""
        reply = self.call("getQuestion", path={"sessionId": session_id}, user=user)
        assert reply.status == 200, reply.body
        return reply.body

    def answer(
        self, session_id: str, shown: Mapping[str, Any], *, right: bool = True, user: str = "ada"
    ) -> Reply:
        """Answer the question shown, by its texts: right answers begin with "right"."""
        return self.call(
            "submitAnswer",
            submission(shown, right=right),
            path={"sessionId": session_id},
            user=user,
        )

    def replace(self, question_id: str, body: Mapping[str, Any]) -> Any:
        """Replace a question of the bank."""
        reply = self.admin("replaceQuestion", body, path={"questionId": question_id})
        assert reply.status == 200, reply.body
        return reply.body

    def retire(self, question_id: str) -> None:
        """Retire a question."""
        assert self.admin("retireQuestion", path={"questionId": question_id}).status == 204

    def hold(self, category: str, milliseconds: int, holder: str = "other") -> None:
        """Take the lease of a category as another writer would."""
        now = self.clock.now
        lease = Lease(holder, now + milliseconds)
        self.services.categories.claim(category, lease, now=now)

    def publish(self, sizes: Mapping[str, int]) -> None:
        """Publish categories of these sizes without writing a question."""
        table = self.services.categories
        for name, size in sizes.items():
            self.hold(name, 1, "seed")
            entry = Category(name, title=name, size=size, active=size)
            self.services.transactions.write([table.publish(entry, "seed")])

    def lose(self, *question_ids: str) -> None:
        """Delete questions from the table by hand, as no route does."""
        for each in question_ids:
            self.services.database.call(
                "delete_item",
                TableName=self.services.questions.name,
                Key={"questionId": {"S": each}},
            )
        self.forget_questions()

    def forget_questions(self) -> None:
        """Empty the bank's cache, as in an execution environment that just began."""
        self.services.bank = Bank(self.services.questions, self.clock)

    def records(self) -> list[dict[str, Any]]:
        """Return what the stream of answers holds since the last call, as Lambda's records."""
        while self.stream.read():
            pass
        records = list(self.stream.waiting)
        self.stream.waiting.clear()
        return records

    def deliver(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """Hand records to the consumer; return the sequence numbers it reports as failed."""
        handler = import_module("lambdas.analytics.handler").handler
        failures = handler({"Records": list(records)}, self.context)["batchItemFailures"]
        return [failure["itemIdentifier"] for failure in failures]

    def count(self, batch_size: int = 100) -> None:
        """Have everything counted that was answered since the last call."""
        records = self.records()
        for at in range(0, len(records), batch_size):
            assert self.deliver(records[at : at + batch_size]) == []

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return all items of a table (`sessions`, `progress`, ...), in order of their keys."""
        name = getattr(self.services, table).name
        items: list[dict[str, Any]] = []
        for page in self.services.database.client.get_paginator("scan").paginate(
            TableName=name, ConsistentRead=True
        ):
            items += page["Items"]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True, default=repr))

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """Return all items of the five tables."""
        return {name: self.rows(name) for name in TABLES}

    def pauses(self) -> list[float]:
        """Make pauses between attempts take no time; return the list they are noted in."""
        noted: list[float] = []
        self.services.transactions = Transactions(self.services.database, noted.append)
        return noted

    @contextmanager
    def fault(
        self, operation: str, kind: "Fault", times: int = 1_000, *, within: str = ""
    ) -> Iterator[list[AWSPreparedRequest]]:
        """Let attempts at an operation (`PutItem`) end otherwise; yields those that did.

        `within` is what a request has to hold to be met.
        """
        met: list[AWSPreparedRequest] = []

        def interfere(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
            body = request.body if isinstance(request.body, bytes) else b""
            if len(met) == times or within.encode() not in body:
                return None
            met.append(request)
            return kind(request)

        events, name = self.services.database.client.meta.events, f"before-send.*.{operation}"
        hook: Any = interfere  # botocore uses what a hook returns; its stubs say there is none
        events.register(name, hook)
        try:
            # The SDK's own pauses between attempts would only make the test slow.
            with patch.object(ExponentialBackoff, "delay_amount", return_value=0.0):
                yield met
        finally:
            events.unregister(name, hook)


Fault = Callable[[AWSPreparedRequest], AWSResponse | None]
"""A fault injected into a request; with None it goes on."""

TABLES = ("users", "questions", "sessions", "progress", "wrong_answers")


class _Body:
    """A response's body, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


def answers_with(status: int, body: Mapping[str, Any]) -> Fault:
    """A fault for `InvokedStage.fault`: the database answers with this."""

    def answer(request: AWSPreparedRequest) -> AWSResponse:
        return AWSResponse(request.url, status, HTTPHeaders(), _Body(json.dumps(body).encode()))

    return answer


def refuses(code: str, status: int = 400, **other: Any) -> Fault:
    """A fault for `InvokedStage.fault`: the database refuses with this code."""
    return answers_with(status, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", **other})


def cancels(*codes: str) -> Fault:
    """A fault for `InvokedStage.fault`: the transaction is cancelled for these reasons."""
    reasons = [{"Code": code} for code in codes]
    return refuses("TransactionCanceledException", CancellationReasons=reasons)


def unreachable(request: AWSPreparedRequest) -> AWSResponse:
    """A fault for `InvokedStage.fault`: no connection is made."""
    raise EndpointConnectionError(endpoint_url=request.url, error=OSError())


def response_lost(request: AWSPreparedRequest) -> AWSResponse:
    """A fault for `InvokedStage.fault`: the database does its work, but nobody hears of it."""
    URLLib3Session().send(request)
    raise ReadTimeoutError(endpoint_url=request.url)


def assert_unavailable(reply: Reply) -> None:
    """A response of the contract: 503, a problem document, when to come again."""
    assert reply.status == 503, (reply.status, reply.body)
    assert 1 <= int(reply.headers["Retry-After"]) <= 30
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.body == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "code": "UNAVAILABLE",
        "detail": reply.body["detail"],
        "requestId": reply.headers["X-Request-Id"],
    }


def draft(category: str, number: int, **other: Any) -> dict[str, Any]:
    """Return a question for the bank whose right choice is marked in its text."""
    return {
        "category": category,
        "text": f"{category} {number}?",
        "type": "SINGLE_CHOICE",
        "answers": [
            {"text": f"right {number}", "correct": True},
            *({"text": f"wrong {number} {n}", "correct": False} for n in range(3)),
        ],
        "explanation": f"because {number}",
        **other,
    }


def drafts(category: str, how_many: int) -> list[dict[str, Any]]:
    """Return the first questions of a category."""
    return [draft(category, number) for number in range(how_many)]


def submission(shown: Mapping[str, Any], *, right: bool = True, **other: Any) -> dict[str, Any]:
    """Return the body of an answer to a question as it was shown."""
    wanted = "right" if right else "wrong"
    chosen = [each["id"] for each in shown["answers"] if each["text"].startswith(wanted)]
    if not (right and shown["type"] == "MULTIPLE_CHOICE"):
        chosen = chosen[:1]
    return {
        "questionId": shown["questionId"],
        "turn": shown["turn"],
        "selectedAnswers": chosen,
        "timeSpent": 1.5,
        **other,
    }
