"""Writes that meet a transaction on the same item: tried again here, as the SDK does not."""

import random
from collections.abc import Callable
from typing import TypeVar

from lambdas.shared.store.errors import StoreUnavailableError
from lambdas.shared.telemetry.metrics import CONFLICTS
from lambdas.shared.telemetry.request_log import count

ATTEMPTS = 4
"""The first attempt and at most three more."""

BACKOFF = 0.05
"""Seconds the first pause is drawn from, doubling: full jitter, as in the AWS Architecture Blog's
"Exponential Backoff And Jitter"."""

Result = TypeVar("Result")


class ConflictError(Exception):
    """A write met somebody else's transaction, or was throttled within its own."""


def patiently(write: Callable[[], Result], pause: Callable[[float], None]) -> Result:
    """Return what a write returns, trying again while it conflicts; `pause` is given seconds.

    Raises:
        StoreUnavailableError: it kept colliding; nothing was written.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            # Jitter only spreads retries; nothing depends on what it is.
            pause(random.uniform(0, BACKOFF * 2**attempt))  # noqa: S311  # nosec B311
        try:
            return write()
        except ConflictError:
            count(CONFLICTS)
    raise StoreUnavailableError("The item is being changed by too many requests at once.")
