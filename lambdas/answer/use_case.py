"""Answer the current question: one read, one transaction, exactly once."""

from typing import NamedTuple, assert_never

from domain.question import Question
from domain.session.drawing import expected_next
from domain.session.engine import (
    Graded,
    Mismatch,
    NotPlayable,
    Repeated,
    SubmissionOutcome,
    UnknownChoice,
    submit,
)
from domain.session.state import Session, Status
from domain.session.submission import SubmittedAnswer
from lambdas.contract.errors import (
    ApiError,
    FieldCode,
    FieldFault,
    NotFoundError,
    QuestionChangedError,
    TurnMismatchError,
    UnavailableError,
    ValidationError,
)
from lambdas.shared.http.views import question_view
from lambdas.shared.playing import (
    Drawn,
    current_question,
    draw_next,
    is_measured,
    load,
    not_playable,
    note_draw,
    on_screen,
    save_turn,
)
from lambdas.shared.services import Services
from lambdas.shared.store.errors import StoreUnavailableError, TransactionConditionError
from lambdas.shared.store.turn import read_turn
from lambdas.shared.telemetry.metrics import CONFLICTS, FROM_MEMORY, RETRIES
from lambdas.shared.telemetry.request_log import count, note
from lambdas.shared.time_zones import day_in, name_of

_UNKNOWN_CHOICE = FieldFault(
    "selectedAnswers", FieldCode.UNKNOWN_CHOICE, "The question has no such choice."
)
_TOO_MANY_CHOICES = FieldFault("selectedAnswers", FieldCode.TOO_MANY_CHOICES, "Select one choice.")

ATTEMPTS = 3
"""Attempts at an answer while other requests change the session."""


class ProcessedAnswer(NamedTuple):
    """An answer after it was processed.

    Attributes:
        session: The session after the answer.
        answered: The question answered; None if the bank no longer has it.
        question: The question on screen; None if the session is completed.
    """

    session: Session
    answered: Question | None
    question: Question | None


def submit_answer(
    services: Services, user_id: str, session_id: str, submission: SubmittedAnswer
) -> ProcessedAnswer:
    """Process an answer; a repeated one gets the same result again.

    Raises:
        ApiError: there is no such session, it cannot be played now, the answer is for another
            turn or another version of the question, or a choice is unknown.
    """
    for attempt in range(ATTEMPTS):
        session = _load(services, user_id, session_id, submission.question_id)
        now = services.clock()
        if attempt:
            # The new pool entry may have met one of another session at the same millisecond.
            now = max(now, session.last_queued_at + 1) + attempt
        try:
            return _submit(services, session, submission, now=now)
        except TransactionConditionError:
            count(CONFLICTS)
    raise UnavailableError("Too many requests play this session at once.")


def choice_faults(
    services: Services, user_id: str, session_id: str, submission: SubmittedAnswer
) -> tuple[FieldFault, ...]:
    """Return the faults of choices in a body that is refused already for other fields.

    It reads the session and the question on screen, and writes nothing.
    """
    try:
        session = _load(services, user_id, session_id, submission.question_id)
    except NotFoundError:
        return ()
    outcome, _ = _outcome(services, session, submission, now=services.clock())
    match outcome:
        case UnknownChoice():
            return (_UNKNOWN_CHOICE,)
        case Mismatch.TOO_MANY_CHOICES:
            return (_TOO_MANY_CHOICES,)
        case _:
            return ()


def _load(services: Services, user_id: str, session_id: str, question_id: str) -> Session:
    """Return the session, read together with the question if the one in memory may be outdated.

    While the Questions table cannot be read, play continues from memory.
    """
    if not services.bank.is_due(question_id):
        return load(services, user_id, session_id)
    try:
        session, question = read_turn(
            services.sessions, services.questions, user_id, session_id, question_id
        )
    except StoreUnavailableError:
        session = load(services, user_id, session_id)
        count(FROM_MEMORY)
        return session
    if question:
        services.bank.refresh(question)
    if session is None:
        raise NotFoundError
    return session


