"""The database in trouble: refused at once, served from memory, and never past the deadline."""

from dataclasses import replace

import pytest

from lambdas.shared.http import entrypoint
from lambdas.shared.services import Services
from lambdas.shared.store.client import ATTEMPT_SECONDS, database
from lambdas.users.handler import handler as users_handler
from tests.integration.stage import InvokedStage, drafts, refuses, unreachable
from tests.support.fixed_context import FixedContext


@pytest.fixture
def guarded(stage: InvokedStage, monkeypatch: pytest.MonkeyPatch) -> InvokedStage:
    """A stage with the circuit breaker on, and a session being played."""
    stage.save(*drafts("geography", 20))
    settings = stage.services.settings._replace(circuit_breaker_enabled=True)
    environment = Services(
        settings=settings,
        database=database(settings),
        clock=stage.clock,
        entropy=stage.services.entropy,
    )
    monkeypatch.setattr(entrypoint, "services", lambda: environment)
    return replace(stage, services=environment)


@pytest.mark.parametrize("fault", [unreachable, refuses("InternalServerError", 500)])
def test_an_open_circuit_refuses_without_a_call(guarded: InvokedStage, fault: object) -> None:
    session_id = guarded.start({"category": "geography"})
    with guarded.fault("GetItem", fault) as met:  # type: ignore[arg-type]
        replies = [guarded.call("getQuestion", path={"sessionId": session_id}) for _ in range(5)]
        assert [reply.status for reply in replies] == [503] * 5
        attempts = len(met)
        refused = guarded.call("getQuestion", path={"sessionId": session_id})
        assert len(met) == attempts == 5 * 3
    assert (refused.status, refused.body["code"]) == (503, "UNAVAILABLE")
    assert 5 <= int(refused.headers["Retry-After"]) <= 30
    assert refused.log["roundTrips"] == 0


def test_opening_is_told_as_a_metric(
    guarded: InvokedStage, capsys: pytest.CaptureFixture[str]
) -> None:
    with guarded.fault("GetItem", unreachable):
        for _ in range(5):
            event = guarded.event("getUser", path={"userId": "me"})
            guarded.handle("users", event)
    lines = [line for line in capsys.readouterr().out.splitlines() if "circuitOpened" in line]
    assert len(lines) == 1
    assert '"CircuitOpened":1' in lines[0]
    assert '"Namespace":"AdaptiveQuiz"' in lines[0]


def test_refused_conditions_conflicts_and_requests_do_not_open_it(guarded: InvokedStage) -> None:
    session_id = guarded.start({"category": "geography"})
    stale = {"version": 99, "name": "x"}
    with guarded.fault("PutItem", refuses("ConditionalCheckFailedException")):
        for _ in range(12):
            body = {"version": 1, "name": "x"}
            reply = guarded.call("updateSession", body, path={"sessionId": session_id})
            assert reply.status in (404, 409)
    for _ in range(12):
        reply = guarded.call("updateSession", stale, path={"sessionId": session_id})
        assert reply.status == 409
    assert guarded.question(session_id)["question"]


def test_the_breaker_can_be_turned_off(stage: InvokedStage) -> None:
    assert stage.services.database.breaker is None
    with stage.fault("GetItem", unreachable) as met:
        for _ in range(12):
            assert stage.call("getUser", path={"userId": "me"}).status == 503
        assert len(met) == 12 * 3


def test_a_session_is_played_from_memory_while_the_bank_cannot_be_read(
    guarded: InvokedStage,
) -> None:
    session_id = guarded.start({"category": "geography"}, percentage=0)
    ids = [f"geography:{ordinal:06d}" for ordinal in range(20)]
    assert len(guarded.services.bank.get(ids)) == 20
    guarded.clock.advance(3_600_000)
    questions = guarded.services.questions.name
    with guarded.fault("GetItem", unreachable, within=questions):
        body = guarded.question(session_id)
        while body["question"]:
            reply = guarded.answer(session_id, body["question"])
            assert reply.status == 200, reply.body
            body = reply.body
    assert body["nextAction"] == "SESSION_COMPLETED"


def test_a_question_not_in_memory_is_503_while_the_bank_cannot_be_read(
    guarded: InvokedStage,
) -> None:
    session_id = guarded.start({"category": "geography"}, percentage=0)
    guarded.forget_questions()
    with guarded.fault("GetItem", unreachable, within=guarded.services.questions.name):
        reply = guarded.call("getQuestion", path={"sessionId": session_id})
    assert reply.status == 503


def test_a_session_is_played_while_progress_cannot_be_read(guarded: InvokedStage) -> None:
    session_id = guarded.start({"category": "geography"}, percentage=0)
    with guarded.fault("Query", unreachable, within=guarded.services.progress.name):
        assert guarded.call("listQuestionProgress", path={"userId": "me"}).status == 503
        assert guarded.call("getProgress", path={"userId": "me"}).status == 200
        shown = guarded.question(session_id)["question"]
        assert guarded.answer(session_id, shown).status == 200


def test_a_session_is_played_while_the_pool_cannot_be_read(guarded: InvokedStage) -> None:
    session_id = guarded.start({"category": "geography"}, percentage=100)
    with guarded.fault("Query", unreachable, within=guarded.services.wrong_answers.name):
        assert guarded.call("listWrongAnswers", path={"userId": "me"}).status == 503
        body = guarded.question(session_id)
        for right in (False, True, True, True, True, True):
            reply = guarded.answer(session_id, body["question"], right=right)
            assert reply.status == 200, reply.body
            body = reply.body
    assert body["progress"]["mastered"] > 0


def test_an_answer_refused_as_a_whole_can_be_sent_again(guarded: InvokedStage) -> None:
    session_id = guarded.start({"category": "geography"})
    shown = guarded.question(session_id)["question"]
    before = guarded.everything()
    with guarded.fault("TransactWriteItems", unreachable):
        refused = guarded.answer(session_id, shown)
    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    assert guarded.everything() == before
    assert guarded.answer(session_id, shown).status == 200


def test_no_attempt_is_begun_that_the_invocation_might_not_outlive(stage: InvokedStage) -> None:
    event = stage.event("updateUser", {"displayName": "Ada"}, path={"userId": "me"})
    late = users_handler(event, FixedContext(int(ATTEMPT_SECONDS * 1000) - 1))
    assert late["statusCode"] == 503
    assert stage.rows("users") == []
    assert users_handler(event, FixedContext(10_000))["statusCode"] == 200


def test_running_out_of_time_is_no_failure_of_the_database(guarded: InvokedStage) -> None:
    event = guarded.event("getUser", path={"userId": "me"})
    for _ in range(12):
        assert users_handler(event, FixedContext(100))["statusCode"] == 503
    assert users_handler(event, FixedContext(10_000))["statusCode"] == 200
