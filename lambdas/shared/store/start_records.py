"""Records about starting sessions, beside the sessions themselves."""

from typing import NamedTuple


class StartedByKey(NamedTuple):
    """The marker of an Idempotency-Key.

    Attributes:
        session_id: The session that was started.
        body: Digest of the request's body.
    """

    session_id: str
    body: bytes


class StartCounts(NamedTuple):
    """Counts of a learner's sessions.

    Attributes:
        unfinished: Upper bound of the active and paused sessions.
        day: The UTC day (since the epoch) of the newest start.
        starts: Sessions started on that day.
    """

    unfinished: int = 0
    day: int = 0
    starts: int = 0
