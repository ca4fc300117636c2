"""Use cases of an import: open it for categories, send parts, publish or delete it.

An import holds long leases on its categories. Each of its transactions fails unless it is still the
turn of the request that makes it and the leases are held, so a request that was given up by its
client cannot interfere with the one that follows. Nothing that a part stages is visible, and a part
counts only once its last transaction is made: a part that was interrupted is staged again over
what is left of it.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Any

from lambdas.contract.errors import (
    FieldCode,
    FieldFault,
    ImportExpiredError,
    ImportOverError,
    NotFoundError,
    UnavailableError,
    ValidationError,
)
from lambdas.questions.drafts import result_views, settle_each
from lambdas.questions.staging import (
    Batch,
    ImportPart,
    Staged,
    Unit,
    actions_of,
    grouped,
)
from lambdas.questions.writing import IMPORTING, bank_writer
from lambdas.shared.services import Services
from lambdas.shared.store.categories import Category, Lease
from lambdas.shared.store.errors import ImportChangedError, TransactionConditionError
from lambdas.shared.store.imports import (
    BankImport,
    ImportStatus,
    PendingUpdate,
    ReceivedPart,
)
from lambdas.shared.store.transaction import MAX_ACTIONS, Action

if TYPE_CHECKING:
    from lambdas.contract import responses
    from lambdas.contract.bodies.bank_import import OpenImport
    from lambdas.contract.bodies.question import QuestionDraft

LIFETIME = 15 * 60_000
"""Milliseconds until the leases of an import end, unless it renews them."""

RENEWED_BELOW = 10 * 60_000
"""Milliseconds left of the leases below which a request renews them."""

UPDATED_TOGETHER = 97
"""Updates of one transaction, with their category, the import and the group of the updates."""

TRANSACTIONS_A_CALL = 10
"""Transactions of updates that one call publishes: well within its time."""


def open_import(
    services: Services, user_id: str, wanted: "OpenImport", key: str | None
) -> tuple[BankImport, bool]:
    """Return an import that holds the leases of its categories, and whether it is new.

    A repeated idempotency key of the same user returns the import that it opened, in whatever
    state it is.

    Raises:
        UnavailableError: another writer holds one of the categories.
        ValidationError: the key was used for other categories.
    """
    import_id = _import_id(services, user_id, key)
    if key and (known := services.imports.get(import_id)):
        return _same(known, wanted), False
    with bank_writer(services, set(wanted.categories), holder=_holder(import_id)):
        now = services.clock()
        new = BankImport(
            import_id=import_id,
            status=ImportStatus.OPEN,
            categories=wanted.categories,
            created_at=now,
            expires_at=now + LIFETIME,
        )
        try:
            services.transactions.write(
                [services.imports.open(new), *_renewals(services, new, wanted.categories)]
            )
        except TransactionConditionError as refused:
            known = services.imports.get(import_id)
            if known is None or not refused.find(ImportChangedError):
                raise
            return _same(known, wanted), False
    return new, True


def get_import(services: Services, import_id: str) -> BankImport:
    """Return an import.

    Raises:
        NotFoundError: there is none with this id.
    """
    found = services.imports.get(import_id)
    if found is None:
        raise NotFoundError
    return found


def add_part(
    services: Services, import_id: str, number: int, questions: Sequence[Any]
) -> "list[responses.SaveResult]":
    """Stage up to 100 questions as a part of an import; return their results, by place.

    Repeating a part returns the results of its first time.

    Raises:
        NotFoundError: there is no such import.
        ImportExpiredError, ImportOverError: it takes no parts any more.
        ValidationError: it is not the next part, or a repeated one with other questions.
        UnavailableError: another request works on the import.
    """
    digest = blake2b(json.dumps(questions, sort_keys=True).encode(), digest_size=16).hexdigest()
    with _explained():
        current = _taken(services, import_id)
        if number <= current.parts:
            return _repeated(services, current, number, digest)
        _require(current, services.clock(), ImportStatus.OPEN)
        if number != current.parts + 1:
            message = f"Send part {current.parts + 1} next."
            raise ValidationError([FieldFault("part", FieldCode.INVALID_VALUE, message)])
        current = _renewed(services, current)
        return _Part(services, current, number, digest).save(questions)


def publish_import(services: Services, import_id: str) -> BankImport:
    """Publish what is staged: new questions first, category by category as a whole, then updates.

    A call writes up to ten transactions of updates; repeat it until none is left.

    Raises:
        NotFoundError: there is no such import.
        ImportExpiredError, ImportOverError: it cannot be published any more.
        UnavailableError: another request works on the import.
    """
    with _explained():
        current = _taken(services, import_id)
        if current.status is ImportStatus.PUBLISHED:
            return current
        _require(current, services.clock(), ImportStatus.OPEN, ImportStatus.PUBLISHING)
        current = _renewed(services, current)
        if current.status is ImportStatus.OPEN:
            current = _publish_new(services, current)
        for _ in range(TRANSACTIONS_A_CALL):
            if current.updates_left:
                current = _publish_updates(services, current)
        if current.status is ImportStatus.PUBLISHING and not current.updates_left:
            current = _finish(services, current, ImportStatus.PUBLISHED)
        return current


def delete_import(services: Services, import_id: str) -> None:
    """Delete an import and release its categories; a repeated call changes nothing.

    Published questions stay; nothing else of the import becomes visible.

    Raises:
        NotFoundError: there is no such import.
        ImportOverError: it is published.
        UnavailableError: another request works on the import.
    """
    with _explained():
        current = _taken(services, import_id)
        if current.status is ImportStatus.PUBLISHED:
            raise ImportOverError("The import is published.")
        if current.status is not ImportStatus.DELETED:
            _finish(services, current, ImportStatus.DELETED)


class _Part:
    """A part on its way into an import.

    `_units` are the writes of its drafts, `_grown` the categories that have new questions in it.
    """

    def __init__(self, services: Services, current: BankImport, number: int, digest: str) -> None:
        self._services = services
        self._import = current
        self._number = number
        self._digest = digest
        self._units: list[Unit] = []
        self._grown: dict[str, Category] = {}

    def save(self, questions: Sequence[Any]) -> "list[responses.SaveResult]":
        """Stage the part's questions; the last transaction makes it count."""
        results = settle_each(questions, self._settle, self._import.categories)
        views = result_views(results)
        services = self._services
        final = self._final_actions(results, views)
        groups = list(grouped(self._units, reserved=1))
        last = groups.pop() if groups else []
        if actions_of(last) + len(self._grown) + len(final) > MAX_ACTIONS:
            groups.append(last)
            last = []
        fence = services.imports.save(self._import)
        for group in groups:
            services.transactions.write([fence, *self._actions(group, {})])
        stages = {
            name: services.categories.stage(entry, _lease(self._import))
            for name, entry in self._grown.items()
        }
        services.transactions.write([*final, *self._actions(last, stages)])
        return views

    def _settle(self, drafts: "Sequence[QuestionDraft]") -> list[Staged]:
        before = _entries(self._services, self._import, drafts)
        part = ImportPart(self._import.import_id, self._number)
        batch = Batch(self._services, dict(before), {}, drafts, part)
        staged = [batch.settle(draft) for draft in drafts]
        self._units = batch.units
        self._grown = {
            name: entry for name, entry in batch.entries.items() if entry != before[name]
        }
        return staged

    def _final_actions(
        self, results: Sequence[Staged], views: "list[responses.SaveResult]"
    ) -> list[Action]:
        """Return the actions that make the part count."""
        pending = sorted(
            (
                PendingUpdate(
                    each.update.record,
                    each.update.replaces.question.version,
                    each.update.revives,
                )
                for each in results
                if each.update
            ),
            key=lambda each: each.category,
        )
        table, current = self._services.imports, self._import
        changed = current._replace(
            parts=self._number,
            groups=current.groups + bool(pending),
            updates_left=current.updates_left + len(pending),
        )
        received = ReceivedPart(self._digest, json.dumps(views))
        actions = [table.save(changed), table.put_part(changed, self._number, received)]
        if pending:
            actions.append(table.put_group(changed, changed.groups, pending))
        return actions

    def _actions(self, group: Sequence[Unit], leases: dict[str, Action]) -> list[Action]:
        """Return the actions of a group, with one for the lease of each of its categories."""
        renewed = {
            unit.category: self._services.categories.renew(unit.category, _lease(self._import))
            for unit in group
        }
        return [*(renewed | leases).values(), *(each for unit in group for each in unit.actions)]


