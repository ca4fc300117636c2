"""Writing the bank: one writer at a time, and nothing seen before it is complete.

New questions are written at ordinals beyond their category's published size, where no session
looks, and become visible by one write of the registry. A writer that dies leaves such questions
behind; the next one writes over them, and a reference that does not lead to a question of its
content counts for nothing.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol, Self
from unicodedata import normalize

from domain.question import Choice, Question, category_and_ordinal, question_id
from lambdas.contract.bodies.question import QuestionDraft
from lambdas.contract.errors import FieldFault
from lambdas.shared.services import Services
from lambdas.shared.store.questions import BankRecord, CategoryEntry, QuestionsTable

LEASE = 10_000
"""Milliseconds a writer may be silent before another may take its place."""

CREATED_TOGETHER = 33
"""Questions of one transaction: up to three items each, and the lease, within 100 actions."""

UPDATED_TOGETHER = 99
"""Updates of one transaction with the registry."""


class SaveStatus(StrEnum):
    """What became of a question."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"
    REJECTED = "REJECTED"


class Staged(NamedTuple):
    """What becomes of a draft once published.

    `repeated` tells that the same writer met the question before. `update` is the record to write
    over the one that `replaces`.
    """

    status: SaveStatus
    question_id: str | None = None
    repeated: bool = False
    faults: tuple[FieldFault, ...] = ()
    update: BankRecord | None = None
    replaces: BankRecord | None = None


class Given(Protocol):
    """What a writer was given so far, to tell what is given twice."""

    def get(self, key: str, /) -> str | None:
        """Return what is kept under a key, None if nothing is."""

    def __setitem__(self, key: str, value: str, /) -> None:
        """Keep it."""


