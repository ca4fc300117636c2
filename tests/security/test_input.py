"""Hostile input on every route: always a 4xx of the contract in its form, never a change of state.

The bodies are made from good ones: each field in turn holds each value that its kind forbids, is
missing, unknown or there twice. Values are JSON source, so that they can say what `json.dumps`
never would.
"""

import gzip
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from re import fullmatch
from typing import Any

import pytest

from lambdas.contract.routes import CATEGORY_PATTERN, ROUTES, USER_ID_PATTERN, Access, Route
from lambdas.shared.http.pagination import page_token
from tests.integration.stage import ROUTE, Reply, Stage, draft, drafts, submission

CODES = {
    400: {"MALFORMED_BODY"},
    404: {"NOT_FOUND"},
    409: {"VERSION_CONFLICT", "TURN_MISMATCH"},
    413: {"BODY_TOO_LARGE"},
    422: {"VALIDATION_ERROR"},
}
QUESTION = {"questionId": "geography:000000"}


@dataclass(frozen=True)
class Case:
    """A body that has to be refused."""

    name: str
    body: str
    base64: bool = False


@dataclass(frozen=True)
class Field:
    """A place in a body: its path, and the JSON sources that are wrong and those that are odd but
    right there.
    """

    path: tuple[str | int, ...]
    wrong: tuple[str, ...]
    required: bool = False
    right: tuple[str, ...] = ()


def text(value: str) -> str:
    """Return a text as JSON source."""
    return json.dumps(value)


HUGE = "9" * 5000
DEEP = "[" * 20_000 + "]" * 20_000
NO_SCALAR = ("[]", "{}", "[[]]", '["a"]', '{"a": 1}', "[" * 400 + "]" * 400, DEEP)
NO_JSON_VALUE = (
    "NaN",
    "-Infinity",
    "Infinity",
    "1e999",
    "-1e999",
    HUGE,
    "01",
    "0x1",
    "'a'",
    "a",
    "?",
)
NO_NUMBER = (*NO_SCALAR, *NO_JSON_VALUE, '""', '"1"', '"-0"', '"1e1"', '"one"', "true", "false")
NO_INTEGER = (*NO_NUMBER, "1.5", "1e-1", "5.000000000000000000001", "1e-400", "-1e-400")
ONE = ("1.0", "1e0", "0.1e1", "10e-1", "1.000")
"""The whole number one, as JSON Schema also lets it be written."""

NO_TEXT = (*NO_SCALAR, *NO_JSON_VALUE, "0", "-1", "1.5", "true", "false")
BROKEN_TEXT = (
    r'"\ud800"',
    r'"a\udc00"',
    r'"\ude00\ud83d"',
    '"a\nb"',
    '"a\0b"',
    '"a\x1fb"',
    r'"\x41"',
    r'"\u12"',
    '"a',
)
NO_GRAMMAR = tuple(
    map(
        text,
        [
            "",
            " ",
            "a b",
            "a\n",
            "\na",
            "\0",
            "a\0",
            "\t",
            "\x7f",
            "\u2028",
            "\N{RIGHT-TO-LEFT OVERRIDE}a",
            "a\N{RIGHT-TO-LEFT MARK}",
            "\N{ZERO WIDTH SPACE}a",
            "\N{NO-BREAK SPACE}",
            "\N{FULLWIDTH DIGIT ONE}",
            "\N{CYRILLIC SMALL LETTER A}",
            "e\N{COMBINING ACUTE ACCENT}",
            "\N{BRAIN}",
            "\N{FAMILY}\N{ZERO WIDTH JOINER}\N{BRAIN}",
            "\ufeffa",
            "\ufffe",
            "../../etc/passwd",
            "' OR '1'='1",
            "a; DROP TABLE users",
            "${jndi:ldap://evil}",
            "{{7*7}}",
            "<script>alert(1)</script>",
            "#registry",
            "a" * 10_000,
        ],
    )
)
NO_LIST = (
    "{}",
    '""',
    '"ab"',
    "0",
    "1.5",
    "true",
    '{"0": "a"}',
    '{"length": 1}',
    DEEP,
    "NaN",
)
NO_OBJECT = ("[]", "[[]]", '""', '"a"', "0", "true", "[{}]", DEEP)


