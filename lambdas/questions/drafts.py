"""Checks drafts one by one, and returns the result of each by its place."""

from collections.abc import Callable, Container, Mapping, Sequence
from re import compile as compile_pattern
from typing import TYPE_CHECKING, Any

from lambdas.contract.bodies.question import QuestionDraft
from lambdas.contract.errors import FieldCode, FieldFault, ValidationError
from lambdas.contract.formats import CATEGORY_PATTERN
from lambdas.questions.staging import SaveStatus, Staged
from lambdas.shared.http.response import fault_view

if TYPE_CHECKING:
    from lambdas.contract import responses

MAX_DRAFT_FAULTS = 20
"""Faults reported for one draft: those of 100 drafts fit into an item and a response."""


_CATEGORY = compile_pattern(CATEGORY_PATTERN)


def settle_each(
    questions: Sequence[Any],
    settle: Callable[[Sequence[QuestionDraft]], list[Staged]],
    categories: Container[str] | None = None,
) -> list[Staged]:
    """Return the result of each question: rejected as a draft, or as `settle` returns it.

    `settle` receives the valid drafts together, and only if there are any. With `categories`, a
    draft of another category is rejected.
    """
    results: dict[int, Staged] = {}
    drafts: dict[int, QuestionDraft] = {}
    for index, question in enumerate(questions):
        faults: tuple[FieldFault, ...] = ()
        draft = None
        try:
            draft = QuestionDraft.read(question)
        except ValidationError as error:
            faults = error.faults
        named = named_category(question)
        if categories is not None and named is not None and named not in categories:
            message = "The import was not opened for this category."
            faults += (FieldFault("category", FieldCode.UNKNOWN_CATEGORY, message),)
        if draft and not faults:
            drafts[index] = draft
        else:
            results[index] = Staged(SaveStatus.REJECTED, faults=faults[:MAX_DRAFT_FAULTS])
    if drafts:
        results |= dict(zip(drafts, settle(list(drafts.values())), strict=True))
    return [results[index] for index in range(len(questions))]


def named_category(body: object) -> str | None:
    """Return the category that a body names, whatever else is wrong with it; None without one."""
    category = body.get("category") if isinstance(body, Mapping) else None
    valid = isinstance(category, str) and _CATEGORY.fullmatch(category)
    return category if valid else None


def result_views(results: Sequence[Staged]) -> "list[responses.SaveResult]":
    """Return results as the contract shows them."""
    return [_result_view(index, each) for index, each in enumerate(results)]


def _result_view(index: int, staged: Staged) -> "responses.SaveResult":
    body: responses.SaveResult = {"index": index, "status": staged.status.value}
    if staged.question_id:
        body["questionId"] = staged.question_id
    if staged.faults:
        body["errors"] = list(map(fault_view, staged.faults))
    return body
