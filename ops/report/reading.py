"""Reads how a stage's questions behave, through its API alone and in a bounded number of calls."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from ops.deploy.api import Api

if TYPE_CHECKING:
    from lambdas.contract import responses, statistics_responses

MOST_LISTED = 100
"""Categories whose totals are read."""

MOST_SHOWN = 10
"""Categories shown with their questions: those answered most."""

MOST_QUESTIONS = 500
"""Questions of a category that are read one by one: with ten categories these are 5,000 calls, at
the administrators' 10 a second well within the 15 minutes of a token."""

_PAGE = 100

Progress = Callable[[str], None]
"""Told what is being read."""


@dataclass(frozen=True, slots=True)
class Item:
    """A question of the bank and how it behaves."""

    question: "responses.BankQuestion"
    statistics: "statistics_responses.QuestionStatistics"

    @property
    def number(self) -> int:
        """Its number in the category."""
        return int(self.question["questionId"].rpartition(":")[2])


@dataclass(frozen=True, slots=True)
class CategoryReading:
    """A category; `items` are by number, empty where the category is not shown in full."""

    title: str
    statistics: "statistics_responses.CategoryStatistics"
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """Subject of a report: categories in the stage's own order, and how many it leaves out."""

    stage: str
    categories: tuple[CategoryReading, ...]
    left_out: int = 0


def read(
    api: Api,
    stage: str,
    progress: Progress,
    category: str | None = None,
    most_questions: int = MOST_QUESTIONS,
) -> Reading:
    """Read all categories, or one.

    Raises:
        ResponseError: the stage does not answer as it should.
    """
    known: list[responses.Category] = api.call("GET", "/questions/categories")["categories"]
    wanted = [each for each in known if category in (None, each["category"])]
    listed: list[CategoryReading] = []
    for each in wanted[:MOST_LISTED]:
        progress(each["category"])
        statistics = api.call("GET", f"/admin/categories/{each['category']}/statistics")
        listed.append(CategoryReading(each["title"], statistics))
    shown = {each.statistics["category"] for each in _most_answered(listed)}
    return Reading(
        stage,
        tuple(
            _with_items(api, each, progress, most_questions)
            if each.statistics["category"] in shown
            else each
            for each in listed
        ),
        len(wanted) - len(listed),
    )


def _most_answered(listed: Sequence[CategoryReading]) -> list[CategoryReading]:
    answered = [each for each in listed if each.statistics["attempts"]]
    return sorted(answered, key=lambda each: -each.statistics["attempts"])[:MOST_SHOWN]


def _with_items(api: Api, each: CategoryReading, progress: Progress, most: int) -> CategoryReading:
    """The worst are read whatever their place, the others in the order of the bank."""
    worst = [poor["questionId"] for poor in each.statistics["worst"]]
    category = each.statistics["category"]
    questions = {
        question["questionId"]: question
        for question in islice(_questions_in_use(api, category), most)
    }
    for missing in (identifier for identifier in worst if identifier not in questions):
        questions[missing] = api.call("GET", f"/admin/questions/{missing}")
    first = dict.fromkeys([*worst, *questions])
    items = []
    for count, identifier in enumerate(islice(first, most), 1):
        progress(f"{category}: question {count} of {min(len(first), most)}")
        statistics = api.call("GET", f"/admin/questions/{identifier}/statistics")
        items.append(Item(questions[identifier], statistics))
    items.sort(key=lambda item: item.number)
    return CategoryReading(each.title, each.statistics, tuple(items))


def _questions_in_use(api: Api, category: str) -> "Iterator[responses.BankQuestion]":
    query: dict[str, str | int] = {"category": category, "limit": _PAGE}
    while True:
        page: responses.BankQuestionPage = api.call("GET", f"/admin/questions?{urlencode(query)}")
        yield from (question for question in page["questions"] if not question["retired"])
        if "nextToken" not in page:
            return
        query["nextToken"] = page["nextToken"]
