"""Limits on a learner's sessions: reached, refused, and given back."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from domain.session.state import LIFETIME
from lambdas.session.limits import MAX_STARTS, MAX_UNFINISHED
from lambdas.shared.store.batch import batch_write
from lambdas.shared.store.sessions import DAY, item_from_session
from tests.integration.stage import InvokedStage, Reply, drafts, response_lost

GEOGRAPHY = {"category": "geography", "questionCount": 1}


@pytest.fixture
def bank(stage: InvokedStage) -> InvokedStage:
    stage.save(*drafts("geography", 3))
    # Drawn questions are cached, so that costs are exact.
    stage.services.bank.get([f"geography:{number:06d}" for number in range(3)])
    return stage


def start(stage: InvokedStage, key: str | None = None) -> Reply:
    headers = {"Idempotency-Key": key} if key else None
    return stage.call("startSession", {"sources": [GEOGRAPHY]}, headers=headers)


def fill(stage: InvokedStage) -> str:
    """Give the learner as many unfinished sessions as allowed; return the id of one."""
    session_id = stage.start(GEOGRAPHY)
    session = stage.services.sessions.get("ada", session_id)
    assert session
    copies = [session._replace(session_id=f"{n:027x}") for n in range(MAX_UNFINISHED - 1)]
    writes = [{"PutRequest": {"Item": item_from_session(each)}} for each in copies]
    batch_write(stage.services.database, stage.services.sessions.name, writes)
    stage.set_start_counts(unfinished=MAX_UNFINISHED, startDay=stage.clock.now // DAY, starts=1)
    return session_id


def assert_refused(reply: Reply) -> None:
    assert (reply.status, reply.body["code"]) == (429, "SESSION_LIMIT")


def complete(stage: InvokedStage, session_id: str) -> None:
    shown = stage.question(session_id)["question"]
    assert stage.answer(session_id, shown).body["nextAction"] == "SESSION_COMPLETED"


def abandon(stage: InvokedStage, session_id: str) -> None:
    assert stage.call("abandonSession", path={"sessionId": session_id}).status == 204


def delete(stage: InvokedStage, session_id: str) -> None:
    stage.services.database.call(
        "delete_item",
        TableName=stage.services.sessions.name,
        Key={"userId": {"S": "ada"}, "sessionId": {"S": session_id}},
    )


def expire(stage: InvokedStage, session_id: str) -> None:
    """Let one session expire: the others are used a day later."""
    session = stage.services.sessions.get("ada", session_id)
    assert session
    expired = session._replace(expires_at=session.expires_at - LIFETIME - DAY)
    stage.services.database.call(
        "put_item", TableName=stage.services.sessions.name, Item=item_from_session(expired)
    )


def test_one_session_more_than_allowed_is_refused(bank: InvokedStage) -> None:
    fill(bank)
    before = bank.everything()

    refused = start(bank)

    assert_refused(refused)
    assert "Retry-After" not in refused.headers
    assert bank.everything() == before
    # The categories and the counts, and the recount.
    round_trips, read_units, write_units = refused.cost
    assert (round_trips, write_units) == (2, 0)
    assert read_units <= 10


@pytest.mark.parametrize("end", [complete, abandon, delete, expire])
def test_a_session_that_ends_gives_its_place_back_once(bank: InvokedStage, end: object) -> None:
    session_id = fill(bank)
    assert_refused(start(bank))
    assert callable(end)
    end(bank, session_id)

    assert start(bank).status == 201
    assert_refused(start(bank))


def test_a_paused_session_keeps_its_place(bank: InvokedStage) -> None:
    session_id = fill(bank)
    body = {"version": 1, "status": "PAUSED"}
    assert bank.call("updateSession", body, path={"sessionId": session_id}).status == 200
    assert_refused(start(bank))


def test_sessions_that_expired_unseen_do_not_count(bank: InvokedStage) -> None:
    fill(bank)
    bank.clock.advance(LIFETIME + DAY)
    assert start(bank).status == 201
    user = bank.rows("users")[0]
    assert user["unfinished"] == {"N": "1"}


def test_a_repeated_start_is_the_same_session_though_the_limit_is_reached(
    bank: InvokedStage,
) -> None:
    first = start(bank, "k")
    fill(bank)
    again = start(bank, "k")
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body


def test_the_last_places_are_given_once_each(bank: InvokedStage) -> None:
    session_id = fill(bank)
    abandon(bank, session_id)
    delete(bank, f"{0:027x}")
    bank.pauses()
    event = bank.event("startSession", {"sources": [GEOGRAPHY]})
    barrier = Barrier(6)

    def begin(_: int) -> int:
        barrier.wait()
        return bank.handle("session", event).status

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(begin, range(6)))
    while 503 in statuses:  # refused for its conflicts with the others, to be sent again
        statuses.remove(503)
        statuses.append(bank.handle("session", event).status)
    assert sorted(statuses) == [201, 201, 429, 429, 429, 429]
    unfinished = bank.services.sessions.unfinished("ada")
    assert len(unfinished) == MAX_UNFINISHED


def test_a_day_has_a_limit_that_ends_with_it(bank: InvokedStage) -> None:
    day = bank.clock.now // DAY
    bank.set_start_counts(unfinished=0, startDay=day, starts=MAX_STARTS - 1)

    assert start(bank).status == 201
    refused = start(bank)

    assert_refused(refused)
    wait = int(refused.headers["Retry-After"])
    assert 0 <= wait * 1000 - ((day + 1) * DAY - bank.clock.now) <= 1_000
    bank.clock.advance(wait * 1000)
    assert start(bank).status == 201
    assert bank.rows("users")[0]["starts"] == {"N": "1"}


def test_counts_that_were_read_too_early_are_read_again(bank: InvokedStage) -> None:
    def meanwhile(_: object) -> None:
        bank.set_start_counts(unfinished=7, startDay=bank.clock.now // DAY, starts=MAX_STARTS)

    with bank.fault("TransactWriteItems", meanwhile, times=1):
        assert_refused(start(bank))
    assert bank.rows("sessions") == []


def test_a_start_whose_reply_was_lost_is_counted_once(bank: InvokedStage) -> None:
    with bank.fault("TransactWriteItems", response_lost, times=1):
        assert start(bank, "k").status == 201
    assert start(bank, "k").status == 200
    user = bank.rows("users")[0]
    assert (user["unfinished"], user["starts"]) == ({"N": "1"}, {"N": "1"})


def test_a_clock_that_is_behind_does_not_begin_the_day_before_again(bank: InvokedStage) -> None:
    bank.set_start_counts(unfinished=0, startDay=bank.clock.now // DAY + 1, starts=MAX_STARTS)
    assert_refused(start(bank))
