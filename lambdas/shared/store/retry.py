"""Retries with exponential backoff and full jitter, beside those of the SDK.

The SDK retries throttled, failed and lost calls. It does not retry a write that met a transaction
on its item, nor the part of a batch that DynamoDB left unprocessed.
"""

import random
from collections.abc import Callable, Iterator
from typing import TypeVar

from lambdas.shared.store.errors import StoreUnavailableError
from lambdas.shared.telemetry.metrics import CONFLICTS
from lambdas.shared.telemetry.request_log import count

CONFLICT_ATTEMPTS = 4
"""Attempts at a write that conflicts with others."""

BACKOFF = 0.05
"""Seconds. The n-th pause is drawn uniformly from 0 to this times 2^n: full jitter, as in the AWS
Architecture Blog's "Exponential Backoff And Jitter"."""

Pause = Callable[[float], None]
"""Waits a number of seconds."""

Result = TypeVar("Result")


class ConflictError(Exception):
    """A write met another transaction on its item, or was throttled within its own."""


def attempts(most: int, pause: Pause) -> Iterator[int]:
    """Yield the numbers of up to `most` attempts from 0, and pause before each but the first."""
    for attempt in range(most):
        if attempt:
            # Jitter only spreads retries; no secret depends on it.
            pause(random.uniform(0, BACKOFF * 2**attempt))  # noqa: S311  # nosec B311
        yield attempt


def retry_on_conflict(write: Callable[[], Result], pause: Pause) -> Result:
    """Return the result of a write, and repeat it while it conflicts.

    Raises:
        StoreUnavailableError: every attempt conflicted; nothing was written.
    """
    for _ in attempts(CONFLICT_ATTEMPTS, pause):
        try:
            return write()
        except ConflictError:
            count(CONFLICTS)
    raise StoreUnavailableError("The item is being changed by too many requests at once.")
