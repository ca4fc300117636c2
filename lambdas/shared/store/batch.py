"""BatchGetItem and BatchWriteItem in chunks, with a bounded retry of unprocessed parts."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.shared.store.client import Database, Item
from lambdas.shared.store.errors import StoreUnavailableError
from lambdas.shared.store.retry import Pause, attempts

MAX_KEYS = 100
"""DynamoDB's limit for one BatchGetItem."""

MAX_WRITES = 25
"""DynamoDB's limit for one BatchWriteItem."""

ATTEMPTS = 5
"""Calls for one chunk."""


def batch_get(
    database: Database,
    table: str,
    keys: Sequence[Item],
    *,
    consistent: bool = False,
    projection: str | None = None,
    pause: Pause = time.sleep,
) -> list[Item]:
    """Return the items that exist of those named, in no order; whole, or their `projection`.

    Raises:
        StoreUnavailableError: keys were left unprocessed.
    """
    items: list[Item] = []
    how: dict[str, Any] = {"ConsistentRead": consistent}
    if projection is not None:
        how["ProjectionExpression"] = projection
    for at in range(0, len(keys), MAX_KEYS):
        wanted = {table: {"Keys": keys[at : at + MAX_KEYS], **how}}
        items += batch_get_together(database, wanted, pause=pause)[table]
    return items


def batch_get_together(
    database: Database,
    wanted: Mapping[str, Mapping[str, Any]],
    *,
    pause: Pause = time.sleep,
) -> Mapping[str, list[Item]]:
    """Return the items that exist of up to 100 keys in several tables, by table.

    `wanted` is as in BatchGetItem's `RequestItems`.

    Raises:
        StoreUnavailableError: keys were left unprocessed.
    """
    items: dict[str, list[Item]] = {table: [] for table in wanted}
    pending: Mapping[str, Any] = wanted
    for _ in attempts(ATTEMPTS, pause):
        found = database.call("batch_get_item", RequestItems=pending)
        for table, some in found["Responses"].items():
            items[table] += some
        pending = found.get("UnprocessedKeys", {})
        if not pending:
            return items
    raise StoreUnavailableError("The database left part of a read undone.")


def batch_write(
    database: Database,
    table: str,
    writes: Sequence[Mapping[str, Any]],
    *,
    pause: Pause = time.sleep,
) -> None:
    """Carry out writes without a condition, each by itself: `PutRequest` or `DeleteRequest`.

    Raises:
        StoreUnavailableError: some were left unprocessed; others may be done.
    """
    for at in range(0, len(writes), MAX_WRITES):
        pending: Mapping[str, Any] = {table: writes[at : at + MAX_WRITES]}
        for _ in attempts(ATTEMPTS, pause):
            found = database.call("batch_write_item", RequestItems=pending)
            pending = found.get("UnprocessedItems", {})
            if not pending:
                break
        else:
            raise StoreUnavailableError("The database left part of a write undone.")
