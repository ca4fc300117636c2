"""The OpenAPI document of the route table, and its file in docs/."""

import json
from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

from lambdas.contract.errors import ApiError, UnauthorizedError
from lambdas.contract.gateway_problems import GATEWAY_PROBLEMS
from lambdas.contract.route import Access, Parameter, Route
from lambdas.contract.routes import ROUTES
from lambdas.shared.settings import VERSION
from local.data_folder import ROOT
from local.gateway.openapi_schemas import REFERENCE, Schema, route_schemas

OUTPUT = ROOT / "docs" / "openapi.json"
EXAMPLES = Path(__file__).with_name("examples.json")
"""A request and a response for each operation, as a stage takes and gives them: `make examples`."""


_ERRORS = {
    400: ("MalformedBody", "The body is not JSON."),
    401: ("Unauthorized", "There is no token, or it is not a valid access token."),
    403: ("Forbidden", "The caller is not an administrator, or signed in without a second factor."),
    404: ("NotFound", "There is no such thing, or it is another user's."),
    409: ("Conflict", "Its state does not allow it; `code` says why."),
    410: ("Gone", "The session has expired."),
    413: ("TooLarge", "The body is larger than the route takes."),
    422: ("Unprocessable", "Fields are wrong; `errors` names each of them."),
    429: ("TooManyRequests", "The caller sends requests faster than the stage allows."),
    500: ("InternalError", "Something failed on the server."),
    503: ("Unavailable", "A dependency is out of order for the moment."),
}
_RETRIED = (429, 503)
LAPTOP = "http://127.0.0.1:8000"
_CALLERS = {
    Access.PUBLIC: "anybody, without a token",
    Access.LEARNER: "a learner, on their own data",
    Access.SELF: "the user named in the path",
    Access.SELF_OR_ADMIN: "the user named in the path, or an administrator",
    Access.ADMIN: "an administrator",
}
_TAGS = {
    "play": "Start sessions, show questions, answer them.",
    "progress": "What a learner did and still owes.",
    "account": "A learner's profile, export and erasure.",
    "bank": "Questions, categories and their statistics, for administrators.",
}
_PATH_EXAMPLES = {"userId": "me", "questionId": "geography:000001"}


def openapi_document(routes: Sequence[Route] = ROUTES, laptop: str = LAPTOP) -> Schema:
    """Return the document of the routes, in the order of the table.

    `laptop` is the address of the laptop stage, the first of the servers.
    """
    schemas, components = route_schemas(routes)
    components |= {_problem_name(status): _problem(status) for status in _ERRORS}
    paths: dict[str, Schema] = {}
    for route in routes:
        operations = paths.setdefault(route.path, {})
        if route.path_parameters and not operations:
            operations["parameters"] = [_parameter(p, "path") for p in route.path_parameters]
        operations[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Adaptive quiz",
            "version": VERSION,
            "summary": "A quiz in which every wrong answer comes back until it is mastered.",
            "description": (
                "Learners start sessions, answer the question on screen, and are asked again what "
                "they missed. Errors are problem documents (RFC 9457) with a stable `code`. "
                "Repeating a request is safe: an answer counts once."
            ),
            "contact": {"name": "The maintainers"},
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [
            {"url": laptop, "description": "The laptop stage: `make run`."},
            {
                "url": "https://{host}/v1",
                "description": "A deployed stage.",
                "variables": {
                    "host": {
                        "default": "api.example.com",
                        "description": "The output `apiUrl` of the stage, or its own domain.",
                    }
                },
            },
        ],
        "security": [{"accessToken": []}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "accessToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An access token (not an ID token) of the stage's user pool.",
                }
            },
            "headers": {
                "RequestId": {
                    "description": "Names the request in logs.",
                    "schema": {"type": "string"},
                },
                "Location": {"description": "Path of what was made.", "schema": {"type": "string"}},
                "WwwAuthenticate": {
                    "description": "How to authenticate: `Bearer`.",
                    "schema": {"type": "string"},
                },
                "RetryAfter": {
                    "description": "Seconds to wait.",
                    "schema": {"type": "integer", "minimum": 0},
                },
            },
            "responses": {_ERRORS[status][0]: _error(status) for status in _ERRORS},
            "schemas": dict(sorted(components.items())),
        },
    }


def write() -> None:
    """Write the document into docs/."""
    OUTPUT.write_text(openapi_json(), encoding="utf-8")


def openapi_json() -> str:
    """Return the document as its file holds it."""
    return json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n"