@dataclass(slots=True)
class BankWriter:
    """Holds the bank's lease from `open` to `publish` or `close`.

    `given` grows with the questions staged; one who stages many may keep it outside of memory.
    """

    services: Services
    holder: str
    given: Given = field(default_factory=dict[str, str])
    _registry: dict[str, CategoryEntry] = field(default_factory=dict)
    _changed: dict[str, CategoryEntry] = field(default_factory=dict)
    _leased_until: int = 0

    def open(self) -> Self:
        """Take the lease.

        Raises:
            BankBusyError: somebody else holds it.
        """
        self._claim()
        return self

    def stage(self, drafts: Sequence[QuestionDraft]) -> list[Staged]:
        """Write the new questions of up to 100 drafts where they are not seen yet.

        Returns what becomes of each draft, in order. Updates are not written, only returned.

        Raises:
            TransactionConditionError: the lease was lost.
        """
        if self.services.clock() > self._leased_until - LEASE // 2:
            # Not claimed anew: whoever wrote meanwhile may have written over what is staged.
            self.services.transactions.write([self._renewal()])
        batch = _Batch(self, drafts)
        staged = [batch.settle(draft) for draft in drafts]
        for at in range(0, len(batch.created), CREATED_TOGETHER):
            self._create(batch.created[at : at + CREATED_TOGETHER])
        return staged

    def publish(self, updates: Sequence[Staged] = ()) -> None:
        """Make what was staged visible, with up to 100 updates, and end the lease.

        All of it in one transaction; 100 updates leave no room in it for the lease, which is
        renewed before and ended after them.

        Raises:
            TransactionConditionError: the lease was lost, or a question changed; nothing is seen.
        """
        self._refer_to(updates)
        for update in updates:
            self._count(update)
        puts = self._puts(updates)
        end = self._table.published_by(self.holder, self._changed.values(), edits=bool(puts))
        if len(puts) <= UPDATED_TOGETHER:
            self.services.transactions.write([*puts, end])
        else:
            self.services.transactions.write([self._renewal(edits=True)])
            self.services.transactions.write(puts)
            self.services.transactions.write([end])
        self._forget(updates)

    def update(self, updates: Sequence[Staged]) -> None:
        """Write up to 99 updates at once, and renew the lease.

        Raises:
            TransactionConditionError: the lease was lost, or a question changed; none of them is
                written.
        """
        self._refer_to(updates)
        for update in updates:
            self._count(update)
        self.services.transactions.write([*self._puts(updates), self._renewal(edits=True)])
        self._forget(updates)

    def replacement(self, known: BankRecord, draft: QuestionDraft) -> Staged:
        """Return what becomes of a question that a draft replaces; nothing is written yet."""
        identifier = known.question.question_id
        changed = with_draft(known, draft, self.services.clock())
        if changed is None:
            return Staged(status=SaveStatus.UNCHANGED, question_id=identifier)
        batch = _Batch(self, [draft])
        faults = batch.taken(draft, identifier)
        if faults:
            return Staged(status=SaveStatus.REJECTED, question_id=identifier, faults=faults)
        return Staged(
            status=SaveStatus.UPDATED, question_id=identifier, update=changed, replaces=known
        )

    def retire(self, record: BankRecord) -> None:
        """Retire a question, and end the lease."""
        category, _ = category_and_ordinal(record.question.question_id)
        entry = self._entry(category)
        retired = record._replace(
            question=replace(record.question, retired=True),
            updated_at=self.services.clock(),
        )
        put = self._table.put(retired, expected_version=record.question.version)
        entries = [entry._replace(active=entry.active - 1)]
        end = self._table.published_by(self.holder, entries, edits=True)
        self.services.transactions.write([put, end])

    def close(self) -> None:
        """End the lease without publishing: what was staged is never seen."""
        self.services.transactions.write([self._table.published_by(self.holder, (), edits=False)])

    def is_visible(self, identifier: str) -> bool:
        """Whether a question is published, or staged by this writer."""
        category, ordinal = category_and_ordinal(identifier)
        entry = self._changed.get(category) or self._registry.get(category)
        return entry is not None and ordinal < entry.size

    def next_id(self, draft: QuestionDraft) -> str:
        """Return the id of the category's next question, and count it."""
        entry = self._entry(draft.category, draft.language)
        self._changed[draft.category] = entry._replace(size=entry.size + 1, active=entry.active + 1)
        return question_id(draft.category, entry.size)

    @property
    def _table(self) -> QuestionsTable:
        return self.services.questions

    def _claim(self) -> None:
        now = self.services.clock()
        self._leased_until = now + LEASE
        self._registry = self._table.claim(self.holder, until=self._leased_until, now=now)

    def _renewal(self, *, edits: bool = False) -> dict[str, Any]:
        self._leased_until = self.services.clock() + LEASE
        return self._table.renewed(self.holder, until=self._leased_until, edits=edits)

    def _create(self, records: Sequence[BankRecord]) -> None:
        actions = [self._renewal()]
        for record in records:
            identifier = record.question.question_id
            actions.append(self._table.put(record))
            actions += [self._table.put_reference(key, identifier) for key in _keys(record)]
        self.services.transactions.write(actions)

    def _puts(self, updates: Iterable[Staged]) -> list[dict[str, Any]]:
        return [
            self._table.put(each.update, expected_version=each.replaces.question.version)
            for each in updates
            if each.update and each.replaces
        ]

    def _refer_to(self, updates: Iterable[Staged]) -> None:
        self._table.write_references(
            put={
                key: each.update.question.question_id
                for each in updates
                if each.update and each.replaces
                for key in _keys(each.update)
                if key not in _keys(each.replaces)
            }
        )

    def _forget(self, updates: Iterable[Staged]) -> None:
        self._table.write_references(
            delete=[
                key
                for each in updates
                if each.update and each.replaces
                for key in _keys(each.replaces)
                if key not in _keys(each.update)
            ]
        )

    def _count(self, update: Staged) -> None:
        if update.update and update.replaces and update.replaces.question.retired:
            category, _ = category_and_ordinal(update.update.question.question_id)
            entry = self._entry(category)
            self._changed[category] = entry._replace(active=entry.active + 1)

    def _entry(self, category: str, language: str = "en") -> CategoryEntry:
        return (
            self._changed.get(category)
            or self._registry.get(category)
            or CategoryEntry(
                category=category,
                title=category.replace("-", " ").title(),
                language=language,
                size=0,
                active=0,
            )
        )


