"""Routes of the bank, and the event that writes the category of the smoke test."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from domain.question import SMOKE_CATEGORY
from lambdas.contract.errors import NotFoundError
from lambdas.contract.formats import CATEGORY_PATTERN
from lambdas.contract.route import Access
from lambdas.contract.routes import ROUTES
from lambdas.questions.category_view import category_view
from lambdas.shared.deadline import deadline
from lambdas.shared.http.entrypoint import entrypoint
from lambdas.shared.http.pagination import page_position, page_token
from lambdas.shared.http.request import Request
from lambdas.shared.http.response import Response
from lambdas.shared.services import Services, services
from lambdas.shared.telemetry.request_log import Usage, usage

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.contract import responses

SMOKE_SOURCE = "quiz.smoke"
"""Source of the smoke test's event. A proxy event has no member `source`, so no HTTP request can be
taken for it."""

ADMINISTRATIVE = [
    route.operation
    for route in ROUTES
    if route.function == "questions" and route.access is Access.ADMIN
]


def list_categories(request: Request, services: Services) -> Response:
    """GET /questions/categories."""
    operation, user_id, query = request.route.operation, request.user_id, request.query
    entries, following = services.categories.page(
        limit=query["limit"],
        after=page_position(operation, user_id, query, CATEGORY_PATTERN),
    )
    body: responses.CategoryPage = {"categories": [category_view(entry) for entry in entries]}
    if following:
        body["nextToken"] = page_token(following, operation, user_id, query)
    return Response(200, body)


def administrate(request: Request, services: Services) -> Response:
    """Serve a route of administrators, whose modules load with the first such request.

    Learners list categories far more often; a function that starts for them loads no pydantic.

    Raises:
        NotFoundError: the path names the smoke test's category, which its own event alone changes.
    """
    path = request.path
    category = path.get("category") or path.get("questionId", "").rpartition(":")[0]
    if category == SMOKE_CATEGORY:
        raise NotFoundError
    from lambdas.questions.administration import OPERATIONS  # noqa: PLC0415

    return OPERATIONS[request.route.operation](request, services)


_serve = entrypoint(
    "questions",
    {"listCategories": list_categories, **dict.fromkeys(ADMINISTRATIVE, administrate)},
)


def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Serve a request or, when the smoke test asks, write the questions of its category."""
    if event.get("source") != SMOKE_SOURCE:
        return _serve(event, context)
    from lambdas.questions.smoke_category import ensure_smoke_category  # noqa: PLC0415 - pydantic

    token = usage.set(Usage(deadline=deadline(context)))
    try:
        return {"statuses": ensure_smoke_category(services())}
    finally:
        usage.reset(token)
