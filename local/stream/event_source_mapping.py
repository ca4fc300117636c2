"""Stands in for Lambda's event source mapping: delivers batches of stream records to a consumer.

As documented for DynamoDB streams (https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html): a
batch is retried as a whole, from the lowest record that the consumer reports, or in halves when it
raised; what fails for good is discarded to where failed batches are kept, and delivery goes on.
Only the pauses between attempts are ours, for Lambda does not publish its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lambdas.contract.delivery import Delivery

Record = dict[str, Any]
"""A record as a function gets it, in an event's `Records`."""

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 10.0


class Condition(StrEnum):
    """Why a batch was given up."""

    ATTEMPTS = "RetryAttemptsExhausted"
    AGE = "RecordAgeExceeded"


class ConsumerError(Exception):
    """The consumer raised, or ran out of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedBatch:
    """Records that were given up, in order."""

    records: Sequence[Record]
    condition: Condition
    invocations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSourceMapping:
    """Settles batches, one after the other.

    `invoke` returns what the consumer answers to records, or raises ConsumerError; `discard` keeps
    a failed batch; `settled` receives each record up to which nothing is left to do; `wait` pauses
    for seconds, and may raise what is to end the delivery; `now` is in seconds since the epoch.
    """

    settings: Delivery
    invoke: Callable[[Sequence[Record]], object]
    discard: Callable[[FailedBatch], None]
    settled: Callable[[Record], None]
    wait: Callable[[float], object]
    now: Callable[[], float]

    def deliver(self, batch: Sequence[Record]) -> None:
        """Send a batch until each of its records is counted or discarded, in order."""
        pending = [batch]
        while pending:
            current = pending.pop()
            rest = self._send(current)
            done = len(current) - sum(map(len, rest))
            if done:
                self.settled(current[done - 1])
            pending += reversed(rest)

    def _send(self, batch: Sequence[Record]) -> list[Sequence[Record]]:
        """Return the parts of a batch that are to be sent next, its last records, in order."""
        pause = _FIRST_PAUSE
        for attempt in range(1 + self.settings.retries):
            if attempt:
                self.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            if expired := self._expired(batch):
                failed = FailedBatch(
                    records=batch[:expired], condition=Condition.AGE, invocations=attempt
                )
                self.discard(failed)
                return [batch[expired:]] if expired < len(batch) else []
            try:
                counted = counted_of(self.invoke(batch), batch)
            except ConsumerError:
                if len(batch) > 1:
                    middle = (len(batch) + 1) // 2
                    return [batch[:middle], batch[middle:]]
                continue
            if counted == len(batch):
                return []
            if counted:
                return [batch[counted:]]
        self.discard(
            FailedBatch(
                records=batch, condition=Condition.ATTEMPTS, invocations=1 + self.settings.retries
            )
        )
        return []

    def _expired(self, batch: Sequence[Record]) -> int:
        oldest = self.now() - self.settings.record_age_seconds
        young = (i for i, record in enumerate(batch) if created_at(record) >= oldest)
        return next(young, len(batch))


def counted_of(response: object, batch: Sequence[Record]) -> int:
    """Return how many records of a batch, from its first, a response reports as done.

    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html: nothing
    reported is success; anything that names no record of the batch is failure of all of it.
    """
    if not response:
        return len(batch)
    if not isinstance(response, Mapping):
        return 0
    failures = response.get("batchItemFailures")
    if not failures:
        return len(batch)
    places = {sequence_number(record): place for place, record in reversed([*enumerate(batch)])}
    try:
        return min(places[failure["itemIdentifier"]] for failure in failures)
    except (KeyError, TypeError):
        return 0


def sequence_number(record: Record) -> str:
    """Return a record's place in its shard."""
    return str(record["dynamodb"]["SequenceNumber"])


def created_at(record: Record) -> float:
    """Return when a record was written, in seconds since the epoch; DynamoDB gives it roughly."""
    return float(record["dynamodb"]["ApproximateCreationDateTime"])