def too_long(limit: int) -> tuple[str, ...]:
    """Texts one character over a limit, of one to four bytes a character."""
    return tuple(text(each * (limit + 1)) for each in ("a", "\u00e9", "\N{BRAIN}"))


def named_by(*code_points: int) -> tuple[str, ...]:
    """Texts that hold a character each, escaped as JSON may have it."""
    return tuple(f'"a\\u{each:04x}b"' for each in code_points)


NO_LINE = named_by(
    *(0, 7, 8, 9, 10, 11, 13, 27, 31, 0x7F, 0x80, 0x85, 0x9F, 0x2028, 0x2029),
    *(0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069),
    *(0xFFFD, 0xFFFE, 0xFFFF),
)
"""Characters that no name holds: controls, line breaks, overrides of direction."""

NO_PROSE = named_by(0, 1, 7, 8, 11, 12, 14, 27, 31, 0x7F, 0x80, 0x9F, 0xFFFE, 0xFFFF)


def integer(low: int, high: int | None = None) -> tuple[str, ...]:
    """Values that are no integer within these bounds."""
    above = () if high is None else (str(high + 1), "9" * 30, "1" + "0" * 400)
    return (*NO_INTEGER, str(low - 1), "-1", "-" + "9" * 30, *above)


def grammar(*also: str) -> tuple[str, ...]:
    """Values that break every grammar of names and ids, and the given ones."""
    return (*NO_TEXT, *BROKEN_TEXT, *NO_GRAMMAR, *map(text, also))


CATEGORY = grammar("Geography", "geo_graphy", "geo:1", "c" * 49, "\u00e9")
LANGUAGE = grammar("e", "EN", "en_US", "en-", "english", "en-" + "a" * 9, "en" + "-abcdefgh" * 4)
ENUM = grammar("active", "ACTIVE ", "EXPIRED", "COMPLETED", "ABANDONED", "SINGLE", "single_choice")
PERCENTAGE = (*integer(0, 100), "1.01e2", "101.0", "-1.0")
RIGHT_PERCENTAGE = (*ONE, "-0", "-0.0", "0e5", "1E2")
NO_POSITIVE = ("0", "-0", "0.0", "-0.0", "0e5", "-1.0")
BOOLEAN = (*NO_SCALAR, *NO_JSON_VALUE, "0", "1", "0.0", '"true"', '"false"', '""', "True")
STRAY = [text(f"t{n}") for n in range(12)]
CHOICE: Any = {"text": "right", "correct": True}


def listed(*items: str) -> str:
    """Return a list as JSON source."""
    return f"[{', '.join(items)}]"