def _operation(route: Route, schemas: dict[str, Schema]) -> Schema:
    operation: Schema = {
        "operationId": route.operation,
        "summary": route.summary,
        "tags": [_tag(route)],
    }
    operation["description"] = f"Who may call it: {_CALLERS[route.access]}."
    if route.access is Access.PUBLIC:
        operation["security"] = []
    parameters = [_parameter(p, "query") for p in route.query]
    parameters += [_parameter(p, "header") for p in route.headers]
    if parameters:
        operation["parameters"] = parameters
    if route.body:
        content = _content(schemas[route.body], route, "request")
        operation["requestBody"] = {"required": True, "content": content}
    operation["responses"] = _responses(route, schemas)
    return operation


def _responses(route: Route, schemas: dict[str, Schema]) -> Schema:
    statuses = [route.status]
    if route.status == HTTPStatus.CREATED and route.headers:
        statuses.insert(0, HTTPStatus.OK)  # a repeat under the same key
    responses: Schema = {}
    for status in statuses:
        headers = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
        if status == HTTPStatus.CREATED:
            headers["Location"] = {"$ref": "#/components/headers/Location"}
        responses[str(int(status))] = {"description": HTTPStatus(status).phrase, "headers": headers}
        if route.response:
            responses[str(int(status))]["content"] = _content(
                schemas[route.response], route, "response"
            )
    for status in sorted(_error_statuses(route)):
        responses[str(status)] = {"$ref": f"#/components/responses/{_ERRORS[status][0]}"}
    return responses


def _content(schema: Schema, route: Route, part: Literal["request", "response"]) -> Schema:
    return {"application/json": {"schema": schema, "example": _examples()[route.operation][part]}}


@cache
def _examples() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    return found


def _error_statuses(route: Route) -> set[int]:
    """Return the statuses of errors that a route gives by its kind, and of its own."""
    # An unknown query parameter is refused everywhere.
    statuses = {422, 429, 500, 503, *route.errors}
    if route.access is not Access.PUBLIC:
        statuses.add(401)
    if route.access in (Access.ADMIN, Access.SELF_OR_ADMIN):
        statuses.add(403)
    if route.path_parameters:
        statuses.add(404)
    if route.body:
        statuses |= {400, 413}
    return statuses


def _error(status: int) -> Schema:
    headers = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    if status in _RETRIED:
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    if status == UnauthorizedError.status:
        headers["WWW-Authenticate"] = {"$ref": "#/components/headers/WwwAuthenticate"}
    schema = {"$ref": f"{REFERENCE}{_problem_name(status)}"}
    return {
        "description": _ERRORS[status][1],
        "headers": headers,
        "content": {"application/problem+json": {"schema": schema}},
    }


def _problem_name(status: int) -> str:
    return f"{_ERRORS[status][0]}Problem"


def _problem(status: int) -> Schema:
    """Return the problem document of a status: a Problem with the codes of that status."""
    code = {
        "type": "string",
        "enum": _codes(status),
        "description": "Stable code: what a client decides by.",
    }
    return {
        "title": _problem_name(status),
        "description": f"{_ERRORS[status][1]} Status {status}.",
        "allOf": [
            {"$ref": f"{REFERENCE}Problem"},
            {"type": "object", "properties": {"code": code}, "required": ["code"]},
        ],
    }


def _tag(route: Route) -> str:
    """Return the reader's task that a route belongs to."""
    if route.access is Access.ADMIN:
        return "bank"
    if route.function == "progress":
        return "progress"
    return "account" if route.path.startswith("/users") else "play"


def _codes(status: int) -> list[str]:
    """Return the codes of a status, of the functions' errors and of the gateway's."""
    told = {(each.status, each.code) for each in ApiError.__subclasses__()}
    told |= {(each.status, each.code) for each in GATEWAY_PROBLEMS.values()}
    return sorted(code for of, code in told if of == status)


def _parameter(parameter: Parameter, place: Literal["path", "query", "header"]) -> Schema:
    schema: Schema = {"type": "integer" if parameter.is_integer else "string"}
    facets = {
        "pattern": parameter.pattern,
        "enum": list(parameter.choices) or None,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "default": parameter.default,
    }
    schema |= {name: value for name, value in facets.items() if value is not None}
    described: Schema = {"name": parameter.name, "in": place, "description": parameter.description}
    if place == "path":
        described["required"] = True
        if parameter.name in _PATH_EXAMPLES:
            described["example"] = _PATH_EXAMPLES[parameter.name]
    return {**described, "schema": schema}
