"""A request checked against its route, before any use case sees it."""

from base64 import b64encode
from typing import Any

import pytest

from lambdas.contract.errors import (
    BodyTooLargeError,
    ForbiddenError,
    MalformedBodyError,
    NotFoundError,
    UnauthorizedError,
    ValidationError,
)
from lambdas.contract.formats import MAX_ADMIN_BODY_BYTES, MAX_BODY_BYTES
from lambdas.contract.route import Access, Route
from lambdas.contract.routes import ROUTES
from lambdas.shared.http.request import Request, read_request
from tests.unit.lambdas.builders import CLIENT_ID, QUESTION_ID, ROUTE, SESSION_ID, claims, event

GUARDED = [route for route in ROUTES if route.access is not Access.PUBLIC]
ADMIN = [route for route in ROUTES if route.access is Access.ADMIN]
WITH_PATH = [route for route in GUARDED if route.path_parameters]
WITH_QUERY = [route for route in GUARDED if route.query]
WITH_BODY = [route for route in GUARDED if route.body]


def name(value: object) -> str | None:
    return value.operation if isinstance(value, Route) else None


def read(operation: str, body: str | None = None, **other: Any) -> Request:
    request = read_request(ROUTE[operation], event(operation, body, **other), CLIENT_ID)
    assert request is not None
    return request


def query(operation: str, **parameters: str) -> dict[str, Any]:
    return dict(read(operation, queryStringParameters=parameters).query)


def faults_of(operation: str, **other: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        read(operation, **other)
    return [fault.field for fault in caught.value.faults]


# Parameters


def test_defaults_are_filled_in() -> None:
    assert query("listSessions") == {"limit": 20}


@pytest.mark.parametrize("route", ROUTES, ids=name)
@pytest.mark.parametrize("form", ["queryStringParameters", "multiValueQueryStringParameters"])
def test_an_unknown_query_parameter_is_refused_by_its_name_on_every_route(
    route: Route, form: str
) -> None:
    sent: Any = {"colour": "red", "Limit": "5"}
    if form.startswith("multi"):
        sent = {key: [value] for key, value in sent.items()}
    assert faults_of(route.operation, **{form: sent}) == ["colour", "Limit"]


def test_unknown_parameters_are_reported_with_the_wrong_values_of_known_ones() -> None:
    sent = {"limit": "0", "colour": "red"}
    assert faults_of("listSessions", queryStringParameters=sent) == ["colour", "limit"]


@pytest.mark.parametrize(("text", "limit"), [("1", 1), ("20", 20), ("100", 100), ("007", 7)])
def test_a_limit_is_a_whole_number_of_one_to_a_hundred(text: str, limit: int) -> None:
    assert query("listSessions", limit=text) == {"limit": limit}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "101",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1\n",
        "1.0",
        "1e1",
        "0x1",
        "1_0",
        "ten",
        "null",
        "\x00",
        "9" * 10,
        "9" * 5000,
        "\N{FULLWIDTH DIGIT ONE}",
        "\N{SUPERSCRIPT TWO}",
        "1,2",
    ],
)
def test_anything_else_is_no_limit(text: str) -> None:
    assert faults_of("listSessions", queryStringParameters={"limit": text}) == ["limit"]


@pytest.mark.parametrize("status", ["ACTIVE", "PAUSED", "COMPLETED", "ABANDONED", "EXPIRED"])
def test_a_status_is_one_of_the_contracts(status: str) -> None:
    assert query("listSessions", status=status)["status"] == status


@pytest.mark.parametrize("status", ["", "active", "ACTIVE ", "ACTIVE,PAUSED", "DELETED", "\0"])
def test_any_other_status_is_refused(status: str) -> None:
    assert faults_of("listSessions", queryStringParameters={"status": status}) == ["status"]


@pytest.mark.parametrize("category", ["a", "aws-cloud-practitioner", "7", "-", "c" * 48])
def test_a_category_is_lower_case_letters_digits_and_hyphens(category: str) -> None:
    assert query("listQuestions", category=category)["category"] == category


@pytest.mark.parametrize(
    "category",
    [
        "",
        "c" * 49,
        "Geography",
        "geo graphy",
        "geo_graphy",
        "geo:1",
        "géo",
        "geography\n",
        "#",
        "%",
    ],
)
def test_any_other_category_is_refused(category: str) -> None:
    assert faults_of("listQuestions", queryStringParameters={"category": category}) == ["category"]


