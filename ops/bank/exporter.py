"""Reads the questions of a stage back into the neutral form."""

from collections.abc import Iterator
from typing import Any

from banks.question import Answer, Question
from ops.bank.api import Api

_PAGE = "100"


def exported(api: Api, category: str | None) -> Iterator[Question]:
    """Return the questions in use of a category, or of all, in the bank's order."""
    names = [category] if category else _categories(api)
    for name in names:
        for body in _pages(api, "/admin/questions", "questions", {"category": name}):
            if not body["retired"]:
                yield _question(body)


def _categories(api: Api) -> list[str]:
    return [each["category"] for each in _pages(api, "/questions/categories", "categories", {})]


def _pages(api: Api, path: str, name: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
    token: str | None = None
    while True:
        given = query | {"limit": _PAGE} | ({"nextToken": token} if token else {})
        page = api.call("GET", path, query=given)
        yield from page[name]
        token = page.get("nextToken")
        if token is None:
            return


def _question(body: dict[str, Any]) -> Question:
    return Question(
        text=body["text"],
        answers=tuple(
            Answer(each["text"], each["correct"], each.get("pinned", False))
            for each in body["answers"]
        ),
        multiple=body["type"] == "MULTIPLE_CHOICE",
        category=body["category"],
        explanation=body.get("explanation", ""),
        language=body.get("language"),
        difficulty=body.get("difficulty"),
        tags=tuple(body.get("tags", ())),
        external_id=body.get("externalId"),
    )
