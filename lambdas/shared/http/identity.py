"""The caller's identity, read from the claims of an access token.

The gateway has verified the signature, the issuer and the times of a token. It accepts tokens of
any client of its user pool, and may cache its decision, so client, use, scope and expiry are
checked here again.
"""

import time
from calendar import timegm
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from re import compile as compile_pattern
from typing import Any, NamedTuple

from lambdas.contract.errors import ForbiddenError, NotFoundError, UnauthorizedError
from lambdas.contract.formats import ME, USER_ID_PATTERN
from lambdas.contract.route import Access

ADMIN_GROUP = "admin"
LEARNER_GROUP = "learner"
_GROUPS = frozenset({ADMIN_GROUP, LEARNER_GROUP})

TIME_FORMAT = "%a %b %d %H:%M:%S UTC %Y"
"""A time as API Gateway writes it into claims: `Wed Nov 25 19:30:00 UTC 2026`."""

_LATEST = 253_402_300_799
"""The last second of the year 9999: a claim beyond it is no time."""

_DIGITS = compile_pattern("[0-9]{1,12}")
_USER_ID = compile_pattern(USER_ID_PATTERN)


class Caller(NamedTuple):
    """An authenticated user.

    Attributes:
        user_id: The token's `sub`.
        groups: The user's groups.
        scopes: The token's scopes.
        signed_in_at: When the user signed in, in seconds since the epoch; a refreshed token keeps
            it. 0 if the token does not contain it.
    """

    user_id: str
    groups: frozenset[str]
    scopes: frozenset[str]
    signed_in_at: float = 0.0

    @property
    def is_admin(self) -> bool:
        """Whether the user is in the Cognito group `admin`."""
        return ADMIN_GROUP in self.groups


def caller_from_claims(
    claims: Mapping[str, Any],
    *,
    client_id: str,
    scopes: Collection[str],
    clock: Callable[[], float] = time.time,
) -> Caller:
    """Return the caller of claims whose token an authorizer has verified.

    `client_id` is the client whose tokens are taken; a token needs one of `scopes`. `clock` returns
    seconds since the epoch.

    Raises:
        UnauthorizedError: the claims are not those of a user's access token for this.
    """
    user_id = claims.get("sub")
    caller = Caller(
        user_id=user_id if isinstance(user_id, str) else "",
        groups=_groups(claims.get("cognito:groups")),
        scopes=frozenset(str(claims.get("scope", "")).split()),
        signed_in_at=_signed_in_at(claims.get("auth_time")),
    )
    if (
        claims.get("token_use") != "access"
        or claims.get("client_id") != client_id
        or caller.scopes.isdisjoint(scopes)
        or not _USER_ID.fullmatch(caller.user_id)
        or caller.user_id == ME
        or clock() >= time_of(claims.get("exp"))
    ):
        raise UnauthorizedError("A valid access token is required.")
    return caller


def time_of(claim: object) -> float:
    """Return the seconds since the epoch of a time claim; 0, which is past, for anything else.

    In a token it is a number. API Gateway hands it on as a text.
    """
    if isinstance(claim, str):
        return _parsed(claim)
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        return 0.0
    return claim if 0 <= claim <= _LATEST else 0.0


def _signed_in_at(claim: object) -> float:
    """Return the time of `auth_time`, which API Gateway passes as digits, unlike other times."""
    if isinstance(claim, str) and _DIGITS.fullmatch(claim):
        return time_of(int(claim))
    return time_of(claim)


@lru_cache(maxsize=256)
def _parsed(text: str) -> float:
    try:
        return float(timegm(time.strptime(text, TIME_FORMAT)))
    except ValueError:
        return 0.0


def _groups(claim: Any) -> frozenset[str]:
    """Return the names of groups, compared exactly.

    API Gateway joins the names with commas, and a name may contain a comma: the text is split only
    if every part is a group of this system, and is one unknown group otherwise.
    """
    if isinstance(claim, str):
        names = frozenset(claim.split(","))
        return names if names <= _GROUPS else frozenset({claim} - {""})
    if isinstance(claim, list | tuple):
        return frozenset(name for name in claim if isinstance(name, str))
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
