"""Properties of every route of the table."""

import re
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name
from typing import get_args

import pytest
from typing_extensions import is_typeddict

import lambdas
from infra.permissions import PERMISSIONS
from lambdas.contract.bodies.base import RequestModel
from lambdas.contract.formats import PAGE_TOKEN_PATTERN
from lambdas.contract.route import PATH_PARAMETERS, Access, Parameter, Route
from lambdas.contract.routes import FUNCTIONS, ROUTES
from lambdas.shared.http.request import body_model
from lambdas.shared.settings import settings
from tests.support.fixed_context import FixedContext
from tests.unit.lambdas.builders import CLIENT_ID, event

PARAMETERS = {p.name: p for r in ROUTES for p in (*r.path_parameters, *r.query, *r.headers)}
SAMPLES = {
    "sessionId": "0" * 27,
    "userId": "7f9c24e8-3b12-4fef-91e0-a5d2c8b7e6f3",
    "importId": "0123456789abcdef" * 2,
    "questionId": "aws-cloud-practitioner:000123",
    "category": "aws-cloud-practitioner",
    "nextToken": "A-_z09",
    "Idempotency-Key": "7f9c24e8-3b12-4fef-91e0-a5d2c8b7e6f3",
}

every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)


def test_no_two_routes_share_an_operation_or_a_method_of_a_path() -> None:
    assert len({route.operation for route in ROUTES}) == len(ROUTES)
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_no_two_operations_differ_only_in_case() -> None:
    assert len({route.operation.lower() for route in ROUTES}) == len(ROUTES)


def test_every_handler_is_called_by_a_route_or_by_the_cloud() -> None:
    folders = Path(lambdas.__path__[0]).glob("*/handler.py")
    assert {folder.parent.name for folder in folders} == set(PERMISSIONS)
    assert set(FUNCTIONS) < set(PERMISSIONS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_functions_handler_serves_exactly_its_operations(
    function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGE", "test")
    monkeypatch.setenv("CLIENT_ID", CLIENT_ID)
    settings.cache_clear()
    handler = import_module(f"lambdas.{function}.handler").handler
    for route in ROUTES:
        status = handler(event(route.operation, token={}), FixedContext())["statusCode"]
        if route.function != function:
            assert status == 404
        else:
            assert status == (200 if route.access is Access.PUBLIC else 401)
    settings.cache_clear()


@every_route
def test_the_path_is_well_formed_and_all_its_parameters_are_declared(route: Route) -> None:
    parts = route.path.split("/")
    assert parts[0] == ""
    for part in parts[1:]:
        assert re.fullmatch(r"[a-z-]+|\{[a-zA-Z]+\}", part)
    named = re.findall(r"\{(\w+)\}", route.path)
    assert [parameter.name for parameter in route.path_parameters] == named


def test_no_path_parameter_is_declared_in_vain() -> None:
    assert {p.name for route in ROUTES for p in route.path_parameters} == set(PATH_PARAMETERS)


@pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=PARAMETERS)
def test_a_parameter_is_bounded_and_described(parameter: Parameter) -> None:
    assert parameter.description.endswith(".")
    if parameter.is_integer:
        assert parameter.minimum is not None
        assert parameter.maximum is not None
        assert parameter.minimum <= (parameter.default or parameter.minimum) <= parameter.maximum
    elif not parameter.choices:
        assert parameter.pattern is not None
        assert parameter.pattern.startswith("^")
        assert parameter.pattern.endswith("$")
        assert re.fullmatch(parameter.pattern, SAMPLES[parameter.name])
        assert not re.fullmatch(parameter.pattern, "")
        assert not re.fullmatch(parameter.pattern, "a" * 1000)


@every_route
def test_parameters_of_a_route_have_names_of_their_own(route: Route) -> None:
    names = [p.name.lower() for p in (*route.path_parameters, *route.query, *route.headers)]
    assert len(set(names)) == len(names)


COMMANDS = ("publishImport",)
"""Operations that their path describes completely."""


@every_route
def test_a_body_belongs_to_a_method_that_takes_one_and_is_a_strict_model(route: Route) -> None:
    takes_one = route.method in ("POST", "PUT", "PATCH") and route.operation not in COMMANDS
    assert bool(route.body) is takes_one
    if route.body:
        model = body_model(route)
        assert issubclass(model, RequestModel)
        assert (model.model_config["strict"], model.model_config["extra"]) == (True, "forbid")


@every_route
def test_a_response_is_a_type_of_the_contract_but_where_there_is_none(route: Route) -> None:
    assert (route.response is None) is (route.status == 204)
    if route.response:
        assert is_typeddict(resolve_name(route.response))


@every_route
def test_what_is_read_by_pages_tells_where_the_next_one_is(route: Route) -> None:
    paged = {"limit", "nextToken"} & {parameter.name for parameter in route.query}
    assert len(paged) in (0, 2)
    annotations = resolve_name(route.response).__annotations__ if route.response else {}
    assert ("nextToken" in annotations) is bool(paged)


@every_route
def test_access_fits_the_path(route: Route) -> None:
    assert (route.access is Access.ADMIN) is route.path.startswith("/admin/")
    of_a_user = route.access in (Access.SELF, Access.SELF_OR_ADMIN)
    assert of_a_user is ("{userId}" in route.path)


def test_only_health_is_public() -> None:
    assert [r.operation for r in ROUTES if r.access is Access.PUBLIC] == ["getHealth"]


@every_route
def test_what_may_be_missing_is_said_to_be(route: Route) -> None:
    looked_up = {*(p.name for p in route.path_parameters), "nextToken"}
    named = {p.name for p in (*route.path_parameters, *route.query)}
    assert (404 in route.errors) is bool(looked_up & named)


@every_route
def test_a_throttle_lets_something_through(route: Route) -> None:
    assert 0 < route.throttle.rate <= route.throttle.burst


def test_the_longest_token_a_list_gives_fits_in_its_pattern() -> None:
    (longest,) = re.findall(r"\{1,(\d+)\}", PAGE_TOKEN_PATTERN)
    assert int(longest) == 512


@every_route
def test_fields_of_a_response_are_camel_case(route: Route) -> None:
    if route.response:
        assert all(re.fullmatch("[a-z][a-zA-Z]*", name) for name in fields(route.response))


def fields(response: str) -> set[str]:
    """The names in a response type and the types inside it."""
    found, waiting = set[str](), [resolve_name(response)]
    while waiting:
        each = waiting.pop()
        if is_typeddict(each):
            found |= set(each.__annotations__)
            waiting += each.__annotations__.values()
        else:
            waiting += get_args(each)
    return found
