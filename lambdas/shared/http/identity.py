"""Who calls: the one module that knows claims.

The gateway has checked signature, issuer and times of a token. It takes tokens of any client of
its user pool, though, so what decides who somebody is and what they may is checked here again.
"""

from collections.abc import Collection, Mapping
from re import compile as compile_pattern
from typing import Any, NamedTuple

from lambdas.contract.errors import ForbiddenError, NotFoundError, UnauthorizedError
from lambdas.contract.routes import ME, USER_ID_PATTERN, Access

ADMIN_GROUP = "admin"
LEARNER_GROUP = "learner"

_USER_ID = compile_pattern(USER_ID_PATTERN)


class Caller(NamedTuple):
    """An authenticated user: id (the token's `sub`), groups and scopes."""

    user_id: str
    groups: frozenset[str]
    scopes: frozenset[str]

    @property
    def is_admin(self) -> bool:
        """Whether the user is in the Cognito group `admin`."""
        return ADMIN_GROUP in self.groups


def caller_from_claims(
    claims: Mapping[str, Any], *, client_id: str, scopes: Collection[str]
) -> Caller:
    """Return the caller of claims whose token an authorizer has verified.

    `client_id` is the client whose tokens are taken; a token needs one of `scopes`.

    Raises:
        UnauthorizedError: the claims are not those of a user's access token for this.
    """
    user_id = claims.get("sub")
    caller = Caller(
        user_id=user_id if isinstance(user_id, str) else "",
        groups=_groups(claims.get("cognito:groups")),
        scopes=frozenset(str(claims.get("scope", "")).split()),
    )
    if (
        claims.get("token_use") != "access"
        or claims.get("client_id") != client_id
        or caller.scopes.isdisjoint(scopes)
        or not _USER_ID.fullmatch(caller.user_id)
        or caller.user_id == ME
    ):
        raise UnauthorizedError("An access token is needed.")
    return caller


def _groups(claim: Any) -> frozenset[str]:
    """API Gateway passes claims as strings: it joins groups with commas, or prints the list."""
    if isinstance(claim, str):
        return frozenset(claim.strip("[]").replace(",", " ").split())
    if isinstance(claim, list | tuple):
        return frozenset(map(str, claim))
    return frozenset()


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
