"""The policies of a session: how it chooses between its wrong-answer pool and new questions."""

from enum import StrEnum
from typing import NamedTuple

from domain.errors import InvalidValueError

MAX_LAG = 1_000
"""Longest lag in turns: far more than one sitting."""

MIN_PENDING_LIMIT, MAX_PENDING_LIMIT = 4, 16
"""Bounds of `pending_limit`. At most as many entries as a session carries, so that a session with
a limit never reads the pool; and enough that a review is seldom the question just shown."""


class Policy(StrEnum):
    """How the next question is chosen (rule 5)."""

    RATIO = "RATIO"
    SPACED = "SPACED"


class Spacing(NamedTuple):
    """Settings of the policy `SPACED`.

    Attributes:
        first_lag: turns from the answer that put a missed question right to its first review.
        second_lag: turns from a right first review to the second one.
        share: probability in percent that a due entry is drawn rather than a new question.
        pending_limit: number of pool entries at which only the pool is drawn; None for no limit.
    """

    first_lag: int = 16
    second_lag: int = 48
    share: int = 50
    pending_limit: int | None = None


def check_spacing(spacing: Spacing) -> None:
    """Check that every setting is within its bounds.

    Raises:
        InvalidValueError: a setting is out of bounds.
    """
    for lag in (spacing.first_lag, spacing.second_lag):
        if not 1 <= lag <= MAX_LAG:
            raise InvalidValueError(f"a lag has 1 to {MAX_LAG} turns, not {lag}")
    if not 1 <= spacing.share <= 100:
        raise InvalidValueError(f"{spacing.share} is not a percentage from 1 to 100")
    limit = spacing.pending_limit
    if limit is not None and not MIN_PENDING_LIMIT <= limit <= MAX_PENDING_LIMIT:
        raise InvalidValueError(
            f"a limit has {MIN_PENDING_LIMIT} to {MAX_PENDING_LIMIT} entries, not {limit}"
        )


class Preferences(NamedTuple):
    """Settings as a request, a category or a learner gives them; None where nothing is given.

    A `pending_limit` of 0 is the choice of no limit.
    """

    policy: Policy | None = None
    wrong_answer_percentage: int | None = None
    first_lag: int | None = None
    second_lag: int | None = None
    share: int | None = None
    pending_limit: int | None = None

    def or_else(self, other: "Preferences") -> "Preferences":
        """Return these preferences, with `other` where nothing is given."""
        given = {name: value for name, value in self._asdict().items() if value is not None}
        return other._replace(**given)

    @property
    def settings(self) -> "Settings":
        """The settings of a session, with the built-in defaults where nothing is given."""
        given = self.or_else(_DEFAULTS)
        spacing = Spacing(
            first_lag=given.first_lag or 0,
            second_lag=given.second_lag or 0,
            share=given.share or 0,
            pending_limit=given.pending_limit or None,
        )
        return Settings(given.policy or Policy.RATIO, given.wrong_answer_percentage or 0, spacing)


class Settings(NamedTuple):
    """All settings; `spacing` counts under `SPACED`, `wrong_answer_percentage` under `RATIO`."""

    policy: Policy
    wrong_answer_percentage: int
    spacing: Spacing


_DEFAULTS = Preferences(
    policy=Policy.RATIO,
    wrong_answer_percentage=20,
    first_lag=16,
    second_lag=48,
    share=50,
    pending_limit=0,
)
