"""Calls to the routes of sessions, and checks of their responses."""

from collections.abc import Mapping
from typing import Any

from tests.integration.stage import InvokedStage, Reply

DAY = 24 * 3600 * 1000

BEGAN, EXPIRES = "2026-09-21T14:13:20.000Z", "2026-10-21T14:13:20.000Z"

GEOGRAPHY, HISTORY = {"category": "geography"}, {"category": "history"}


def started(stage: InvokedStage, body: Mapping[str, Any] | None = None, **other: Any) -> Any:
    reply = stage.call("startSession", body or {"sources": [GEOGRAPHY]}, **other)
    assert reply.status == 201, reply.body
    return reply.body


def read(stage: InvokedStage, session_id: str, **other: Any) -> Reply:
    return stage.call("getSession", path={"sessionId": session_id}, **other)


def change(stage: InvokedStage, session_id: str, **body: Any) -> Reply:
    return stage.call("updateSession", body, path={"sessionId": session_id})


def abandon(stage: InvokedStage, session_id: str) -> Reply:
    return stage.call("abandonSession", path={"sessionId": session_id})


def listed(stage: InvokedStage, query: Mapping[str, str] | None = None, **other: Any) -> Any:
    reply = stage.call("listSessions", query=query, **other)
    assert reply.status == 200, reply.body
    return reply.body


def listed_ids(stage: InvokedStage, **query: str) -> list[str]:
    return [session["sessionId"] for session in listed(stage, query)["sessions"]]


def finish(stage: InvokedStage, session_id: str) -> None:
    shown = stage.question(session_id)["question"]
    while shown:
        shown = stage.answer(session_id, shown).body["question"]


def faulty_fields(reply: Reply) -> list[str]:
    assert (reply.status, reply.body["code"]) == (422, "VALIDATION_ERROR"), reply.body
    assert reply.headers["Content-Type"] == "application/problem+json"
    return [fault["field"] for fault in reply.body["errors"]]


def assert_problem(reply: Reply, status: int, code: str) -> None:
    assert (reply.status, reply.body["status"], reply.body["code"]) == (status, status, code)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.body["requestId"] == reply.headers["X-Request-Id"]


def keyed(
    stage: InvokedStage, key: str, body: Mapping[str, Any] | None = None, **other: Any
) -> Reply:
    headers = {"Idempotency-Key": key}
    return stage.call("startSession", body or {"sources": [GEOGRAPHY]}, headers=headers, **other)


def several(stage: InvokedStage, how_many: int) -> list[str]:
    """Start sessions a second apart; return their ids, newest first."""
    ids: list[str] = []
    for _ in range(how_many):
        ids.insert(0, stage.start(GEOGRAPHY))
        stage.clock.advance(1000)
    return ids


TOUCHES: Mapping[str, object] = {
    "getSession": None,
    "updateSession": {"version": 1, "name": "mine"},
    "abandonSession": None,
    "getQuestion": None,
    "submitAnswer": {"questionId": "geography:000000", "turn": 1, "selectedAnswers": ["abcdefg1"]},
}
