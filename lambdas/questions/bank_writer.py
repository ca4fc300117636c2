"""Writes the bank: one writer at a time, and nothing is visible before it is complete.

New questions are written at ordinals beyond their category's published size, where no session
looks, and become visible by one write of the registry. Questions that a crashed writer left
behind are overwritten by the next one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from domain.question import category_and_ordinal, question_id
from lambdas.contract.bodies.question import QuestionDraft
from lambdas.questions.draft_identity import record_keys
from lambdas.questions.staging import Batch, Given, Staged, Update
from lambdas.shared.services import Services
from lambdas.shared.store.questions import BankRecord, CategoryEntry, QuestionsTable

LEASE = 10_000
"""Milliseconds a writer may be silent before another may take its place."""

CREATED_TOGETHER = 33
"""Questions of one transaction: up to three items each, and the lease, within 100 actions."""

UPDATED_TOGETHER = 99
"""Updates of one transaction with the registry."""


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
        batch = Batch(self, drafts)
        staged = [batch.settle(draft) for draft in drafts]
        for at in range(0, len(batch.created), CREATED_TOGETHER):
            self._create(batch.created[at : at + CREATED_TOGETHER])
        return staged

    def publish(self, updates: Sequence[Update] = ()) -> None:
        """Make staged questions visible, with up to 100 updates, and end the lease.

        One transaction does it. 100 updates leave no room for the lease, which is then renewed
        before them and ended after them.

        Raises:
            TransactionConditionError: the lease was lost, or a question changed; nothing is
                visible.
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

    def update(self, updates: Sequence[Update]) -> None:
        """Write up to 99 updates in one transaction, and renew the lease.

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
        """Return the result of replacing a known question by a draft; nothing is written yet."""
        return Batch(self, [draft]).replacement(known, draft)

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
            actions += [self._table.put_reference(key, identifier) for key in record_keys(record)]
        self.services.transactions.write(actions)

    def _puts(self, updates: Iterable[Update]) -> list[dict[str, Any]]:
        return [
            self._table.put(each.record, expected_version=each.replaces.question.version)
            for each in updates
        ]

    def _refer_to(self, updates: Iterable[Update]) -> None:
        self._table.write_references(
            put={
                key: each.record.question.question_id
                for each in updates
                for key in record_keys(each.record)
                if key not in record_keys(each.replaces)
            }
        )

    def _forget(self, updates: Iterable[Update]) -> None:
        self._table.write_references(
            delete=[
                key
                for each in updates
                for key in record_keys(each.replaces)
                if key not in record_keys(each.record)
            ]
        )

    def _count(self, update: Update) -> None:
        if update.revives:
            category, _ = category_and_ordinal(update.record.question.question_id)
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
