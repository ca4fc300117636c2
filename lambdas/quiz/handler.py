"""GET /sessions/{sessionId}/question."""

from typing import TYPE_CHECKING

from lambdas.quiz.use_case import show_question
from lambdas.shared.http.entrypoint import entrypoint
from lambdas.shared.http.request import Request
from lambdas.shared.http.response import Response
from lambdas.shared.http.views import progress_view, question_view
from lambdas.shared.playing import warm_up
from lambdas.shared.services import Services

if TYPE_CHECKING:
    from lambdas.contract import responses


def get_question(request: Request, services: Services) -> Response:
    """GET /sessions/{sessionId}/question."""
    session, question = show_question(services, request.user_id, request.path["sessionId"])
    progress = progress_view(session)
    body: responses.CurrentQuestion = {
        "nextAction": "ANSWER" if question else "SESSION_COMPLETED",
        "penaltyIndicator": progress["penaltyIndicator"],
        "question": question_view(session, question),
        "version": session.version,
        "progress": progress,
    }
    return Response(200, body)


handler = entrypoint("quiz", {"getQuestion": get_question}, warm_up=warm_up)
