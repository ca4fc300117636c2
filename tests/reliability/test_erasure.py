"""An erasure may stop at any call, and be crossed by any other request of its user: nothing stays.

Interrupted, it is completed by the client's next attempt or by the schedule. A rival request runs
whole between any two calls of an erasure, an erasure whole between any two calls of the request,
and at last many clients and the erasure run in any order, over a database in chaos.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest

from lambdas.privacy import handler as privacy
from tests.integration.accounts import Accounts
from tests.integration.stage import InvokedStage, Reply, drafts, submission
from tests.reliability.chaos import Baton, Chaos, CrashError, Free
from tests.reliability.crashes import (
    KINDS,
    Asked,
    Interference,
    Snapshot,
    calls_of,
    fresh_ids,
    interfering,
    restore,
    send,
)
from tests.support.fixed_context import FixedContext

pytestmark = pytest.mark.slow

ERASE = Asked("eraseUser", path={"userId": "me"})
RIVERS: Mapping[str, Any] = {"sources": [{"category": "rivers"}]}
HISTORIES = int(os.environ.get("RELIABILITY_HISTORIES", "10"))


@pytest.fixture
def played(stage: InvokedStage) -> InvokedStage:
    """A stage where two learners have something in every table."""
    stage.pauses()
    stage.save(*drafts("rivers", 5))
    for user in ("ada", "bob"):
        body = {"displayName": user}
        assert stage.call("updateUser", body, path={"userId": "me"}, user=user).status == 200
        for key in ("a", "b"):
            reply = stage.call("startSession", RIVERS, user=user, headers={"Idempotency-Key": key})
            session_id = reply.body["sessionId"]
            for right in (False, True):
                shown = stage.question(session_id, user)["question"]
                stage.clock.advance(1_000)
                stage.answer(session_id, shown, right=right, user=user)
            if key == "a":
                path = {"sessionId": session_id}
                assert stage.call("abandonSession", path=path, user=user).status == 204
    return stage


def kept_of(stage: InvokedStage, user: str) -> dict[str, list[Any]]:
    return {
        table: kept
        for table, rows in stage.everything().items()
        if (kept := [row for row in rows if row.get("userId") == {"S": user}])
    }


def assert_erased(
    stage: InvokedStage, accounts: Accounts, others: Mapping[str, Any], why: str
) -> None:
    kept = kept_of(stage, "ada")
    assert kept.keys() == {"users"}, f"{why}: {kept}"
    (row,) = kept["users"]
    assert row.keys() == {"userId", "erasedAt"}, why
    assert accounts.deleted() == {"ada"}, why
    assert kept_of(stage, "bob") == others, why


def sweep() -> None:
    privacy.handler({"source": "aws.events"}, FixedContext())


# Interrupted


@pytest.mark.parametrize(
    ("resumed_by", "kinds"), [("client", KINDS), ("schedule", ("crash before", "crash after"))]
)
def test_interrupted_at_any_call_it_is_resumed_and_nothing_is_left(
    played: InvokedStage,
    accounts: Accounts,
    resumed_by: str,
    kinds: tuple[str, ...],
    record_property: Callable[[str, object], None],
) -> None:
    before, others = played.everything(), kept_of(played, "bob")
    calls, _ = calls_of(played, ERASE)
    assert calls >= 10
    interruptions = 0
    for place in range(calls):
        for kind in kinds:
            restore(played, before)
            accounts.restore()
            reply = None
            with suppress(CrashError), interfering(played, Interference(place, kind)):
                reply = send(played, ERASE)
            interruptions += 1
            if reply is None or reply.status == 503:
                if resumed_by == "schedule":
                    if "erasedAt" not in kept_of(played, "ada")["users"][0]:
                        continue  # nothing was begun or acknowledged
                    sweep()
                else:
                    assert send(played, ERASE).status == 204
            assert_erased(played, accounts, others, f"{kind} at call {place + 1} of {calls}")
    record_property(f"erasures interrupted, resumed by the {resumed_by}", interruptions)


# Crossed by one other request

Rival = Callable[[InvokedStage], Asked]


def _answer(stage: InvokedStage, *, right: bool) -> Asked:
    session_id = open_session(stage)
    shown = stage.question(session_id)["question"]
    return Asked("submitAnswer", submission(shown, right=right), path={"sessionId": session_id})


def open_session(stage: InvokedStage) -> str:
    sessions = stage.call("listSessions", query={"status": "ACTIVE"}).body["sessions"]
    return str(sessions[0]["sessionId"])


def _of_session(operation: str, body: Any = None) -> Rival:
    return lambda stage: Asked(operation, body, path={"sessionId": open_session(stage)})


RIVALS: dict[str, Rival] = {
    "start": lambda _: Asked("startSession", RIVERS),
    "start with a key": lambda _: Asked("startSession", RIVERS, headers={"Idempotency-Key": "c"}),
    "start again with a key": lambda _: Asked(
        "startSession", RIVERS, headers={"Idempotency-Key": "b"}
    ),
    "review": lambda _: Asked("startSession", {"review": {}}),
    "right answer": lambda stage: _answer(stage, right=True),
    "wrong answer": lambda stage: _answer(stage, right=False),
    "rename": _of_session("updateSession", {"version": 3, "name": "renamed"}),
    "abandon": _of_session("abandonSession"),
    "profile": lambda _: Asked("updateUser", {"displayName": "A."}, path={"userId": "me"}),
    "erase": lambda _: ERASE,
}


@contextmanager
def meeting(stage: InvokedStage, place: int, meet: Callable[[], object]) -> Iterator[None]:
    """Let something happen right before the call at a place, once."""
    made = count()
    inside = False

    def hook(request: AWSPreparedRequest, **_: object) -> None:  # noqa: ARG001 - named by botocore
        nonlocal inside
        if not inside and next(made) == place:
            inside = True
            meet()
            inside = False

    events = [
        (stage.services.database.client.meta.events, "before-send.dynamodb"),
        (stage.services.cognito.meta.events, "before-send.cognito-identity-provider"),
    ]
    for emitter, name in events:
        emitter.register_first(name, hook)
    try:
        yield
    finally:
        for emitter, name in events:
            emitter.unregister(name, hook)


@dataclass
class Crossing:
    """Outcomes of two crossing requests, over all the places they can meet at."""

    stage: InvokedStage
    accounts: Accounts
    before: Snapshot
    others: Mapping[str, Any]

    def at_every_place(self, rival: Rival, *, rival_inside: bool) -> int:
        fresh_ids(self.stage, 0)
        asked = rival(self.stage)
        inner, outer = (asked, ERASE) if rival_inside else (ERASE, asked)
        calls, _ = calls_of(self.stage, outer)
        for place in range(calls):
            restore(self.stage, self.before)
            self.accounts.restore()
            fresh_ids(self.stage, place + 1)
            replies: list[Reply] = []

            def meet(replies: list[Reply] = replies) -> None:
                replies.append(send(self.stage, inner))

            with meeting(self.stage, place, meet):
                replies.append(send(self.stage, outer))
            assert all(reply.status < 500 for reply in replies), [r.body for r in replies]
            where = f"{inner.operation} before call {place + 1} of {outer.operation}"
            assert_erased(self.stage, self.accounts, self.others, where)
        restore(self.stage, self.before)
        return calls


@pytest.mark.parametrize("name", RIVALS)
def test_another_request_at_the_same_time_leaves_nothing_behind(
    played: InvokedStage,
    accounts: Accounts,
    name: str,
    record_property: Callable[[str, object], None],
) -> None:
    crossing = Crossing(played, accounts, played.everything(), kept_of(played, "bob"))
    meetings = crossing.at_every_place(RIVALS[name], rival_inside=True)
    meetings += crossing.at_every_place(RIVALS[name], rival_inside=False)
    record_property(f"erasures crossed by {name}", meetings)


# Crossed by everything


def a_client(stage: InvokedStage, chaos: Chaos, seed: str) -> Callable[[], None]:
    """A client of Ada's that acts as clients do, whatever the responses."""
    random = Random(seed)

    def client() -> None:
        chaos.enter(Random(f"luck {seed}"))
        for _ in range(6):
            with suppress(CrashError):
                reply = send(stage, random.choice(asked())())
                assert reply.status < 500 or reply.status == 503, reply.body

    def asked() -> list[Callable[[], Asked]]:
        made = [
            lambda: Asked("startSession", RIVERS),
            lambda: Asked("startSession", RIVERS, headers={"Idempotency-Key": str(seed)}),
            lambda: Asked("startSession", {"review": {}}),
            lambda: Asked("updateUser", {"displayName": seed}, path={"userId": "me"}),
        ]
        return made + [lambda: answering(stage, random)] * 6

    return client


