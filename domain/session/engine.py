"""The rules of an answer: whom it is for, whether it is right, and what follows.

State in, new state and effects out; time and randomness come from outside. The rule numbers are
those of docs/architecture.md.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from domain.errors import (
    InvalidValueError,
    NoCurrentTurnError,
    TooManyChoicesError,
    UnknownChoiceError,
)
from domain.question import Question, category_and_ordinal
from domain.session.effects import (
    EntryLowered,
    EntryQueued,
    EntryRemoved,
    PoolChange,
    ProgressChange,
)
from domain.session.pool import Pool, PoolEntry
from domain.session.presentation import choice_ids, choice_order, turn_of
from domain.session.randomness import SEED_BYTES
from domain.session.state import (
    LIFETIME,
    Outcome,
    ProcessedTurn,
    Session,
    Source,
    Status,
    Turn,
)


class Addressed(Enum):
    """Which turn a submission speaks of."""

    CURRENT = "current"
    PROCESSED = "processed"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A graded answer: the session with no question on screen unless it is asked again."""

    session: Session
    outcome: Outcome
    progress: ProgressChange
    pool_changes: tuple[PoolChange, ...]


def new_session(
    *,
    user_id: str,
    session_id: str,
    name: str,
    seed: bytes,
    sources: Sequence[Source],
    wrong_answer_percentage: int,
    now: int,
) -> Session:
    """Return a session that has drawn nothing yet.

    Raises:
        InvalidValueError: a percentage outside 0..100, a seed of the wrong length, no sources,
            one category twice, or more questions than a source has.
    """
    categories = [source.category for source in sources]
    if not categories or len(set(categories)) < len(categories):
        raise InvalidValueError("a session draws from one or more distinct categories")
    if any(not 0 < source.left <= source.size - source.cursor for source in sources):
        raise InvalidValueError("a source asks one to all of its category's questions")
    return _begun(user_id, session_id, name, seed, sources, wrong_answer_percentage, now)


def new_review_session(
    *,
    user_id: str,
    session_id: str,
    name: str,
    seed: bytes,
    entries: Sequence[PoolEntry],
    wrong_answer_percentage: int,
    now: int,
) -> Session:
    """Return a session whose pool is what earlier ones left, and whose fresh side is empty.

    `entries` become its leftovers; they are of distinct questions, the oldest first.

    Raises:
        InvalidValueError: a percentage outside 0..100, a seed of the wrong length, no entries,
            entries out of order, or one question twice.
    """
    questions = [entry.question_id for entry in entries]
    if not entries or len(set(questions)) < len(questions):
        raise InvalidValueError("a review takes up one or more distinct questions")
    if [entry.key for entry in entries] != sorted(entry.key for entry in entries):
        raise InvalidValueError("what is left is taken up oldest first")
    counts = Counter(category_and_ordinal(each)[0] for each in questions)
    pool = Pool()
    for entry in entries:
        pool = pool.added(entry._replace(leftover=True))
    sources = [
        Source(category=category, question_count=count, size=0, left=0)
        for category, count in counts.items()
    ]
    return _begun(user_id, session_id, name, seed, sources, wrong_answer_percentage, now)._replace(
        pool=pool,
        last_queued_at=entries[-1].queued_at,
        waiting=len(entries),
    )


def _begun(
    user_id: str,
    session_id: str,
    name: str,
    seed: bytes,
    sources: Sequence[Source],
    wrong_answer_percentage: int,
    now: int,
) -> Session:
    if not 0 <= wrong_answer_percentage <= 100:
        raise InvalidValueError(f"{wrong_answer_percentage} is not a percentage from 0 to 100")
    if len(seed) != SEED_BYTES:
        raise InvalidValueError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
    return Session(
        user_id=user_id,
        session_id=session_id,
        name=name,
        status=Status.ACTIVE,
        version=1,
        created_at=now,
        updated_at=now,
        expires_at=now + LIFETIME,
        seed=seed,
        wrong_answer_percentage=wrong_answer_percentage,
        sources=tuple(sources),
    )


def addressed_turn(
    session: Session, question_id: str, turn: int | None, selected: Sequence[str]
) -> Addressed:
    """Return which turn a submission is for; without `turn`, its choice ids tell.

    The turn processed last is recognized only with the choices it was answered with: that is a
    repeat, to be given the same response.

    Raises:
        UnknownChoiceError: `turn` is absent and the ids are no choices of one turn.
    """
    if turn is None:
        turns = {turn_of(identifier) for identifier in selected}
        if len(turns) != 1:
            raise UnknownChoiceError("the choices belong to several turns")
        turn = turns.pop()
    on_screen = session.turn
    if on_screen and (turn, question_id) == (session.turns, on_screen.question_id):
        return Addressed.CURRENT
    done = session.processed
    if done and (turn, question_id) == (done.turn, done.question_id):
        ids = choice_ids(session.seed, turn, done.version, max(done.selected, default=-1) + 1)
        if set(selected) == {ids[index] for index in done.selected}:
            return Addressed.PROCESSED
    return Addressed.OTHER


