"""Errors of the store.

They describe the data, never a response: `lambdas.shared.http.store_problems` maps those that may
reach a client.
"""

from typing import Any, TypeVar

from domain.session.state import Session
from lambdas.shared.store.start_records import StartCounts, StartedByKey

Refusal = TypeVar("Refusal", bound="RefusedWriteError")


class StoreError(Exception):
    """Base of every error the store raises."""


class StoreUnavailableError(StoreError):
    """The database cannot serve the call now; a later attempt may succeed.

    Attributes:
        retry_after: Seconds after which to try again.
    """

    def __init__(self, detail: str, *, retry_after: int = 1) -> None:
        """Keep a sentence for the client and the time to wait."""
        super().__init__(detail)
        self.retry_after = retry_after


class InvalidRequestError(StoreError):
    """DynamoDB rejects the request itself: an item is too large, or a key invalid."""


class ConditionFailedError(StoreError):
    """The condition of a single write did not hold. Table classes decode it; it stays inside.

    Attributes:
        item: The current item in DynamoDB's JSON, None if there is none.
    """

    def __init__(self, item: dict[str, Any] | None) -> None:
        """Keep the current item."""
        super().__init__("the condition of a write did not hold")
        self.item = item


class RefusedWriteError(StoreError):
    """A write was refused: the table is not in the state that the caller expected."""


class AccountErasedError(RefusedWriteError):
    """The learner's account was erased."""


class SessionChangedError(RefusedWriteError):
    """The session is at another version than expected, or exists already.

    Attributes:
        current: The session as it is now, None if there is none.
    """

    def __init__(self, current: Session | None) -> None:
        """Keep the current session."""
        super().__init__("the session was changed by another request")
        self.current = current


class KeyUsedError(RefusedWriteError):
    """The Idempotency-Key has started a session already.

    Attributes:
        started: The session it started, with the digest of that request's body.
    """

    def __init__(self, started: StartedByKey) -> None:
        """Keep the marker."""
        super().__init__("the idempotency key is in use")
        self.started = started


class StartRefusedError(RefusedWriteError):
    """The counts of the learner's sessions changed or are at a limit.

    Attributes:
        counts: The counts as they are now.
    """

    def __init__(self, counts: StartCounts) -> None:
        """Keep the current counts."""
        super().__init__("the learner's session counts changed")
        self.counts = counts


class PoolEntryChangedError(RefusedWriteError):
    """A pool entry has another owner, owes other tries, or its key is taken."""


class CategoryBusyError(StoreError):
    """Another writer holds the lease of a category.

    Attributes:
        category: The category.
        milliseconds: Time until the lease ends, unless its holder renews it.
        holder: Who holds it.
    """

    def __init__(self, category: str, milliseconds: int, holder: str) -> None:
        """Keep the category and its lease."""
        super().__init__(f"the category {category} has another writer")
        self.category = category
        self.milliseconds = milliseconds
        self.holder = holder


class ImportChangedError(RefusedWriteError):
    """Another request works on the import now, or it exists already."""


class TransactionConditionError(StoreError):
    """Conditions of a transaction did not hold; nothing was written.

    Attributes:
        refusals: The error of each refused action, in the order of the actions.
    """

    def __init__(self, refusals: tuple[RefusedWriteError, ...]) -> None:
        """Keep the refusals."""
        super().__init__("conditions of a transaction did not hold")
        self.refusals = refusals

    def find(self, kind: type[Refusal]) -> Refusal | None:
        """Return the first refusal of a kind, None if there is none."""
        return next((each for each in self.refusals if isinstance(each, kind)), None)
