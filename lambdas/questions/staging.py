"""Staging of drafts: look them up together, then settle them one by one."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from lambdas.contract.bodies.question import QuestionDraft
from lambdas.contract.errors import FieldCode, FieldFault
from lambdas.questions.draft_identity import (
    content_key,
    draft_keys,
    fingerprint,
    new_record,
    record_keys,
    with_draft,
)
from lambdas.shared.services import Services
from lambdas.shared.store.questions import BankRecord


class SaveStatus(StrEnum):
    """Result of saving a draft."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"
    REJECTED = "REJECTED"


class Update(NamedTuple):
    """A write of `record` over the record it `replaces`."""

    record: BankRecord
    replaces: BankRecord

    @property
    def revives(self) -> bool:
        """Whether a retired question comes back into use."""
        return self.replaces.question.retired


class Staged(NamedTuple):
    """Result of staging a draft, before it is published.

    Attributes:
        status: Result that the client receives.
        question_id: The question created or found; None for most rejected drafts.
        repeated: Whether the same writer received the question before.
        faults: Reasons for a rejection.
        update: The write to publish, when the status is UPDATED.
    """

    status: SaveStatus
    question_id: str | None = None
    repeated: bool = False
    faults: tuple[FieldFault, ...] = ()
    update: Update | None = None


class Given(Protocol):
    """Drafts seen so far, used to detect duplicates: content key to question id to fingerprint."""

    def get(self, key: str, /) -> str | None:
        """Return the value of a key, or None."""

    def __setitem__(self, key: str, value: str, /) -> None:
        """Set the value of a key."""


class Writer(Protocol):
    """The part of a bank writer that a batch needs."""

    services: Services
    given: Given

    def is_visible(self, identifier: str) -> bool:
        """Whether a question is published, or staged by this writer."""

    def next_id(self, draft: QuestionDraft) -> str:
        """Allocate the id of the next question of the draft's category."""


class Batch:
    """Drafts that are looked up together; new questions collect in `created`."""

    def __init__(self, writer: Writer, drafts: Sequence[QuestionDraft]) -> None:
        """Read the questions that the drafts' keys refer to."""
        self._writer = writer
        self.created: list[BankRecord] = []
        table = writer.services.questions
        keys = {key for draft in drafts for key in draft_keys(draft)}
        self._references = table.references(keys)
        self._records = {
            identifier: record
            for identifier, record in table.records(self._references.values()).items()
            if writer.is_visible(identifier)
        }

    def settle(self, draft: QuestionDraft) -> Staged:
        """Decide whether a draft creates, updates or repeats a question, or is rejected."""
        known = self._known(draft)
        given = self._writer.given
        identifier = given.get(content_key(draft)) or (known and known.question.question_id)
        if identifier and (before := given.get(identifier)):
            return _settle_again(identifier, differs=before != fingerprint(draft))
        if known is None:
            return self._create(draft)
        # A question found by its content keeps its external id.
        kept = draft.model_copy(update={"external_id": known.external_id or draft.external_id})
        staged = self.replacement(known, kept)
        if staged.status is not SaveStatus.REJECTED:
            self._note(draft, known.question.question_id)
        return staged

    def replacement(self, known: BankRecord, draft: QuestionDraft) -> Staged:
        """Return the result of replacing a known question by a draft."""
        identifier = known.question.question_id
        changed = with_draft(known, draft, self._writer.services.clock())
        if changed is None:
            return Staged(status=SaveStatus.UNCHANGED, question_id=identifier)
        faults = self._conflicts(draft, identifier)
        if faults:
            return Staged(status=SaveStatus.REJECTED, question_id=identifier, faults=faults)
        update = Update(record=changed, replaces=known)
        return Staged(status=SaveStatus.UPDATED, question_id=identifier, update=update)

    def _create(self, draft: QuestionDraft) -> Staged:
        identifier = self._writer.next_id(draft)
        record = new_record(identifier, draft, self._writer.services.clock())
        self.created.append(record)
        self._records[identifier] = record
        self._references |= dict.fromkeys(record_keys(record), identifier)
        self._note(draft, identifier)
        return Staged(status=SaveStatus.CREATED, question_id=identifier)

    def _note(self, draft: QuestionDraft, identifier: str) -> None:
        self._writer.given[content_key(draft)] = identifier
        self._writer.given[identifier] = fingerprint(draft)

    def _known(self, draft: QuestionDraft) -> BankRecord | None:
        """Return the question with the draft's external id, else the one with its content."""
        for key in reversed(draft_keys(draft)):
            record = self._records.get(self._references.get(key, ""))
            if record and key in record_keys(record):
                return record
        return None

    def _conflicts(self, draft: QuestionDraft, identifier: str) -> tuple[FieldFault, ...]:
        """Return a fault for each field whose value belongs to another question."""
        faults = []
        for key, name in zip(draft_keys(draft), ("text", "externalId"), strict=False):
            other = self._records.get(self._references.get(key, ""))
            if other and key in record_keys(other) and other.question.question_id != identifier:
                message = f"The question {other.question.question_id} has this already."
                faults.append(FieldFault(name, FieldCode.BELONGS_TO_ANOTHER, message))
        return tuple(faults)


def _settle_again(identifier: str, *, differs: bool) -> Staged:
    if not differs:
        return Staged(status=SaveStatus.UNCHANGED, question_id=identifier, repeated=True)
    message = f"An earlier draft for {identifier} differs from this one."
    fault = FieldFault("text", FieldCode.DUPLICATE, message)
    return Staged(
        status=SaveStatus.REJECTED, question_id=identifier, repeated=True, faults=(fault,)
    )
