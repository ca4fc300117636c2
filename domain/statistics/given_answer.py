"""An answer that was given, as the tallies count it."""

from dataclasses import dataclass

from domain.question import category_and_ordinal

DAY = 24 * 3600 * 1000
"""A UTC day in milliseconds; days are numbered from the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAnswer:
    """One graded submission.

    `number` is its place among the session's submissions, from 1 without a gap; `right_before`
    how many of those before it were right, and `pool_entries` how many questions its wrong-answer
    pool held after it; `attempt` its place among all the learner's answers
    to the question, from 1. `mastered` is the change of mastery: 1, 0 or -1. `selected` are
    indexes into the choices of `version`; times are in milliseconds, `time_spent` 0 when untold.
    `review` is true for the first try at a question drawn from the session's pool. `local_day` is
    the day in the learner's time zone, numbered from the epoch; None for the UTC day.
    """

    user_id: str
    session_id: str
    number: int
    right_before: int
    pool_entries: int
    question_id: str
    version: int
    correct: bool
    attempt: int
    mastered: int
    selected: tuple[int, ...]
    time_spent: int
    at: int
    review: bool = False
    local_day: int | None = None

    @property
    def category(self) -> str:
        """The question's category."""
        return category_and_ordinal(self.question_id)[0]

    @property
    def first_try(self) -> bool:
        """Whether the learner never answered the question before, in any session or version."""
        return self.attempt == 1

    @property
    def day(self) -> int:
        """The day it was given on, as the learner's time zone has it."""
        return self.at // DAY if self.local_day is None else self.local_day
