"""The wrong-answer pool of one session: a bounded head of its oldest entries, and totals.

Under the policy `SPACED` the pool has two queues: entries that wait for their first review, and
entries that passed it. Both are first in, first out, because each has one constant lag; and since
entries pass from the front of the first to the end of the second, every entry that passed is older
than every one that waits. So both are parts of one sequence by timestamp, the order that the
WrongAnswers table has anyway. Under `RATIO` all entries stay in the first queue.
"""

from collections.abc import Iterable
from typing import NamedTuple

HEAD_CAPACITY = 16
"""Entries a session carries, of both queues together. A refill costs one query, so about one in 16
draws from a deep pool pays for it, and 16 entries fit in some 200 bytes of the session item."""

SHARED_CAPACITY = HEAD_CAPACITY // 2
"""Entries of one queue that stay when the other one needs room."""

TRIES = 2
"""Right answers a question owes when it enters the pool."""


class PoolEntry(NamedTuple):
    """A question put right after a mistake.

    Attributes:
        queued_at: when it was put right, in milliseconds since the epoch.
        question_id: the question.
        remaining_tries: right answers it still owes.
        leftover: whether it was taken over from an earlier session and has not been put right in
            this one yet.
        turn: the turn of its latest right answer in this session; 0 for a leftover, and where an
            earlier release did not store it.
    """

    queued_at: int
    question_id: str
    remaining_tries: int = TRIES
    leftover: bool = False
    turn: int = 0

    def lowered(self, turn: int) -> "PoolEntry":
        """Return the entry with one try less, after a right answer on `turn`."""
        return self._replace(remaining_tries=self.remaining_tries - 1, leftover=False, turn=turn)

    @property
    def key(self) -> tuple[int, str]:
        """Key that orders and identifies entries."""
        return (self.queued_at, self.question_id)

    @property
    def passed(self) -> bool:
        """Whether it was right at a review of this session and waits for the next one."""
        return self.remaining_tries < TRIES and not self.leftover


class Queue(NamedTuple):
    """Entries in order of their keys.

    Attributes:
        head: the oldest entries, the ones the session carries.
        entries: how many there are, those beyond the head included.
        tries: what they owe in all.
        mark: the key of the newest entry of the head, kept while there are more: every entry
            beyond the head is newer than it.
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

    def added(self, entry: PoolEntry, capacity: int = HEAD_CAPACITY) -> "Queue":
        """Return the queue with a new entry, which must be its newest."""
        queue = self._replace(entries=self.entries + 1, tries=self.tries + entry.remaining_tries)
        if self.beyond_head:
            return queue
        if len(self.head) < capacity:
            return queue._replace(head=(*self.head, entry))
        return queue._replace(mark=self.head[-1].key)

    def lowered(self, less: PoolEntry) -> "Queue":
        """Return the queue with an entry replaced by `less`, which owes one try less."""
        head = tuple(less if e.key == less.key else e for e in self.head)
        return self._replace(head=head, tries=self.tries - 1)

    def removed(self, entry: PoolEntry) -> "Queue":
        """Return the queue without an entry of its head."""
        return self._replace(
            head=tuple(e for e in self.head if e.key != entry.key),
            entries=self.entries - 1,
            tries=self.tries - entry.remaining_tries,
        )

    def trimmed(self, capacity: int) -> "Queue":
        """Return the queue with a head of at most `capacity` entries; no entry is lost."""
        if len(self.head) <= capacity:
            return self
        head = self.head[:capacity]
        return self._replace(head=head, mark=head[-1].key)

    def refilled(
        self, found: Iterable[PoolEntry], *, exhausted: bool, capacity: int = HEAD_CAPACITY
    ) -> "Queue":
        """Return the queue with entries read from the table joined to its head.

        `exhausted` is true when the table holds no more than was found. Then, and where more was
        found than there should be, the totals are counted anew: entries lost or added by other
        hands cannot keep a session from ending.
        """
        newer = sorted(e for e in found if self.mark is None or e.key > self.mark)
        head = (*self.head, *newer)[:capacity]
        whole = exhausted and len(self.head) + len(newer) <= capacity
        if whole or len(head) > self.entries:
            return Queue(head=head, entries=len(head), tries=sum(e.remaining_tries for e in head))
        mark = head[-1].key if head else self.mark
        return self._replace(head=head, mark=mark if len(head) < self.entries else None)


class Pool(NamedTuple):
    """All entries of a session.

    Attributes:
        waiting: entries that wait for their first review; under `RATIO` all of them.
        passed: entries that were right at their first review, under `SPACED`; each is older than
            every one of `waiting`.
    """

    waiting: Queue = Queue()
    passed: Queue = Queue()

    @property
    def head(self) -> tuple[PoolEntry, ...]:
        """The entries the session carries, oldest first."""
        return (*self.passed.head, *self.waiting.head)

    @property
    def entries(self) -> int:
        """How many entries there are."""
        return self.waiting.entries + self.passed.entries

    @property
    def tries(self) -> int:
        """Right answers they owe in all."""
        return self.waiting.tries + self.passed.tries

    @property
    def beyond_head(self) -> int:
        """How many entries only the WrongAnswers table holds."""
        return self.waiting.beyond_head + self.passed.beyond_head

    def entry(self, question_id: str) -> PoolEntry | None:
        """Return the entry of this question, if the session carries it."""
        return self.waiting.entry(question_id) or self.passed.entry(question_id)

    def added(self, entry: PoolEntry) -> "Pool":
        """Return the pool with a new entry, which must be its newest."""
        passed = self.passed
        if not self.waiting.beyond_head and len(self.head) == HEAD_CAPACITY:
            passed = passed.trimmed(SHARED_CAPACITY)
        return Pool(self.waiting.added(entry, HEAD_CAPACITY - len(passed.head)), passed)

    def lowered(self, less: PoolEntry) -> "Pool":
        """Return the pool with a waiting entry replaced by `less`, which keeps its place."""
        return self._replace(waiting=self.waiting.lowered(less))

    def passed_on(self, entry: PoolEntry, less: PoolEntry) -> "Pool":
        """Return the pool with a waiting entry moved, as `less`, to the end of those that passed.

        It leaves a place in the head, so there is room for it.
        """
        waiting = self.waiting.removed(entry)
        return Pool(waiting, self.passed.added(less, HEAD_CAPACITY - len(waiting.head)))

    def removed(self, entry: PoolEntry) -> "Pool":
        """Return the pool without an entry that the session carries."""
        if any(each.key == entry.key for each in self.passed.head):
            return self._replace(passed=self.passed.removed(entry))
        return self._replace(waiting=self.waiting.removed(entry))

    def refilled_waiting(self, found: Iterable[PoolEntry], *, exhausted: bool) -> "Pool":
        """Return the pool with entries read that are newer than the mark of those waiting."""
        passed = self.passed.trimmed(SHARED_CAPACITY)
        capacity = HEAD_CAPACITY - len(passed.head)
        waiting = self.waiting.refilled(found, exhausted=exhausted, capacity=capacity)
        return Pool(waiting, passed)

    def refilled_passed(self, found: Iterable[PoolEntry], *, exhausted: bool) -> "Pool":
        """Return the pool with entries read that are newer than the mark of those that passed.

        Entries that wait come after all that passed: one of them among those found is the end.
        """
        waiting = self.waiting.trimmed(SHARED_CAPACITY)
        capacity = HEAD_CAPACITY - len(waiting.head)
        read = list(found)
        these = [each for each in read if each.passed]
        passed = self.passed.refilled(
            these, exhausted=exhausted or len(these) < len(read), capacity=capacity
        )
        return Pool(waiting, passed)
