"""A request as a use case sees it: checked against its route, with a known caller."""

from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pkgutil import resolve_name
from re import compile as compile_pattern
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import unquote

from lambdas.contract.errors import (
    MAX_FAULTS,
    BodyTooLargeError,
    FieldCode,
    FieldFault,
    MalformedBodyError,
    NotFoundError,
    ValidationError,
)
from lambdas.contract.formats import PAGE_TOKEN_PATTERN
from lambdas.contract.route import Access, Parameter, Route
from lambdas.shared.http.identity import Caller, authorize, caller_from_claims
from lambdas.shared.http.json_body import parse_json
from lambdas.shared.http.pagination import WRONG_TOKEN
from lambdas.shared.telemetry.audit_record import name_caller

if TYPE_CHECKING:
    from lambdas.contract.bodies.base import RequestModel

Model = TypeVar("Model", bound="RequestModel")
Event = Mapping[str, Any]

FurtherFaults = Callable[[Any], Iterable[FieldFault]]
"""Finds further faults in the JSON value of a body that is refused already."""

_WHOLE_NUMBER = compile_pattern("[0-9]{1,9}")


class Request(NamedTuple):
    """A checked request: the parts its route declares, and no others.

    `user_id` is the learner whose data the call is about; `query` has defaults filled in; `address`
    is the path called, under the base path the gateway serves the stage at.
    """

    route: Route
    address: str
    caller: Caller
    user_id: str
    path: Mapping[str, str]
    query: Mapping[str, Any]
    headers: Mapping[str, str]
    raw_body: str

    @property
    def as_administrator(self) -> bool:
        """Whether the call needs the rights of an administrator."""
        return self.route.access is Access.ADMIN or self.user_id != self.caller.user_id

    def body(self, model: type[Model], further: FurtherFaults | None = None) -> Model:
        """Return the body as `model`.

        `further` finds faults in the JSON of a refused body that the model cannot know of, such as
        an unknown category, so that they are reported with the others.

        Raises:
            MalformedBodyError: it is not JSON.
            ValidationError: fields are wrong; every one is named.
        """
        value = parse_json(self.raw_body)
        try:
            return model.read(value)
        except ValidationError as error:
            if further is None or len(error.faults) == MAX_FAULTS:
                raise
            raise ValidationError((*error.faults, *further(value))) from None


def read_request(route: Route, event: Event, client_id: str | None) -> Request | None:
    """Return the request of a REST proxy event; None for a public route, which needs none of it.

    `client_id` is the client of the user pool whose tokens are taken.

    In this order, as a gateway would: who calls, what they may, whether path, query, headers and
    size of the body are as the route declares.

    Raises:
        ApiError: one of these fails.
        LookupError: the stage does not say whose tokens it takes.
    """
    sent_query = _sent_query(event)
    faults = _unknown_parameters(route, sent_query)
    if route.access is Access.PUBLIC:
        if faults:
            raise ValidationError(faults)
        return None
    if client_id is None:
        raise LookupError("CLIENT_ID is not set, though users call this function")
    claims = ((event.get("requestContext") or {}).get("authorizer") or {}).get("claims")
    caller = caller_from_claims(claims or {}, client_id=client_id, scopes=route.scopes)
    name_caller(caller.user_id)
    sent_path = _decoded(event.get("pathParameters") or {})
    user_id = authorize(caller, route.access, sent_path.get("userId"))
    path = _path(route, sent_path)
    query = _parameters(route.query, sent_query, faults) if route.query else {}
    headers = (
        _parameters(route.headers, _sent_headers(route, event), faults) if route.headers else {}
    )
    if faults:
        raise ValidationError(faults)
    return Request(
        route=route,
        address=(event.get("requestContext") or {}).get("path") or route.path,
        caller=caller,
        user_id=user_id,
        path=path,
        query=query,
        headers=headers,
        raw_body=_text(event, route.max_body_bytes) if route.body else "",
    )


def body_model(route: Route) -> "type[RequestModel]":
    """Return the model of a route's body."""
    assert route.body is not None  # noqa: S101 - the caller's promise
    model: type[RequestModel] = resolve_name(route.body)
    return model


