"""Changing sessions: renamed, paused, resumed, abandoned and expired."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration.session_calls import (
    DAY,
    EXPIRES,
    GEOGRAPHY,
    TOUCHES,
    abandon,
    assert_problem,
    change,
    faulty_fields,
    finish,
    read,
    several,
    started,
)
from tests.integration.stage import InvokedStage, Reply, response_lost

# Change


def test_a_session_is_renamed(bank: InvokedStage) -> None:
    session = started(bank)
    bank.clock.advance(1500)
    reply = change(bank, session["sessionId"], version=1, name="New name")
    assert reply.status == 200
    assert reply.body == {
        **session,
        "name": "New name",
        "version": 2,
        "updatedAt": "2026-09-21T14:13:21.500Z",
        "expiresAt": "2026-10-21T14:13:21.500Z",
    }
    assert read(bank, session["sessionId"]).body == reply.body


def test_a_session_is_paused_and_resumed(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)

    paused = change(bank, session_id, version=1, status="PAUSED")
    assert (paused.status, paused.body["status"], paused.body["version"]) == (200, "PAUSED", 2)
    assert read(bank, session_id).body["status"] == "PAUSED"
    resumed = change(bank, session_id, version=2, status="ACTIVE")
    assert (resumed.status, resumed.body["status"], resumed.body["version"]) == (200, "ACTIVE", 3)

    assert bank.question(session_id) == {**shown, "version": 3}


def test_name_and_status_change_together_and_an_empty_name_is_a_name(bank: InvokedStage) -> None:
    session = started(bank, {"name": "old", "sources": [GEOGRAPHY]})
    body = change(bank, session["sessionId"], version=1, name="", status="PAUSED").body
    assert (body["name"], body["status"]) == ("", "PAUSED")


def test_a_stale_version_is_a_conflict_and_changes_nothing(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    change(bank, session_id, version=1, name="first")
    for version in (1, 3):
        reply = change(bank, session_id, version=version, name="second")
        assert_problem(reply, 409, "VERSION_CONFLICT")
    assert read(bank, session_id).body["name"] == "first"


def test_an_answer_makes_the_version_stale(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    bank.answer(session_id, bank.question(session_id)["question"])
    assert read(bank, session_id).body["version"] == 2
    reply = change(bank, session_id, version=1, status="PAUSED")
    assert_problem(reply, 409, "VERSION_CONFLICT")


def test_a_change_of_nothing_is_422(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    for body in ({}, {"name": None}, {"status": None, "name": None}):
        assert faulty_fields(change(bank, session_id, version=1, **body)) == ["body"]
    assert read(bank, session_id).body["version"] == 1


def test_all_faults_of_a_change_are_reported_together(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    reply = change(bank, session_id, name="n" * 81, status="COMPLETED", seed="x")
    assert sorted(faulty_fields(reply)) == ["name", "seed", "status", "version"]


def test_a_client_sets_no_other_status_than_active_and_paused(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    for status in ("COMPLETED", "ABANDONED", "EXPIRED", "active", ""):
        assert faulty_fields(change(bank, session_id, version=1, status=status)) == ["status"]


def test_a_session_that_is_over_is_neither_paused_nor_resumed(bank: InvokedStage) -> None:
    completed, abandoned = several(bank, 2)
    finish(bank, completed)
    abandon(bank, abandoned)
    for session_id in (completed, abandoned):
        session = read(bank, session_id).body
        for wanted in ("ACTIVE", "PAUSED"):
            reply = change(bank, session_id, version=session["version"], status=wanted)
            assert_problem(reply, 409, "SESSION_OVER")
        assert read(bank, session_id).body == session


def test_a_change_whose_response_was_lost_succeeds(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    with bank.fault("PutItem", response_lost, times=1):
        reply = change(bank, session_id, version=1, name="New name")
    assert (reply.status, reply.body["version"]) == (200, 2)


# Abandon


def test_an_abandoned_session_is_over(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    reply = abandon(bank, session_id)
    assert (reply.status, reply.body, reply.text) == (204, None, "")
    assert read(bank, session_id).body["status"] == "ABANDONED"
    question = bank.call("getQuestion", path={"sessionId": session_id})
    assert_problem(question, 409, "SESSION_OVER")
    assert_problem(bank.answer(session_id, shown), 409, "SESSION_OVER")


def test_abandoning_twice_changes_nothing_more(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    abandon(bank, session_id)
    before = bank.everything()
    bank.clock.advance(1000)
    reply = abandon(bank, session_id)
    assert reply.status == 204
    assert reply.cost == (1, 1.0, 0.0)
    assert bank.everything() == before


def test_a_paused_session_may_be_abandoned(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    change(bank, session_id, version=1, status="PAUSED")
    assert abandon(bank, session_id).status == 204


def test_a_completed_session_is_not_abandoned(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    finish(bank, session_id)
    assert_problem(abandon(bank, session_id), 409, "SESSION_OVER")
    assert read(bank, session_id).body["status"] == "COMPLETED"


def test_what_an_abandoned_session_owes_stays(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY, percentage=0)
    shown = bank.question(session_id)["question"]
    for right in (False, True, False, True, False):
        shown = bank.answer(session_id, shown, right=right).body["question"]
    owed, progress = bank.rows("wrong_answers"), bank.rows("progress")
    assert len(owed) == 2

    abandon(bank, session_id)

    assert bank.rows("wrong_answers") == owed
    assert bank.rows("progress") == progress


def test_abandoning_when_the_response_was_lost_succeeds(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    with bank.fault("PutItem", response_lost, times=1):
        assert abandon(bank, session_id).status == 204


# Expiry


def touch(stage: InvokedStage, operation: str, session_id: str, shown: Mapping[str, Any]) -> Reply:
    body = TOUCHES[operation]
    if operation == "submitAnswer":
        return stage.answer(session_id, shown)
    return stage.call(operation, body, path={"sessionId": session_id})


@pytest.mark.parametrize("status", ["ACTIVE", "PAUSED"])
def test_a_session_is_expired_from_the_millisecond_it_says(bank: InvokedStage, status: str) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    change(bank, session_id, version=1, status=status)
    assert read(bank, session_id).body["expiresAt"] == EXPIRES
    before = bank.everything()

    bank.clock.advance(30 * DAY)

    for operation in TOUCHES:
        assert_problem(touch(bank, operation, session_id, shown), 410, "SESSION_EXPIRED")
    assert bank.everything() == before


def test_a_session_is_alive_until_the_millisecond_before(bank: InvokedStage) -> None:
    for operation in TOUCHES:
        session_id = bank.start(GEOGRAPHY)
        shown = bank.question(session_id)["question"]
        bank.clock.advance(30 * DAY - 1)
        assert touch(bank, operation, session_id, shown).status in (200, 204)


def test_an_answer_renews_a_session(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    for right in (True, False, True):
        bank.clock.advance(30 * DAY - 1)
        assert bank.answer(session_id, bank.question(session_id)["question"], right=right).status
    assert read(bank, session_id).body["expiresAt"] > "2027-01-19"
    bank.clock.advance(30 * DAY - 1)
    assert read(bank, session_id).status == 200


def test_reading_does_not_renew_a_session(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    bank.clock.advance(30 * DAY - 1)
    bank.question(session_id)
    assert read(bank, session_id).status == 200
    bank.clock.advance(1)
    assert read(bank, session_id).status == 410


def test_a_session_that_ended_never_expires(bank: InvokedStage) -> None:
    completed, abandoned = several(bank, 2)
    finish(bank, completed)
    abandon(bank, abandoned)
    bank.clock.advance(365 * DAY)
    assert read(bank, completed).body["status"] == "COMPLETED"
    assert read(bank, abandoned).body["status"] == "ABANDONED"
    assert bank.question(completed)["nextAction"] == "SESSION_COMPLETED"


def test_the_database_may_delete_a_session_30_days_after_it_expired(bank: InvokedStage) -> None:
    bank.start(GEOGRAPHY)
    (row,) = bank.rows("sessions")
    assert int(row["ttl"]["N"]) == int(row["expiresAt"]["N"]) // 1000 + 30 * DAY // 1000


def test_a_session_the_database_deleted_is_404(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    bank.services.database.call(
        "delete_item",
        TableName=bank.services.sessions.name,
        Key={"userId": {"S": "ada"}, "sessionId": {"S": session_id}},
    )
    assert_problem(read(bank, session_id), 404, "NOT_FOUND")
