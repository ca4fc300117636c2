"""Limits on the sessions of one learner, counted in the Users item.

`StartCounts.unfinished` is an upper bound: only a start raises it, in the start's own transaction.
Nothing lowers it when a session is completed, abandoned, deleted or expires, so no place can be
given back twice or lost. A start that finds the bound at the limit recounts the unfinished sessions
with one query and continues from their true number (docs/decisions/0071).
"""

from lambdas.contract.errors import SessionLimitError
from lambdas.shared.services import Services
from lambdas.shared.store.sessions import DAY
from lambdas.shared.store.start_records import StartCounts
from lambdas.shared.store.transaction import Action

MAX_UNFINISHED = 200
"""Active and paused sessions of a learner."""

MAX_STARTS = 1_000
"""Sessions a learner starts in one UTC day."""


def count_start(services: Services, user_id: str, counts: StartCounts, now: int) -> Action:
    """Return the action that counts one more session.

    `counts` may be stale: the action is refused with StartRefusedError if they are.

    Raises:
        SessionLimitError: the learner has as many sessions as allowed.
    """
    # The function that counted last may have a clock that is ahead.
    day = max(now // DAY, counts.day)
    if counts.day == day and counts.starts >= MAX_STARTS:
        raise SessionLimitError(
            f"You started {MAX_STARTS:,} sessions today, the most of one day (UTC).",
            retry_after=((day + 1) * DAY - now) // 1000 + 1,
        )
    unfinished = counts.unfinished
    if unfinished >= MAX_UNFINISHED:
        ends = services.sessions.unfinished(user_id).values()
        unfinished = sum(each >= now // DAY for each in ends)
        if unfinished >= MAX_UNFINISHED:
            raise SessionLimitError(
                f"You have {MAX_UNFINISHED} unfinished sessions: finish or abandon one first."
            )
    return services.users.count_start(
        user_id,
        counts,
        day=day,
        recounted=unfinished,
        max_unfinished=MAX_UNFINISHED,
        max_starts=MAX_STARTS,
    )
