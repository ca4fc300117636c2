"""Describes a question bank without importing it."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from banks.near_duplicates import NearDuplicate, NearDuplicates
from banks.question import Item


@dataclass(slots=True)
class Summary:
    """Counts and findings of a bank.

    Attributes:
        questions: How many questions it has, refused ones included.
        by_type: How many there are of each type, in the vocabulary of its format.
        importable: How many can be imported.
        refused: How many are refused for each reason.
        categories: How many importable questions each category has; "" where none is given.
        notices: Simplifications, each with the place of the first one.
        near_duplicates: Questions that are nearly the same.
    """

    questions: int = 0
    by_type: Counter[str] = field(default_factory=Counter)
    importable: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    categories: Counter[str] = field(default_factory=Counter)
    notices: dict[str, str] = field(default_factory=dict)
    near_duplicates: list[NearDuplicate] = field(default_factory=list)


def summarize(items: Iterable[Item]) -> Summary:
    """Count what a bank holds."""
    summary = Summary()
    near = NearDuplicates()
    for item in items:
        summary.questions += 1
        summary.by_type[item.type] += 1
        for notice in item.notices:
            summary.notices.setdefault(notice, str(item.place))
        if item.question is None:
            summary.refused[str(item.reason)] += 1
            continue
        summary.importable += 1
        summary.categories[item.question.category or ""] += 1
        if found := near.check(item.place, item.question):
            summary.near_duplicates.append(found)
    return summary


def described(item: Item) -> dict[str, Any]:
    """Return a question as the inspection's JSON has it."""
    question = item.question
    answers = [] if question is None else question.body()["answers"]
    return {
        "place": str(item.place),
        "text": item.text,
        "type": item.type,
        "answers": answers,
        "explanation": question.explanation if question else "",
        "refused": None if question else f"{item.reason}: {item.message}",
    }


def as_json(format: str, summary: Summary, items: Iterable[Item]) -> Iterator[str]:  # noqa: A002
    """Return the pieces of one JSON object; `items` are read as they are written."""
    head = {
        "format": format,
        "questions": summary.questions,
        "byType": dict(summary.by_type),
        "importable": summary.importable,
        "refused": dict(summary.refused),
    }
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "items": ['
    separator = ""
    for item in items:
        yield separator + json.dumps(described(item), ensure_ascii=False)
        separator = ",\n"
    yield "]}\n"
