"""The rules of an answer: the turn it is for, its grade, and the effects.

State in, new state and effects out; time and randomness come from outside. The rule numbers are
those of docs/architecture.md.
"""

from collections import Counter
from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple

from domain.errors import InvalidValueError, NoCurrentTurnError
from domain.question import Question, category_and_ordinal
from domain.session.effects import (
    EntryRemoved,
    EntrySaved,
    PoolChange,
    ProgressChange,
)
from domain.session.policy import Spacing, check_spacing
from domain.session.pool import Pool, PoolEntry
from domain.session.presentation import choice_order
from domain.session.randomness import SEED_BYTES
from domain.session.state import (
    LIFETIME,
    Outcome,
    ProcessedTurn,
    Reason,
    Session,
    Source,
    Status,
    Turn,
)
from domain.session.submission import (
    SubmittedAnswer,
    is_for_screen,
    is_of_older_version,
    repeated_turn,
    selected_choices,
    submitted_turn,
)


class Graded(NamedTuple):
    """A graded answer.

    Attributes:
        session: The session after it; after a right answer no question is on screen.
        outcome: How the answer was graded, and the effect on the pool.
        progress: The change of the learner's progress.
        pool_changes: The changes of the wrong-answer pool.
    """

    session: Session
    outcome: Outcome
    progress: ProgressChange
    pool_changes: tuple[PoolChange, ...]


class Repeated(NamedTuple):
    """The same answer to the turn processed last; it gets the same response again."""

    processed: ProcessedTurn


class NotPlayable(NamedTuple):
    """The session takes no answers now, because of its status."""

    status: Status


class Mismatch(Enum):
    """Why an answer is not one to what is on screen.

    Attributes:
        OTHER_TURN: It is for another turn or question.
        OLDER_VERSION: It is to a version of the question from before an edit.
        TOO_MANY_CHOICES: Several choices are selected, and the question has one right choice.
    """

    OTHER_TURN = auto()
    OLDER_VERSION = auto()
    TOO_MANY_CHOICES = auto()


class UnknownChoice(NamedTuple):
    """A selected choice does not exist.

    `on_screen` is true if the answer is for the turn on screen: then the choice may be of a
    version newer than the question given.
    """

    on_screen: bool


SubmissionOutcome = Graded | Repeated | NotPlayable | Mismatch | UnknownChoice


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
        pool = pool.added(entry._replace(leftover=True, turn=0))
    sources = [
        Source(category=category, question_count=count, size=0, left=0)
        for category, count in counts.items()
    ]
    return _begun(user_id, session_id, name, seed, sources, wrong_answer_percentage, now)._replace(
        pool=pool,
        last_queued_at=entries[-1].queued_at,
        waiting=len(entries),
    )


def with_spacing(session: Session, spacing: Spacing | None) -> Session:
    """Return a session that has drawn nothing yet with the policy `SPACED`; None for `RATIO`.

    Raises:
        InvalidValueError: a setting is out of bounds, or the session has begun to draw.
    """
    if session.turns:
        raise InvalidValueError("a session's policy is fixed when it starts")
    if spacing:
        check_spacing(spacing)
    return session._replace(spacing=spacing)


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


def submit(
    session: Session, question: Question | None, submission: SubmittedAnswer, *, now: int
) -> SubmissionOutcome:
    """Process a submission: the one entry for answers.

    `question` is the one on screen as the bank has it now; None if no question is on screen or the
    bank has lost it. It is not needed to recognize a repeat.
    """
    turn = submitted_turn(submission)
    if turn is None:
        return UnknownChoice(on_screen=False)
    repeated = repeated_turn(session, submission, turn)
    if repeated:
        return Repeated(repeated)
    status = session.status_at(now)
    if status is not Status.ACTIVE:
        return NotPlayable(status)
    if question is None or not is_for_screen(session, submission, turn):
        return Mismatch.OTHER_TURN
    return _graded(session, question, submission, now)


def _graded(
    session: Session, question: Question, submission: SubmittedAnswer, now: int
) -> Graded | Mismatch | UnknownChoice:
    """Grade a submission for the turn on screen, if its choices are the question's."""
    selected = selected_choices(session, question, submission)
    if selected is None:
        older = is_of_older_version(session, question, submission)
        return Mismatch.OLDER_VERSION if older else UnknownChoice(on_screen=True)
    if len(submission.selected) > 1 and not question.multiple:
        return Mismatch.TOO_MANY_CHOICES
    return answer(session, question, selected, now=now, time_spent=submission.time_spent)


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
) -> Graded:
    """Grade an answer to the current turn and apply rules 1 to 4.

    All and only the right choices are right (rule 7). A wrong answer leaves the question on
    screen, reshuffled, on a new turn; after a right one the screen is empty and `next_draw` decides
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
            session_version=session.version + 1,
        ),
    )
    mastery = {Outcome.WRONG: False, Outcome.MASTERED: True}
    return Graded(
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
            review=turn.from_pool and not turn.missed,
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
        reason=Reason.RETRY,
    )
    return session._replace(turns=turns, turn=again, wrong=session.wrong + 1)


def _put_right(
    session: Session, turn: Turn, order: tuple[int, ...], now: int
) -> tuple[Session, tuple[PoolChange, ...]]:
    """Rule 2: into the pool, or into it anew."""
    old = session.pool_entry
    queued_at = max(now, session.last_queued_at + 1)
    entry = PoolEntry(queued_at, turn.question_id, turn=session.turns)
    pool = (session.pool.removed(old) if old else session.pool).added(entry)
    queued = EntrySaved(entry, order, new=True)
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
        less = entry.lowered(session.turns)
        pool = session.pool
        pool = pool.passed_on(entry, less) if session.spacing else pool.lowered(less)
        lowered = EntrySaved(less, order, new=False)
        return Outcome.LOWERED, right._replace(pool=pool), (lowered,)
    after = right._replace(pool=session.pool.removed(entry))
    return Outcome.MASTERED, after, (EntryRemoved(entry),)