@pytest.mark.parametrize("token", ["", "A" * 513, "abc=", "a+b", "a/b", "a.b", "a b", "\ud800"])
def test_a_page_token_that_breaks_its_grammar_is_refused(token: str) -> None:
    assert faults_of("listSessions", queryStringParameters={"nextToken": token}) == ["nextToken"]


def test_all_wrong_parameters_of_query_and_headers_are_named_together() -> None:
    wrong = {"limit": "0", "status": "GONE", "nextToken": "?"}
    assert set(faults_of("listSessions", queryStringParameters=wrong)) == set(wrong)


def test_a_parameter_called_with_another_case_is_another_parameter() -> None:
    sent = {"LIMIT": "5", "limit": "5"}
    assert faults_of("listSessions", queryStringParameters=sent) == ["LIMIT"]


@pytest.mark.parametrize("values", [["5", "5"], ["5", "6"], ["5", ""], ["", "", ""]])
def test_a_parameter_given_more_than_once_is_refused(values: list[str]) -> None:
    given = {
        "queryStringParameters": {"limit": values[-1]},
        "multiValueQueryStringParameters": {"limit": values},
    }
    assert faults_of("listSessions", **given) == ["limit"]


def test_a_parameter_given_once_is_read_in_either_form() -> None:
    for given in (
        {"queryStringParameters": {"limit": "5"}},
        {"multiValueQueryStringParameters": {"limit": ["5"]}},
        {
            "queryStringParameters": {"limit": "5"},
            "multiValueQueryStringParameters": {"limit": ["5"]},
        },
    ):
        assert read("listSessions", **given).query == {"limit": 5}


# Headers


@pytest.mark.parametrize(
    "given",
    [
        {"multiValueHeaders": {"Idempotency-Key": ["a", "b"]}},
        {"multiValueHeaders": {"Idempotency-Key": ["a", "a"]}},
        {"headers": {"Idempotency-Key": "a", "idempotency-key": "b"}},
        {"multiValueHeaders": {"Idempotency-Key": ["a"], "IDEMPOTENCY-KEY": ["b"]}},
        {"headers": {"X": "b"}, "multiValueHeaders": {"idempotency-key": ["a", "b"]}},
    ],
)
def test_a_header_given_more_than_once_is_refused(given: dict[str, Any]) -> None:
    assert faults_of("startSession", body="{}", **given) == ["Idempotency-Key"]


def test_a_header_in_both_forms_is_given_once() -> None:
    both = {
        "headers": {"Idempotency-Key": "a"},
        "multiValueHeaders": {"Idempotency-Key": ["a"], "Accept": ["text/html", "*/*"]},
    }
    assert read("startSession", "{}", **both).headers == {"Idempotency-Key": "a"}


@pytest.mark.parametrize(
    "header", ["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY", "iDempotency-kEy"]
)
def test_a_headers_name_is_known_in_any_case(header: str) -> None:
    headers = {header: "key-1", "Content-Type": "application/json"}
    assert read("startSession", "{}", headers=headers).headers == {"Idempotency-Key": "key-1"}


@pytest.mark.parametrize("key", ["k", "~!\"#$%&'()*+,-./:;<=>?@[]^_`{|}", "k" * 64])
def test_an_idempotency_key_is_one_to_64_visible_characters(key: str) -> None:
    read("startSession", "{}", headers={"Idempotency-Key": key})


@pytest.mark.parametrize("key", ["", "k" * 65, "a b", "a\tb", "a\n", "\0", "\x7f", "é", "\ud800"])
def test_any_other_idempotency_key_is_refused(key: str) -> None:
    headers = {"Idempotency-Key": key}
    assert faults_of("startSession", body="{}", headers=headers) == ["Idempotency-Key"]


# Path


@pytest.mark.parametrize(
    "session_id",
    [
        "",
        "0" * 26,
        "0" * 28,
        "g" * 27,
        "A" * 27,
        SESSION_ID + "\n",
        "key#" + "0" * 23,
        "../" * 9,
        "\x00" * 27,
        "%00" * 9,
        "\N{FULLWIDTH DIGIT ONE}" * 27,
        "\N{GRINNING FACE}" * 27,
    ],
)
def test_a_session_id_that_breaks_its_grammar_does_not_exist(session_id: str) -> None:
    with pytest.raises(NotFoundError):
        read("getSession", pathParameters={"sessionId": session_id})


@pytest.mark.parametrize(
    "question_id",
    [
        "",
        "geography",
        "geography:",
        "geography:1",
        "geography:00000",
        "geography:0000000000",
        ":000001",
        "Geography:000001",
        "#registry",
        "#content#a#b",
        QUESTION_ID + "\n",
        "a:b:000001",
        "geography:-00001",
        "geography:00000a",
        "c" * 49 + ":000001",
        "géo:000001",
        "\x00:000001",
    ],
)
def test_a_question_id_that_breaks_its_grammar_does_not_exist(question_id: str) -> None:
    with pytest.raises(NotFoundError):
        read("getBankQuestion", pathParameters={"questionId": question_id})


