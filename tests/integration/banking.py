"""Calls to the bank's routes, and checks of their responses."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.integration.stage import (
    InvokedStage,
    Reply,
)

NOW, LATER = "2026-09-21T14:13:20.000Z", "2026-09-21T14:13:30.000Z"


def save(stage: InvokedStage, *questions: object) -> list[Any]:
    """Save questions; return the results, in order."""
    reply = stage.admin("saveQuestions", {"questions": questions})
    assert reply.status == 200, reply.body
    assert [result["index"] for result in reply.body["results"]] == [*range(len(questions))]
    return list(reply.body["results"])


def statuses(results: Sequence[Any]) -> list[str]:
    return [result["status"] for result in results]


def ids(results: Sequence[Any]) -> list[str]:
    return [result["questionId"] for result in results]


def get(stage: InvokedStage, question_id: str) -> Reply:
    return stage.admin("getBankQuestion", path={"questionId": question_id})


def put(stage: InvokedStage, question_id: str, body: Mapping[str, Any]) -> Reply:
    return stage.admin("replaceQuestion", body, path={"questionId": question_id})


def retire(stage: InvokedStage, question_id: str) -> Reply:
    return stage.admin("retireQuestion", path={"questionId": question_id})


def page(stage: InvokedStage, **query: str) -> Any:
    reply = stage.admin("listQuestions", query=query)
    assert reply.status == 200, reply.body
    return reply.body


def pages(stage: InvokedStage, **query: str) -> list[list[Any]]:
    found = []
    while True:
        body = page(stage, **query)
        found.append(body["questions"])
        if "nextToken" not in body:
            return found
        query["nextToken"] = body["nextToken"]


def bank(stage: InvokedStage) -> list[Any]:
    """Return the whole bank as administrators see it."""
    return [question for some in pages(stage, limit="100") for question in some]


def categories(stage: InvokedStage) -> dict[str, int]:
    body = stage.call("listCategories").body
    return {entry["category"]: entry["questionCount"] for entry in body["categories"]}


def assert_problem(reply: Reply, status: int, code: str) -> None:
    assert (reply.status, reply.body["status"], reply.body["code"]) == (status, status, code)
    assert reply.headers["Content-Type"] == "application/problem+json"
