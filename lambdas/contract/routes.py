"""The route table: the one declaration of the HTTP API.

The stacks make resources and methods of it, the laptop stage and the functions route by it, the
OpenAPI document is written from it, and the tests walk it. It imports nothing heavy: bodies and
responses are named (`module:Class`) and resolved by those who need the class.
"""

from enum import StrEnum
from functools import cache
from typing import NamedTuple

SESSION_ID_PATTERN = "^[0-9a-f]{27}$"
CATEGORY_PATTERN = "^[a-z0-9-]{1,48}$"
QUESTION_ID_PATTERN = "^[a-z0-9-]{1,48}:[0-9]{6,9}$"
CHOICE_ID_PATTERN = "^[0-9a-z]{1,32}$"
LANGUAGE_PATTERN = "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
TIME_ZONE_PATTERN = "^[A-Za-z][A-Za-z0-9_+-]{0,15}(/[A-Za-z0-9_+-]{1,20}){0,2}$"
IMPORT_ID_PATTERN = "^[0-9a-f]{32}$"
USER_ID_PATTERN = "^[A-Za-z0-9-]{1,128}$"

ME = "me"
"""Stands for the caller's own id in a path."""
IDEMPOTENCY_KEY_PATTERN = "^[!-~]{1,64}$"
PAGE_TOKEN_PATTERN = "^[A-Za-z0-9_-]{1,512}$"  # noqa: S105 - a grammar, not a secret  # nosec B105

SIGN_IN_SCOPE = "aws.cognito.signin.user.admin"
"""The one scope of every token from an SDK sign-in."""

RESOURCE_SERVER = "quiz"
"""Whose scopes clients get that come over OAuth."""

LEARN_SCOPE = "learn"
MANAGE_SCOPE = "manage"

MAX_BODY_BYTES = 16 * 1024
MAX_ADMIN_BODY_BYTES = 256 * 1024
MAX_TIME_SPENT = 86_400
"""Seconds on one question: a day."""
DEFAULT_PAGE = 20
MAX_PAGE = 100


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
_LIMIT = Parameter(
    name="limit",
    description="Most items of a page; a page may be shorter.",
    minimum=1,
    maximum=MAX_PAGE,
    default=DEFAULT_PAGE,
)
_NEXT_TOKEN = Parameter(
    name="nextToken",
    description="Opaque, from the page before; bound to its query.",
    pattern=PAGE_TOKEN_PATTERN,
)
_CATEGORY = Parameter(name="category", description="Only this category.", pattern=CATEGORY_PATTERN)
_STATUS = Parameter(
    name="status",
    description="Only sessions of this status.",
    choices=("ACTIVE", "PAUSED", "COMPLETED", "ABANDONED", "EXPIRED"),
)
_INCLUDE = Parameter(
    name="include",
    description="`question`: each item carries its question, as far as the learner may see it.",
    choices=("question",),
)
_IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    description="Repeating a request with the same key returns the same session with 200.",
    pattern=IDEMPOTENCY_KEY_PATTERN,
)
_IMPORT_KEY = Parameter(
    name="Idempotency-Key",
    description="Repeating a request with the same key returns the same import with 200.",
    pattern=IDEMPOTENCY_KEY_PATTERN,
)
_PLAY = Throttle(rate=200, burst=400)
_ADMIN = Throttle(rate=10, burst=20)
_IMPORT = Throttle(rate=20, burst=40)
_RARE = Throttle(rate=10, burst=20)