@pytest.mark.parametrize("user_id", ["", "a b", "a/b", "a" * 129, "é", "ada\n", "\0", "*", "#"])
def test_a_user_id_that_breaks_its_grammar_does_not_exist_for_an_administrator(
    user_id: str,
) -> None:
    with pytest.raises(NotFoundError):
        read("getProgress", pathParameters={"userId": user_id})


def test_a_path_without_its_parameters_does_not_exist() -> None:
    with pytest.raises(NotFoundError):
        read("getSession", pathParameters=None)


def test_me_and_the_own_id_are_the_caller() -> None:
    for user_id in ("me", "ada"):
        assert read("getUser", pathParameters={"userId": user_id}).user_id == "ada"


def test_without_a_user_in_the_path_the_data_is_the_callers() -> None:
    assert read("listSessions").user_id == "ada"


def test_an_administrator_may_name_another_user_where_the_route_says_so() -> None:
    request = read("getProgress", pathParameters={"userId": "grace"})
    assert (request.user_id, request.caller.user_id) == ("grace", "ada")


# Bodies


@pytest.mark.parametrize("route", WITH_BODY, ids=name)
def test_a_body_of_exactly_the_limit_is_taken_and_one_byte_more_refused(route: Route) -> None:
    limit = MAX_ADMIN_BODY_BYTES if route.access is Access.ADMIN else MAX_BODY_BYTES
    assert limit == (256 if "/admin/" in route.path else 16) * 1024
    assert len(read(route.operation, "a" * limit).raw_body) == limit
    with pytest.raises(BodyTooLargeError, match=f"{limit // 1024} KB"):
        read(route.operation, "a" * (limit + 1))


