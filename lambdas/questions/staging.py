"""Staging of drafts: look them up together, then settle them one by one."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from domain.question import category_and_ordinal, question_id
from lambdas.contract.bodies.question import QuestionDraft
from lambdas.contract.errors import FieldCode, FieldFault
from lambdas.questions.draft_identity import (
    draft_keys,
    fingerprint,
    new_record,
    record_keys,
    with_draft,
)
from lambdas.shared.services import Services
from lambdas.shared.store.categories import Category, new_category
from lambdas.shared.store.questions import BankRecord, Mark, Reference
from lambdas.shared.store.transaction import MAX_ACTIONS, Action

MAX_DRAFTS_TOGETHER = 33
"""Drafts that one transaction stages: up to three items each, and a lease, in 100 actions."""


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
    def category(self) -> str:
        """The category of the question."""
        return category_and_ordinal(self.record.question.question_id)[0]

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
    """Drafts seen so far, used to detect duplicates.

    Maps keys of drafts to question ids, and question ids to fingerprints.
    """

    def get(self, key: str, /) -> str | None:
        """Return the value of a key, or None."""

    def __setitem__(self, key: str, value: str, /) -> None:
        """Set the value of a key."""


class Unit(NamedTuple):
    """Writes of one draft that belong into the same transaction."""

    category: str
    actions: tuple[Action, ...]


class ImportPart(NamedTuple):
    """The part of an import that drafts belong to."""

    import_id: str
    part: int


class Batch:
    """Drafts that are looked up together.

    Settling a draft adds its writes to `units` and counts new questions in `entries`. All writes
    are invisible until the category is published, or the update is.

    Attributes:
        entries: The categories of the drafts, with the sizes that staging has reached.
        units: Writes to make before publishing.
    """

    def __init__(
        self,
        services: Services,
        entries: dict[str, Category],
        given: Given,
        drafts: Sequence[QuestionDraft],
        part: ImportPart | None = None,
    ) -> None:
        """Read the questions that the drafts' keys refer to.

        With an import's `part`, the drafts of its earlier parts count as given, and references
        record what this part has seen.
        """
        self.entries = entries
        self.units: list[Unit] = []
        self._services = services
        self._given = given
        self._part = part
        table = services.questions
        self._references = table.references(key for draft in drafts for key in draft_keys(draft))
        referred = {each.refers_to for each in self._references.values()}
        self._records = {
            identifier: record
            for identifier, record in table.records(referred).items()
            if self._is_visible(identifier)
        }
        self._recall()

    def settle(self, draft: QuestionDraft) -> Staged:
        """Decide whether a draft creates, updates or repeats a question, or is rejected."""
        given = (self._given.get(key) for key in draft_keys(draft))
        known = self._known(draft)
        identifier = next(filter(None, given), known and known.question.question_id)
        if identifier and (before := self._given.get(identifier)):
            return _settle_again(identifier, differs=before != fingerprint(draft))
        if known is None:
            return self._create(draft)
        # A question found by its content keeps its external id.
        kept = draft.model_copy(update={"external_id": known.external_id or draft.external_id})
        staged = self.replace(known, kept)
        if staged.status is not SaveStatus.REJECTED:
            self._note(draft, known.question.question_id)
            self._mark(draft, known, staged.update)
        return staged

    def replace(self, known: BankRecord, draft: QuestionDraft) -> Staged:
        """Return the result of replacing a known question by a draft."""
        identifier = known.question.question_id
        changed = with_draft(known, draft, self._services.clock())
        if changed is None:
            return Staged(status=SaveStatus.UNCHANGED, question_id=identifier)
        faults = self.conflicts(draft, identifier)
        if faults:
            return Staged(status=SaveStatus.REJECTED, question_id=identifier, faults=faults)
        update = Update(record=changed, replaces=known)
        if not self._part:
            new = [key for key in record_keys(changed) if key not in record_keys(known)]
            self._stage(draft.category, self._refer(new, identifier, None))
        return Staged(status=SaveStatus.UPDATED, question_id=identifier, update=update)

    def conflicts(self, draft: QuestionDraft, identifier: str) -> tuple[FieldFault, ...]:
        """Return a fault for each field of a draft whose value belongs to another question."""
        faults = []
        for key, name in zip(draft_keys(draft), ("text", "externalId"), strict=False):
            other = self._found(key)
            if other and other.question.question_id != identifier:
                message = f"The question {other.question.question_id} has this already."
                faults.append(FieldFault(name, FieldCode.BELONGS_TO_ANOTHER, message))
        return tuple(faults)

    def _create(self, draft: QuestionDraft) -> Staged:
        entry = self.entries[draft.category]
        if not entry.size:
            entry = new_category(entry.category, draft.language)._replace(revision=entry.revision)
        identifier = question_id(draft.category, entry.size)
        self.entries[draft.category] = entry._replace(size=entry.size + 1, active=entry.active + 1)
        record = new_record(identifier, draft, self._services.clock())
        keys = record_keys(record)
        put = self._services.questions.put(record)
        self._stage(draft.category, [put, *self._refer(keys, identifier, draft)])
        self._records[identifier] = record
        self._references |= dict.fromkeys(keys, Reference(identifier))
        self._note(draft, identifier)
        return Staged(status=SaveStatus.CREATED, question_id=identifier)

    def _mark(self, draft: QuestionDraft, known: BankRecord, update: Update | None) -> None:
        """In an import, record on all references of a question that a draft of it was staged."""
        if self._part:
            keys = [*draft_keys(draft), *record_keys(known)]
            keys += record_keys(update.record) if update else ()
            identifier = known.question.question_id
            self._stage(draft.category, self._refer(dict.fromkeys(keys), identifier, draft))

    def _refer(
        self, keys: Iterable[str], identifier: str, draft: QuestionDraft | None
    ) -> list[Action]:
        mark = None
        if draft and self._part:
            mark = Mark(*self._part, fingerprint(draft))
        reference = Reference(identifier, mark)
        return [self._services.questions.put_reference(key, reference) for key in keys]

    def _stage(self, category: str, actions: Sequence[Action]) -> None:
        if actions:
            self.units.append(Unit(category, tuple(actions)))

    def _recall(self) -> None:
        """Fill `given` from the marks of the import's earlier parts."""
        for key, (refers_to, mark) in self._references.items():
            if (
                self._part
                and mark
                and mark.import_id == self._part.import_id
                and mark.part < self._part.part
            ):
                self._given[key] = refers_to
                self._given[refers_to] = mark.fingerprint

    def _note(self, draft: QuestionDraft, identifier: str) -> None:
        for key in draft_keys(draft):
            self._given[key] = identifier
        self._given[identifier] = fingerprint(draft)

    def _is_visible(self, identifier: str) -> bool:
        """Whether a question is published, or staged by the same writer."""
        category, ordinal = category_and_ordinal(identifier)
        return category in self.entries and ordinal < self.entries[category].size

    def _known(self, draft: QuestionDraft) -> BankRecord | None:
        """Return the question with the draft's external id, else the one with its content."""
        return next(filter(None, map(self._found, reversed(draft_keys(draft)))), None)

    def _found(self, key: str) -> BankRecord | None:
        reference = self._references.get(key)
        record = self._records.get(reference.refers_to) if reference else None
        return record if record and key in record_keys(record) else None


def grouped(
    units: Iterable[Unit], *, most: int = MAX_DRAFTS_TOGETHER, reserved: int = 0
) -> Iterator[list[Unit]]:
    """Group writes into transactions of at most `most` drafts, a category's beside one another.

    Each leaves room for a renewal of the lease of each category, and for `reserved` actions more.
    """
    group: list[Unit] = []
    for unit in sorted(units, key=lambda each: each.category):
        if group and (len(group) == most or actions_of([*group, unit]) > MAX_ACTIONS - reserved):
            yield group
            group = []
        group.append(unit)
    if group:
        yield group


def actions_of(group: Sequence[Unit]) -> int:
    """Return the number of actions of a group, with a renewal for each of its categories."""
    return sum(len(unit.actions) for unit in group) + len({unit.category for unit in group})


def _settle_again(identifier: str, *, differs: bool) -> Staged:
    if not differs:
        return Staged(status=SaveStatus.UNCHANGED, question_id=identifier, repeated=True)
    message = f"An earlier draft for {identifier} differs from this one."
    fault = FieldFault("text", FieldCode.DUPLICATE, message)
    return Staged(
        status=SaveStatus.REJECTED, question_id=identifier, repeated=True, faults=(fault,)
    )
