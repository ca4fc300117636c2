"""Every route played: each action leaves exactly one record, whatever becomes of it."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from lambdas.contract.errors import ApiError
from lambdas.contract.route import Access
from lambdas.contract.routes import ROUTES
from lambdas.shared.store.client import ATTEMPT_SECONDS
from lambdas.shared.telemetry import audit_record
from lambdas.shared.telemetry.audit_record import AuditRecord, Target
from lambdas.shared.telemetry.metrics import BY_CODE, BY_OPERATION
from tests.integration.plays import ADMIN, PLAYS, Play, Scene
from tests.integration.stage import ROUTE, Fault, InvokedStage, Reply, refuses, unreachable
from tests.pseudonyms import pseudonym
from tests.support.fixed_context import FixedContext

ACTIONS = [route for route in ROUTES if route.access is not Access.PUBLIC]
by_action = pytest.mark.parametrize("operation", [route.operation for route in ACTIONS])

STATUS = {error.code: error.status for error in ApiError.__subclasses__()}
ID = {
    Target.SESSION: "[0-9a-f]{27}",
    Target.QUESTION: "[a-z0-9-]{1,48}:[0-9]{6,9}",
    Target.USER: "[0-9a-f]{32}",
    Target.CATEGORY: "[a-z0-9-]{1,48}",
    Target.IMPORT: "[0-9a-f]{32}",
}
SCHEMA: Mapping[str, Callable[[Any], bool]] = {
    "kind": lambda value: value == "audit",
    "at": lambda value: bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value)),
    "requestId": lambda value: isinstance(value, str),
    "who": lambda value: value is None or bool(re.fullmatch("[0-9a-f]{32}", value)),
    "keyVersion": lambda value: value == "local",
    "what": lambda value: value in ROUTE,
    "on": lambda value: all(
        isinstance(ids, list) and ids and all(re.fullmatch(ID[Target(kind)], each) for each in ids)
        for kind, ids in value.items()
    ),
    "status": lambda value: isinstance(value, int) and 200 <= value <= 503,
    "code": lambda value: value is None or value in STATUS,
}


@pytest.fixture
def scene(stage: InvokedStage) -> Scene:
    return Scene.of(stage)


def acted(
    scene: Scene, operation: str, request: Mapping[str, Any]
) -> tuple[Reply, list[dict[str, Any]]]:
    """Send a request; return its reply and all that was logged, in order."""
    reply, output = scene.send(operation, request)
    assert output.isascii()
    return reply, [json.loads(line) for line in output.splitlines()]


def dimensions(line: Mapping[str, Any]) -> tuple[str, ...]:
    ((named,),) = (each["Dimensions"] for each in line["_aws"]["CloudWatchMetrics"])
    return tuple(named)


def record_of(reply: Reply, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the only record among the lines, as the schema wants it, just before the metrics.

    These are one line for each set of dimensions, and the request's own is the last.
    """
    (record,) = (line for line in lines if line.get("kind") == audit_record.KIND)
    assert list(record) == list(AuditRecord.__annotations__) == list(SCHEMA)
    assert [field for field, holds in SCHEMA.items() if not holds(record[field])] == []
    measured = [line for line in lines if "_aws" in line]
    assert measured == lines[lines.index(record) + 1 :]
    sets = [dimensions(line) for line in measured]
    assert sets[-1] == BY_OPERATION
    assert len(sets) == len(set(sets))
    assert (BY_CODE in sets) == (reply.status >= 400)
    for line in (record, *measured):
        assert line["requestId"] == reply.headers["X-Request-Id"]
    assert record["status"] == reply.status
    assert record["code"] == (reply.body["code"] if reply.status >= 400 else None)
    return record


def test_every_route_has_a_play() -> None:
    assert set(PLAYS) == {route.operation for route in ACTIONS}


@by_action
def test_every_action_leaves_one_record_whatever_becomes_of_it(
    operation: str, scene: Scene
) -> None:
    """On one scene, the failures first: only what is done at the end changes it."""
    scene.stage.pauses()
    play = PLAYS[operation]
    check_refused(scene, operation, play)
    request = play.done(scene)
    for kind in (broken, unreachable, refuses("Oh")):
        check_failed(scene, operation, request, kind)
    check_late(scene, operation, request)
    check_done(scene, operation, play)


def check_refused(scene: Scene, operation: str, play: Play) -> None:
    request = play.refused(scene)
    reply, lines = acted(scene, operation, request)
    record = record_of(reply, lines)
    assert (reply.status, record["code"]) == (STATUS[play.code], play.code)
    caller = request.get("user", "ada")
    assert record["who"] == (pseudonym(caller) if caller else None)
    assert record["what"] == operation


def broken(_: object) -> None:
    raise ValueError("SECRET")


def check_failed(scene: Scene, operation: str, request: Mapping[str, Any], kind: Fault) -> None:
    scene.stage.forget_questions()
    with scene.stage.fault("*", kind):
        reply, lines = acted(scene, operation, request)
    record = record_of(reply, lines)
    assert reply.status == (503 if kind is unreachable else 500)
    assert "SECRET" not in json.dumps(lines)
    faults = [at for at, line in enumerate(lines) if line.get("event") == "fault"]
    assert faults == ([lines.index(record) - 1] if reply.status == 500 else [])


def check_late(scene: Scene, operation: str, request: Mapping[str, Any]) -> None:
    """Waiting for the database ends before the invocation does, so the record is still written."""
    scene.stage.forget_questions()
    context = FixedContext(int(ATTEMPT_SECONDS * 1000) - 1)
    hurried = replace(scene, stage=replace(scene.stage, context=context))
    record = record_of(*acted(hurried, operation, request))
    assert (record["status"], record["code"]) == (503, "UNAVAILABLE")


def check_done(scene: Scene, operation: str, play: Play) -> None:
    request = play.done(scene)
    reply, lines = acted(scene, operation, request)
    record = record_of(reply, lines)
    assert reply.status == ROUTE[operation].status
    assert record["who"] == pseudonym(request.get("user", "ada"))
    assert record["what"] == operation
    made = {"session": [reply.body["sessionId"]]} if operation == "startSession" else {}
    assert record["on"] == {**play.on(scene), **made}


def test_an_answer_sent_twice_is_two_actions(scene: Scene) -> None:
    request = PLAYS["submitAnswer"].done(scene)
    first, second = (record_of(*acted(scene, "submitAnswer", request)) for _ in range(2))
    assert first["requestId"] != second["requestId"]
    assert first["on"] == second["on"]


def test_an_administrator_who_reads_anothers_record_is_told_from_the_learner(
    scene: Scene,
) -> None:
    request = {"path": {"userId": "ada"}, **ADMIN}
    record = record_of(*acted(scene, "getProgress", request))
    assert (record["who"], record["on"]) == (pseudonym("root"), {"user": [pseudonym("ada")]})


def test_the_health_check_is_nobodys_action(scene: Scene) -> None:
    _, lines = acted(scene, "getHealth", {})
    assert [line for line in lines if line.get("kind") == audit_record.KIND] == []
