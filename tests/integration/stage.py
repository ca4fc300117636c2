"""A stage for tests: real handlers on a real engine, the clock in the test's hands."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import count
from typing import Any

from lambdas.routes import ROUTES, Route
from lambdas.shared.environment import Environment

ROUTE: Mapping[str, Route] = {route.operation: route for route in ROUTES}
START = 1_790_000_000_000
"""When tests begin: 2026-09-21T13:33:20Z, in milliseconds."""


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
    """What came back, and what the request's own log line says it cost."""

    status: int
    body: Any
    headers: Mapping[str, str]
    log: Mapping[str, Any]

    @property
    def cost(self) -> tuple[int, float, float]:
        """Round trips, read units, write units."""
        return self.log["roundTrips"], self.log["rru"], self.log["wru"]


@dataclass
class Stage:
    """Calls operations as API Gateway would, on behalf of a user."""

    environment: Environment
    clock: Clock
    read_output: Callable[[], str]
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
        route = ROUTE[operation]
        event = {
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
                        "cognito:groups": ",".join(groups),
                    }
                },
            },
        }
        return self.send(route.function, event)

    def send(self, function: str, event: Mapping[str, Any]) -> Reply:
        self.read_output()
        result = import_module(f"lambdas.{function}.handler").handler(event, None)
        log = json.loads(self.read_output().splitlines()[-1])
        text = result["body"]
        return Reply(
            result["statusCode"], json.loads(text) if text else None, result["headers"], log
        )

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


def draft(category: str, number: int, **other: Any) -> dict[str, Any]:
    """Return a question for the bank whose right choice says so."""
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
