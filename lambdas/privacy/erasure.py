"""Erasing an account, everywhere, in steps that may stop anywhere and be taken again.

1. A tombstone takes the place of the profile. From then on no session is started and no profile
   written: those writes are on the condition that there is no tombstone.
2. The learner's sessions are deleted. From then on no answer succeeds, because an answer is on the
   condition that its session is still at the version it was read at.
3. The wrong-answer pool and the progress are deleted: nobody adds to them any more. Then all is
   looked through again, until nothing is found.
4. The account in the user pool is deleted, and the tombstone's mark that this was still to do.

The learner may never ask again, so a schedule completes every erasure that was begun.
"""

from datetime import timedelta

from lambdas.contract.errors import UnavailableError
from lambdas.shared.services import Services
from lambdas.shared.store.errors import StoreUnavailableError
from lambdas.shared.store.partition import Partition
from lambdas.shared.telemetry.request_log import log_fault

AT_ONCE = 25
"""Erasures one sweep looks at."""

OVERDUE = int(timedelta(hours=3).total_seconds() * 1000)
"""Milliseconds after which an erasure that is not complete is reported: two sweeps failed."""

RETRY_AFTER = 10
"""Seconds after which a client that wants to see the end of it may ask again."""


class ErasureOverdueError(Exception):
    """Erasures have been waiting for too long: an operator has to look."""


def partitions(current: Services, user_id: str) -> tuple[Partition, ...]:
    """Return a learner's parts of all tables but Users, sessions first."""
    database = current.database
    return (
        Partition(database, current.sessions.name, "sessionId", user_id),
        Partition(database, current.wrong_answers.name, "timestamp", user_id),
        Partition(database, current.progress.name, "questionId", user_id),
    )


def erase(current: Services, user_id: str) -> None:
    """Erase a user; doing it again changes nothing.

    Raises:
        UnavailableError: not all of it could be done now; what was begun completes by itself.
    """
    current.users.begin_erasure(user_id, current.clock())
    try:
        _complete(current, user_id)
    except (StoreUnavailableError, UnavailableError) as error:
        raise UnavailableError(
            "The account is being erased; what is left of it goes within hours.",
            retry_after=RETRY_AFTER,
        ) from error


def _complete(current: Services, user_id: str) -> None:
    parts = partitions(current, user_id)
    found = True
    while found:
        found = False
        for part in parts:
            found |= part.clear()
    current.user_pool.delete(user_id)
    current.users.end_erasure(user_id)


def complete_erasures(current: Services, request_id: str) -> dict[str, int]:
    """Complete erasures that were begun; return how many were, and how many are left.

    Raises:
        ErasureOverdueError: one has been waiting for hours; the function's errors raise an alarm.
    """
    completed = left = overdue = 0
    for user_id, began in current.users.unfinished_erasures(AT_ONCE):
        try:
            _complete(current, user_id)
        except Exception as error:  # one that cannot be erased must not keep the next from it
            log_fault(current.settings, error, request_id)
            left += 1
            overdue += current.clock() - began > OVERDUE
        else:
            completed += 1
    if overdue:
        raise ErasureOverdueError(f"{overdue} erasures have waited for too long")
    return {"completed": completed, "left": left}
