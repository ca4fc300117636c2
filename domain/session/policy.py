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
