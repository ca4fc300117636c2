"""Clocks that differ, stand still or step back: the pool keeps its order and every entry."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from domain.session.state import LIFETIME
from lambdas.shared.http import entrypoint
from lambdas.shared.services import Services
from lambdas.shared.timestamps import iso, milliseconds
from tests.integration.stage import InvokedStage, Reply, drafts, submission
from tests.reliability.moments import counted_at
from tests.support.reference_model import Model
from tests.support.reference_rows import differences
from tests.support.reference_session import Shown

MINUTE = 60_000
SKEW = 5 * MINUTE
SIZE = 8
USER = "ada"


@dataclass
class Function:
    """An execution environment whose clock is off by so many milliseconds."""

    stage: InvokedStage
    off: int
    monkeypatch: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        shared = self.stage.services
        self.services = Services(
            settings=shared.settings,
            database=shared.database,
            clock=lambda: self.now,
            entropy=shared.entropy,
        )

    @property
    def now(self) -> int:
        return self.stage.clock.now + self.off

    def call(self, operation: str, body: object = None, **other: Any) -> Reply:
        self.monkeypatch.setattr(entrypoint, "services", lambda: self.services)
        return self.stage.call(operation, body, **other)


@dataclass
class Functions:
    """Functions that serve the requests of one learner; the model receives the clock used."""

    stage: InvokedStage
    monkeypatch: pytest.MonkeyPatch
    model: Model = field(default_factory=Model)
    screens: dict[str, Any] = field(default_factory=dict)

    def function(self, off: int = 0) -> Function:
        return Function(self.stage, off, self.monkeypatch)

    def start(self, at: Function, percentage: int = 20) -> str:
        source = {"category": "geography"}
        settings = {"wrongAnswerPercentage": percentage}
        body = {"sources": [source], "settings": settings}
        reply = at.call("startSession", body)
        assert reply.status == 201, reply.body
        session_id = str(reply.body["sessionId"])
        shown = at.call("getQuestion", path={"sessionId": session_id}).body["question"]
        self.screens[session_id] = shown
        self.model.start(
            session_id,
            {"geography": SIZE},
            shown=Shown.of(shown),
            at=at.now,
            settings=settings,
        )
        return session_id

    def answer(self, at: Function, session_id: str, *, right: bool = True) -> Any:
        """Answer what is on screen; return the question answered."""
        screen = self.screens[session_id]
        moment = counted_at(self.model, session_id, at.now, right=right)
        path = {"sessionId": session_id}
        reply = at.call("submitAnswer", submission(screen, right=right), path=path)
        assert reply.status == 200, reply.body
        self.screens[session_id] = reply.body["question"]
        self.model.answer(
            session_id,
            turn=screen["turn"],
            right=right,
            at=moment,
            time_spent=1500,
            shown=Shown.of(reply.body["question"]),
        )
        assert reply.body["progress"] == self.model.figures(session_id)
        return screen

    def miss_and_put_right(self, at: Function, session_id: str) -> str:
        screen = self.answer(at, session_id, right=False)
        self.answer(at, session_id)
        return str(screen["questionId"])

    def check(self) -> None:
        """The tables say what the model does."""
        tables = ("sessions", "progress", "wrong_answers")
        assert differences(self.model, *map(self.stage.rows, tables)) == []

    def queued(self, session_id: str) -> list[int]:
        """Return when a session's entries were queued, in order of their keys."""
        rows = [r for r in self.stage.rows("wrong_answers") if r["sessionId"]["S"] == session_id]
        return sorted(milliseconds(row["timestamp"]["S"].partition("#")[0]) for row in rows)


@pytest.fixture
def functions(stage: InvokedStage, monkeypatch: pytest.MonkeyPatch) -> Functions:
    stage.save(*drafts("geography", SIZE))
    return Functions(stage, monkeypatch)


def assert_grows(moments: list[int]) -> None:
    assert moments == sorted(set(moments)), "strictly"


