"""The wrong-answer pool of one session: a bounded head of its oldest entries, and two totals."""

from collections.abc import Iterable
from typing import NamedTuple

HEAD_CAPACITY = 16
"""Oldest entries a session carries. A refill costs one query, so about one in 16 draws from a
deep pool pays for it, and 16 entries fit in some 200 bytes of the session item."""

TRIES = 2
"""Right answers a question owes when it enters the pool."""


class PoolEntry(NamedTuple):
    """A question put right after a mistake, owing `remaining_tries` right answers.

    `queued_at` is in milliseconds since the epoch. A `leftover` was taken over from an earlier
    session and has not been put right in this one yet.
    """

    queued_at: int
    question_id: str
    remaining_tries: int = TRIES
    leftover: bool = False

    def lowered(self) -> "PoolEntry":
        """Return the entry with one try less, after a right answer."""
        return self._replace(remaining_tries=self.remaining_tries - 1, leftover=False)

    @property
    def key(self) -> tuple[int, str]:
        """What orders entries and tells them apart."""
        return (self.queued_at, self.question_id)


class Pool(NamedTuple):
    """`head`, oldest first, out of `entries` owing `tries` in all.

    `mark` is the key of the newest entry the head ever held, kept while the pool holds more than
    the head: every entry outside the head is newer than it.
    """

    head: tuple[PoolEntry, ...] = ()
    entries: int = 0
    tries: int = 0
    mark: tuple[int, str] | None = None

    @property
    def beyond_head(self) -> int:
        """How many entries only the WrongAnswers table holds."""
        return self.entries - len(self.head)

    def entry(self, question_id: str) -> PoolEntry | None:
        """Return the head's entry of this question."""
        return next((e for e in self.head if e.question_id == question_id), None)

    def oldest(self, other_than: str | None) -> PoolEntry | None:
        """Return the head's oldest entry of a question other than the one given."""
        return next((e for e in self.head if e.question_id != other_than), None)

    def added(self, entry: PoolEntry) -> "Pool":
        """Return the pool with a new entry, which must be its newest."""
        pool = self._replace(entries=self.entries + 1, tries=self.tries + entry.remaining_tries)
        if self.beyond_head:
            return pool
        if len(self.head) < HEAD_CAPACITY:
            return pool._replace(head=(*self.head, entry))
        return pool._replace(mark=self.head[-1].key)

    def lowered(self, entry: PoolEntry) -> "Pool":
        """Return the pool with one try less on an entry that owes more than one."""
        less = entry.lowered()
        head = tuple(less if e.key == entry.key else e for e in self.head)
        return self._replace(head=head, tries=self.tries - 1)

    def removed(self, entry: PoolEntry) -> "Pool":
        """Return the pool without an entry of its head."""
        return self._replace(
            head=tuple(e for e in self.head if e.key != entry.key),
            entries=self.entries - 1,
            tries=self.tries - entry.remaining_tries,
        )

    def refilled(self, found: Iterable[PoolEntry], *, exhausted: bool) -> "Pool":
        """Return the pool with entries read from the table joined to its head.

        `exhausted` says that the table holds no more than was found. Then, and where more was found
        than there should be, the totals are counted anew: entries lost or added by other hands
        cannot keep a session from ending.
        """
        newer = sorted(e for e in found if self.mark is None or e.key > self.mark)
        head = (*self.head, *newer)[:HEAD_CAPACITY]
        whole = exhausted and len(self.head) + len(newer) <= HEAD_CAPACITY
        if whole or len(head) > self.entries:
            return Pool(head=head, entries=len(head), tries=sum(e.remaining_tries for e in head))
        mark = head[-1].key if head else self.mark
        return self._replace(head=head, mark=mark if len(head) < self.entries else None)