class _Batch:
    """Drafts looked up together, and settled one by one."""

    def __init__(self, writer: BankWriter, drafts: Sequence[QuestionDraft]) -> None:
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
        known = self._known(draft)
        given = self._writer.given
        identifier = given.get(content_key(draft)) or (known and known.question.question_id)
        if identifier and (before := given.get(identifier)):
            return _settle_again(identifier, differs=before != _fingerprint(draft))
        if known is None:
            return self._create(draft)
        staged = self._replace(known, draft)
        if staged.status is not SaveStatus.REJECTED:
            self._note(draft, known.question.question_id)
        return staged

    def _replace(self, known: BankRecord, draft: QuestionDraft) -> Staged:
        identifier = known.question.question_id
        # A question known by its content keeps the external id it has.
        kept = draft.model_copy(update={"external_id": known.external_id or draft.external_id})
        changed = with_draft(known, kept, self._writer.services.clock())
        if changed is None:
            return Staged(status=SaveStatus.UNCHANGED, question_id=identifier)
        faults = self.taken(kept, identifier)
        if faults:
            return Staged(status=SaveStatus.REJECTED, question_id=identifier, faults=faults)
        return Staged(
            status=SaveStatus.UPDATED, question_id=identifier, update=changed, replaces=known
        )

    def _create(self, draft: QuestionDraft) -> Staged:
        identifier = self._writer.next_id(draft)
        record = _new_record(identifier, draft, self._writer.services.clock())
        self.created.append(record)
        self._records[identifier] = record
        self._references |= dict.fromkeys(_keys(record), identifier)
        self._note(draft, identifier)
        return Staged(status=SaveStatus.CREATED, question_id=identifier)

    def _note(self, draft: QuestionDraft, identifier: str) -> None:
        self._writer.given[content_key(draft)] = identifier
        self._writer.given[identifier] = _fingerprint(draft)

    def _known(self, draft: QuestionDraft) -> BankRecord | None:
        """The question of the same external id, else of the same content."""
        for key in reversed(draft_keys(draft)):
            record = self._records.get(self._references.get(key, ""))
            if record and key in _keys(record):
                return record
        return None

    def taken(self, draft: QuestionDraft, identifier: str) -> tuple[FieldFault, ...]:
        """What of a draft belongs to another question than the one named."""
        faults = []
        for key, name in zip(draft_keys(draft), ("text", "externalId"), strict=False):
            other = self._records.get(self._references.get(key, ""))
            if other and key in _keys(other) and other.question.question_id != identifier:
                faults.append(FieldFault(name, f"is that of {other.question.question_id} already"))
        return tuple(faults)


def _settle_again(identifier: str, *, differs: bool) -> Staged:
    if not differs:
        return Staged(status=SaveStatus.UNCHANGED, question_id=identifier, repeated=True)
    fault = FieldFault("text", f"is given twice, with a difference: {identifier}")
    return Staged(
        status=SaveStatus.REJECTED, question_id=identifier, repeated=True, faults=(fault,)
    )


def _fingerprint(draft: QuestionDraft) -> str:
    """Return what tells drafts of one question apart; the order of its choices does not."""
    choices = sorted((_plain(each.text), each.correct, each.pinned) for each in draft.answers)
    rest = [draft.type, draft.explanation, draft.language, draft.difficulty, draft.tags]
    content = json.dumps([_plain(draft.text), choices, *rest])
    return blake2b(content.encode(), digest_size=16).hexdigest()


def content_key(draft: QuestionDraft) -> str:
    """Return what names a draft's content: its text and choices, whatever their order.

    Which choices are right is left out, so that correcting an answer key updates a question.
    """
    content = [_plain(draft.text), sorted(_plain(answer.text) for answer in draft.answers)]
    named = blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()
    return f"#content#{draft.category}#{named}"


def draft_keys(draft: QuestionDraft) -> tuple[str, ...]:
    """Return the keys a draft may be known by: of its content, then of its external id."""
    if draft.external_id is None:
        return (content_key(draft),)
    return (content_key(draft), _external_key(draft.category, draft.external_id))


def _external_key(category: str, external_id: str) -> str:
    return f"#external#{category}#{external_id}"


def _keys(record: BankRecord) -> tuple[str, ...]:
    if record.external_id is None:
        return (record.content_key,)
    category, _ = category_and_ordinal(record.question.question_id)
    return (record.content_key, _external_key(category, record.external_id))


def _plain(text: str) -> str:
    return normalize("NFC", " ".join(text.split()))


def _new_record(identifier: str, draft: QuestionDraft, now: int) -> BankRecord:
    return BankRecord(
        question=_question(identifier, 1, draft),
        content_key=content_key(draft),
        difficulty=draft.difficulty,
        tags=draft.tags,
        external_id=draft.external_id,
        created_at=now,
        updated_at=now,
    )


def with_draft(known: BankRecord, draft: QuestionDraft, now: int) -> BankRecord | None:
    """Return a record with a draft's content, None if it has that already.

    What is shown or graded counts as content and gets a new version; a session in progress does
    not notice anything else.
    """
    same = known.question
    question = _question(same.question_id, same.version, draft)
    if (question.text, question.choices, question.multiple) != (
        same.text,
        same.choices,
        same.multiple,
    ):
        question = replace(question, version=same.version + 1)
    changed = known._replace(
        question=question,
        content_key=content_key(draft),
        difficulty=draft.difficulty,
        tags=draft.tags,
        external_id=draft.external_id,
    )
    return None if changed == known else changed._replace(updated_at=now)


def _question(identifier: str, version: int, draft: QuestionDraft) -> Question:
    return Question(
        question_id=identifier,
        version=version,
        text=draft.text,
        choices=tuple(Choice(each.text, each.correct, each.pinned) for each in draft.answers),
        multiple=draft.type == "MULTIPLE_CHOICE",
        explanation=draft.explanation,
        language=draft.language,
    )
