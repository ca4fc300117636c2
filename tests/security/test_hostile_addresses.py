"""Hostile paths, queries, headers and page tokens: refused in the form of the contract."""

import re
from collections.abc import Callable
from re import fullmatch

import pytest

from lambdas.contract.formats import CATEGORY_PATTERN, USER_ID_PATTERN
from lambdas.contract.route import Access
from lambdas.contract.routes import ROUTES
from lambdas.shared.http.pagination import page_token
from tests.integration.stage import ROUTE, InvokedStage, Reply
from tests.security.hostile_fields import BODIES
from tests.security.hostile_inputs import fault_of, good_body, path_for, refused, seeded

HOSTILE = [
    "",
    " ",
    "0",
    "-1",
    "null",
    "undefined",
    "NaN",
    "true",
    "[]",
    "{}",
    "*",
    "%",
    "%00",
    "%2e%2e%2f",
    "../../etc/passwd",
    "..",
    "a/b",
    "a\\b",
    "\0",
    "a\0",
    "\n",
    "a\r\nX-Forged: 1",
    "\x1b[2J",
    "\u2028",
    "\ud800",
    "\N{RIGHT-TO-LEFT OVERRIDE}",
    "\N{BRAIN}",
    "\N{FULLWIDTH DIGIT ONE}",
    "e\N{COMBINING ACUTE ACCENT}",
    "#category#geography",
    "#import#" + "0" * 32,
    "#content#geography#0",
    "key#0",
    "geography",
    "geography:",
    "geography:1",
    "geography:9999999999",
    ":000001",
    "geography:000000 ",
    "0" * 26,
    "0" * 28,
    "G" * 27,
    "' OR 1=1 --",
    "${jndi:ldap://evil}",
    "{{7*7}}",
    "<script>",
    "9" * 5_000,
    "a" * 100_000,
]

EXISTING = {("category", "geography")}
"""Hostile to other parameters, and of this one a value that is found."""


@pytest.mark.parametrize(
    ("operation", "parameter"),
    [(route.operation, each.name) for route in ROUTES for each in route.path_parameters],
)
def test_a_hostile_value_in_a_path_is_refused(
    operation: str, parameter: str, stage: InvokedStage
) -> None:
    known = seeded(stage)
    body = good_body(stage, operation, known) if operation in BODIES else None
    path = path_for(ROUTE[operation], known)

    def sending(value: str) -> Callable[[], Reply]:
        return lambda: stage.admin(operation, body, path={**path, parameter: value})

    # An administrator may ask for the progress of any id that could be a user's.
    free = ROUTE[operation].access is Access.SELF_OR_ADMIN
    values = [each for each in HOSTILE if not (free and fullmatch(USER_ID_PATTERN, each))]
    values = [each for each in values if (parameter, each) not in EXISTING]
    values += ["a" * 129, "a" * 48 + ":000000"] if parameter == "userId" else ["a" * 27]
    assert refused(stage, {value: sending(value) for value in values}) == {}


@pytest.mark.parametrize(
    ("operation", "parameter"),
    [(route.operation, each.name) for route in ROUTES for each in route.query],
)
def test_a_hostile_value_in_a_query_is_refused(
    operation: str, parameter: str, stage: InvokedStage
) -> None:
    known = seeded(stage)
    path = path_for(ROUTE[operation], known)

    def sending(value: str) -> Callable[[], Reply]:
        return lambda: stage.admin(operation, path=path, query={parameter: value})

    fine = {"category": {"0", "null", "undefined", "true", "geography", "0" * 26, "0" * 28, "-1"}}
    values = [each for each in HOSTILE if each not in fine.get(parameter, set())]
    values += ["101", "1.0", "1e1", "0x10"] if parameter == "limit" else ["\N{BRAIN}" * 50]
    assert refused(stage, {value: sending(value) for value in values}) == {}


@pytest.mark.parametrize("operation", [route.operation for route in ROUTES if route.headers])
def test_a_hostile_value_in_a_declared_header_is_refused(
    operation: str, stage: InvokedStage
) -> None:
    known = seeded(stage)
    body = good_body(stage, operation, known)
    (header,) = ROUTE[operation].headers

    def sending(value: str) -> Callable[[], Reply]:
        return lambda: stage.admin(operation, body, headers={header.name: value})

    broken = ["", " ", "a b", "\0", "a\n", "a\r\nb", "\x7f", "\u00e9", "\N{BRAIN}", "\ud800"]
    values = [*broken, "k" * 65, "k" * 100_000, "\N{RIGHT-TO-LEFT OVERRIDE}", "\t"]
    assert refused(stage, {value: sending(value) for value in values}) == {}


