"""Drawing the next question and saving a turn, shared by session, quiz and answer."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain.question import SMOKE_CATEGORY, Question
from domain.session.drawing import RefillNeeded, advance, due_turn, withdraw
from domain.session.effects import EntrySaved, PoolChange, ProgressChange
from domain.session.pool import PoolEntry
from domain.session.state import Session, Status, Turn
from lambdas.contract.errors import (
    ApiError,
    NotFoundError,
    SessionExpiredError,
    SessionOverError,
    SessionPausedError,
)
from lambdas.shared.services import Services
from lambdas.shared.telemetry.metrics import (
    CACHE_HITS,
    DUE_LAG,
    FRESH_DRAWS,
    POOL_DEPTH,
    SESSIONS_COMPLETED,
    SPACED,
    TURNS_TO_MASTERY,
)
from lambdas.shared.telemetry.request_log import note, sample


class Drawn(NamedTuple):
    """A session with its next question on screen, none when it is over.

    `changes` are the pool changes to save with it.
    """

    session: Session
    question: Question | None
    changes: tuple[PoolChange, ...]


def warm_up(services: Services) -> None:
    """Read a session that nobody has: it opens the connection, and all a first call loads."""
    services.sessions.get("nobody", "none")


def load(services: Services, user_id: str, session_id: str) -> Session:
    """Return the caller's session.

    Raises:
        NotFoundError: the caller has no such session.
    """
    session = services.sessions.get(user_id, session_id)
    if session is None:
        raise NotFoundError
    return session


def require_playable(session: Session, now: int) -> None:
    """Check that a session can be played; a completed one can still be shown.

    Raises:
        SessionExpiredError, SessionPausedError, SessionOverError: it is in that state.
    """
    status = session.status_at(now)
    if status not in (Status.ACTIVE, Status.COMPLETED):
        raise not_playable(status)


def not_playable(status: Status) -> ApiError:
    """Return the error for a session that takes no answers because of its status."""
    match status:
        case Status.EXPIRED:
            return SessionExpiredError()
        case Status.PAUSED:
            return SessionPausedError()
        case Status.ABANDONED:
            return SessionOverError("The session was abandoned.")
        case _:
            return SessionOverError("The session is completed.")


def draw_next(services: Services, session: Session, changes: Sequence[PoolChange] = ()) -> Drawn:
    """Return the session with its next turn drawn.

    `changes` are pool changes not written yet: a refill takes them into account.
    """
    changed = {c.entry.key: c.entry for c in changes if isinstance(c, EntrySaved)}

    def read_pool(needed: RefillNeeded) -> tuple[list[PoolEntry], bool]:
        entries, exhausted = services.wrong_answers.newer(session, needed)
        read = {entry.key: changed.get(entry.key, entry) for entry in entries}
        # An entry just queued is the newest: it comes after all that is still unread.
        return list((read | changed if exhausted else read).values()), exhausted

    def fetch(question_ids: tuple[str, ...]) -> Mapping[str, Question]:
        return services.bank.get(question_ids)

    advanced = advance(session, fetch, read_pool)
    return Drawn(advanced.session, advanced.question, (*changes, *advanced.removed))


def on_screen(services: Services, turn: Turn, *ahead: str) -> Question | None:
    """Return the question on screen, None if it is gone; those `ahead` are fetched with it.

    It is never older than when it was drawn, which another environment may have done: a version
    shown before cannot come back; that separates an answer from one to an older version.
    """
    identifier = turn.question_id
    question = services.bank.cached(identifier)
    if question:
        sample(CACHE_HITS, 1)
    else:
        question = services.bank.get((identifier, *ahead)).get(identifier)
    if question and question.version < turn.version:
        return services.bank.reread(identifier) or question
    return question


def current_question(services: Services, session: Session) -> tuple[Session, Question | None]:
    """Return the session and the question on its screen, None when it is completed.

    Where the question on screen is gone from the bank, not even retired, the next one is drawn
    and saved in its place.

    Raises:
        TransactionConditionError: that had to be done, and the session changed meanwhile.
    """
    if session.turn is None:
        return session, None
    question = on_screen(services, session.turn)
    if question:
        return session, question
    without, removed = withdraw(session)
    drawn = draw_next(services, without, removed)
    renewed = drawn.session._replace(version=session.version + 1)
    save_turn(services, renewed, drawn.changes, expected_version=session.version)
    note_draw(renewed)
    return renewed, drawn.question


def save_turn(
    services: Services,
    session: Session,
    changes: Sequence[PoolChange] = (),
    progress: ProgressChange | None = None,
    *,
    expected_version: int,
) -> None:
    """Write a turn in one transaction: the session, the progress, the pool.

    Raises:
        TransactionConditionError: the session is at another version, or a pool entry differs from
            the session's; nothing was written.
    """
    actions = [services.sessions.put(session, expected_version=expected_version)]
    if progress:
        actions.append(services.progress.update(session.user_id, progress))
    actions += [services.wrong_answers.change(session, change) for change in changes]
    services.transactions.write(actions)


def is_measured(session: Session) -> bool:
    """Return whether a session's play is part of the metrics: not that of the smoke test."""
    return session.sources[0].category != SMOKE_CATEGORY


def note_draw(session: Session) -> None:
    """Count the turn a saved session has just drawn; without one, that it was the last."""
    if not is_measured(session):
        return
    if session.turn is None:
        note(SESSIONS_COMPLETED)
        if session.mastered:
            note(TURNS_TO_MASTERY, round(session.turns / session.mastered, 2))
        return
    if session.spacing:
        note(SPACED)
    if not session.turn.from_pool:
        note(FRESH_DRAWS)
        return
    note(POOL_DEPTH, session.pool.entries)
    entry = session.pool_entry
    if session.spacing and entry and not entry.leftover:
        note(DUE_LAG, session.turns - due_turn(session.spacing, entry))
