"""Routes of sessions: start, list, read, change, abandon."""

from functools import partial
from typing import TYPE_CHECKING

from domain.session.state import Status
from lambdas.contract.bodies.session import StartSession, UpdateSession
from lambdas.contract.formats import SESSION_ID_PATTERN
from lambdas.session import use_cases
from lambdas.shared.http.entrypoint import entrypoint
from lambdas.shared.http.pagination import page_position, page_token
from lambdas.shared.http.request import Request
from lambdas.shared.http.response import Response
from lambdas.shared.http.views import session_view
from lambdas.shared.playing import warm_up
from lambdas.shared.services import Services
from lambdas.shared.telemetry.audit_record import Target, name_target

if TYPE_CHECKING:
    from lambdas.contract import responses


def start_session(request: Request, services: Services) -> Response:
    """POST /sessions."""
    wanted = request.body(StartSession, partial(use_cases.source_faults, services))
    key = request.headers.get("Idempotency-Key")
    name_target(Target.CATEGORY, *wanted.categories)
    session, is_new = use_cases.start_session(services, request.user_id, wanted, key)
    name_target(Target.SESSION, session.session_id)
    location = {"Location": f"{request.address}/{session.session_id}"}
    return Response(201 if is_new else 200, session_view(session, services.clock()), location)


def list_sessions(request: Request, services: Services) -> Response:
    """GET /sessions."""
    operation, user_id, query = request.route.operation, request.user_id, request.query
    sessions, following = use_cases.list_sessions(
        services,
        user_id,
        status=Status(query["status"]) if "status" in query else None,
        limit=query["limit"],
        before=page_position(operation, user_id, query, SESSION_ID_PATTERN),
    )
    now = services.clock()
    body: responses.SessionPage = {"sessions": [session_view(session, now) for session in sessions]}
    if following:
        body["nextToken"] = page_token(following, operation, user_id, query)
    return Response(200, body)


def get_session(request: Request, services: Services) -> Response:
    """GET /sessions/{sessionId}."""
    session = use_cases.get_session(services, request.user_id, request.path["sessionId"])
    return Response(200, session_view(session, services.clock()))


def update_session(request: Request, services: Services) -> Response:
    """PATCH /sessions/{sessionId}."""
    session = use_cases.update_session(
        services, request.user_id, request.path["sessionId"], request.body(UpdateSession)
    )
    return Response(200, session_view(session, services.clock()))


def abandon_session(request: Request, services: Services) -> Response:
    """DELETE /sessions/{sessionId}."""
    use_cases.abandon_session(services, request.user_id, request.path["sessionId"])
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
