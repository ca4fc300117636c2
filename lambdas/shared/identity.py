"""Who calls: the one module that knows claims."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.routes import Access
from lambdas.shared.errors import ForbiddenError, NotFoundError, UnauthorizedError

ADMIN_GROUP = "admin"
ME = "me"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated user: id (the token's `sub`), groups and scopes."""

    user_id: str
    groups: frozenset[str]
    scopes: frozenset[str]

    @property
    def is_admin(self) -> bool:
        """Whether the user is in the Cognito group `admin`."""
        return ADMIN_GROUP in self.groups


def caller_from_claims(claims: Mapping[str, Any]) -> Caller:
    """Return the caller of claims an authorizer has verified.

    API Gateway passes claims as strings and joins `cognito:groups` with commas. Only access
    tokens speak for a user here.

    Raises:
        UnauthorizedError: the claims are not those of a user's access token.
    """
    user_id = claims.get("sub")
    if not isinstance(user_id, str) or not user_id or claims.get("token_use") != "access":
        raise UnauthorizedError("An access token is needed.")
    groups = claims.get("cognito:groups") or ()
    if isinstance(groups, str):
        groups = groups.strip("[]").replace(",", " ").split()
    return Caller(
        user_id=user_id,
        groups=frozenset(groups),
        scopes=frozenset(str(claims.get("scope", "")).split()),
    )


def authorize(caller: Caller, access: Access, user_id: str | None) -> str:
    """Return the user whose data a call is about: the caller, or whom an admin names.

    Raises:
        ForbiddenError: the route is for administrators.
        NotFoundError: the path names another user.
    """
    if access is Access.ADMIN and not caller.is_admin:
        raise ForbiddenError("Only administrators may do this.")
    if user_id is None or user_id in (ME, caller.user_id):
        return caller.user_id
    if access is Access.SELF_OR_ADMIN and caller.is_admin:
        return user_id
    raise NotFoundError
