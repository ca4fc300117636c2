"""Transactions: several writes, in one table or more, all or none."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from lambdas.shared.store.client import THROTTLED_REASONS, Database, Item
from lambdas.shared.store.errors import (
    InvalidRequestError,
    RefusedWriteError,
    TransactionConditionError,
)
from lambdas.shared.store.retry import ConflictError, Pause, retry_on_conflict

MAX_ACTIONS = 100
"""DynamoDB's limit for one transaction."""

_PASSING = THROTTLED_REASONS | {"TransactionConflict"}


def _refused(_item: Item | None) -> RefusedWriteError:
    return RefusedWriteError("the condition of an action did not hold")


class Action(NamedTuple):
    """One write of a transaction, as every table class returns it.

    Attributes:
        request: DynamoDB's action: `{"Put": {...}}`, or `Update`, `Delete`, `ConditionCheck`.
        refused: Returns the table's error for a failed condition, from the current item, which
            DynamoDB returns only if the request asks for it.
    """

    request: Mapping[str, Any]
    refused: Callable[[Item | None], RefusedWriteError] = _refused

    @property
    def item(self) -> Item:
        """The item that a `Put` writes."""
        item: Item = self.request["Put"]["Item"]
        return item


class Transactions(NamedTuple):
    """Runs transactions. `pause` waits a number of seconds."""

    database: Database
    pause: Pause = time.sleep

    def write(self, actions: Sequence[Action | Mapping[str, Any]]) -> None:
        """Write up to 100 actions together.

        Raises:
            TransactionConditionError: a condition did not hold; nothing was written.
            StoreUnavailableError: it kept colliding with other transactions; nothing was written.
            InvalidRequestError: an item would be too large, or a key is invalid.
        """
        typed = [each if isinstance(each, Action) else Action(each) for each in actions]
        retry_on_conflict(lambda: self._write(typed), self.pause)

    def _write(self, actions: Sequence[Action]) -> None:
        requests = [action.request for action in actions]
        try:
            self.database.call("transact_write_items", TransactItems=requests)
        except ClientError as error:
            raise _meaning(error, actions) from None


def _meaning(error: ClientError, actions: Sequence[Action]) -> Exception:
    """Return the error that stands for a refused transaction."""
    response: Any = error.response
    if response["Error"]["Code"] == "TransactionInProgressException":
        return ConflictError()
    if response["Error"]["Code"] != "TransactionCanceledException":
        return error
    reasons = response.get("CancellationReasons", [])
    refusals = tuple(
        action.refused(reason.get("Item"))
        for action, reason in zip(actions, reasons, strict=False)
        if reason["Code"] == "ConditionalCheckFailed"
    )
    if refusals:
        return TransactionConditionError(refusals)
    if any(reason["Code"] == "ValidationError" for reason in reasons):
        return InvalidRequestError(str(error))
    passing = any(reason["Code"] in _PASSING for reason in reasons)
    return ConflictError() if passing else error
