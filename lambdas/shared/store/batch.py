"""BatchGetItem in chunks, its unprocessed keys asked for again within a bound."""

import random
import time
from collections.abc import Callable, Sequence

from lambdas.shared.errors import UnavailableError
from lambdas.shared.store.client import Database, Item

MAX_KEYS = 100
"""DynamoDB's limit for one BatchGetItem."""

ATTEMPTS = 5
"""Calls for one chunk: what is unprocessed after four more is reported, not waited for."""

BACKOFF = 0.05
"""Seconds the first pause is drawn from, doubling, with full jitter."""


def batch_get(
    database: Database,
    table: str,
    keys: Sequence[Item],
    *,
    consistent: bool = False,
    pause: Callable[[float], None] = time.sleep,
) -> list[Item]:
    """Return the items that exist of those named, in no order.

    Raises:
        UnavailableError: keys were left unprocessed.
    """
    items: list[Item] = []
    for at in range(0, len(keys), MAX_KEYS):
        pending: list[Item] = list(keys[at : at + MAX_KEYS])
        for attempt in range(ATTEMPTS):
            if attempt:
                # Jitter only spreads retries; nothing depends on what it is.
                pause(random.uniform(0, BACKOFF * 2**attempt))  # noqa: S311
            found = database.call(
                "batch_get_item",
                RequestItems={table: {"Keys": pending, "ConsistentRead": consistent}},
            )
            items += found["Responses"].get(table, [])
            pending = found.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
            if not pending:
                break
        else:
            raise UnavailableError("The database left part of a read undone.")
    return items