def selected_choices(
    session: Session, question: Question, version: int, selected: Sequence[str]
) -> frozenset[int]:
    """Return the indexes of the choices selected on the current turn.

    `version` is the version of the question the ids are taken to be of.

    Raises:
        UnknownChoiceError: an id is not of this turn and version; its argument names the id.
        TooManyChoicesError: several for a question with one right choice.
    """
    ids = choice_ids(session.seed, session.turns, version, len(question.choices))
    index_of = {identifier: index for index, identifier in enumerate(ids)}
    for identifier in selected:
        if identifier not in index_of:
            raise UnknownChoiceError(identifier)
    if len(selected) > 1 and not question.multiple:
        raise TooManyChoicesError
    return frozenset(index_of[identifier] for identifier in selected)


def shown_order(session: Session, question: Question) -> tuple[int, ...]:
    """Return the order of choices on the current turn.

    A question edited since it was drawn is shown as it is now, in an order of its own.

    Raises:
        NoCurrentTurnError: no question is on screen.
    """
    turn = _current(session)
    if question.version == turn.version:
        return turn.order
    return choice_order(question.choices, session.seed, session.turns)


def answer(
    session: Session, question: Question, selected: frozenset[int], *, now: int, time_spent: int = 0
) -> Answered:
    """Grade an answer to the current turn and apply rules 1 to 4.

    All and only the right choices are right (rule 7). A wrong answer leaves the question on
    screen, reshuffled, on a new turn; after a right one the screen is empty and `next_draw` says
    what comes. `time_spent` is in milliseconds.

    Raises:
        NoCurrentTurnError: no question is on screen.
    """
    turn = _current(session)
    order = shown_order(session, question)
    changes: tuple[PoolChange, ...] = ()
    if selected != question.correct_choices:
        outcome = Outcome.WRONG
        after = _asked_again(session, turn, question, order)
    elif turn.missed:
        outcome = Outcome.QUEUED
        after, changes = _put_right(session, turn, order, now)
    else:
        outcome, after, changes = _right_at_first_try(session, order)
    chosen = tuple(sorted(selected))
    after = after._replace(
        version=session.version + 1,
        updated_at=now,
        expires_at=now + LIFETIME,
        processed=ProcessedTurn(
            turn=session.turns,
            question_id=turn.question_id,
            version=question.version,
            selected=chosen,
            outcome=outcome,
        ),
    )
    mastery = {Outcome.WRONG: False, Outcome.MASTERED: True}
    return Answered(
        session=after,
        outcome=outcome,
        progress=ProgressChange(
            session_id=session.session_id,
            number=session.correct + session.wrong + 1,
            right_before=session.correct,
            pool_entries=after.pool.entries,
            question_id=turn.question_id,
            version=question.version,
            correct=outcome.correct,
            mastered=mastery.get(outcome),
            selected=chosen,
            time_spent=time_spent,
            at=now,
        ),
        pool_changes=changes,
    )


def _current(session: Session) -> Turn:
    if session.turn is None:
        raise NoCurrentTurnError
    return session.turn


def _asked_again(
    session: Session, turn: Turn, question: Question, order: tuple[int, ...]
) -> Session:
    """Rule 1: the same question at once, its choices in another order."""
    turns = session.turns + 1
    again = turn._replace(
        version=question.version,
        order=choice_order(question.choices, session.seed, turns, previous=order),
        missed=True,
    )
    return session._replace(turns=turns, turn=again, wrong=session.wrong + 1)


def _put_right(
    session: Session, turn: Turn, order: tuple[int, ...], now: int
) -> tuple[Session, tuple[PoolChange, ...]]:
    """Rule 2: into the pool, or into it anew."""
    old = session.pool_entry
    queued_at = max(now, session.last_queued_at + 1)
    entry = PoolEntry(queued_at, turn.question_id)
    pool = (session.pool.removed(old) if old else session.pool).added(entry)
    queued = EntryQueued(entry, order)
    after = session._replace(
        turn=None,
        pool=pool,
        last_queued_at=queued_at,
        correct=session.correct + 1,
        answered=session.answered + (old is None or old.leftover),
    )
    return after, (EntryRemoved(old), queued) if old else (queued,)


def _right_at_first_try(
    session: Session, order: tuple[int, ...]
) -> tuple[Outcome, Session, tuple[PoolChange, ...]]:
    """Rules 3 and 4."""
    entry = session.pool_entry
    right = session._replace(
        turn=None,
        correct=session.correct + 1,
        answered=session.answered + (entry is None or entry.leftover),
        mastered=session.mastered + (entry is None or entry.remaining_tries == 1),
    )
    if entry is None:
        return Outcome.MASTERED, right, ()
    if entry.remaining_tries > 1:
        lowered = right._replace(pool=session.pool.lowered(entry))
        return Outcome.LOWERED, lowered, (EntryLowered(entry.lowered(), order),)
    after = right._replace(pool=session.pool.removed(entry))
    return Outcome.MASTERED, after, (EntryRemoved(entry),)