BODIES: dict[str, tuple[dict[str, Any], list[Field]]] = {
    "startSession": (
        {
            "name": "n",
            "sources": [{"category": "geography", "questionCount": 1}],
            "settings": {"wrongAnswerPercentage": 20},
        },
        [
            Field(("name",), (*NO_TEXT, *BROKEN_TEXT, *NO_LINE, *too_long(80)), right=("null",)),
            Field(
                ("sources",),
                (
                    *NO_LIST,
                    "null",
                    "[]",
                    "[null]",
                    "[[]]",
                    '["geography"]',
                    "[{}]",
                    listed(*['{"category": "geography"}'] * 2),
                    listed(*(f'{{"category": "c{n}"}}' for n in range(9))),
                    listed(*["0"] * 5_000),
                    listed('{"category": "nowhere"}'),
                ),
                required=True,
            ),
            Field(("sources", 0), (*NO_OBJECT, "null"), required=True),
            Field(("sources", 0, "category"), (*CATEGORY, "null", '"nowhere"'), required=True),
            Field(
                ("sources", 0, "questionCount"),
                (*integer(1, 10_000_000), *NO_POSITIVE, "4", "1E2"),
                right=(*ONE, "null"),
            ),
            Field(("settings",), NO_OBJECT, right=("null",)),
            Field(
                ("settings", "wrongAnswerPercentage"), PERCENTAGE, right=(*RIGHT_PERCENTAGE, "null")
            ),
            Field(("review",), (*NO_OBJECT, "{}", '{"category": "geography"}')),
        ],
    ),
    "startSession, review": (
        {"name": "n", "review": {"category": "geography", "questionCount": 1}},
        [
            Field(("review",), (*NO_OBJECT, "null", '{"category": "history"}', '{"sources": []}')),
            Field(("review", "category"), (*CATEGORY, '"nowhere"'), right=("null",)),
            Field(
                ("review", "questionCount"),
                (*integer(1, 50), *NO_POSITIVE, "1E2"),
                right=(*ONE, "null"),
            ),
            Field(("name",), too_long(80), right=("null",)),
        ],
    ),
    "updateSession": (
        {"version": 1, "name": "new", "status": "PAUSED"},
        [
            # A version of 30 digits is a stale one.
            Field(
                ("version",),
                (*integer(1), *NO_POSITIVE, "null", "2", "2.0", "9" * 30),
                required=True,
                right=ONE,
            ),
            Field(("name",), (*NO_TEXT, *BROKEN_TEXT, *NO_LINE, *too_long(80)), right=("null",)),
            Field(("status",), ENUM, right=("null",)),
        ],
    ),
    "submitAnswer": (
        {"questionId": "?", "turn": 1, "selectedAnswers": ["?"], "timeSpent": 1.5},
        [
            Field(
                ("questionId",),
                (*grammar("geography", "geography:1", "Geo:000001"), "null", '"nowhere:000001"'),
                required=True,
            ),
            Field(
                ("turn",),
                (*integer(1), *NO_POSITIVE, "2", "2.0", "9" * 30, "1" + "0" * 400),
                right=(*ONE, "null"),
            ),
            Field(
                ("selectedAnswers",),
                (
                    *NO_LIST,
                    "null",
                    "[]",
                    "[null]",
                    "[[]]",
                    "[true]",
                    "[0]",
                    '[""]',
                    listed(*STRAY),
                    listed(*STRAY[:1] * 2),
                    listed(*['"A"'] * 2_000),
                ),
                required=True,
            ),
            Field(("selectedAnswers", 0), (*grammar("A", "a" * 33, "none0001"), "null")),
            Field(
                ("timeSpent",),
                (*NO_NUMBER, "-0.1", "-1", "86400.01", "86401", "1e300"),
                right=(*ONE, "null", "-0.0", "1e-400", "864e2"),
            ),
        ],
    ),
    "updateUser": (
        {"displayName": "Ada", "language": "de", "wrongAnswerPercentage": 30},
        [
            Field(
                ("displayName",),
                (*NO_TEXT, *BROKEN_TEXT, *NO_LINE, *too_long(80)),
                right=("null",),
            ),
            Field(("language",), LANGUAGE, right=("null",)),
            Field(("wrongAnswerPercentage",), PERCENTAGE, right=(*RIGHT_PERCENTAGE, "null")),
        ],
    ),
    "saveQuestions": (
        {"questions": [draft("geography", 50)]},
        [
            Field(
                ("questions",),
                (*NO_LIST, "null", "[]", listed(*["{}"] * 101), listed(*["null"] * 10_000)),
                required=True,
            )
        ],
    ),
    "openImport": (
        {"categories": ["rivers", "lakes"]},
        [
            Field(
                ("categories",),
                (
                    *NO_LIST,
                    "null",
                    "[]",
                    '["rivers", "rivers"]',
                    listed(*(f'"c{n}"' for n in range(91))),
                    listed(*["null"] * 10_000),
                ),
                required=True,
            ),
            Field(("categories", 0), (*CATEGORY, "null")),
        ],
    ),
    "addImportPart": (
        {"part": 1, "questions": [draft("imported", 50)]},
        [
            Field(
                ("part",),
                (*integer(1, 1_000_000), *NO_POSITIVE, "null"),
                required=True,
                right=ONE,
            ),
            Field(
                ("questions",),
                (*NO_LIST, "null", "[]", listed(*["{}"] * 101), listed(*["null"] * 10_000)),
                required=True,
            ),
        ],
    ),
    "replaceQuestion": (
        draft(
            "geography",
            70,
            answers=[CHOICE, {"text": "wrong", "correct": False, "pinned": True}],
            language="en",
            difficulty=3,
            tags=["rivers"],
            externalId="e-1",
        ),
        [
            Field(("category",), (*CATEGORY, "null", '"history"'), required=True),
            Field(
                ("text",),
                (
                    *(*NO_TEXT, *BROKEN_TEXT, *NO_PROSE, *too_long(4000)),
                    *("null", '""', r'" \n\u00a0"'),
                ),
                required=True,
            ),
            Field(("type",), (*ENUM, '"MULTIPLE_CHOICES"'), right=("null",)),
            Field(
                ("answers",),
                (
                    *NO_LIST,
                    "null",
                    "[]",
                    "[null, null]",
                    listed(text("a"), text("b")),
                    listed(json.dumps(CHOICE)),
                    listed(*[json.dumps(CHOICE)] * 2),
                    listed(*(json.dumps({"text": str(n), "correct": n == 0}) for n in range(11))),
                    listed(*(json.dumps({"text": str(n), "correct": True}) for n in range(2))),
                    listed(*(json.dumps({"text": str(n), "correct": False}) for n in range(2))),
                    listed(*["0"] * 50_000),
                ),
                required=True,
            ),
            Field(("answers", 0), (*NO_OBJECT, "null"), required=True),
            Field(
                ("answers", 0, "text"),
                (
                    *(*NO_TEXT, *BROKEN_TEXT, *NO_PROSE, *too_long(1000)),
                    *("null", '""', '" "', '"wrong"'),
                ),
                required=True,
            ),
            Field(("answers", 0, "correct"), (*BOOLEAN, "null", "false"), required=True),
            Field(("answers", 1, "pinned"), BOOLEAN, right=("null",)),
            Field(
                ("explanation",),
                (*NO_TEXT, *BROKEN_TEXT, *NO_PROSE, *too_long(4000)),
                right=("null",),
            ),
            Field(("language",), LANGUAGE, right=("null",)),
            Field(
                ("difficulty",), (*integer(1, 5), *NO_POSITIVE, "1E2"), right=(*ONE, "5.0", "null")
            ),
            Field(
                ("tags",),
                (*NO_LIST, "[null]", '[""]', "[1]", "[[]]", listed(*['"a"'] * 21)),
                right=("null",),
            ),
            Field(("tags", 0), (*NO_TEXT, *BROKEN_TEXT, *NO_LINE, *too_long(50), "null", '""')),
            Field(
                ("externalId",),
                (*NO_TEXT, *BROKEN_TEXT, *NO_LINE, *too_long(128), '""'),
                right=("null",),
            ),
        ],
    ),
}