def _submit(
    services: Services, session: Session, submission: SubmittedAnswer, *, now: int
) -> ProcessedAnswer:
    outcome, question = _outcome(services, session, submission, now=now)
    match outcome:
        case Graded():
            assert question is not None  # noqa: S101 - without a question nothing is graded
            return _save(services, outcome, question, expected_version=session.version)
        case Repeated():
            return _repeated(services, session, outcome, question)
        case _:
            raise _refusal(services, session, question, outcome)


def _outcome(
    services: Services, session: Session, submission: SubmittedAnswer, *, now: int
) -> tuple[SubmissionOutcome, Question | None]:
    """Return what a submission leads to, and the question on screen, as new as needed for it."""
    question = _question_on_screen(services, session, submission, now)
    outcome = submit(session, question, submission, now=now)
    if question and _may_be_outdated(outcome):
        question = services.bank.reread(question.question_id) or question
        outcome = submit(session, question, submission, now=now)
    return outcome, question


def _question_on_screen(
    services: Services, session: Session, submission: SubmittedAnswer, now: int
) -> Question | None:
    """Return the question to grade, read together with another that is likely to be needed."""
    turn = session.turn
    if turn is None or session.status_at(now) is not Status.ACTIVE:
        return None
    if services.bank.cached(turn.question_id):
        return on_screen(services, turn)
    if session.processed and submission.question_id != turn.question_id:
        return on_screen(services, turn, session.processed.question_id)
    following = expected_next(session)
    return on_screen(services, turn, *([following] if following else []))


def _may_be_outdated(outcome: SubmissionOutcome) -> bool:
    """Whether the question was edited, perhaps after this environment cached it."""
    match outcome:
        case Mismatch.OLDER_VERSION | UnknownChoice(on_screen=True):
            return True
        case _:
            return False


def _save(
    services: Services, graded: Graded, question: Question, *, expected_version: int
) -> ProcessedAnswer:
    if graded.session.turn:
        drawn = Drawn(graded.session, question, graded.pool_changes)
    else:
        drawn = draw_next(services, graded.session, graded.pool_changes)
    progress, zone = graded.progress, graded.session.time_zone
    if zone:
        progress = progress._replace(day=day_in(name_of(zone), progress.at))
    save_turn(services, drawn.session, drawn.changes, progress, expected_version=expected_version)
    if graded.outcome.correct:
        note_draw(drawn.session)
    elif is_measured(drawn.session):
        note(RETRIES)
    return ProcessedAnswer(drawn.session, question, drawn.question)


def _repeated(
    services: Services, session: Session, repeated: Repeated, shown: Question | None
) -> ProcessedAnswer:
    answered_id = repeated.processed.question_id
    if session.turn and shown is None:
        shown = on_screen(services, session.turn, answered_id)
    answered = services.bank.get((answered_id,)).get(answered_id)
    return ProcessedAnswer(session, answered, shown)


def _refusal(
    services: Services,
    session: Session,
    question: Question | None,
    outcome: NotPlayable | Mismatch | UnknownChoice,
) -> ApiError:
    """Return the error of the HTTP contract for an answer that is not graded."""
    match outcome:
        case NotPlayable(status):
            return not_playable(status)
        case Mismatch.OTHER_TURN:
            renewed, shown = current_question(services, session)
            return TurnMismatchError(
                "The answer is not for the turn on screen.",
                members={"question": question_view(renewed, shown)},
            )
        case Mismatch.OLDER_VERSION:
            return QuestionChangedError(
                "The question was edited since it was shown; no try is counted.",
                members={"question": question_view(session, question)},
            )
        case UnknownChoice():
            return ValidationError([_UNKNOWN_CHOICE])
        case Mismatch.TOO_MANY_CHOICES:
            return ValidationError([_TOO_MANY_CHOICES])
        case _:
            assert_never(outcome)
