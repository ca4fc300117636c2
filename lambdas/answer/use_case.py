"""Answer the current question: one read, one transaction, exactly once."""

from typing import NamedTuple

from domain.errors import TooManyChoicesError, UnknownChoiceError
from domain.question import MAX_CHOICES, Question
from domain.session.drawing import expected_next
from domain.session.engine import Addressed, Answered, addressed_turn, answer, selected_choices
from domain.session.presentation import choice_ids
from domain.session.state import Session, Turn
from lambdas.answer.submission import Submission
from lambdas.contract.errors import (
    FieldFault,
    QuestionChangedError,
    SessionOverError,
    TurnMismatchError,
    UnavailableError,
    ValidationError,
)
from lambdas.shared.http.views import question_view
from lambdas.shared.playing import (
    Drawn,
    current_question,
    draw_next,
    load,
    note_draw,
    on_screen,
    require_playable,
    save_turn,
)
from lambdas.shared.services import Services
from lambdas.shared.store.errors import TransactionConditionError
from lambdas.shared.telemetry.metrics import CONFLICTS, RETRIES
from lambdas.shared.telemetry.request_log import count, note

ATTEMPTS = 3
"""Times an answer is decided anew because another request changed the session meanwhile."""


class Result(NamedTuple):
    """An answer processed: the session after it, the question answered and the one on screen."""

    session: Session
    answered: Question | None
    question: Question | None


def submit_answer(
    services: Services, user_id: str, session_id: str, submission: Submission
) -> Result:
    """Process an answer, or give the same result again when it is a repeat.

    Raises:
        ApiError: there is no such session, it cannot be played now, the answer is for another
            turn or another version of the question, or its choices are not the question's.
    """
    for attempt in range(ATTEMPTS):
        session = load(services, user_id, session_id)
        now = services.clock()
        if attempt:
            # The entry to queue may have met one of another session at the same millisecond.
            now = max(now, session.last_queued_at + 1) + attempt
        try:
            return _submit(services, session, submission, now=now)
        except TransactionConditionError:
            count(CONFLICTS)
    raise UnavailableError("The session is being played by too many requests at once.")


def _submit(services: Services, session: Session, submission: Submission, *, now: int) -> Result:
    try:
        addressed = addressed_turn(
            session, submission.question_id, submission.turn, submission.selected_answers
        )
    except UnknownChoiceError as error:
        raise _unknown_choice() from error
    if addressed is Addressed.PROCESSED:
        return _repeated(services, session)
    require_playable(session, now)
    if session.turn is None:
        raise SessionOverError("The session is completed.")
    question = _on_screen(services, session, session.turn)
    if addressed is Addressed.OTHER or question is None:
        renewed, shown = current_question(services, session)
        raise TurnMismatchError(
            "The answer is not for the turn on screen.",
            members={"question": question_view(renewed, shown)},
        )
    question, selected = _selected(services, session, question, submission)
    answered = answer(
        session, question, selected, now=now, time_spent=round(submission.time_spent * 1000)
    )
    drawn = _next(services, answered, question)
    save_turn(
        services,
        drawn.session,
        drawn.changes,
        answered.progress,
        expected_version=session.version,
    )
    if answered.outcome.correct:
        note_draw(drawn.session)
    else:
        note(RETRIES)
    return Result(drawn.session, question, drawn.question)


def _next(services: Services, answered: Answered, question: Question) -> Drawn:
    if answered.session.turn:
        return Drawn(answered.session, question, answered.pool_changes)
    return draw_next(services, answered.session, answered.pool_changes)


def _on_screen(services: Services, session: Session, turn: Turn) -> Question | None:
    """Return the question on screen, fetched together with the one likely to follow it."""
    if services.bank.cached(turn.question_id):
        return on_screen(services, turn)
    following = expected_next(session)
    return on_screen(services, turn, *([following] if following else []))


def _selected(
    services: Services, session: Session, question: Question, submission: Submission
) -> tuple[Question, frozenset[int]]:
    """Return the question as it is now and the choices selected.

    Choices this environment does not know may be of a newer version than its cache holds, so the
    question is read again before they are refused.
    """
    try:
        chosen = selected_choices(session, question, question.version, submission.selected_answers)
    except UnknownChoiceError:
        question = services.bank.reread(question.question_id) or question
    except TooManyChoicesError:
        raise _several_choices() from None
    else:
        return question, chosen
    try:
        chosen = selected_choices(session, question, question.version, submission.selected_answers)
    except TooManyChoicesError:
        raise _several_choices() from None
    except UnknownChoiceError:
        if _of_older_version(session, question, submission):
            raise QuestionChangedError(
                "The question was edited since it was shown; no try is counted.",
                members={"question": question_view(session, question)},
            ) from None
        raise _unknown_choice() from None
    return question, chosen


def _of_older_version(session: Session, question: Question, submission: Submission) -> bool:
    assert session.turn is not None  # noqa: S101 - the caller checked
    versions = range(session.turn.version, question.version)
    return any(
        set(submission.selected_answers)
        <= set(choice_ids(session.seed, session.turns, version, MAX_CHOICES))
        for version in versions
    )


def _repeated(services: Services, session: Session) -> Result:
    done = session.processed
    assert done is not None  # noqa: S101 - a repeat has something it repeats
    shown = on_screen(services, session.turn, done.question_id) if session.turn else None
    answered = services.bank.get((done.question_id,)).get(done.question_id)
    return Result(session, answered, shown)


def _unknown_choice() -> ValidationError:
    return ValidationError(
        [FieldFault("selectedAnswers", "holds a choice that this question does not have")]
    )


def _several_choices() -> ValidationError:
    return ValidationError([FieldFault("selectedAnswers", "only one choice can be selected")])
