"""Routes of the profile."""

from typing import TYPE_CHECKING

from lambdas.shared.http.entrypoint import entrypoint
from lambdas.shared.http.request import Request
from lambdas.shared.http.response import Response
from lambdas.shared.http.views import spacing_view
from lambdas.shared.services import Services
from lambdas.shared.store.preferences import preference_values
from lambdas.shared.store.users import Profile
from lambdas.shared.timestamps import iso

if TYPE_CHECKING:
    from lambdas.contract import responses


def get_user(request: Request, services: Services) -> Response:
    """GET /users/{userId}."""
    return Response(200, user_view(services.users.get(request.user_id)))


def update_user(request: Request, services: Services) -> Response:
    """PATCH /users/{userId}."""
    # Reading a profile, the frequent request, starts without pydantic.
    from lambdas.contract.bodies.user import UpdateUser  # noqa: PLC0415

    wanted = request.body(UpdateUser)
    named = {
        "displayName": wanted.display_name,
        "language": wanted.language,
        "timeZone": wanted.time_zone,
    }
    changes = {name: value for name, value in named.items() if value is not None}
    profile = services.users.change(
        request.user_id, changes | preference_values(wanted.preferences), services.clock()
    )
    return Response(200, user_view(profile))


def user_view(profile: Profile) -> "responses.User":
    """Return a profile as the contract shows it."""
    settings = profile.preferences.settings
    return {
        "userId": profile.user_id,
        "displayName": profile.display_name,
        "language": profile.language,
        "timeZone": profile.time_zone,
        "policy": settings.policy.value,
        "wrongAnswerPercentage": settings.wrong_answer_percentage,
        "spacing": spacing_view(settings.spacing),
        "createdAt": None if profile.created_at is None else iso(profile.created_at),
        "updatedAt": None if profile.updated_at is None else iso(profile.updated_at),
    }


handler = entrypoint("users", {"getUser": get_user, "updateUser": update_user})