MARK = "the place of a value"


def spelled(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def copy_of(value: Any) -> Any:
    return json.loads(json.dumps(value))


def parent_of(body: Any, path: tuple[str | int, ...]) -> Any:
    for part in path[:-1]:
        body = body[part]
    return body


def with_source(good: Any, path: tuple[str | int, ...], source: str) -> str:
    """Return the body with JSON source in place of a value."""
    body = copy_of(good)
    parent_of(body, path)[path[-1]] = MARK
    return spelled(body).replace(f'"{MARK}"', source)


def without(good: Any, path: tuple[str | int, ...]) -> str:
    body = copy_of(good)
    del parent_of(body, path)[path[-1]]
    return spelled(body)


def objects(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the paths of all objects in a body."""
    if isinstance(value, dict):
        yield path
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for key, member in members:
        if isinstance(member, dict | list):
            yield from objects(member, (*path, key))


def with_member(good: Any, path: tuple[str | int, ...], member: str) -> str:
    """Return the body with one more member, as JSON source, in the object at a path."""
    body = copy_of(good)
    marked = body
    for part in path:
        marked = marked[part]
    marked[MARK] = 0
    return spelled(body).replace(f'"{MARK}": 0', member)


def named(path: tuple[str | int, ...]) -> str:
    return ".".join(map(str, path)) or "body"


def of_fields(good: Any, fields: list[Field]) -> Iterator[Case]:
    for field in fields:
        where = named(field.path)
        for source in dict.fromkeys(field.wrong):
            yield Case(f"{where} = {source[:40]}", with_source(good, field.path, source))
        if field.required:
            yield Case(f"without {where}", without(good, field.path))


def of_objects(good: Any) -> Iterator[Case]:
    for path in objects(good):
        if path[:1] == ("questions",):
            continue  # refused by its place, with 200: see the test of imports
        inside = parent_of(good, (*path, ""))
        unknown = ["user_id", "__proto__", "constructor", "", "\N{BRAIN}", "Version", "admin"]
        unknown += [key.upper() for key in inside] + [f"{key} " for key in inside]
        for key in unknown:
            yield Case(f"{named(path)}: {key!r}", with_member(good, path, f"{text(key)}: 1"))
        for key, value in inside.items():
            again = f"{text(key)}: {spelled(value)}"
            yield Case(f"{named(path)}: {key} twice", with_member(good, path, again))
            escaped = "".join(f"\\u{ord(character):04x}" for character in key)
            again = f'"{escaped}": {spelled(value)}'
            yield Case(f"{named(path)}: {key} twice, escaped", with_member(good, path, again))
        composed = '"\u00e9": 1, "e\u0301": 2'
        yield Case(f"{named(path)}: composed twice", with_member(good, path, composed))
        yield Case(f"{named(path)}: wide", with_member(good, path, wide(500)))


def wide(count: int) -> str:
    return ", ".join(f'"k{number}": {number}' for number in range(count))


def of_wholes(good: Any) -> Iterator[Case]:
    body = spelled(good)
    for name, source in {
        "empty": "",
        "spaces": " \r\n\t",
        "NUL": "\0",
        "null": "null",
        "true": "true",
        "number": "0",
        "text": '"text"',
        "body as text": text(body),
        "array": "[]",
        "body in an array": f"[{body}]",
        "body twice": body + body,
        "body and more": f"{body} x",
        "body and NUL": f"{body}\0",
        "body and comma": f"{body},",
        "byte order mark": f"\ufeff{body}",
        "no end": body[:-1],
        "half": body[: len(body) // 2],
        "comment": f"/* */{body}",
        "single quotes": body.replace('"', "'"),
        "deep": DEEP,
        "deep object": '{"a":' * 20_000 + "1" + "}" * 20_000,
        "deep, no end": '[{"a":' * 20_000,
        "deep but read": "[" * 400 + "]" * 400,
        "wide": f"{{{wide(800)}}}",
        "form": "name=n&status=PAUSED",
        "XML": "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
        "YAML": "name: n\nstatus: PAUSED",
        "lone surrogate": "\ud800",
        "body with a surrogate": f"{body}\udfff",
        "replacement characters": "\ufffd" * 20,
        "too large": f"{body}{' ' * 256 * 1024}",
        "too large to begin with": "x" * 1_000_000,
    }.items():
        yield Case(name, source)
    raw = body.encode()
    for name, content in {
        "not UTF-8": b"\xff\xfe\xfd",
        "overlong": raw[:-1] + b', "\xc0\xae": 1}',
        "surrogate in UTF-8": raw[:-1] + b', "\xed\xa0\x80": 1}',
        "beyond Unicode": raw[:-1] + b', "\xf5\x80\x80\x80": 1}',
        "cut character": raw[:-1] + b', "\xe2\x82": 1}',
        "Latin-1": raw[:-1] + b', "\xe9": 1}',
        "UTF-16": body.encode("utf-16"),
        "UTF-32": body.encode("utf-32-be"),
        "UTF-8 with a mark": b"\xef\xbb\xbf" + raw,
        "compressed": gzip.compress(raw, mtime=0),
        "nothing": b"",
        "zeros": b"\0" * 100,
        "too large": raw + b" " * 256 * 1024,
    }.items():
        yield Case(f"base64: {name}", b64encode(content).decode(), base64=True)
    for name, source in {"bad padding": "A", "no base64": "\u00e9", "plain": "{}x"}.items():
        yield Case(f"called base64: {name}", source, base64=True)


def operation_of(kind: str) -> str:
    """Return the operation that takes a kind of body."""
    return kind.partition(",")[0]


def cases(kind: str, good: Any) -> list[Case]:
    """Return every hostile body of a kind, made from a good one."""
    return [
        *of_fields(good, BODIES[kind][1]),
        *of_objects(good),
        *of_wholes(good),
    ]


def seeded(stage: Stage) -> dict[str, str]:
    """Fill all five tables, and return the path parameters of what is there."""
    stage.save(*drafts("geography", 3), draft("history", 0))
    session = stage.start({"category": "geography"})
    played = stage.start({"category": "geography"}, percentage=0)
    shown = stage.question(played)["question"]
    again = stage.answer(played, shown, right=False).body["question"]
    assert stage.answer(played, again).status == 200
    assert stage.call("abandonSession", path={"sessionId": played}).status == 204
    body = {"displayName": "Ada"}
    assert stage.call("updateUser", body, path={"userId": "me"}).status == 200
    assert all(stage.everything().values())
    opened = stage.admin("openImport", {"categories": ["imported"]}).body["importId"]
    known = {"sessionId": session, "userId": "me", "category": "geography"}
    return {**known, "importId": opened, **QUESTION}


def path_for(route: Route, known: Mapping[str, str]) -> dict[str, str]:
    return {parameter.name: known[parameter.name] for parameter in route.path_parameters}


def good_body(stage: Stage, kind: str, known: Mapping[str, str]) -> dict[str, Any]:
    good = copy_of(BODIES[kind][0])
    if kind == "submitAnswer":
        good |= submission(stage.question(known["sessionId"])["question"])
    return dict(good)


def fault_of(reply: Reply) -> str | None:
    """Return the faults of a reply that has to be a 4xx of the contract."""
    body = reply.body
    if reply.status not in CODES:
        return f"{reply.status} {reply.body}"
    common = {"type", "title", "status", "code", "detail", "requestId"}
    if not isinstance(body, dict) or not common <= set(body):
        return f"{reply.status}, not in problem form"
    if body["status"] != reply.status or body["code"] not in CODES[reply.status]:
        return f"{reply.status} with {body['status']} {body['code']}"
    if reply.headers["Content-Type"] != "application/problem+json":
        return f"{reply.status} as {reply.headers['Content-Type']}"
    if (reply.status == 422) != bool(body.get("errors")):
        return f"{reply.status} with faults {body.get('errors')}"
    return None


def sent(stage: Stage, operation: str, case: Case, known: Mapping[str, str]) -> Reply:
    route = ROUTE[operation]
    groups = ["admin"] if "/admin/" in route.path else []
    event = stage.event(operation, case.body, path=path_for(route, known), groups=groups)
    return stage.send(route.function, {**event, "isBase64Encoded": case.base64})


def test_every_route_with_a_body_has_hostile_ones_and_there_are_more_than_300(
    record_property: Callable[[str, object], None],
) -> None:
    assert set(map(operation_of, BODIES)) == {route.operation for route in ROUTES if route.body}
    counts = {each: len(cases(each, body)) for each, (body, _) in BODIES.items()}
    assert all(count >= 60 for count in counts.values())
    assert sum(counts.values()) >= 300
    record_property("hostile bodies", sum(counts.values()))


@pytest.mark.parametrize("kind", BODIES)
def test_the_body_that_hostile_ones_are_made_from_is_good(kind: str, stage: Stage) -> None:
    known = seeded(stage)
    case = Case("good", spelled(good_body(stage, kind, known)))
    before = stage.everything()
    assert sent(stage, operation_of(kind), case, known).status in (200, 201)
    assert stage.everything() != before


RIGHT = [
    pytest.param(kind, field, source, id=f"{kind}: {named(field.path)} = {source}")
    for kind, (_, fields) in BODIES.items()
    for field in fields
    for source in field.right
]


@pytest.mark.parametrize(("kind", "field", "source"), RIGHT)
def test_null_for_an_optional_field_and_any_form_of_a_whole_number_are_accepted(
    kind: str, field: Field, source: str, stage: Stage
) -> None:
    known = seeded(stage)
    body = with_source(good_body(stage, kind, known), field.path, source)
    reply = sent(stage, operation_of(kind), Case("right", body), known)
    assert reply.status in (200, 201), reply.body
    if kind == "replaceQuestion":
        saved = stage.admin("saveQuestions", f'{{"questions": [{body}]}}').body["results"]
        assert saved[0]["status"] in ("CREATED", "UPDATED", "UNCHANGED")


@pytest.mark.parametrize("kind", BODIES)
def test_a_hostile_body_is_refused_and_changes_nothing(kind: str, stage: Stage) -> None:
    known = seeded(stage)
    every = cases(kind, good_body(stage, kind, known))
    before = stage.everything()

    wrong = {}
    for case in every:
        fault = fault_of(sent(stage, operation_of(kind), case, known))
        if fault:
            wrong[case.name] = fault

    assert wrong == {}
    assert stage.everything() == before


def test_a_hostile_question_in_an_import_is_refused_by_its_place_and_changes_nothing(
    stage: Stage,
) -> None:
    seeded(stage)
    good, fields = BODIES["replaceQuestion"]
    before = stage.everything()

    wrong = {}
    for case in (*of_fields(good, fields), *of_objects(good)):
        if case.name == 'category = "history"':
            continue  # wrong for the question it would replace alone
        reply = stage.admin("saveQuestions", f'{{"questions": [{case.body}]}}')
        if reply.status == 200:
            (result,) = reply.body["results"]
            if result["status"] != "REJECTED" or not result["errors"]:
                wrong[case.name] = str(result)
        elif fault := fault_of(reply):
            wrong[case.name] = fault

    assert wrong == {}
    assert stage.everything() == before


KEPT_IN_NAMES = [
    " ",
    "<b>",
    "\N{BRAIN}" * 80,
    "\N{FAMILY}\N{ZERO WIDTH JOINER}\N{BRAIN}",
    "\N{HEBREW LETTER ALEF}\N{RIGHT-TO-LEFT MARK}1",
    "\N{NO-BREAK SPACE}",
]


@pytest.mark.parametrize("odd", KEPT_IN_NAMES)
def test_odd_names_are_kept_as_they_are(odd: str, stage: Stage) -> None:
    stage.save(*drafts("geography", 1))
    body = {"name": odd, "sources": [{"category": "geography"}]}
    begun = stage.call("startSession", body)
    assert begun.status == 201
    path = {"sessionId": begun.body["sessionId"]}
    assert stage.call("getSession", path=path).body["name"] == odd
    user = stage.call("updateUser", {"displayName": odd}, path={"userId": "me"})
    assert (user.status, user.body["displayName"]) == (200, odd)


KEPT_IN_PROSE = [
    "\ta\r\n\n- b",
    "\N{LEFT-TO-RIGHT ISOLATE}x\N{POP DIRECTIONAL ISOLATE}",
    "\N{RIGHT-TO-LEFT OVERRIDE}x\N{POP DIRECTIONAL FORMATTING}",
    r"$\\frac{1}{2}$ <script>alert(1)</script> ${jndi:ldap://evil} {{7*7}}",
    "\N{LINE SEPARATOR}x",
]


@pytest.mark.parametrize("odd", KEPT_IN_PROSE)
def test_odd_texts_of_questions_are_kept_as_they_are(odd: str, stage: Stage) -> None:
    answers = [{"text": odd, "correct": True}, {"text": "wrong", "correct": False}]
    (saved,) = stage.save(draft("geography", 0, text=odd, explanation=odd, answers=answers))
    found = stage.admin("getBankQuestion", path={"questionId": saved["questionId"]}).body
    assert (found["text"], found["explanation"], found["answers"][0]["text"]) == (odd, odd, odd)


def test_texts_are_kept_composed_and_a_question_is_the_same_however_it_was_written(
    stage: Stage,
) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"

    def written(text: str) -> dict[str, Any]:
        answers = [{"text": text, "correct": True}, {"text": "wrong", "correct": False}]
        return draft("geography", 0, text=text, explanation=text, tags=[text], answers=answers)

    first, second = (stage.save(written(each))[0] for each in (decomposed, composed))
    assert (first["status"], second["status"]) == ("CREATED", "UNCHANGED")
    assert first["questionId"] == second["questionId"]
    found = stage.admin("getBankQuestion", path={"questionId": first["questionId"]}).body
    assert found["text"] == found["explanation"] == found["tags"][0] == composed
    assert found["answers"][0]["text"] == composed
    twice = [{"text": decomposed, "correct": True}, {"text": composed, "correct": False}]
    (refused,) = stage.save(draft("geography", 1, answers=twice))
    assert refused["status"] == "REJECTED"
    user = stage.call("updateUser", {"displayName": decomposed}, path={"userId": "me"})
    assert user.body["displayName"] == composed


def test_a_limit_of_characters_is_of_those_of_the_composed_text(stage: Stage) -> None:
    long = stage.call("updateUser", {"displayName": "e\u0301" * 80}, path={"userId": "me"})
    assert (long.status, len(long.body["displayName"])) == (200, 80)


# Paths, queries, headers and page tokens

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


def refused(stage: Stage, replies: Mapping[str, Callable[[], Reply]]) -> dict[str, str]:
    """Send requests that all have to be refused; return what is wrong, and see nothing changed."""
    before = stage.everything()
    wrong = {name: fault for name, send in replies.items() if (fault := fault_of(send()))}
    assert stage.everything() == before
    return wrong


EXISTING = {("category", "geography")}
"""Hostile to other parameters, and of this one a value that is found."""


@pytest.mark.parametrize(
    ("operation", "parameter"),
    [(route.operation, each.name) for route in ROUTES for each in route.path_parameters],
)
def test_a_hostile_value_in_a_path_is_refused(operation: str, parameter: str, stage: Stage) -> None:
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
    operation: str, parameter: str, stage: Stage
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
def test_a_hostile_value_in_a_declared_header_is_refused(operation: str, stage: Stage) -> None:
    known = seeded(stage)
    body = good_body(stage, operation, known)
    (header,) = ROUTE[operation].headers

    def sending(value: str) -> Callable[[], Reply]:
        return lambda: stage.admin(operation, body, headers={header.name: value})

    broken = ["", " ", "a b", "\0", "a\n", "a\r\nb", "\x7f", "\u00e9", "\N{BRAIN}", "\ud800"]
    values = [*broken, "k" * 65, "k" * 100_000, "\N{RIGHT-TO-LEFT OVERRIDE}", "\t"]
    assert refused(stage, {value: sending(value) for value in values}) == {}


@pytest.mark.parametrize("operation", [route.operation for route in ROUTES])
def test_hostile_headers_and_queries_nobody_declared_change_no_response(
    operation: str, stage: Stage
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
    hostile = stage.admin(
        operation, body, path=path, headers=headers, query={"": "", "userId": "grace", "\0": "\0"}
    )
    assert hostile.status == plain.status < 500
    assert set(hostile.headers) == set(plain.headers)
    for reply in (plain, hostile):
        if reply.status >= 400:
            del reply.body["requestId"]
    assert hostile.body == plain.body
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
def test_a_token_that_no_page_of_this_list_gave_is_refused(operation: str, stage: Stage) -> None:
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


def test_a_position_outside_the_category_asked_for_is_refused(stage: Stage) -> None:
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
    operation: str, stage: Stage
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
