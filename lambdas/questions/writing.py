"""Runs work under the leases of categories, and turns lost leases into problems for the client."""

import math
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress

from lambdas.contract.errors import UnavailableError
from lambdas.questions.bank_writer import LEASE, BankWriter
from lambdas.shared.services import Services
from lambdas.shared.store.errors import (
    CategoryBusyError,
    StoreUnavailableError,
    TransactionConditionError,
)

CLAIM_ATTEMPTS = 5
"""Attempts of a request to take its leases; another request holds them for some 0.1 s."""

CLAIM_PAUSE = 0.2
"""Seconds between two attempts."""

IMPORTING = "import "
"""Beginning of the holder's name in the leases of an import, before its id."""


@contextmanager
def bank_writer(
    services: Services,
    categories: Set[str],
    *,
    existing: bool = False,
    holder: str | None = None,
) -> Iterator[BankWriter]:
    """Hold the leases of categories, and release them if the work fails.

    `existing` as in `BankWriter.open`; `holder` is the writer's name, random by default.

    Raises:
        UnavailableError: another writer holds one of them, or took one over.
    """
    writer = BankWriter(services, holder or services.entropy(8).hex())
    try:
        _open(writer, categories, existing=existing)
        yield writer
    except BaseException as error:
        # The first error is the one to report, not that of a lease that was lost already.
        with suppress(TransactionConditionError, StoreUnavailableError):
            writer.close()
        if isinstance(error, TransactionConditionError):
            raise UnavailableError("Another writer changed the category; try again.") from None
        raise


def _open(writer: BankWriter, categories: Set[str], *, existing: bool) -> None:
    for attempt in range(1, CLAIM_ATTEMPTS + 1):
        try:
            writer.open(categories, existing=existing)
        except CategoryBusyError as error:
            if attempt == CLAIM_ATTEMPTS or error.milliseconds > LEASE:
                raise _busy(error) from None
            writer.services.transactions.pause(CLAIM_PAUSE)
        else:
            return


def _busy(error: CategoryBusyError) -> UnavailableError:
    holder = error.holder if error.holder.startswith(IMPORTING) else "another writer"
    return UnavailableError(
        f"The category {error.category} is held by {holder}; try again when it is done.",
        retry_after=max(1, math.ceil(error.milliseconds / 1000)),
    )
