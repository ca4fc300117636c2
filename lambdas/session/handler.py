"""Routes of sessions: start, list, read, change, abandon."""

from typing import TYPE_CHECKING

from domain.session import Status
from lambdas.routes import SESSION_ID_PATTERN
from lambdas.session import use_cases
from lambdas.session.models import StartSession, UpdateSession
from lambdas.shared.audit import Target, name_target
from lambdas.shared.environment import Environment
from lambdas.shared.http.entrypoint import entrypoint
from lambdas.shared.http.pagination import page_position, page_token
from lambdas.shared.http.request import Request
from lambdas.shared.http.response import Response
from lambdas.shared.playing import warm_up
from lambdas.shared.views import session_view

if TYPE_CHECKING:
    from lambdas import contract


def start_session(request: Request, environment: Environment) -> Response:
    """POST /sessions."""
    wanted = request.body(StartSession)
    key = request.headers.get("Idempotency-Key")
    name_target(Target.CATEGORY, *wanted.categories)
    session, is_new = use_cases.start_session(environment, request.user_id, wanted, key)
    name_target(Target.SESSION, session.session_id)
    location = {"Location": f"{request.address}/{session.session_id}"}
    return Response(201 if is_new else 200, session_view(session, environment.clock()), location)


def list_sessions(request: Request, environment: Environment) -> Response:
    """GET /sessions."""
    operation, user_id, query = request.route.operation, request.user_id, request.query
    sessions, following = use_cases.list_sessions(
        environment,
        user_id,
        status=Status(query["status"]) if "status" in query else None,
        limit=query["limit"],
        before=page_position(operation, user_id, query, SESSION_ID_PATTERN),
    )
    now = environment.clock()
    body: contract.Sessions = {"sessions": [session_view(session, now) for session in sessions]}
    if following:
        body["nextToken"] = page_token(following, operation, user_id, query)
    return Response(200, body)


def get_session(request: Request, environment: Environment) -> Response:
    """GET /sessions/{sessionId}."""
    session = use_cases.get_session(environment, request.user_id, request.path["sessionId"])
    return Response(200, session_view(session, environment.clock()))


def update_session(request: Request, environment: Environment) -> Response:
    """PATCH /sessions/{sessionId}."""
    session = use_cases.update_session(
        environment, request.user_id, request.path["sessionId"], request.body(UpdateSession)
    )
    return Response(200, session_view(session, environment.clock()))


def abandon_session(request: Request, environment: Environment) -> Response:
    """DELETE /sessions/{sessionId}."""
    use_cases.abandon_session(environment, request.user_id, request.path["sessionId"])
    return Response(204)


handler = entrypoint(
    "session",
    {
        "startSession": start_session,
        "listSessions": list_sessions,
        "getSession": get_session,
        "updateSession": update_session,
        "abandonSession": abandon_session,
    },
    warm_up=warm_up,
)