def answering(stage: InvokedStage, random: Random) -> Asked:
    """An answer to what is on screen in one of the sessions, or what there is when none is."""
    path = {"userId": "me"}
    listed = send(stage, Asked("listSessions"))
    sessions = [
        each["sessionId"]
        for each in (listed.body or {}).get("sessions", ())
        if each["status"] == "ACTIVE"
    ]
    if not sessions:
        return Asked("getProgress", path=path)
    path = {"sessionId": random.choice(sessions)}
    shown = send(stage, Asked("getQuestion", path=path)).body.get("question")
    if not shown:
        return Asked("getSession", path=path)
    return Asked("submitAnswer", submission(shown, right=random.random() < 0.5), path=path)


def the_eraser(stage: InvokedStage, chaos: Chaos, seed: int) -> Callable[[], None]:
    """Asks for the erasure again and again until the response confirms it."""
    random = Random(f"eraser {seed}")

    def eraser() -> None:
        chaos.enter(Random(f"eraser's luck {seed}"))
        for _ in range(random.randrange(8)):
            chaos.scheduler.step_aside(random.randrange(8))
        for _ in range(60):
            with suppress(CrashError):
                if send(stage, ERASE).status == 204:
                    return
        raise AssertionError("the erasure was never done")

    return eraser


def test_erased_while_it_is_played_in_chaos_an_account_leaves_nothing(
    played: InvokedStage, accounts: Accounts, record_property: Callable[[str, object], None]
) -> None:
    before, others = played.everything(), kept_of(played, "bob")
    calls = faults = 0
    for seed in range(HISTORIES):
        restore(played, before)
        accounts.restore()
        scheduler = Free() if seed % 4 == 0 else Baton(Random(f"baton {seed}"))
        chaos = Chaos(played, scheduler)
        clients = [a_client(played, chaos, f"{seed}.{number}") for number in range(3)]
        with chaos.reigning():
            scheduler.run([*clients, the_eraser(played, chaos, seed)])
        # Late requests have arrived by now.
        assert_erased(played, accounts, others, f"history {seed}")
        calls += chaos.calls
        faults += sum(chaos.met.values())
    record_property("erasures in chaos", f"{HISTORIES}, {calls} calls, {faults} faults")