@pytest.mark.parametrize("first", [-SKEW, SKEW])
def test_functions_whose_clocks_differ_by_ten_minutes_keep_one_order(
    functions: Functions, first: int
) -> None:
    one, other = functions.function(first), functions.function(-first)
    session_id = functions.start(one, percentage=0)
    order = []
    for number in range(SIZE - 1):
        at = one if number % 2 else other
        order.append(functions.miss_and_put_right(at, session_id))
        functions.stage.clock.advance(1_000)
        functions.check()
    assert_grows(functions.queued(session_id))
    rows = sorted(functions.stage.rows("wrong_answers"), key=lambda row: row["timestamp"]["S"])
    assert [row["questionId"]["S"] for row in rows] == order

    turns = 0
    while functions.screens[session_id]:
        functions.answer(one if turns % 2 else other, session_id)
        turns += 1
    assert turns == 2 * (SIZE - 1) + 1
    functions.check()
    assert functions.stage.rows("wrong_answers") == []


def test_two_wrong_answers_in_one_millisecond_are_two_entries_in_order(
    functions: Functions,
) -> None:
    at = functions.function()
    session_id = functions.start(at, percentage=0)
    order = [functions.miss_and_put_right(at, session_id) for _ in range(2)]
    now = functions.stage.clock.now
    assert functions.queued(session_id) == [now, now + 1]
    functions.check()
    session = functions.stage.services.sessions.get(USER, session_id)
    assert session
    assert [entry.question_id for entry in session.pool.head] == order


@pytest.mark.parametrize("back", [1, 1_000, SKEW, 24 * 60 * MINUTE])
def test_a_clock_that_steps_back_keeps_order(functions: Functions, back: int) -> None:
    at = functions.function()
    session_id = functions.start(at, percentage=0)
    for _ in range(3):
        functions.miss_and_put_right(at, session_id)
        functions.stage.clock.advance(10)
    functions.stage.clock.advance(-back)
    for _ in range(3):
        functions.miss_and_put_right(at, session_id)
        functions.stage.clock.advance(10)
    assert len(functions.queued(session_id)) == 6
    assert_grows(functions.queued(session_id))
    functions.check()


@pytest.mark.parametrize("off", [0, -SKEW, SKEW])
def test_sessions_that_queue_one_question_in_one_millisecond_keep_an_entry_each(
    functions: Functions, off: int
) -> None:
    """Their clocks agree, though the functions' clocks are apart by `off`."""
    at, other = functions.function(), functions.function(off)
    sessions = [functions.start(at, percentage=0) for _ in range(3)]
    for session_id in sessions:
        _until(functions, at, session_id, "geography:000003")
        functions.answer(at, session_id, right=False)
    now = functions.stage.clock.now
    for number, session_id in enumerate(sessions):
        serving = other if number % 2 else at
        functions.stage.clock.now = now - serving.off
        functions.answer(serving, session_id)
        functions.check()
    rows = functions.stage.rows("wrong_answers")
    assert sorted(row["sessionId"]["S"] for row in rows) == sorted(sessions)
    moments = [milliseconds(row["timestamp"]["S"].partition("#")[0]) for row in rows]
    assert len(set(moments)) == 3
    assert max(moments) - now < 10

    functions.stage.clock.now = now
    for session_id in sessions:
        while functions.screens[session_id]:
            functions.answer(at, session_id)
        functions.check()
    assert functions.stage.rows("wrong_answers") == []


def _until(functions: Functions, at: Function, session_id: str, question_id: str) -> None:
    while functions.screens[session_id]["questionId"] != question_id:
        functions.answer(at, session_id)


@pytest.mark.parametrize("seed", range(8))
def test_sessions_on_clocks_of_any_kind_say_what_the_model_does(
    functions: Functions, seed: int
) -> None:
    dice = Random(seed)
    serving = [functions.function(off) for off in (0, -SKEW, SKEW)]
    sessions = [functions.start(dice.choice(serving), percentage=50) for _ in range(2)]
    for _ in range(60):
        session_id = dice.choice(sessions)
        if functions.screens[session_id] is None:
            continue
        functions.answer(dice.choice(serving), session_id, right=dice.random() < 0.6)
        functions.stage.clock.advance(dice.choice([0, 0, 0, 1, 1, -1, 500, -SKEW]))
        for each in sessions:
            assert_grows(functions.queued(each))
    functions.check()


