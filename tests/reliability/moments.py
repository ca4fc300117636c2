"""When an answer counts, where another session of the learner's has its place already."""

from tests.support.reference_model import Model

ATTEMPTS = 3


def counted_at(model: Model, session_id: str, now: int, *, right: bool) -> int:
    """Return the moment of an answer given at `now`, before the model applied it.

    A session queues after its last entry; two entries of one question are never at one
    millisecond, so the later answer counts a little later.
    """
    session = model.sessions[session_id]
    if not (right and session.missed and session.shown):
        return now
    (last,) = session.last_queued
    question = session.shown.question_id
    taken = {min(e.queued) for e in model.entries if e.question_id == question}
    moment = now
    for attempt in range(1, ATTEMPTS + 1):
        if max(moment, last + 1) not in taken:
            return moment
        moment = max(now, last + 1) + attempt
    raise AssertionError("more sessions than attempts queue one question in one millisecond")