@pytest.mark.parametrize("operation", [route.operation for route in ROUTES])
def test_hostile_headers_change_no_response_and_unknown_parameters_are_refused(
    operation: str, stage: InvokedStage
) -> None:
    nothing = {"sessionId": "0" * 27, "questionId": "nowhere:000000", "importId": "0" * 32}
    known = {**seeded(stage), **nothing}
    path, body = path_for(ROUTE[operation], known), "{" if operation in BODIES else None
    headers = {
        "Origin": "https://evil.example\r\nSet-Cookie: a=b",
        "Authorization": "Bearer " + "a" * 10_000,
        "X-Forwarded-For": "127.0.0.1, \0",
        "X-HTTP-Method-Override": "DELETE",
        "Content-Type": "text/html; charset=utf-7",
        "Content-Encoding": "gzip",
        "Content-Length": "-1",
        "X-User-Id": "grace",
        "\ud800": "\udfff",
        "": "",
    }
    plain = stage.admin(operation, body, path=path)
    before = stage.everything()
    hostile = stage.admin(operation, body, path=path, headers=headers)
    assert hostile.status == plain.status < 500
    assert set(hostile.headers) == set(plain.headers)
    for reply in (plain, hostile):
        if reply.status >= 400:
            del reply.body["requestId"]
    assert hostile.body == plain.body
    unknown = stage.admin(operation, body, path=path, query={"": "", "userId": "grace", "\0": "\0"})
    assert unknown.status == 422
    assert [each["field"] for each in unknown.body["errors"]] == ["", "userId", "\0"]
    assert stage.everything() == before


LISTS = [route.operation for route in ROUTES if any(p.name == "nextToken" for p in route.query)]

POSITIONS = [
    "",
    "\0",
    "zzz",
    "g",
    "key#",
    "key#" + "0" * 32,
    "#registry",
    "#content#geography#" + "0" * 32,
    "geography",
    "geography:",
    "geography:-00001",
    "geography:1",
    "geography:" + "9" * 40,
    "geography:00000\N{FULLWIDTH DIGIT ONE}",
    "Geography:000000",
    "2026-11-22T09:30:00.123Z",
    "2026-11-22T09:30:00.123Z#",
    "\N{BRAIN}",
    "a" * 370,
]


@pytest.mark.parametrize("operation", LISTS)
def test_a_token_that_no_page_of_this_list_gave_is_refused(
    operation: str, stage: InvokedStage
) -> None:
    known = seeded(stage)
    path = path_for(ROUTE[operation], known)
    user = "root"
    elsewhere = {each: page_token("geography:000000", each, user, {}) for each in LISTS}
    del elsewhere[operation]
    forged = {
        "of another user": page_token("geography:000000", operation, "grace", {}),
        "of another query": page_token("geography:000000", operation, user, {"status": "PAUSED"}),
        "of nothing": "AAAAAAAAAAAAAAAA",
        "of the wrong length": "A",
        "of bytes": "_" * 40,
        "long": "A" * 512,
        **{f"of {name}": token for name, token in elsewhere.items()},
        **{
            repr(each): page_token(each, operation, user, {})
            for each in POSITIONS
            # The list of categories goes on after a name.
            if operation != "listCategories" or not re.fullmatch(CATEGORY_PATTERN, each)
        },
    }

    def sending(token: str) -> Callable[[], Reply]:
        return lambda: stage.admin(operation, path=path, query={"nextToken": token})

    assert refused(stage, {name: sending(token) for name, token in forged.items()}) == {}


def test_a_position_outside_the_category_asked_for_is_refused(stage: InvokedStage) -> None:
    seeded(stage)
    query = {"category": "geography"}
    operation = "listQuestionProgress"
    wrong = {}
    for position in ("history:000000", "geo:000000", "geography-b:000000", "a:000000"):
        token = page_token(position, operation, "ada", query)
        reply = stage.call(operation, path={"userId": "me"}, query={**query, "nextToken": token})
        if fault := fault_of(reply):
            wrong[position] = fault
    assert wrong == {}


@pytest.mark.parametrize("operation", LISTS)
def test_a_position_made_by_hand_that_a_page_could_have_given_shows_ones_own_alone(
    operation: str, stage: InvokedStage
) -> None:
    seeded(stage)
    positions = {
        "listSessions": "f" * 27,
        "listWrongAnswers": "0000-00-00T00:00:00.000Z#geography:999999999",
        "exportUser": f"0/{'0' * 27}",
        "listSessionQuestions": "after-geography:999999999",
        "listCategories": "zzz",
    }
    position = positions.get(operation, "aaa:999999999")
    known, bound = {"userId": "me"}, {}
    if operation == "listSessionQuestions":
        bound = {"sessionId": stage.start({"category": "geography"}, user="eve")}
    path = path_for(ROUTE[operation], known | bound)
    token = page_token(position, operation, "eve", bound)
    reply = stage.call(
        operation, user="eve", groups=["admin"], path=path, query={"nextToken": token}
    )
    assert reply.status == 200
    if operation != "listQuestions":
        assert [each for each in reply.body.values() if isinstance(each, list) and each] == []
