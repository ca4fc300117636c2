"""Kinds of entries of the route table: a route, its parameters, its throttle, who may call it."""

from enum import StrEnum
from functools import cache
from typing import NamedTuple

from lambdas.contract.formats import (
    CATEGORY_PATTERN,
    IMPORT_ID_PATTERN,
    MAX_ADMIN_BODY_BYTES,
    MAX_BODY_BYTES,
    QUESTION_ID_PATTERN,
    SESSION_ID_PATTERN,
    USER_ID_PATTERN,
)

SIGN_IN_SCOPE = "aws.cognito.signin.user.admin"
"""The one scope of every token from an SDK sign-in."""

RESOURCE_SERVER = "quiz"
"""Whose scopes clients get that come over OAuth."""

LEARN_SCOPE = "learn"
MANAGE_SCOPE = "manage"


class Access(StrEnum):
    """Who may call a route. Learner data is always read under the caller's own id."""

    PUBLIC = "public"
    LEARNER = "learner"
    SELF = "self"
    SELF_OR_ADMIN = "self or admin"
    ADMIN = "admin"


class Parameter(NamedTuple):
    """A parameter in the path, the query or a header, checked before the use case runs."""

    name: str
    description: str
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    default: int | None = None

    @property
    def is_integer(self) -> bool:
        """Whether the value is a whole number."""
        return self.minimum is not None


class Throttle(NamedTuple):
    """Steady requests per second and burst of one method of the gateway."""

    rate: int
    burst: int


class Route(NamedTuple):
    """One method of one path.

    `function` is the folder under `lambdas` whose handler serves it. `errors` are the statuses it
    gives of its own, beside those every route of its kind gives.
    """

    operation: str
    method: str
    path: str
    function: str
    access: Access
    summary: str
    response: str | None = None
    status: int = 200
    body: str | None = None
    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    errors: tuple[int, ...] = ()
    throttle: Throttle = Throttle(rate=50, burst=100)

    @property
    def max_body_bytes(self) -> int:
        """Size from which a body is refused with 413."""
        return MAX_ADMIN_BODY_BYTES if self.access is Access.ADMIN else MAX_BODY_BYTES

    @property
    def scopes(self) -> tuple[str, ...]:
        """Scopes of which a token has to carry one; none where the route is public.

        They make the gateway's authorizer take access tokens, not ID tokens. A caller's rights
        depend on the group: an SDK sign-in gives everybody the same scope.
        """
        if self.access is Access.PUBLIC:
            return ()
        own = MANAGE_SCOPE if self.access is Access.ADMIN else LEARN_SCOPE
        return (SIGN_IN_SCOPE, f"{RESOURCE_SERVER}/{own}")

    @property
    def path_parameters(self) -> tuple[Parameter, ...]:
        """Parameters of the path, in order."""
        return _path_parameters(self.path)


@cache
def _path_parameters(path: str) -> tuple[Parameter, ...]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return tuple([PATH_PARAMETERS[name] for name in names])


PATH_PARAMETERS = {
    parameter.name: parameter
    for parameter in (
        Parameter(name="sessionId", description="The session.", pattern=SESSION_ID_PATTERN),
        Parameter(name="userId", description="The user's id, or `me`.", pattern=USER_ID_PATTERN),
        Parameter(name="questionId", description="The question.", pattern=QUESTION_ID_PATTERN),
        Parameter(name="category", description="The category.", pattern=CATEGORY_PATTERN),
        Parameter(name="importId", description="The import.", pattern=IMPORT_ID_PATTERN),
    )
}
