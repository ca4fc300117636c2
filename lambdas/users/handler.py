"""Routes of the profile."""

from typing import TYPE_CHECKING

from lambdas.contract.bodies.user import UpdateUser
from lambdas.shared.http.entrypoint import entrypoint
from lambdas.shared.http.request import Request
from lambdas.shared.http.response import Response
from lambdas.shared.services import Services
from lambdas.shared.store.users import Profile
from lambdas.shared.timestamps import iso

if TYPE_CHECKING:
    from lambdas.contract import responses


def get_user(request: Request, services: Services) -> Response:
    """GET /users/{userId}."""
    return Response(200, user_view(services.users.get(request.user_id)))


def update_user(request: Request, services: Services) -> Response:
    """PATCH /users/{userId}."""
    changes = request.body(UpdateUser).model_dump(by_alias=True, exclude_none=True)
    profile = services.users.change(request.user_id, changes, services.clock())
    return Response(200, user_view(profile))


def user_view(profile: Profile) -> "responses.User":
    """Return a profile as the contract shows it."""
    body: responses.User = {
        "userId": profile.user_id,
        "displayName": profile.display_name,
        "language": profile.language,
        "wrongAnswerPercentage": profile.wrong_answer_percentage,
    }
    if profile.created_at is not None and profile.updated_at is not None:
        body["createdAt"] = iso(profile.created_at)
        body["updatedAt"] = iso(profile.updated_at)
    return body


handler = entrypoint("users", {"getUser": get_user, "updateUser": update_user})
