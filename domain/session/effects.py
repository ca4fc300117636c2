"""Writes that an answer asks for beside the session, in the same transaction."""

from typing import NamedTuple

from domain.session.pool import PoolEntry


class ProgressChange(NamedTuple):
    """One attempt at a question. `mastered` is None where the answer leaves mastery as it was.

    `number` counts the session's submissions, this one included, and `right_before` the right ones
    before it; `pool_entries` are the session's after it. `time_spent` is in milliseconds;
    `selected` are indexes into the choices of `version`. `review` is true for the first try at a
    question drawn from the pool. `day` is the day at which it was given in the learner's time zone,
    numbered from the epoch; None for the UTC day of `at`.
    """

    session_id: str
    number: int
    right_before: int
    pool_entries: int
    question_id: str
    version: int
    correct: bool
    mastered: bool | None
    selected: tuple[int, ...]
    time_spent: int
    at: int
    review: bool = False
    day: int | None = None


class EntrySaved(NamedTuple):
    """A pool entry as it is now: a new one, or one that owes a try less.

    `order` is the order its choices were last shown in.
    """

    entry: PoolEntry
    order: tuple[int, ...]
    new: bool


class EntryRemoved(NamedTuple):
    """An entry that is worked off, started again, or whose question is gone."""

    entry: PoolEntry


PoolChange = EntrySaved | EntryRemoved
