"""Requests as API Gateway passes them, and settings for a test's process."""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import settings

from lambdas.contract.route import SIGN_IN_SCOPE, Route
from lambdas.contract.routes import ROUTES

repeatable = settings(derandomize=True, deadline=None)
"""The same examples in every run."""

ROUTE: Mapping[str, Route] = {route.operation: route for route in ROUTES}
CLIENT_ID = "test-client"
SESSION_ID = "0123456789abcdef0123456789a"
QUESTION_ID = "geography:000001"


def claims(user: str = "ada", groups: Sequence[str] = (), **other: Any) -> dict[str, Any]:
    """Return the claims of an access token."""
    return {
        "sub": user,
        "token_use": "access",
        "client_id": CLIENT_ID,
        "scope": SIGN_IN_SCOPE,
        "exp": "Fri Dec 31 23:59:59 UTC 9999",
        "cognito:groups": ",".join(groups),
        **other,
    }


def path_of(route: Route) -> dict[str, str]:
    """Return well-formed path parameters of a route."""
    known = {
        "sessionId": SESSION_ID,
        "userId": "me",
        "questionId": QUESTION_ID,
        "category": "aws-cloud-practitioner",
        "importId": "0" * 32,
    }
    return {parameter.name: known[parameter.name] for parameter in route.path_parameters}


def event(
    operation: str,
    body: str | None = None,
    *,
    token: Mapping[str, Any] | None = None,
    groups: Sequence[str] = ("admin",),
    **other: Any,
) -> dict[str, Any]:
    """Return a good request for an operation; `other` replaces members of the event."""
    route = ROUTE[operation]
    return {
        "resource": route.path,
        "httpMethod": route.method,
        "pathParameters": path_of(route) or None,
        "queryStringParameters": None,
        "headers": None,
        "body": body,
        "isBase64Encoded": False,
        "requestContext": {
            "requestId": "request-1",
            "authorizer": {"claims": claims(groups=groups) if token is None else token},
        },
        **other,
    }