ROUTES: tuple[Route, ...] = (
    Route(
        operation="getHealth",
        method="GET",
        path="/health",
        function="health",
        access=Access.PUBLIC,
        summary="Tell that the API answers; no dependency is called",
        response="lambdas.contract.responses:Health",
    ),
    Route(
        operation="listCategories",
        method="GET",
        path="/questions/categories",
        function="questions",
        access=Access.LEARNER,
        summary="List the categories of the bank by name",
        response="lambdas.contract.responses:CategoryPage",
        query=(_LIMIT._replace(default=MAX_PAGE), _NEXT_TOKEN),
        errors=(404,),
    ),
    Route(
        operation="startSession",
        method="POST",
        path="/sessions",
        function="session",
        access=Access.LEARNER,
        summary="Start a session",
        body="lambdas.contract.bodies.session:StartSession",
        response="lambdas.contract.responses:Session",
        status=201,
        headers=(_IDEMPOTENCY_KEY,),
    ),
    Route(
        operation="listSessions",
        method="GET",
        path="/sessions",
        function="session",
        access=Access.LEARNER,
        summary="List one's own sessions, newest first",
        response="lambdas.contract.responses:SessionPage",
        query=(_STATUS, _LIMIT, _NEXT_TOKEN),
        errors=(404,),
    ),
    Route(
        operation="getSession",
        method="GET",
        path="/sessions/{sessionId}",
        function="session",
        access=Access.LEARNER,
        summary="Read one of one's sessions",
        response="lambdas.contract.responses:Session",
        errors=(404, 410),
    ),
    Route(
        operation="updateSession",
        method="PATCH",
        path="/sessions/{sessionId}",
        function="session",
        access=Access.LEARNER,
        summary="Rename, pause or resume a session",
        body="lambdas.contract.bodies.session:UpdateSession",
        response="lambdas.contract.responses:Session",
        errors=(404, 409, 410),
    ),
    Route(
        operation="abandonSession",
        method="DELETE",
        path="/sessions/{sessionId}",
        function="session",
        access=Access.LEARNER,
        summary="Abandon a session",
        status=204,
        errors=(404, 409, 410),
    ),
    Route(
        operation="getQuestion",
        method="GET",
        path="/sessions/{sessionId}/question",
        function="quiz",
        access=Access.LEARNER,
        summary="Show the current question; asking twice changes nothing",
        response="lambdas.contract.responses:CurrentQuestion",
        errors=(404, 409, 410),
        throttle=_PLAY,
    ),
    Route(
        operation="submitAnswer",
        method="POST",
        path="/sessions/{sessionId}/answer",
        function="answer",
        access=Access.LEARNER,
        summary="Answer the current question; the response carries what comes next",
        body="lambdas.contract.bodies.answer:SubmitAnswer",
        response="lambdas.contract.responses:AnswerResult",
        errors=(404, 409, 410),
        throttle=_PLAY,
    ),
    Route(
        operation="listSessionQuestions",
        method="GET",
        path="/sessions/{sessionId}/questions",
        function="progress",
        access=Access.LEARNER,
        summary="List the questions answered in a session",
        response="lambdas.contract.responses:SessionQuestionPage",
        query=(_LIMIT, _NEXT_TOKEN),
        errors=(404,),
    ),
    Route(
        operation="getUser",
        method="GET",
        path="/users/{userId}",
        function="users",
        access=Access.SELF,
        summary="Read one's profile and preferences",
        response="lambdas.contract.responses:User",
        errors=(404,),
    ),
    Route(
        operation="updateUser",
        method="PATCH",
        path="/users/{userId}",
        function="users",
        access=Access.SELF,
        summary="Change one's profile and preferences",
        body="lambdas.contract.bodies.user:UpdateUser",
        response="lambdas.contract.responses:User",
        errors=(404,),
    ),
    Route(
        operation="eraseUser",
        method="DELETE",
        path="/users/{userId}",
        function="privacy",
        access=Access.SELF,
        summary="Erase one's account and all that is kept about it; asking again changes nothing",
        status=204,
        errors=(404,),
        throttle=_RARE,
    ),
    Route(
        operation="exportUser",
        method="GET",
        path="/users/{userId}/export",
        function="privacy",
        access=Access.SELF,
        summary="Export everything kept about oneself, page by page",
        response="lambdas.contract.responses:UserExport",
        query=(_LIMIT._replace(default=MAX_PAGE), _NEXT_TOKEN),
        errors=(404,),
        throttle=_RARE,
    ),
    Route(
        operation="getProgress",
        method="GET",
        path="/users/{userId}/progress",
        function="progress",
        access=Access.SELF_OR_ADMIN,
        summary="Read a learner's totals",
        response="lambdas.contract.responses:LearnerProgress",
        errors=(404,),
    ),
    Route(
        operation="listQuestionProgress",
        method="GET",
        path="/users/{userId}/progress/questions",
        function="progress",
        access=Access.SELF_OR_ADMIN,
        summary="List a learner's record question by question",
        response="lambdas.contract.responses:QuestionProgressPage",
        query=(_CATEGORY, _INCLUDE, _LIMIT, _NEXT_TOKEN),
        errors=(404,),
    ),
    Route(
        operation="listWrongAnswers",
        method="GET",
        path="/users/{userId}/wrong-answers",
        function="progress",
        access=Access.SELF_OR_ADMIN,
        summary="List a learner's wrong-answer pool, oldest first",
        response="lambdas.contract.responses:WrongAnswerPage",
        query=(_INCLUDE, _LIMIT, _NEXT_TOKEN),
        errors=(404,),
    ),
    Route(
        operation="saveQuestions",
        method="POST",
        path="/admin/questions",
        function="questions",
        access=Access.ADMIN,
        summary="Create or update up to 100 questions; what is accepted becomes visible together",
        body="lambdas.contract.bodies.question:SaveQuestions",
        response="lambdas.contract.responses:SaveResults",
        throttle=_ADMIN,
    ),
    Route(
        operation="listQuestions",
        method="GET",
        path="/admin/questions",
        function="questions",
        access=Access.ADMIN,
        summary="List the bank, answers included",
        response="lambdas.contract.responses:BankQuestionPage",
        query=(_CATEGORY, _LIMIT, _NEXT_TOKEN),
        errors=(404,),
        throttle=_ADMIN,
    ),
    Route(
        operation="getBankQuestion",
        method="GET",
        path="/admin/questions/{questionId}",
        function="questions",
        access=Access.ADMIN,
        summary="Read a question of the bank, answers included",
        response="lambdas.contract.responses:BankQuestion",
        errors=(404,),
        throttle=_ADMIN,
    ),
    Route(
        operation="replaceQuestion",
        method="PUT",
        path="/admin/questions/{questionId}",
        function="questions",
        access=Access.ADMIN,
        summary="Replace a question in place, as a new version of its content",
        body="lambdas.contract.bodies.question:ReplaceQuestion",
        response="lambdas.contract.responses:BankQuestion",
        errors=(404, 409),
        throttle=_ADMIN,
    ),
    Route(
        operation="retireQuestion",
        method="DELETE",
        path="/admin/questions/{questionId}",
        function="questions",
        access=Access.ADMIN,
        summary="Retire a question: it is no longer drawn",
        status=204,
        errors=(404,),
        throttle=_ADMIN,
    ),
    Route(
        operation="openImport",
        method="POST",
        path="/admin/imports",
        function="questions",
        access=Access.ADMIN,
        summary="Open an import for the categories that it may change",
        body="lambdas.contract.bodies.bank_import:OpenImport",
        response="lambdas.contract.responses:BankImport",
        status=201,
        headers=(_IMPORT_KEY,),
        throttle=_ADMIN,
    ),
    Route(
        operation="getImport",
        method="GET",
        path="/admin/imports/{importId}",
        function="questions",
        access=Access.ADMIN,
        summary="Read the state of an import",
        response="lambdas.contract.responses:BankImport",
        errors=(404,),
        throttle=_ADMIN,
    ),
    Route(
        operation="addImportPart",
        method="POST",
        path="/admin/imports/{importId}/questions",
        function="questions",
        access=Access.ADMIN,
        summary="Stage up to 100 questions of an import; repeating a part returns its results",
        body="lambdas.contract.bodies.bank_import:AddImportPart",
        response="lambdas.contract.responses:SaveResults",
        errors=(404, 409, 410),
        throttle=_IMPORT,
    ),
    Route(
        operation="publishImport",
        method="POST",
        path="/admin/imports/{importId}/publish",
        function="questions",
        access=Access.ADMIN,
        summary="Publish an import: repeat the call until no update is left",
        response="lambdas.contract.responses:BankImport",
        status=202,
        errors=(404, 409, 410),
        throttle=_IMPORT,
    ),
    Route(
        operation="deleteImport",
        method="DELETE",
        path="/admin/imports/{importId}",
        function="questions",
        access=Access.ADMIN,
        summary="Delete an import that is not published, and release its categories",
        status=204,
        errors=(404, 409),
        throttle=_ADMIN,
    ),
    Route(
        operation="updateCategory",
        method="PATCH",
        path="/admin/categories/{category}",
        function="questions",
        access=Access.ADMIN,
        summary="Change a category's title, description, language and default settings",
        body="lambdas.contract.bodies.category:UpdateCategory",
        response="lambdas.contract.responses:BankCategory",
        errors=(404,),
        throttle=_ADMIN,
    ),
    Route(
        operation="getQuestionStatistics",
        method="GET",
        path="/admin/questions/{questionId}/statistics",
        function="questions",
        access=Access.ADMIN,
        summary="Read how a question behaves, in the version it has now",
        response="lambdas.contract.responses:QuestionStatistics",
        errors=(404,),
        throttle=_ADMIN,
    ),
    Route(
        operation="getCategoryStatistics",
        method="GET",
        path="/admin/categories/{category}/statistics",
        function="questions",
        access=Access.ADMIN,
        summary="Read how the questions of a category behave together",
        response="lambdas.contract.responses:CategoryStatistics",
        errors=(404,),
        throttle=_ADMIN,
    ),
)

FUNCTIONS: tuple[str, ...] = tuple(dict.fromkeys(route.function for route in ROUTES))
"""Functions that serve the API, in the order of their first route."""
