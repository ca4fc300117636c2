"""Checks of a problem response."""

from collections.abc import Mapping
from typing import Any

from tests.integration.stage import (
    InvokedStage,
    Reply,
    drafts,
)

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    413: "Content Too Large",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}

NEVER = "f" * 27
"""A session id that is nobody's."""


def assert_form(body: Mapping[str, Any], status: int, code: str, *other: str) -> None:
    """The members of a problem document: these, of these types, and no more."""
    base = {"type", "title", "status", "code", "detail", "requestId"}
    assert set(body) == base | set(other)
    assert body["type"] == "about:blank"
    assert body["title"] == TITLES[status]
    assert (type(body["status"]), body["status"]) == (int, status)
    assert body["code"] == code
    assert isinstance(body["detail"], str)
    assert body["detail"]
    assert isinstance(body["requestId"], str)


def assert_problem(reply: Reply, status: int, code: str, *other: str) -> None:
    assert reply.status == status, reply.body
    assert_form(reply.body, status, code, *other)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.body["requestId"] == reply.headers["X-Request-Id"] == reply.log["requestId"]
    assert (reply.log["status"], reply.log["Code"]) == (status, code)


def begun(stage: InvokedStage, user: str = "ada") -> str:
    stage.save(*drafts("geography", 3))
    return stage.start({"category": "geography"}, user=user)
