"""Routes of a learner's rights over their data, and the sweep that completes erasures."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdas.privacy.erasure import complete_erasures, erase
from lambdas.privacy.export import POSITION_PATTERN, export_page
from lambdas.shared.deadline import deadline
from lambdas.shared.http.entrypoint import entrypoint
from lambdas.shared.http.pagination import page_position, page_token
from lambdas.shared.http.request import Request
from lambdas.shared.http.response import Response
from lambdas.shared.services import Services, services
from lambdas.shared.telemetry.request_log import Usage, usage
from lambdas.shared.timestamps import iso

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.contract import responses


def export_user(request: Request, services: Services) -> Response:
    """GET /users/{userId}/export."""
    operation, user_id, query = request.route.operation, request.user_id, request.query
    page = export_page(
        services,
        user_id,
        limit=query["limit"],
        after=page_position(operation, user_id, query, POSITION_PATTERN),
    )
    body: responses.UserExport = {
        "userId": user_id,
        "exportedAt": iso(services.clock()),
        "sessions": page.sessions,
        "bookkeeping": page.bookkeeping,
        "progress": page.progress,
        "wrongAnswers": page.wrong_answers,
    }
    if page.user is not None:
        body["user"] = page.user
    if page.following:
        body["nextToken"] = page_token(page.following, operation, user_id, query)
    return Response(200, body)


def erase_user(request: Request, services: Services) -> Response:
    """DELETE /users/{userId}."""
    erase(services, request.user_id)
    return Response(204)


_serve = entrypoint("privacy", {"exportUser": export_user, "eraseUser": erase_user})


def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Serve a request or, when the schedule asks, complete erasures that were begun."""
    if event.get("source") != "aws.events":
        return _serve(event, context)
    token = usage.set(Usage(deadline=deadline(context)))
    try:
        return complete_erasures(services(), context.aws_request_id)
    finally:
        usage.reset(token)
