"""The published document."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from lambdas.contract.descriptions import PROPERTIES, SCHEMAS
from lambdas.contract.route import Access, Route
from lambdas.contract.routes import ROUTES
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
    assert ("403" in statuses) == (route.access in (Access.ADMIN, Access.SELF_OR_ADMIN))
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


def test_a_401_tells_how_to_authenticate(document: dict[str, Any]) -> None:
    headers = document["components"]["responses"]["Unauthorized"]["headers"]
    assert headers["WWW-Authenticate"] == {"$ref": "#/components/headers/WwwAuthenticate"}


def test_every_route_tells_that_it_may_be_asked_too_often_and_when_to_come_back(
    document: dict[str, Any],
) -> None:
    limited = document["components"]["responses"]["TooManyRequests"]
    assert limited["headers"]["Retry-After"] == {"$ref": "#/components/headers/RetryAfter"}
    assert "application/problem+json" in limited["content"]
    for route in ROUTES:
        told = operation(document, route)["responses"]["429"]
        assert told == {"$ref": "#/components/responses/TooManyRequests"}


def problems(document: dict[str, Any]) -> dict[str, list[str]]:
    """Return the codes of each problem component, by its name."""
    schemas = document["components"]["schemas"]
    return {
        name: schema["allOf"][1]["properties"]["code"]["enum"]
        for name, schema in schemas.items()
        if "allOf" in schema
    }


def test_an_error_has_a_problem_component_with_its_codes(document: dict[str, Any]) -> None:
    codes = problems(document)
    for response in document["components"]["responses"].values():
        schema = response["content"]["application/problem+json"]["schema"]
        assert codes[schema["$ref"].rpartition("/")[2]]
    assert codes["ConflictProblem"] == [
        *("IMPORT_OVER", "QUESTION_CHANGED", "SESSION_OVER", "SESSION_PAUSED", "TURN_MISMATCH"),
        "VERSION_CONFLICT",
    ]
    assert "RATE_LIMITED" in codes["TooManyRequestsProblem"]


def test_every_schema_and_property_has_a_description(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    missing = [name for name, schema in schemas.items() if not schema.get("description")]
    missing += [
        f"{name}.{key}"
        for name, schema in schemas.items()
        for key, value in schema.get("properties", {}).items()
        if not value.get("description")
    ]
    assert missing == []


def test_every_description_is_used(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    keys = {key for schema in schemas.values() for key in schema.get("properties", {})}
    pairs = {f"{n}.{key}" for n, schema in schemas.items() for key in schema.get("properties", {})}
    assert SCHEMAS.keys() <= schemas.keys()
    assert PROPERTIES.keys() <= keys | pairs


def in_requests(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the components that request bodies refer to, at any depth."""
    schemas = document["components"]["schemas"]
    bodies = [
        operation["requestBody"]
        for path in document["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict) and "requestBody" in operation
    ]
    pending, seen = re.findall(r"schemas/(\w+)", json.dumps(bodies)), set()
    while pending:
        if (name := pending.pop()) not in seen:
            seen.add(name)
            yield name, schemas[name]
            pending += re.findall(r"schemas/(\w+)", json.dumps(schemas[name]))


def test_request_bodies_have_no_alternatives_and_no_defaults(document: dict[str, Any]) -> None:
    for name, schema in in_requests(document):
        text = json.dumps(schema)
        assert '"anyOf"' not in text, name
        assert '"default"' not in text, name
        assert ('"oneOf"' in text) is (name == "StartSession"), name


def test_the_two_forms_of_a_start_cannot_be_confused(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    forms = [each["$ref"].rpartition("/")[2] for each in schemas["StartSession"]["oneOf"]]
    for form, other in zip(forms, reversed(forms), strict=True):
        (required,) = schemas[form]["required"]
        assert required not in schemas[other]["properties"]
        assert schemas[form]["additionalProperties"] is False


def test_times_have_their_format(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        for key, value in schema.get("properties", {}).items():
            if key.endswith("At"):
                assert value["format"] == "date-time", f"{name}.{key}"


def test_routes_are_grouped_by_the_readers_task(document: dict[str, Any]) -> None:
    assert [tag["name"] for tag in document["tags"]] == ["play", "progress", "account", "bank"]
    for route in ROUTES:
        (tag,) = operation(document, route)["tags"]
        assert (tag == "bank") is (route.access is Access.ADMIN)


def test_no_schema_is_left_unused(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for name in document["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text