def _publish_new(services: Services, current: BankImport) -> BankImport:
    """Publish the new questions of all categories in one transaction.

    Without updates, the transaction finishes the import as well.
    """
    holder, table = _holder(current.import_id), services.categories
    done = not current.updates_left
    changed = current._replace(status=ImportStatus.PUBLISHED if done else ImportStatus.PUBLISHING)
    actions = [services.imports.save(changed)]
    for entry in _held(services, current):
        if entry.staged_size is not None:
            grown = entry._replace(size=entry.staged_size, active=entry.staged_active or 0)
            until = None if done else current.expires_at
            actions.append(table.publish(grown, holder, until=until))
        elif done:
            actions.append(table.release(entry, holder))
    services.transactions.write(actions)
    return changed


def _publish_updates(services: Services, current: BankImport) -> BankImport:
    """Write the next updates of the current group in one transaction."""
    pending = services.imports.group(current.import_id, current.group)
    left = pending[current.offset :]
    units = [
        Unit(
            each.category,
            (services.questions.put(each.record, expected_version=each.expected_version),),
        )
        for each in left
    ]
    # The group is in order of categories, so the first transaction takes it from its beginning.
    together = next(iter(grouped(units, most=UPDATED_TOGETHER, reserved=2)), [])
    written = list(islice(left, len(together)))
    changed = current._replace(
        offset=current.offset + len(written), updates_left=current.updates_left - len(written)
    )
    ends: list[Action] = []
    if changed.offset == len(pending):
        changed = changed._replace(group=current.group + 1, offset=0)
        ends.append(services.imports.delete_group(current.import_id, current.group))
    renewals = [
        services.categories.renew(
            category,
            _lease(current),
            edits=True,
            revived=sum(each.revives for each in written if each.category == category),
        )
        for category in dict.fromkeys(each.category for each in written)
    ]
    puts = [action for unit in together for action in unit.actions]
    services.transactions.write([services.imports.save(changed), *ends, *renewals, *puts])
    return changed


