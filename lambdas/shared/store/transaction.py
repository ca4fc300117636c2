"""Writes that span tables: all of it or nothing."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from lambdas.shared.errors import UnavailableError
from lambdas.shared.store.client import ConditionFailedError, Database

CONFLICT_ATTEMPTS = 4
"""The first attempt and at most three more: the SDK does not retry a TransactionConflict."""

CONFLICT_BACKOFF = 0.05
"""Seconds the first pause is drawn from, doubling: full jitter, as in the AWS Architecture Blog's
"Exponential Backoff And Jitter"."""

_PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


class TransactionConditionError(ConditionFailedError):
    """A condition of a transaction did not hold; `failed` are the places of the actions refused.

    `item` is the current item of the first of them, where it asked for it.
    """

    def __init__(self, failed: tuple[int, ...], item: dict[str, Any] | None) -> None:
        """Take the places and the item."""
        super().__init__(item)
        self.failed = failed


@dataclass(frozen=True)
class Transactions:
    """Runs transactions; `pause` is given seconds to wait."""

    database: Database
    pause: Callable[[float], None] = time.sleep

    def write(self, actions: Sequence[Mapping[str, Any]]) -> None:
        """Write up to 100 actions (`Put`, `Update`, `Delete`, `ConditionCheck`) together.

        Raises:
            TransactionConditionError: a condition did not hold; nothing was written.
            UnavailableError: it kept colliding with other transactions; nothing was written.
        """
        for attempt in range(CONFLICT_ATTEMPTS):
            if attempt:
                # Jitter only spreads retries; nothing depends on what it is.
                self.pause(random.uniform(0, CONFLICT_BACKOFF * 2**attempt))  # noqa: S311  # nosec B311
            try:
                self.database.call("transact_write_items", TransactItems=list(actions))
            except ClientError as error:
                _raise_unless_passing(error)
            else:
                return
        raise UnavailableError("The item is being changed by too many requests at once.")


def _raise_unless_passing(error: ClientError) -> None:
    response: Any = error.response
    if response["Error"]["Code"] == "TransactionInProgressException":
        return
    if response["Error"]["Code"] != "TransactionCanceledException":
        raise error
    reasons = response.get("CancellationReasons", [])
    failed = tuple(
        place for place, reason in enumerate(reasons) if reason["Code"] == "ConditionalCheckFailed"
    )
    if failed:
        raise TransactionConditionError(failed, reasons[failed[0]].get("Item")) from None
    if not any(reason["Code"] in _PASSING for reason in reasons):
        raise error
