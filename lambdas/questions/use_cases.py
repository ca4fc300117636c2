"""The categories learners choose from, and the bank administrators keep."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from domain.question import category_and_ordinal, question_id
from lambdas.contract.bodies.question import QuestionDraft
from lambdas.contract.errors import (
    FieldCode,
    FieldFault,
    NotFoundError,
    UnavailableError,
    ValidationError,
)
from lambdas.questions.bank_writer import BankWriter
from lambdas.questions.staging import SaveStatus, Staged
from lambdas.shared.services import Services
from lambdas.shared.store.errors import StoreUnavailableError, TransactionConditionError
from lambdas.shared.store.questions import BankBusyError, BankRecord, CategoryEntry

CLAIM_ATTEMPTS = 5
"""Times a request tries to become the bank's writer; another request's turn takes some 0.1 s."""

CLAIM_PAUSE = 0.2
"""Seconds between two of them."""


def list_categories(services: Services) -> list[CategoryEntry]:
    """Return the categories that have questions, in order of name."""
    return [entry for entry in services.questions.registry().values() if entry.active]


def list_questions(
    services: Services, *, category: str | None, limit: int, after: str | None
) -> tuple[list[BankRecord], str | None]:
    """Return a page of the bank and where the next one begins (the last question's id).

    A page ends with its category.
    """
    last_seen, seen = category_and_ordinal(after) if after else ("", -1)
    entries = [
        entry
        for entry in services.questions.registry().values()
        if category in (None, entry.category)
        and (entry.category > last_seen or (entry.category == last_seen and seen < entry.size - 1))
    ]
    if not entries:
        return [], None
    entry = entries[0]
    begun = entry.category == last_seen
    records, cut = services.questions.page(entry, limit=limit, after=seen if begun else None)
    last = entry.size - 1
    if cut:
        _, last = category_and_ordinal(records[-1].question.question_id)
    more = last < entry.size - 1 or len(entries) > 1
    return records, question_id(entry.category, last) if more else None


def get_question(services: Services, identifier: str) -> BankRecord:
    """Return a published question.

    Raises:
        NotFoundError: there is none of this id.
    """
    record = services.questions.published(identifier)
    if record is None:
        raise NotFoundError
    return record


def save_questions(services: Services, questions: Sequence[Any]) -> list[Staged]:
    """Create or update questions, each accepted or refused by its place.

    Raises:
        UnavailableError: the bank is being written by somebody else.
    """
    results: dict[int, Staged] = {}
    drafts: dict[int, QuestionDraft] = {}
    for index, question in enumerate(questions):
        try:
            drafts[index] = QuestionDraft.read(question)
        except ValidationError as error:
            results[index] = Staged(status=SaveStatus.REJECTED, faults=error.faults)
    if drafts:
        with _writer(services) as writer:
            staged = writer.stage(list(drafts.values()))
            writer.publish([each.update for each in staged if each.update])
        results |= dict(zip(drafts, staged, strict=True))
    return [results[index] for index in range(len(questions))]


def replace_question(services: Services, identifier: str, draft: QuestionDraft) -> BankRecord:
    """Replace a question in place; a retired one is in use again.

    Raises:
        NotFoundError: there is none of this id.
        ValidationError: the draft is of another category, or of another question's content.
        UnavailableError: the bank is being written by somebody else.
    """
    category, _ = category_and_ordinal(identifier)
    if draft.category != category:
        raise ValidationError(
            [FieldFault("category", FieldCode.IMMUTABLE, f"The category stays {category}.")]
        )
    with _writer(services) as writer:
        known = get_question(services, identifier)
        staged = writer.replacement(known, draft)
        if staged.faults:
            raise ValidationError(staged.faults)
        writer.publish([staged.update] if staged.update else [])
    return staged.update.record if staged.update else known


def retire_question(services: Services, identifier: str) -> None:
    """Retire a question; doing it again changes nothing.

    Raises:
        NotFoundError: there is none of this id.
        UnavailableError: the bank is being written by somebody else.
    """
    with _writer(services) as writer:
        record = get_question(services, identifier)
        if record.question.retired:
            writer.close()
        else:
            writer.retire(record)


@contextmanager
def _writer(services: Services) -> Iterator[BankWriter]:
    """Hold the bank's lease, and give it up when the work fails."""
    writer = BankWriter(services, services.entropy(8).hex())
    for attempt in range(CLAIM_ATTEMPTS):
        try:
            writer.open()
            break
        except BankBusyError as error:
            if attempt == CLAIM_ATTEMPTS - 1:
                raise UnavailableError(
                    "The bank is being written by somebody else.",
                    retry_after=max(1, math.ceil(error.milliseconds / 1000)),
                ) from None
            services.transactions.pause(CLAIM_PAUSE)
    try:
        yield writer
    except TransactionConditionError:
        raise UnavailableError("The bank changed meanwhile; nothing was saved.") from None
    except BaseException:
        # What went wrong is told, not that the lease could not be given up or was over already.
        with suppress(TransactionConditionError, StoreUnavailableError):
            writer.close()
        raise