def test_expiry_is_of_the_clock_of_who_serves(functions: Functions) -> None:
    behind, ahead = functions.function(-SKEW), functions.function(SKEW)
    session_id = functions.start(functions.function())
    path = {"sessionId": session_id}
    for at, moment in ((ahead, LIFETIME - SKEW), (behind, LIFETIME + SKEW)):
        began = functions.stage.clock.now
        functions.stage.clock.now = began + moment - 1
        assert at.call("getSession", path=path).status == 200
        functions.stage.clock.now += 1
        for operation in ("getSession", "getQuestion", "abandonSession"):
            reply = at.call(operation, path=path)
            assert (reply.status, reply.body["code"]) == (410, "SESSION_EXPIRED")
        functions.stage.clock.now = began
    functions.stage.clock.advance(LIFETIME)
    assert ahead.call("getSession", path=path).status == 410
    functions.answer(behind, session_id)
    functions.check()
    assert ahead.call("getSession", path=path).status == 200


def test_updated_at_is_the_time_of_who_changed_it_and_never_off_by_more_than_their_clock(
    functions: Functions,
) -> None:
    behind, ahead = functions.function(-SKEW), functions.function(SKEW)
    session_id = functions.start(ahead, percentage=0)
    path = {"sessionId": session_id}
    for number, at in enumerate((ahead, behind, ahead, behind, behind)):
        functions.stage.clock.advance(1_000)
        if number % 2:
            functions.answer(at, session_id)
        else:
            version = functions.model.sessions[session_id].version
            body = {"version": version, "name": f"name {number}"}
            assert at.call("updateSession", body, path=path).status == 200
            functions.model.change(session_id, at=at.now, name=f"name {number}")
        for reader in (ahead, behind):
            session = reader.call("getSession", path=path).body
            assert session["updatedAt"] == iso(at.now)
            assert session["expiresAt"] == iso(at.now + LIFETIME)
            assert abs(milliseconds(session["updatedAt"]) - functions.stage.clock.now) <= SKEW
            assert session == functions.model.view(session_id, at.now)
    functions.check()


def test_an_entry_is_owned_once_when_clocks_disagree_whether_its_session_is_over(
    functions: Functions,
) -> None:
    behind, ahead = functions.function(-SKEW), functions.function(SKEW)
    former = functions.start(behind, percentage=0)
    functions.miss_and_put_right(behind, former)
    functions.miss_and_put_right(behind, former)
    functions.stage.clock.advance(LIFETIME - SKEW)
    path = {"sessionId": former}
    assert behind.call("getQuestion", path=path).status == 200

    reply = ahead.call("startSession", {"review": {}})

    assert reply.status == 201
    shown = ahead.call("getQuestion", path={"sessionId": reply.body["sessionId"]}).body["question"]
    functions.model.review(reply.body["sessionId"], shown=Shown.of(shown), at=ahead.now)
    functions.screens[reply.body["sessionId"]] = shown
    refused = behind.call("submitAnswer", submission(functions.screens[former]), path=path)
    assert (refused.status, refused.body["code"]) == (409, "SESSION_OVER")
    functions.check()

    review = reply.body["sessionId"]
    functions.answer(behind, review, right=False)
    while functions.screens[review]:
        functions.answer(behind, review)
        functions.check()
        assert_grows(functions.queued(review))


def test_sessions_are_listed_by_the_clock_of_who_started_them(functions: Functions) -> None:
    behind, ahead = functions.function(-SKEW), functions.function(SKEW)
    started = [functions.start(at) for at in (ahead, behind, ahead, behind)]
    listed = behind.call("listSessions").body["sessions"]
    assert {each["sessionId"] for each in listed} == set(started)
    created = [each["createdAt"] for each in listed]
    assert created == sorted(created, reverse=True)
