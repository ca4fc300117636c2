"""Writes categories of the bank: one writer for each, and nothing is visible before it is complete.

New questions are written at ordinals beyond their category's published size, where no session
looks, and become visible by one write of the category's item. Questions that a crashed writer left
behind are overwritten by the next one. Writers of different categories do not meet.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from domain.question import category_and_ordinal
from lambdas.contract.bodies.question import MAX_QUESTIONS, QuestionDraft
from lambdas.questions.staging import (
    MAX_DRAFTS_TOGETHER,
    Batch,
    Given,
    Staged,
    Unit,
    Update,
    grouped,
)
from lambdas.shared.services import Services
from lambdas.shared.store.categories import Category, Lease
from lambdas.shared.store.questions import BankRecord
from lambdas.shared.store.transaction import MAX_ACTIONS, Action

LEASE = 10_000
"""Milliseconds after its last write until a writer loses its categories to another."""

UPDATED_TOGETHER = 99
"""Updates of one transaction with their category."""


class _Publication(NamedTuple):
    """Actions that publish one category: its writes, and the end of the lease."""

    category: str
    puts: list[Action]
    end: Action

    @property
    def actions(self) -> list[Action]:
        return [*self.puts, self.end]


@dataclass(slots=True)
class BankWriter:
    """Holds the leases of categories until `publish` or `close`.

    Attributes:
        holder: Name of the writer in the leases, different for each.
        given: Drafts seen so far; it grows with them, so a long import keeps it on disk.
    """

    services: Services
    holder: str
    given: Given = field(default_factory=dict[str, str])
    _claimed: dict[str, Category] = field(default_factory=dict)
    _held: dict[str, Category] = field(default_factory=dict)
    _until: dict[str, int] = field(default_factory=dict)
    _deferred: list[Unit] = field(default_factory=list)

    def open(self, categories: Iterable[str], *, existing: bool = False) -> Self:
        """Take the leases of categories, in order of name.

        With `existing`, a category that has no item is left out, not created.

        Raises:
            CategoryBusyError: another writer holds one; those taken before are still held.
        """
        for category in sorted(set(categories) - self._held.keys()):
            now = self.services.clock()
            lease = Lease(self.holder, now + LEASE)
            claimed = self.services.categories.claim(category, lease, now=now, existing=existing)
            if claimed:
                self._claimed[category] = self._held[category] = claimed
                self._until[category] = lease.until
        return self

    def stage(self, drafts: Sequence[QuestionDraft]) -> list[Staged]:
        """Write the new questions of up to 100 drafts at ordinals that are not visible.

        Returns the result of each draft, in order. Updates are only returned, not written.

        Raises:
            CategoryBusyError: as for `open`, for a category that is not held yet.
            TransactionConditionError: a lease was lost.
        """
        self.open(draft.category for draft in drafts)
        self._renew_what_is_due()
        batch = Batch(self.services, self._held, self.given, drafts)
        staged = [batch.settle(draft) for draft in drafts]
        self._write(batch.units)
        return staged

    def replace(self, known: BankRecord, draft: QuestionDraft) -> Staged:
        """Stage the replacement of a known question by a draft; all of it waits for `publish`."""
        batch = Batch(self.services, self._held, self.given, [draft])
        staged = batch.replace(known, draft)
        self._deferred += batch.units
        return staged

    def update(self, updates: Sequence[Update]) -> None:
        """Write up to 99 updates before publishing, and renew the leases of their categories.

        Raises:
            TransactionConditionError: a lease was lost, or a question changed.
        """
        units = [Unit(each.category, (self._put(each),)) for each in updates]
        self._count(updates)
        self._write(units, edits=True, most=UPDATED_TOGETHER)

    def publish(self, updates: Sequence[Update] = ()) -> None:
        """Make staged questions and up to 100 updates visible, and end the leases.

        New and changed questions of a category become visible in one transaction.

        Raises:
            TransactionConditionError: a lease was lost, or a question changed. Categories may be
                published, each as a whole.
        """
        self._count(updates)
        for together in _packed(list(self._publications(updates))):
            if len(together) == 1 and len(together[0].puts) > UPDATED_TOGETHER:
                self._publish_full(together[0])
            else:
                self._transact([action for each in together for action in each.actions])
            for each in together:
                del self._held[each.category]

    def retire(self, record: BankRecord) -> None:
        """Retire a question, and end the lease of its category.

        Raises:
            TransactionConditionError: the lease was lost, or the question changed.
        """
        category, _ = category_and_ordinal(record.question.question_id)
        entry = self._held[category]
        retired = record._replace(
            question=record.question._replace(retired=True), updated_at=self.services.clock()
        )
        put = self.services.questions.put(retired, expected_version=record.question.version)
        entry = entry._replace(active=entry.active - 1)
        self._transact([put, self.services.categories.publish(entry, self.holder, edits=True)])
        del self._held[category]

    def close(self) -> None:
        """End all leases without publishing: what was staged never becomes visible.

        Raises:
            TransactionConditionError: a lease was lost already.
        """
        ends = [self.services.categories.release(each, self.holder) for each in self._ends()]
        self._held.clear()
        for at in range(0, len(ends), MAX_ACTIONS):
            self._transact(ends[at : at + MAX_ACTIONS])

    def held(self, identifier: str) -> BankRecord | None:
        """Read a published question of a category that is held."""
        category, ordinal = category_and_ordinal(identifier)
        if category not in self._held or ordinal >= self._claimed[category].size:
            return None
        return self.services.questions.records([identifier]).get(identifier)

    def _ends(self) -> list[Category]:
        return [self._claimed[category] for category in self._held]

    def _publications(self, updates: Sequence[Update]) -> Iterator[_Publication]:
        table = self.services.categories
        for category, entry in self._held.items():
            puts = [self._put(each) for each in updates if each.category == category]
            for unit in self._deferred:
                if unit.category == category:
                    puts += unit.actions
            if puts or entry != self._claimed[category]:
                end = table.publish(entry, self.holder, edits=bool(puts))
            else:
                end = table.release(entry, self.holder)
            yield _Publication(category, puts, end)

    def _publish_full(self, publication: _Publication) -> None:
        """Publish 100 updates: they leave no room for the lease in their transaction."""
        self._transact([self._renewal(publication.category, edits=True)])
        self._transact(publication.puts)
        self._transact([publication.end])

    def _renew_what_is_due(self) -> None:
        # Not claimed again: another writer may have overwritten what is staged.
        soon = self.services.clock() + LEASE // 2
        due = [category for category in self._held if self._until[category] < soon]
        for at in range(0, len(due), MAX_ACTIONS):
            self._transact([self._renewal(each) for each in due[at : at + MAX_ACTIONS]])

    def _renewal(self, category: str, *, edits: bool = False) -> Action:
        self._until[category] = self.services.clock() + LEASE
        lease = Lease(self.holder, self._until[category])
        return self.services.categories.renew(category, lease, edits=edits)

    def _write(
        self, units: Sequence[Unit], *, edits: bool = False, most: int = MAX_DRAFTS_TOGETHER
    ) -> None:
        for group in grouped(units, most=most):
            categories = dict.fromkeys(unit.category for unit in group)
            renewals = [self._renewal(each, edits=edits) for each in categories]
            self._transact([*renewals, *(action for unit in group for action in unit.actions)])

    def _put(self, update: Update) -> Action:
        expected = update.replaces.question.version
        return self.services.questions.put(update.record, expected_version=expected)

    def _count(self, updates: Iterable[Update]) -> None:
        for each in updates:
            if each.revives:
                entry = self._held[each.category]
                self._held[each.category] = entry._replace(active=entry.active + 1)

    def _transact(self, actions: Sequence[Action]) -> None:
        self.services.transactions.write(actions)


def _packed(publications: Sequence[_Publication]) -> Iterator[list[_Publication]]:
    """Pack categories into transactions; only one of `MAX_QUESTIONS` updates exceeds its own."""
    assert all(len(each.puts) <= MAX_QUESTIONS for each in publications)  # noqa: S101
    together: list[_Publication] = []
    for each in publications:
        if sum(len(one.actions) for one in [*together, each]) > MAX_ACTIONS and together:
            yield together
            together = []
        together.append(each)
    if together:
        yield together
