"""Which question comes next.

`next_draw` decides without knowing the bank. `advance` carries its decision out: it fetches the
question and shows it (`present`), steps over it when it is retired (`skip`), or reads more of the
pool (`refill`) and asks again. It reads through two functions of the caller.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from domain.errors import InvalidValueError
from domain.question import Question, question_id
from domain.session.effects import EntryRemoved
from domain.session.permutation import permuted
from domain.session.policy import Spacing
from domain.session.pool import HEAD_CAPACITY, SHARED_CAPACITY, Pool, PoolEntry
from domain.session.presentation import choice_order
from domain.session.randomness import below
from domain.session.state import (
    Outcome,
    ProcessedTurn,
    Reason,
    Session,
    Source,
    Status,
    Turn,
)


class FreshDraw(NamedTuple):
    """A question not asked yet, from the source at this index."""

    question_id: str
    source: int


class PoolDraw(NamedTuple):
    """A question of the wrong-answer pool."""

    question_id: str
    entry: PoolEntry


class RefillNeeded(NamedTuple):
    """Read up to `limit` of the session's entries newer than `after`, oldest first.

    `passed` is true when they are for the queue of entries that passed their first review.
    """

    after: tuple[int, str] | None
    limit: int
    passed: bool = False


Draw = FreshDraw | PoolDraw | RefillNeeded

MAX_LOOKAHEAD = 99
"""Questions fetched beyond the one drawn, once retired ones are met: 100 is one BatchGetItem."""

Fetch = Callable[[tuple[str, ...]], Mapping[str, Question]]
"""Returns the questions that exist of those named."""

ReadPool = Callable[[RefillNeeded], tuple[Iterable[PoolEntry], bool]]
"""Returns entries, among them one queued but not written yet, and whether there are no more."""


class Advanced(NamedTuple):
    """A session with its next question on screen, or completed and then without one."""

    session: Session
    question: Question | None
    removed: tuple[EntryRemoved, ...]


def advance(session: Session, fetch: Fetch, read_pool: ReadPool) -> Advanced:
    """Return the session with its next turn on screen.

    Reads one question, as a rule. Where retired or deleted ones are met, each read fetches twice as
    many as the one before, so that a source retired as a whole costs few calls. `removed` are pool
    entries whose questions no longer exist.

    Raises:
        InvalidValueError: `read_pool` found nothing but reports more entries.
    """
    removed: list[EntryRemoved] = []
    known: dict[str, Question | None] = {}
    lookahead = 0
    while True:
        draw = next_draw(session)
        if draw is None:
            return Advanced(complete(session), None, tuple(removed))
        if isinstance(draw, RefillNeeded):
            entries, exhausted = read_pool(draw)
            refilled = refill(session, draw, entries, exhausted=exhausted)
            if refilled == session:
                raise InvalidValueError("a read of the pool that is not its end found nothing")
            session = refilled
            continue
        if draw.question_id not in known:
            wanted = (draw.question_id, *_ahead(session, draw, lookahead))
            known |= dict.fromkeys(wanted) | dict(fetch(wanted))
            lookahead = min(2 * lookahead + 1, MAX_LOOKAHEAD)
        question = known[draw.question_id]
        if question and (isinstance(draw, PoolDraw) or not question.retired):
            return Advanced(present(session, draw, question), question, tuple(removed))
        session = skip(session, draw)
        if isinstance(draw, PoolDraw):
            removed.append(EntryRemoved(draw.entry))


def _ahead(session: Session, draw: FreshDraw | PoolDraw, count: int) -> tuple[str, ...]:
    """Return up to `count` question ids that may be needed if the drawn question is not shown."""
    if isinstance(draw, FreshDraw):
        return following(session, draw, count)
    owed = (each.question_id for each in session.pool.head)
    return tuple(each for each in owed if each != draw.question_id)[:count]


def expected_next(session: Session) -> str | None:
    """Return the question that would follow a right answer to the current one, if that is known.

    A hint for fetching both together; it decides nothing.
    """
    if session.turn is None:
        return None
    shown = ProcessedTurn(
        turn=session.turns,
        question_id=session.turn.question_id,
        version=0,
        selected=(),
        outcome=Outcome.MASTERED,
    )
    draw = next_draw(session._replace(turn=None, processed=shown))
    return draw.question_id if isinstance(draw, FreshDraw | PoolDraw) else None


def withdraw(session: Session) -> tuple[Session, tuple[EntryRemoved, ...]]:
    """Take the question on screen away: it no longer exists, not even as a retired one.

    It leaves the totals, and its pool entry goes.
    """
    entry = session.pool_entry
    if entry is None:
        return session._replace(turn=None, presented=session.presented - 1), ()
    without = session._replace(
        turn=None,
        pool=session.pool.removed(entry),
        presented=session.presented - int(entry.leftover),
    )
    return without, (EntryRemoved(entry),)


def next_draw(session: Session) -> Draw | None:
    """Return what the next turn shows (rule 5), by the session's policy.

    None if every question is mastered: the session is complete.

    If one side is empty the other; never the question just shown while another is available.
    """
    pool, fresh = session.pool, session.fresh_left
    if not pool.entries:
        return _fresh_draw(session, fresh) if fresh else None
    if session.spacing:
        return _spaced_draw(session, session.spacing, fresh)
    if fresh and _side(session) >= session.wrong_answer_percentage:
        return _fresh_draw(session, fresh)
    last = _last_shown(session)
    needed = _refill_for(pool, last)
    if needed:
        return needed
    entry = pool.waiting.oldest(last)
    if entry is None and fresh:
        return _fresh_draw(session, fresh)
    entry = entry or pool.head[0]
    return PoolDraw(entry.question_id, entry)


def _spaced_draw(session: Session, spacing: Spacing, fresh: int) -> Draw:
    """Return a draw by `SPACED`.

    While an entry is due it is drawn with probability `share`, the earliest first; at the limit
    and when nothing new is left, the earliest whether it is due or not.
    """
    pool = session.pool
    only_pool = not fresh or _at_limit(session)
    if not only_pool and _side(session) >= spacing.share:
        return _fresh_draw(session, fresh)
    last = _last_shown(session)
    needed = _refill_for(pool, last)
    if needed:
        return needed
    candidates = (pool.waiting.oldest(last), pool.passed.oldest(last))
    entry = min(filter(None, candidates), key=lambda each: _due(spacing, each), default=None)
    if entry is None and not fresh:
        entry = pool.head[0]
    if entry and (only_pool or due_turn(spacing, entry) <= session.turns + 1):
        return PoolDraw(entry.question_id, entry)
    return _fresh_draw(session, fresh)


def _refill_for(pool: Pool, last: str | None) -> RefillNeeded | None:
    """Return what has to be read to know the earliest entry of each queue."""
    for passed in (False, True):
        queue, other = pool if not passed else reversed(pool)
        if queue.beyond_head and queue.oldest(last) is None:
            room = HEAD_CAPACITY - min(len(other.head), SHARED_CAPACITY) - len(queue.head)
            return RefillNeeded(queue.mark, room, passed=passed)
    return None


def due_turn(spacing: Spacing, entry: PoolEntry) -> int:
    """Return the turn from which on an entry is due; leftovers are due at once."""
    if entry.leftover:
        return 0
    return entry.turn + (spacing.second_lag if entry.passed else spacing.first_lag)


def _due(spacing: Spacing, entry: PoolEntry) -> tuple[int, tuple[int, str]]:
    return due_turn(spacing, entry), entry.key


def _side(session: Session) -> int:
    return below(100, session.seed, b"side", session.turns + 1)


def _last_shown(session: Session) -> str | None:
    return session.processed.question_id if session.processed else None


def _at_limit(session: Session) -> bool:
    limit = session.spacing.pending_limit if session.spacing else None
    return limit is not None and session.pool.entries >= limit


def _reason(session: Session, draw: FreshDraw | PoolDraw) -> Reason:
    """Return why the session, which has nothing on screen, shows this draw."""
    if isinstance(draw, FreshDraw):
        return Reason.NEW
    if draw.entry.leftover:
        return Reason.REVIEW
    spacing = session.spacing
    if spacing and due_turn(spacing, draw.entry) <= session.turns + 1:
        return Reason.DUE
    if not session.fresh_left:
        return Reason.REST
    return Reason.LIMIT if spacing else Reason.DUE


def following(session: Session, draw: FreshDraw, count: int) -> tuple[str, ...]:
    """Return up to `count` question ids that come after a fresh draw in its source.

    What `skip` steps to while questions are retired, so that they can be fetched together.
    """
    source = session.sources[draw.source]
    stop = min(source.cursor + 1 + count, source.size)
    return tuple(_drawn_id(session, source, at) for at in range(source.cursor + 1, stop))


def drawn(session: Session, start: int, count: int) -> tuple[str, ...]:
    """Return up to `count` question ids drawn from the sources so far, from place `start` on.

    Source by source, each in the order of its draws. Retired questions that were stepped over are
    among them, and so is the one on screen; those of a review session, which has no fresh side,
    are not.
    """
    found: list[str] = []
    for source in session.sources:
        stop = min(source.cursor, start + count - len(found))
        found += (_drawn_id(session, source, at) for at in range(start, stop))
        start = max(0, start - source.cursor)
    return tuple(found)


def present(session: Session, draw: FreshDraw | PoolDraw, question: Question) -> Session:
    """Return the session with the drawn question on screen, on the next turn."""
    turns = session.turns + 1
    turn = Turn(
        question_id=question.question_id,
        version=question.version,
        order=choice_order(question.choices, session.seed, turns),
        from_pool=isinstance(draw, PoolDraw),
        reason=_reason(session, draw),
        ago=turns - draw.entry.turn if isinstance(draw, PoolDraw) and draw.entry.turn else 0,
    )
    if isinstance(draw, PoolDraw):
        new = int(draw.entry.leftover)
        return session._replace(
            turns=turns,
            turn=turn,
            presented=session.presented + new,
            waiting=session.waiting - new,
        )
    source = session.sources[draw.source]
    return session._replace(
        turns=turns,
        turn=turn,
        presented=session.presented + 1,
        sources=_replaced(
            session, draw.source, source._replace(cursor=source.cursor + 1, left=source.left - 1)
        ),
    )


def skip(session: Session, draw: FreshDraw | PoolDraw) -> Session:
    """Return the session without the drawn question, which the bank no longer has.

    Another question of the source takes its place; when the source has none to spare, the totals
    go down by one. A pool entry goes with its question; the caller removes it from the table.
    """
    if isinstance(draw, PoolDraw):
        waiting = session.waiting - int(draw.entry.leftover)
        return session._replace(pool=session.pool.removed(draw.entry), waiting=waiting)
    source = session.sources[draw.source]
    cursor = source.cursor + 1
    stepped = source._replace(cursor=cursor, left=min(source.left, source.size - cursor))
    return session._replace(sources=_replaced(session, draw.source, stepped))


def refill(
    session: Session, needed: RefillNeeded, found: Iterable[PoolEntry], *, exhausted: bool
) -> Session:
    """Return the session with pool entries read from the table (see `Queue.refilled`)."""
    pool = session.pool
    refilled = pool.refilled_passed if needed.passed else pool.refilled_waiting
    return session._replace(pool=refilled(found, exhausted=exhausted))


def complete(session: Session) -> Session:
    """Return the session as completed: it has nothing left to ask.

    Raises:
        InvalidValueError: it has.
    """
    if next_draw(session) is not None:
        raise InvalidValueError("a session with questions left is not complete")
    return session._replace(status=Status.COMPLETED, turn=None)


def _fresh_draw(session: Session, fresh: int) -> FreshDraw:
    # A source is picked by what it has left, then a question within it: together uniform over
    # all that are left.
    several = len(session.sources) > 1
    pick = below(fresh, session.seed, b"source", session.turns + 1) if several else 0
    for index, source in enumerate(session.sources):
        if pick < source.left:
            return FreshDraw(_drawn_id(session, source, source.cursor), index)
        pick -= source.left
    raise AssertionError("unreachable: pick is below the sum of what is left")


def _drawn_id(session: Session, source: Source, cursor: int) -> str:
    ordinal = permuted(cursor, source.size, session.seed, source.category.encode())
    return question_id(source.category, ordinal)


def _replaced(session: Session, index: int, source: Source) -> tuple[Source, ...]:
    return (*session.sources[:index], source, *session.sources[index + 1 :])
