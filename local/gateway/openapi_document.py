"""Writes the OpenAPI document of the route table; `--check` only tells whether it is stale."""

import json
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from pkgutil import resolve_name
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from lambdas.contract.errors import ApiError
from lambdas.contract.gateway_problems import GATEWAY_PROBLEMS
from lambdas.contract.responses import Problem
from lambdas.contract.routes import ROUTES, Access, Parameter, Route
from local.data_folder import ROOT

OUTPUT = ROOT / "docs" / "openapi.json"

Schema = dict[str, Any]
_Key = tuple[str, Literal["validation", "serialization"]]

_ERRORS = {
    400: ("MalformedBody", "The body is not JSON."),
    401: ("Unauthorized", "There is no token, or it is not a valid access token."),
    403: ("Forbidden", "The caller is not in the group that this route is for."),
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
_EXAMPLES = {
    "startSession": {
        "name": "Mixed practice",
        "sources": [{"category": "geography", "questionCount": 10}],
        "settings": {"policy": "RATIO", "wrongAnswerPercentage": 20},
    },
    "updateSession": {"status": "PAUSED", "version": 1},
    "submitAnswer": {
        "questionId": "geography:000001",
        "turn": 1,
        "selectedAnswers": ["k3f"],
        "timeSpent": 12.5,
    },
}
_PATH_EXAMPLES = {"userId": "me", "questionId": "geography:000001"}


class _UntitledFields(GenerateJsonSchema):
    """Leaves out titles that only repeat the name of their field."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def openapi_document(routes: Sequence[Route] = ROUTES) -> Schema:
    """Return the document of the routes, in the order of the table."""
    schemas, components = _schemas(routes)
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
            "version": "1.0.0",
            "summary": "A quiz in which every wrong answer comes back until it is mastered.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"accessToken": []}],
        "tags": [{"name": name} for name in dict.fromkeys(route.function for route in routes)],
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
                "RetryAfter": {
                    "description": "Seconds to wait.",
                    "schema": {"type": "integer", "minimum": 0},
                },
            },
            "responses": {_ERRORS[status][0]: _error(status, schemas) for status in _ERRORS},
            "schemas": components,
        },
    }


def write() -> None:
    """Write the document into docs/."""
    OUTPUT.write_text(openapi_json(), encoding="utf-8")


def openapi_json() -> str:
    """Return the document as its file holds it."""
    return json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n"


def _schemas(routes: Iterable[Route]) -> tuple[dict[str, Schema], Schema]:
    """Return the schema of each body that a route names, and the components they share."""
    inputs: dict[_Key, TypeAdapter[Any]] = {}
    for route in routes:
        if route.body:
            inputs[route.body, "validation"] = TypeAdapter(resolve_name(route.body))
        if route.response:
            inputs[route.response, "serialization"] = TypeAdapter(resolve_name(route.response))
    inputs["problem", "serialization"] = TypeAdapter(Problem)
    by_key, definitions = TypeAdapter.json_schemas(
        [(name, mode, adapter) for (name, mode), adapter in inputs.items()],
        ref_template="#/components/schemas/{model}",
        schema_generator=_UntitledFields,
    )
    components: Schema = dict(sorted(definitions.get("$defs", {}).items()))
    return {name: schema for (name, _), schema in by_key.items()}, components


def _operation(route: Route, schemas: dict[str, Schema]) -> Schema:
    operation: Schema = {
        "operationId": route.operation,
        "summary": route.summary,
        "tags": [route.function],
    }
    if route.access is Access.PUBLIC:
        operation["security"] = []
    else:
        operation["description"] = f"Who may call it: {route.access.value}."
    parameters = [_parameter(p, "query") for p in route.query]
    parameters += [_parameter(p, "header") for p in route.headers]
    if parameters:
        operation["parameters"] = parameters
    if route.body:
        content: Schema = {"schema": schemas[route.body]}
        if route.operation in _EXAMPLES:
            content["example"] = _EXAMPLES[route.operation]
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
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
            responses[str(int(status))]["content"] = {
                "application/json": {"schema": schemas[route.response]}
            }
    for status in sorted(_error_statuses(route)):
        responses[str(status)] = {"$ref": f"#/components/responses/{_ERRORS[status][0]}"}
    return responses


def _error_statuses(route: Route) -> set[int]:
    """Return the statuses of errors that a route gives by its kind, and of its own."""
    statuses = {429, 500, 503, *route.errors}
    if route.access is not Access.PUBLIC:
        statuses.add(401)
    if route.access is Access.ADMIN:
        statuses.add(403)
    if route.path_parameters:
        statuses.add(404)
    if route.body:
        statuses |= {400, 413, 422}
    if route.query or route.headers:
        statuses.add(422)
    return statuses


def _error(status: int, schemas: dict[str, Schema]) -> Schema:
    headers = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    if status in _RETRIED:
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    return {
        "description": _ERRORS[status][1],
        "headers": headers,
        "content": {
            "application/problem+json": {
                "schema": {
                    "allOf": [
                        schemas["problem"],
                        {
                            "properties": {
                                "status": {"const": status},
                                "code": {"enum": _codes(status)},
                            }
                        },
                    ]
                }
            }
        },
    }


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
