"""Streaks that come out the same in whatever order their parts arrive.

A run of answers is summed up by five numbers, and the summaries of two neighbouring runs make the
summary of both: a monoid, the textbook divide-and-conquer for the longest segment (Bentley,
"Programming Pearls", column 8). So a late answer is put in its place without the others being
read again.
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple


class Run(NamedTuple):
    """Consecutive answers: how many, how many right, and their streaks of right ones.

    `prefix` is the streak it begins with, `suffix` the one it ends with, `best` the longest.
    """

    length: int = 0
    right: int = 0
    prefix: int = 0
    best: int = 0
    suffix: int = 0

    def then(self, other: "Run") -> "Run":
        """Return the summary of this run followed by another."""
        return Run(
            self.length + other.length,
            self.right + other.right,
            self.prefix if self.prefix < self.length else self.length + other.prefix,
            max(self.best, other.best, self.suffix + other.prefix),
            other.suffix if other.suffix < other.length else self.suffix + other.length,
        )


NO_RUN = Run()
_ONE = {True: Run(1, 1, 1, 1, 1), False: Run(1, 0, 0, 0, 0)}


def joined(runs: Iterable[Run]) -> Run:
    """Return the summary of runs, in their order."""
    total = NO_RUN
    for run in runs:
        total = total.then(run)
    return total


class Span(NamedTuple):
    """The answers of a session numbered from `first` on, without a gap."""

    first: int
    run: Run

    @property
    def end(self) -> int:
        """The number after the last."""
        return self.first + self.run.length


Spans = tuple[Span, ...]
"""Which of a session's answers were seen: spans in order, none touching the next."""


def with_answer(spans: Spans, number: int, *, correct: bool) -> Spans | None:
    """Return the spans with one answer more; None if it was among them already."""
    place = bisect_right(spans, number, key=lambda span: span.first)
    before, after = spans[:place], spans[place:]
    new = Span(number, _ONE[correct])
    if before:
        left = before[-1]
        if number < left.end:
            return None
        if number == left.end:
            before, new = before[:-1], Span(left.first, left.run.then(new.run))
    if after and new.end == after[0].first:
        after, new = after[1:], Span(new.first, new.run.then(after[0].run))
    return (*before, new, *after)


class DayStreak(NamedTuple):
    """Streaks of days with an answer: `run` ends with `last`, the newest active day."""

    last: int = -1
    run: int = 0
    best: int = 0

    def then(self, day: int) -> "DayStreak":
        """Return the streak with a later active day."""
        run = self.run + 1 if day == self.last + 1 and self.run else 1
        return DayStreak(day, run, max(self.best, run))

    def current(self, today: int) -> int:
        """Return the length of the streak that reached today or yesterday, else 0.

        A day is not over until it is: a learner who has not answered yet today still may.
        """
        return self.run if self.last >= today - 1 else 0


NO_DAYS = DayStreak()
