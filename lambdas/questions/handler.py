"""Routes of the bank: the list of categories for learners, and those of administrators."""

from typing import TYPE_CHECKING

from lambdas.contract.formats import CATEGORY_PATTERN
from lambdas.contract.route import Access
from lambdas.contract.routes import ROUTES
from lambdas.questions.category_view import category_view
from lambdas.shared.http.entrypoint import entrypoint
from lambdas.shared.http.pagination import page_position, page_token
from lambdas.shared.http.request import Request
from lambdas.shared.http.response import Response
from lambdas.shared.services import Services

if TYPE_CHECKING:
    from lambdas.contract import responses

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
    """
    from lambdas.questions.administration import OPERATIONS  # noqa: PLC0415

    return OPERATIONS[request.route.operation](request, services)


handler = entrypoint(
    "questions",
    {"listCategories": list_categories, **dict.fromkeys(ADMINISTRATIVE, administrate)},
)
