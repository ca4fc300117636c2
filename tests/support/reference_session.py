"""Records of the reference model: sessions, their entries of the pool, and answers.

Times are milliseconds; where it is not known at which of several moments something took effect, all
of them.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

LIFETIME = 30 * 24 * 3600 * 1000
TRIES = 2
HEAD = 16
MAX_REVIEW = 50
MAX_CATEGORIES = 8

Times = frozenset[int]
"""Moments of which one is the right one; mostly there is only one."""

Moment = int | Collection[int]
"""A moment, or all that are possible."""

Settings = Mapping[str, Any]
"""Settings of a session as a request has them, the percentage among them."""

RATIO: Settings = {"wrongAnswerPercentage": 20}

Spacing = Mapping[str, int | None]
"""The settings of SPACED, all of them, as the contract has them."""


class IllegalError(AssertionError):
    """The system did what the rules do not allow."""


def times(at: Moment) -> Times:
    return frozenset([at] if isinstance(at, int) else at)


@dataclass(frozen=True)
class Shown:
    """A question on screen, as a response shows it."""

    question_id: str
    turn: int
    from_pool: bool
    number: int
    reason: str

    @classmethod
    def of(cls, question: Mapping[str, Any] | None) -> Self | None:
        """Return what the `question` of a response shows; None where the session is over."""
        if question is None:
            return None
        return cls(
            question["questionId"],
            question["turn"],
            question["fromWrongPool"],
            question["questionNumber"],
            question["reason"]["code"],
        )


@dataclass(frozen=True)
class Entry:
    """A row of WrongAnswers. `inherited` by a review, until it is put right there.

    `turn` is the one of its latest right answer in the session that owns it.
    """

    question_id: str
    queued: Times
    tries: int
    owner: str
    inherited: bool = False
    turn: int = 0

    @property
    def category(self) -> str:
        return category_of(self.question_id)

    @property
    def place(self) -> tuple[int, str]:
        return min(self.queued), self.question_id


@dataclass(frozen=True)
class Attempt:
    """A processed answer; `mastered` is None where it leaves mastery as it was."""

    session_id: str
    right: bool
    mastered: bool | None
    time_spent: int
    at: Times
    chosen: tuple[int, ...] | None


@dataclass
class SessionBook:
    """The expected state of a session. `pool` holds its entries, oldest first."""

    session_id: str
    name: str
    sources: Mapping[str, int]
    percentage: int
    spacing: Spacing | None
    created: Times
    used: Times
    updated: Times
    fresh: Counter[str]
    status: str = "ACTIVE"
    version: int = 1
    pool: list[Entry] = field(default_factory=list)
    drawn: set[str] = field(default_factory=set)
    presented: int = 0
    turns: int = 0
    shown: Shown | None = None
    missed: bool = False
    done: int = 0
    previous: str | None = None
    put_right: set[str] = field(default_factory=set)
    mastered: int = 0
    right: int = 0
    wrong: int = 0
    last_queued: Times = frozenset([0])

    @property
    def entry(self) -> Entry | None:
        """The pool entry on screen."""
        if self.shown is None or not self.shown.from_pool:
            return None
        return next(e for e in self.pool if e.question_id == self.shown.question_id)

    def status_at(self, now: Moment) -> str:
        """The status as seen then. Where several moments are possible, they have to agree."""
        if self.status not in ("ACTIVE", "PAUSED"):
            return self.status
        seen = {moment >= use + LIFETIME for moment in times(now) for use in self.used}
        if len(seen) > 1:
            raise IllegalError(f"it is open whether {self.session_id} is expired then")
        return "EXPIRED" if seen.pop() else self.status


def due(spacing: Spacing, entry: Entry) -> int:
    """Return the turn from which on an entry is due."""
    lag = spacing["firstLag"] if entry.tries == TRIES else spacing["secondLag"]
    assert lag is not None
    return 0 if entry.inherited else entry.turn + lag


def at_limit(session: SessionBook) -> bool:
    """Whether the session owes as many questions as its limit allows."""
    limit = session.spacing["pendingLimit"] if session.spacing else None
    return limit is not None and len(session.pool) >= limit


def oldest(entries: list[Entry]) -> list[Entry]:
    """Return the oldest entry; several where it is open which of those inherited is older."""
    first = entries[0]
    return [
        e
        for e in entries
        if e is first or (e.inherited and first.inherited and min(e.queued) <= max(first.queued))
    ]


def category_of(question_id: str) -> str:
    return question_id.rpartition(":")[0]
