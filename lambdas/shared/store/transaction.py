"""Writes that span tables: all of it or nothing."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from lambdas.shared.store.client import THROTTLED_REASONS, ConditionFailedError, Database
from lambdas.shared.store.conflicts import ConflictError, patiently

_PASSING = THROTTLED_REASONS | {"TransactionConflict"}


class TransactionConditionError(ConditionFailedError):
    """A condition of a transaction did not hold; `failed` are the places of the actions refused.

    `item` is the current item of the first of them, where it asked for it.
    """

    def __init__(self, failed: tuple[int, ...], item: dict[str, Any] | None) -> None:
        """Take the places and the item."""
        super().__init__(item)
        self.failed = failed


class Transactions(NamedTuple):
    """Runs transactions; `pause` is given seconds to wait."""

    database: Database
    pause: Callable[[float], None] = time.sleep

    def write(self, actions: Sequence[Mapping[str, Any]]) -> None:
        """Write up to 100 actions (`Put`, `Update`, `Delete`, `ConditionCheck`) together.

        Raises:
            TransactionConditionError: a condition did not hold; nothing was written.
            UnavailableError: it kept colliding with other transactions; nothing was written.
        """
        patiently(lambda: self._write(actions), self.pause)

    def _write(self, actions: Sequence[Mapping[str, Any]]) -> None:
        try:
            self.database.call("transact_write_items", TransactItems=list(actions))
        except ClientError as error:
            raise _meaning(error) from None


def _meaning(error: ClientError) -> Exception:
    """Return what a refused transaction comes to."""
    response: Any = error.response
    if response["Error"]["Code"] == "TransactionInProgressException":
        return ConflictError()
    if response["Error"]["Code"] != "TransactionCanceledException":
        return error
    reasons = response.get("CancellationReasons", [])
    failed = tuple(
        place for place, reason in enumerate(reasons) if reason["Code"] == "ConditionalCheckFailed"
    )
    if failed:
        return TransactionConditionError(failed, reasons[failed[0]].get("Item"))
    passing = any(reason["Code"] in _PASSING for reason in reasons)
    return ConflictError() if passing else error