@pytest.mark.parametrize("character", ["é", "\N{BRAIN}", "\N{CJK UNIFIED IDEOGRAPH-4E2D}"])
def test_a_bodys_size_is_counted_in_bytes_not_characters(character: str) -> None:
    each = len(character.encode())
    fits = character * (MAX_BODY_BYTES // each) + "a" * (MAX_BODY_BYTES % each)
    assert read("startSession", fits).raw_body == fits
    with pytest.raises(BodyTooLargeError):
        read("startSession", fits[:-1] + character + "a")


def test_a_base64_bodys_size_is_that_of_what_it_holds() -> None:
    fits = b64encode(b"a" * MAX_BODY_BYTES).decode()
    assert len(fits) > MAX_BODY_BYTES
    assert len(read("startSession", fits, isBase64Encoded=True).raw_body) == MAX_BODY_BYTES
    with pytest.raises(BodyTooLargeError):
        read("startSession", b64encode(b"a" * (MAX_BODY_BYTES + 1)).decode(), isBase64Encoded=True)


def test_a_base64_body_is_read_as_utf_8() -> None:
    text = '{"name": "\N{BRAIN}é"}'
    sent = b64encode(text.encode()).decode()
    assert read("startSession", sent, isBase64Encoded=True).raw_body == text


@pytest.mark.parametrize(
    "raw", [b"\xff", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b'{"a":"\x80"}']
)
def test_a_base64_body_that_is_not_utf_8_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        read("startSession", b64encode(raw).decode(), isBase64Encoded=True)


@pytest.mark.parametrize("text", ["A", "abc", "é", "\ud800"])
def test_what_claims_to_be_base64_and_is_not_is_malformed(text: str) -> None:
    with pytest.raises(MalformedBodyError):
        read("startSession", text, isBase64Encoded=True)


@pytest.mark.parametrize("text", ["\ud800", '{"name": "\udfff"}'])
def test_a_body_that_cannot_be_utf_8_is_malformed(text: str) -> None:
    with pytest.raises(MalformedBodyError):
        read("startSession", text)


@pytest.mark.parametrize("body", [None, ""])
def test_no_body_is_an_empty_one(body: str | None) -> None:
    assert read("startSession", body).raw_body == ""


def test_a_body_where_the_route_takes_none_is_not_read() -> None:
    assert read("abandonSession", "x" * 10_000_000).raw_body == ""


@pytest.mark.parametrize("sent", ["geography:000001", "geography%3A000001", "geography%3a000001"])
def test_path_parameters_are_decoded_once(sent: str) -> None:
    request = read("getBankQuestion", pathParameters={"questionId": sent})
    assert request.path == {"questionId": "geography:000001"}


@pytest.mark.parametrize("sent", ["geography%253A000001", "%FF", "geography%2F000001", "%"])
def test_a_path_parameter_that_decodes_to_no_id_is_not_found(sent: str) -> None:
    with pytest.raises(NotFoundError):
        read("getBankQuestion", pathParameters={"questionId": sent})


# The order of checks

LEARNER: dict[str, Any] = {"token": claims("eve")}
NOBODY: dict[str, Any] = {"token": {}}
BAD_PATH: dict[str, Any] = {
    "pathParameters": {"sessionId": "x", "questionId": "x", "userId": "somebody else"}
}
BAD_QUERY: dict[str, Any] = {"queryStringParameters": {"limit": "0", "category": "?"}}
BAD_HEADERS: dict[str, Any] = {"headers": {"Idempotency-Key": ""}}
TOO_LARGE: dict[str, Any] = {"body": "x" * (MAX_ADMIN_BODY_BYTES + 1)}
BAD_REQUEST: dict[str, Any] = {**BAD_PATH, **BAD_QUERY, **BAD_HEADERS, **TOO_LARGE}


@pytest.mark.parametrize("route", GUARDED, ids=name)
def test_first_comes_who_calls(route: Route) -> None:
    with pytest.raises(UnauthorizedError):
        read(route.operation, **NOBODY, **BAD_REQUEST)


@pytest.mark.parametrize("route", ADMIN, ids=name)
def test_then_what_they_may(route: Route) -> None:
    with pytest.raises(ForbiddenError):
        read(route.operation, **LEARNER, **BAD_REQUEST)


@pytest.mark.parametrize("route", WITH_PATH, ids=name)
def test_then_whether_there_is_such_a_thing(route: Route) -> None:
    with pytest.raises(NotFoundError):
        read(route.operation, **BAD_REQUEST)


@pytest.mark.parametrize("route", WITH_QUERY, ids=name)
def test_then_the_parameters(route: Route) -> None:
    assert "limit" in faults_of(route.operation, **BAD_QUERY, **TOO_LARGE)


def test_headers_before_the_body() -> None:
    assert faults_of("startSession", **BAD_HEADERS, **TOO_LARGE) == ["Idempotency-Key"]


@pytest.mark.parametrize("route", WITH_BODY, ids=name)
def test_then_the_size_of_the_body_before_what_it_says(route: Route) -> None:
    with pytest.raises(BodyTooLargeError):
        read(route.operation, **TOO_LARGE)


@pytest.mark.parametrize("missing", [{"requestContext": None}, {"requestContext": {}}])
@pytest.mark.parametrize("route", GUARDED, ids=name)
def test_a_request_that_no_authorizer_saw_is_nobodys(route: Route, missing: dict[str, Any]) -> None:
    with pytest.raises(UnauthorizedError):
        read(route.operation, **missing)


def test_a_public_route_needs_nothing() -> None:
    for asked in ({}, event("getHealth", token={}), event("getHealth", **BAD_HEADERS)):
        assert read_request(ROUTE["getHealth"], asked, None) is None


@pytest.mark.parametrize("route", GUARDED, ids=name)
def test_a_good_request_passes_with_all_members_of_the_event_absent_but_the_needed(
    route: Route,
) -> None:
    sparse = {k: v for k, v in event(route.operation).items() if v is not None}
    request = read_request(route, sparse, CLIENT_ID)
    assert request is not None
    assert (request.route, request.raw_body) == (route, "")


@pytest.mark.parametrize("route", GUARDED, ids=name)
def test_a_stage_that_does_not_say_whose_tokens_it_takes_takes_none(route: Route) -> None:
    with pytest.raises(LookupError, match="CLIENT_ID"):
        read_request(route, event(route.operation), None)


@pytest.mark.parametrize("route", GUARDED, ids=name)
def test_a_scope_of_the_routes_kind_is_enough(route: Route) -> None:
    for scope in route.scopes:
        asked = event(route.operation, token=claims("ada", ["admin"], scope=scope))
        assert read_request(route, asked, CLIENT_ID)


@pytest.mark.parametrize("route", GUARDED, ids=name)
def test_the_scope_of_another_kind_of_route_is_not(route: Route) -> None:
    every = {scope for each in GUARDED for scope in each.scopes}
    for scope in every - set(route.scopes):
        asked = event(route.operation, token=claims("ada", ["admin"], scope=scope))
        with pytest.raises(UnauthorizedError):
            read_request(route, asked, CLIENT_ID)
