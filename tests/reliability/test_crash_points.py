"""A function may die, and a reply be lost, at any call to the database of any route."""

from collections.abc import Callable

import pytest

from lambdas.contract.routes import ROUTES
from lambdas.questions.bank_writer import LEASE
from tests.integration.stage import InvokedStage, Reply
from tests.reliability.bank_crash_cases import CASES
from tests.reliability.chaos import CrashError
from tests.reliability.crashes import (
    KINDS,
    Asked,
    Interference,
    calls_of,
    fresh_ids,
    interfering,
    restore,
    send,
    told,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", CASES)
def test_after_one_retry_it_is_as_if_nothing_had_happened(stage: InvokedStage, name: str) -> None:
    try_every_point(stage, name)


def try_every_point(stage: InvokedStage, name: str) -> None:
    stage.pauses()
    fresh_ids(stage, -1)
    asked = CASES[name](stage)
    now, before = stage.clock.now, stage.everything()
    fresh_ids(stage, 0)
    calls, calm = calls_of(stage, asked)
    assert calm.status < 500
    expected = told(stage, before)
    for place in range(calls):
        for number, kind in enumerate(KINDS, start=1):
            restore(stage, before)
            stage.clock.now = now
            fresh_ids(stage, number)
            reply = None
            try:
                with interfering(stage, Interference(place, kind)):
                    reply = send(stage, asked)
            except CrashError:
                pass
            if reply is None or reply.status == 503:
                # Only the leases of plain writers have to end first.
                if asked.groups and "importId" not in asked.path:
                    stage.clock.advance(LEASE)
                reply = send(stage, asked)
            where = f"{name}: {kind} at call {place + 1} of {calls}"
            assert reply.status == calm.status or _repeated(asked, calm, reply), (
                f"{where}: {reply.status} {reply.body}"
            )
            assert told(stage, before) == expected, where
            if asked.operation == "addImportPart":
                assert reply.body == calm.body, where


def _repeated(asked: Asked, calm: Reply, reply: Reply) -> bool:
    """Whether this is how the contract answers a request that took effect before."""
    if asked.operation in ("startSession", "openImport"):
        return (calm.status, reply.status) == (201, 200)
    if asked.operation == "updateSession":
        return reply.status == 409 and reply.body["code"] == "VERSION_CONFLICT"
    return False


def test_the_points_are_those_of_every_route(
    stage: InvokedStage, record_property: Callable[[str, object], None]
) -> None:
    empty = stage.everything()
    points = 0
    asked_for = set()
    for make in CASES.values():
        restore(stage, empty)
        fresh_ids(stage, -1)
        asked = make(stage)
        asked_for.add(asked.operation)
        points += calls_of(stage, asked)[0] * len(KINDS)
    assert asked_for == {route.operation for route in ROUTES}
    assert points >= 100
    record_property("crash points", f"{points} in {len(CASES)} cases")
