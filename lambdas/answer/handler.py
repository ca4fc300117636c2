"""POST /sessions/{sessionId}/answer."""

from typing import TYPE_CHECKING

from domain.session.presentation import choice_ids
from domain.session.state import Outcome, Session
from domain.session.submission import SubmittedAnswer
from lambdas.answer.use_case import ProcessedAnswer, choice_faults, submit_answer
from lambdas.contract.bodies.answer import SubmitAnswer, sound_answer
from lambdas.contract.errors import FieldFault
from lambdas.shared.http.entrypoint import entrypoint
from lambdas.shared.http.request import Request
from lambdas.shared.http.response import Response
from lambdas.shared.http.views import progress_view, question_view
from lambdas.shared.playing import warm_up
from lambdas.shared.services import Services
from lambdas.shared.telemetry.audit_record import Target, name_target

if TYPE_CHECKING:
    from lambdas.contract import responses

MESSAGES = {
    Outcome.WRONG: "Incorrect. Try again with the shuffled answers.",
    Outcome.QUEUED: "Correct. The question will come back until it is right twice more.",
    Outcome.LOWERED: "Correct. The question will come back once more.",
    Outcome.MASTERED: "Correct.",
}


def submit(request: Request, services: Services) -> Response:
    """POST /sessions/{sessionId}/answer."""
    session_id = request.path["sessionId"]

    def choices_too(refused: object) -> tuple[FieldFault, ...]:
        body = sound_answer(refused)
        if body is None:
            return ()
        return choice_faults(services, request.user_id, session_id, _submission(body))

    body = request.body(SubmitAnswer, choices_too)
    name_target(Target.QUESTION, body.question_id)
    result = submit_answer(services, request.user_id, session_id, _submission(body))
    return Response(200, answer_view(result))


def _submission(body: SubmitAnswer) -> SubmittedAnswer:
    return SubmittedAnswer(
        question_id=body.question_id,
        turn=body.turn,
        selected=body.selected_answers,
        time_spent=round(body.time_spent * 1000),
    )


def answer_view(result: ProcessedAnswer) -> "responses.AnswerResult":
    """Return the body of a processed answer.

    It is made from state alone, so that a repeated request gets the same again.
    """
    session, done = result.session, result.session.processed
    assert done is not None  # noqa: S101 - an answer was processed
    progress = progress_view(session)
    body: responses.AnswerResult = {
        "correct": done.outcome.correct,
        "nextAction": _next_action(session, done.outcome),
        "penaltyIndicator": progress["penaltyIndicator"],
        "message": MESSAGES[done.outcome],
        "question": question_view(session, result.question),
        # A repeat gets this version again, though the session was paused or renamed since.
        "version": done.session_version or session.version,
        "progress": progress,
    }
    if done.outcome.correct:
        # All and only the right choices were selected, so they are what was selected.
        # Those of all its choices are remembered from grading.
        known = len(result.answered.choices) if result.answered else 0
        ids = choice_ids(session.seed, done.turn, done.version, max(known, max(done.selected) + 1))
        body["correctAnswers"] = sorted(ids[index] for index in done.selected)
        body["explanation"] = result.answered.explanation if result.answered else ""
    return body


def _next_action(session: Session, outcome: Outcome) -> "responses.NextAction":
    if not outcome.correct:
        return "RETRY_SAME_QUESTION"
    return "NEXT_QUESTION" if session.turn else "SESSION_COMPLETED"


handler = entrypoint("answer", {"submitAnswer": submit}, warm_up=warm_up)