def _finish(services: Services, current: BankImport, status: ImportStatus) -> BankImport:
    """Release the categories that the import still holds, and give it its last status."""
    holder = _holder(current.import_id)
    releases = [services.categories.release(entry, holder) for entry in _held(services, current)]
    changed = current._replace(status=status)
    services.transactions.write([services.imports.save(changed), *releases])
    return changed


def _held(services: Services, current: BankImport) -> list[Category]:
    entries = services.categories.staged(current.categories).values()
    return [entry for entry in entries if entry.holder == _holder(current.import_id)]


def _entries(
    services: Services, current: BankImport, drafts: "Sequence[QuestionDraft]"
) -> dict[str, Category]:
    """Return the categories of drafts at the sizes that earlier parts have staged.

    Raises:
        ImportExpiredError: the import lost one of them.
    """
    names = {draft.category for draft in drafts}
    found = services.categories.staged(names)
    for name in names:
        if name not in found or found[name].holder != _holder(current.import_id):
            raise ImportExpiredError
    return {
        name: entry
        if entry.staged_size is None
        else entry._replace(size=entry.staged_size, active=entry.staged_active or 0)
        for name, entry in found.items()
    }


def _repeated(
    services: Services, current: BankImport, number: int, digest: str
) -> "list[responses.SaveResult]":
    received = services.imports.part(current.import_id, number)
    if received is None:
        raise ImportExpiredError
    if received.digest != digest:
        message = "This part was sent before with other questions."
        raise ValidationError([FieldFault("part", FieldCode.CONFLICT, message)])
    views: list[responses.SaveResult] = json.loads(received.results)
    return views


def _taken(services: Services, import_id: str) -> BankImport:
    taken = services.imports.take_turn(import_id, services.entropy(8).hex())
    if taken is None:
        raise NotFoundError
    return taken


def _require(current: BankImport, now: int, *allowed: ImportStatus) -> None:
    status = current.status_at(now)
    if status is ImportStatus.EXPIRED:
        raise ImportExpiredError
    if status not in allowed:
        raise ImportOverError(f"The import is {status.lower()}.")


def _renewed(services: Services, current: BankImport) -> BankImport:
    """Renew the leases of all categories if less than ten minutes of them are left."""
    now = services.clock()
    if current.expires_at - now >= RENEWED_BELOW:
        return current
    renewed = current._replace(expires_at=now + LIFETIME)
    services.transactions.write(
        [services.imports.save(renewed), *_renewals(services, renewed, renewed.categories)]
    )
    return renewed


def _renewals(services: Services, of: BankImport, categories: Sequence[str]) -> list[Action]:
    return [services.categories.renew(category, _lease(of)) for category in categories]


def _lease(current: BankImport) -> Lease:
    return Lease(_holder(current.import_id), current.expires_at)


def _holder(import_id: str) -> str:
    return IMPORTING + import_id


def _import_id(services: Services, user_id: str, key: str | None) -> str:
    """Return a random id, or one that depends on the user and the key alone."""
    if key is None:
        return services.entropy(16).hex()
    return blake2b(f"{user_id} {key}".encode(), digest_size=16).hexdigest()


def _same(known: BankImport, wanted: "OpenImport") -> BankImport:
    if set(known.categories) != set(wanted.categories):
        message = "The idempotency key was used for other categories."
        raise ValidationError([FieldFault("categories", FieldCode.CONFLICT, message)])
    return known


@contextmanager
def _explained() -> Iterator[None]:
    """Turn a refused transaction into the problem that it means for the client.

    Raises:
        UnavailableError: another request works on the import.
        ImportExpiredError: the import lost a category.
    """
    try:
        yield
    except TransactionConditionError as refused:
        if refused.find(ImportChangedError):
            raise UnavailableError("Another request works on the import; send it again.") from None
        raise ImportExpiredError from None