def _text(event: Event, limit: int) -> str:
    body = event.get("body") or ""
    try:
        raw = (
            b64decode(body)
            if event.get("isBase64Encoded")
            else body.encode("utf-8", "surrogatepass")
        )
        if len(raw) > limit:
            raise BodyTooLargeError(f"The body is larger than {limit // 1024} KB.")
        return raw.decode()
    except ValueError:
        raise MalformedBodyError("The body is not JSON: it is not UTF-8.") from None


def _decoded(sent: Mapping[str, str]) -> Mapping[str, str]:
    """Return path parameters decoded once: the gateway passes them percent-encoded, as sent.

    Raises:
        NotFoundError: a value is not UTF-8, so no route parameter can have it.
    """
    try:
        return {name: unquote(value, errors="strict") for name, value in sent.items()}
    except UnicodeDecodeError:
        raise NotFoundError from None


def _path(route: Route, sent: Mapping[str, str]) -> Mapping[str, str]:
    values = {p.name: sent.get(p.name, "") for p in route.path_parameters}
    # An id that breaks its grammar cannot exist, so no use case need look for it.
    if any(_fault(p, values[p.name]) for p in route.path_parameters):
        raise NotFoundError
    return values


def _sent_query(event: Event) -> Mapping[str, Sequence[str]]:
    several: Mapping[str, Sequence[str]] = event.get("multiValueQueryStringParameters") or {}
    single: Mapping[str, str] = event.get("queryStringParameters") or {}
    return {**{name: (value,) for name, value in single.items()}, **several}


def _unknown_parameters(route: Route, sent: Iterable[str]) -> list[FieldFault]:
    """Return a fault for each query parameter that the route does not declare."""
    declared = {parameter.name for parameter in route.query}
    return [
        FieldFault(name, FieldCode.UNKNOWN_FIELD, "This query parameter is unknown; remove it.")
        for name in sent
        if name not in declared
    ]


def _sent_headers(route: Route, event: Event) -> Mapping[str, Sequence[str]]:
    """Return the declared headers under the names of their declaration, whatever their case."""
    names = {parameter.name.lower(): parameter.name for parameter in route.headers}
    sent: dict[str, list[str]] = {}
    several: Mapping[str, Sequence[str]] = event.get("multiValueHeaders") or {}
    single: Mapping[str, str] = event.get("headers") or {}
    for name, values in {**{n: (v,) for n, v in single.items()}, **several}.items():
        if declared := names.get(name.lower()):
            sent.setdefault(declared, []).extend(values)
    return sent


def _parameters(
    declared: tuple[Parameter, ...], sent: Mapping[str, Sequence[str]], faults: list[FieldFault]
) -> Mapping[str, Any]:
    values: dict[str, Any] = {}
    for parameter in declared:
        given = sent.get(parameter.name, ())
        if not given:
            if parameter.default is not None:
                values[parameter.name] = parameter.default
            continue
        text = given[0]
        # Which of several counts differs from server to server, and lets one be checked and
        # another used.
        if len(given) > 1:
            faults.append(
                FieldFault(parameter.name, FieldCode.DUPLICATE, "Give this parameter once.")
            )
        elif fault := _fault(parameter, text):
            faults.append(fault)
        else:
            values[parameter.name] = int(text) if parameter.is_integer else text
    return values


def _fault(parameter: Parameter, text: str) -> FieldFault | None:
    if parameter.choices and text not in parameter.choices:
        code = FieldCode.INVALID_VALUE
        sentence = f"Use one of these values: {', '.join(parameter.choices)}."
    elif parameter.is_integer and not _within(parameter, text):
        code = FieldCode.INVALID_VALUE
        sentence = f"Use a whole number from {parameter.minimum} to {parameter.maximum}."
    elif parameter.pattern and not _compiled(parameter.pattern).fullmatch(text):
        code, sentence = FieldCode.INVALID_FORMAT, "The text does not have the required form."
        if parameter.pattern == PAGE_TOKEN_PATTERN:
            code, sentence = FieldCode.INVALID_TOKEN, WRONG_TOKEN
    else:
        return None
    return FieldFault(parameter.name, code, sentence)


def _within(parameter: Parameter, text: str) -> bool:
    if not _WHOLE_NUMBER.fullmatch(text):
        return False
    at_least, at_most = parameter.minimum or 0, parameter.maximum
    return at_least <= int(text) and (at_most is None or int(text) <= at_most)


_compiled = lru_cache(maxsize=None)(compile_pattern)
