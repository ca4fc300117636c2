"""The published document."""

import json
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from lambdas.contract.routes import ROUTES, Access, Route
from local.gateway import openapi_document


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document.openapi_document()


def operation(document: dict[str, Any], route: Route) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][route.path][route.method.lower()]
    return found


def test_it_is_valid(document: dict[str, Any]) -> None:
    validate(document)


def test_the_committed_document_is_current() -> None:
    assert openapi_document.OUTPUT.read_text() == openapi_document.openapi_json()


def test_the_document_is_written_with_a_line_break_at_its_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(openapi_document, "OUTPUT", tmp_path / "openapi.json")
    openapi_document.write()
    text = (tmp_path / "openapi.json").read_text()
    assert text.endswith("}\n")
    assert json.loads(text) == openapi_document.openapi_document()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_each_route_tells_its_parameters_bodies_and_errors(
    document: dict[str, Any], route: Route
) -> None:
    told = operation(document, route)
    parameters = [
        *document["paths"][route.path].get("parameters", []),
        *told.get("parameters", []),
    ]
    assert [p["name"] for p in parameters] == [
        p.name for p in (*route.path_parameters, *route.query, *route.headers)
    ]
    assert ("requestBody" in told) == (route.body is not None)
    statuses = set(told["responses"])
    assert {str(route.status), "429", "500", "503"} <= statuses
    assert {str(status) for status in route.errors} <= statuses
    assert ("401" in statuses) == (route.access is not Access.PUBLIC)
    assert ("403" in statuses) == (route.access is Access.ADMIN)
    assert {"400", "413", "422"} <= statuses or not route.body
    success = told["responses"][str(route.status)]
    assert ("content" in success) == (route.response is not None)
    assert "X-Request-Id" in success["headers"]
    assert told.get("security", document["security"]) == (
        [] if route.access is Access.PUBLIC else [{"accessToken": []}]
    )


def test_starting_a_session_tells_where_it_is_and_that_it_may_be_repeated(
    document: dict[str, Any],
) -> None:
    told = document["paths"]["/sessions"]["post"]["responses"]
    assert "Location" in told["201"]["headers"]
    assert "200" in told


def test_every_route_tells_that_it_may_be_asked_too_often_and_when_to_come_back(
    document: dict[str, Any],
) -> None:
    limited = document["components"]["responses"]["TooManyRequests"]
    assert limited["headers"]["Retry-After"] == {"$ref": "#/components/headers/RetryAfter"}
    assert "application/problem+json" in limited["content"]
    for route in ROUTES:
        told = operation(document, route)["responses"]["429"]
        assert told == {"$ref": "#/components/responses/TooManyRequests"}


def test_a_status_tells_its_codes(document: dict[str, Any]) -> None:
    told = {}
    for response in document["components"]["responses"].values():
        problem, said = response["content"]["application/problem+json"]["schema"]["allOf"]
        assert problem == {"$ref": "#/components/schemas/Problem"}
        told[said["properties"]["status"]["const"]] = said["properties"]["code"]["enum"]
    assert all(told.values())
    assert told[409] == [
        *("QUESTION_CHANGED", "SESSION_OVER", "SESSION_PAUSED", "TURN_MISMATCH"),
        "VERSION_CONFLICT",
    ]
    assert told[429] == ["RATE_LIMITED"]


def test_no_schema_is_left_unused(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for name in document["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text
