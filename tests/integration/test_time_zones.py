"""Days and streaks in the learner's time zone."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.statistics.given_answer import DAY
from lambdas.contract.time_zones import code_of, names_by_code, time_zones
from lambdas.shared.time_zones import day_in, name_of
from ops.cost.budgets import FRESH_AND_RIGHT
from tests.integration.stage import InvokedStage, drafts

GEOGRAPHY = {"category": "geography"}


@pytest.fixture
def bank(stage: InvokedStage) -> InvokedStage:
    stage.save(*drafts("geography", 20))
    return stage


def live_in(stage: InvokedStage, time_zone: str) -> None:
    reply = stage.call("updateUser", {"timeZone": time_zone}, path={"userId": "me"})
    assert reply.status == 200, reply.body
    assert reply.body["timeZone"] == time_zone


def at(stage: InvokedStage, local: str, time_zone: str) -> None:
    """Set the clock to a local time."""
    there = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(time_zone))
    stage.clock.now = int(there.timestamp() * 1000)


def answer_one(stage: InvokedStage, session_id: str) -> None:
    reply = stage.answer(session_id, stage.question(session_id)["question"])
    assert reply.status == 200, reply.body


def progress(stage: InvokedStage) -> Any:
    stage.count()
    return stage.call("getProgress", path={"userId": "me"}).body


def dates(stage: InvokedStage) -> list[str]:
    return [each["date"] for each in progress(stage)["days"]]


def test_a_time_zone_is_utc_unless_set(bank: InvokedStage) -> None:
    assert bank.call("getUser", path={"userId": "me"}).body["timeZone"] == "UTC"
    live_in(bank, "America/Los_Angeles")
    assert bank.call("getUser", path={"userId": "me"}).body["timeZone"] == "America/Los_Angeles"
    live_in(bank, "UTC")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Mars/Olympus", "INVALID_VALUE"),
        ("europe/vienna", "INVALID_VALUE"),
        ("posix/Europe/Vienna", "INVALID_VALUE"),
        ("localtime", "INVALID_VALUE"),
        ("Europe", "INVALID_VALUE"),
        ("../../etc/passwd", "INVALID_FORMAT"),
        ("/etc/localtime", "INVALID_FORMAT"),
        ("", "INVALID_FORMAT"),
        (2, "INVALID_TYPE"),
    ],
)
def test_only_names_of_time_zones_are_accepted(
    stage: InvokedStage, name: object, code: str
) -> None:
    reply = stage.call("updateUser", {"timeZone": name}, path={"userId": "me"})
    assert reply.status == 422
    assert [(each["field"], each["code"]) for each in reply.body["errors"]] == [("timeZone", code)]
    assert stage.rows("users") == []


def test_a_time_zone_adds_nothing_to_the_cost_of_an_answer(bank: InvokedStage) -> None:
    live_in(bank, "America/Argentina/ComodRivadavia")
    session = bank.start(GEOGRAPHY, percentage=0)
    bank.services.bank.get([f"geography:{number:06d}" for number in range(20)])
    reply = bank.answer(session, bank.question(session)["question"])
    assert reply.cost == FRESH_AND_RIGHT


def test_three_evenings_in_a_row_eight_hours_behind_are_a_streak_of_three(
    bank: InvokedStage,
) -> None:
    zone = "America/Los_Angeles"
    live_in(bank, zone)
    # In UTC the first is on the 10th, and the other two are both on the 12th.
    evenings = ("2026-12-09T20:00", "2026-12-10T23:30", "2026-12-11T15:00")
    at(bank, evenings[0], zone)
    session = bank.start(GEOGRAPHY, percentage=0)
    for evening in evenings:
        at(bank, evening, zone)
        answer_one(bank, session)
    totals = progress(bank)
    assert totals["streaks"]["currentDays"] == totals["streaks"]["bestDays"] == 3
    assert [each["date"] for each in totals["days"]] == ["2026-12-09", "2026-12-10", "2026-12-11"]
    at(bank, "2026-12-12T23:59", zone)
    assert progress(bank)["streaks"]["currentDays"] == 3
    at(bank, "2026-12-13T00:01", zone)
    assert progress(bank)["streaks"]["currentDays"] == 0


@pytest.mark.parametrize(
    ("eve", "change"), [("2026-03-28", "2026-03-29"), ("2026-10-24", "2026-10-25")]
)
def test_days_of_23_and_25_hours_begin_at_local_midnight(
    bank: InvokedStage, eve: str, change: str
) -> None:
    zone = "Europe/Vienna"
    live_in(bank, zone)
    at(bank, f"{eve}T23:59", zone)
    session = bank.start(GEOGRAPHY, percentage=0)
    answer_one(bank, session)
    at(bank, f"{change}T00:01", zone)
    answer_one(bank, session)
    at(bank, f"{change}T23:59", zone)
    answer_one(bank, session)
    totals = progress(bank)
    counted = [(each["date"], each["correct"]) for each in totals["days"]]
    assert counted == [(eve, 1), (change, 2)]
    assert totals["streaks"]["currentDays"] == 2


def test_a_traveller_keeps_the_days_counted_before(bank: InvokedStage) -> None:
    live_in(bank, "Pacific/Auckland")
    at(bank, "2026-12-10T09:00", "Pacific/Auckland")
    answer_one(bank, bank.start(GEOGRAPHY, percentage=0))
    # Ten hours later it is still the day before in Honolulu.
    live_in(bank, "Pacific/Honolulu")
    at(bank, "2026-12-09T19:00", "Pacific/Honolulu")
    answer_one(bank, bank.start(GEOGRAPHY, percentage=0))
    totals = progress(bank)
    assert [each["date"] for each in totals["days"]] == ["2026-12-09", "2026-12-10"]
    assert totals["streaks"]["currentDays"] == 2


def test_a_session_keeps_the_time_zone_it_started_in(bank: InvokedStage) -> None:
    at(bank, "2026-12-10T20:00", "America/Los_Angeles")
    session = bank.start(GEOGRAPHY, percentage=0)
    live_in(bank, "America/Los_Angeles")
    answer_one(bank, session)
    assert dates(bank) == ["2026-12-11"]
    answer_one(bank, bank.start(GEOGRAPHY, percentage=0))
    assert dates(bank) == ["2026-12-10", "2026-12-11"]


def test_a_review_is_counted_in_the_learners_time_zone(bank: InvokedStage) -> None:
    session = bank.start(GEOGRAPHY, percentage=0)
    shown = bank.question(session)["question"]
    again = bank.answer(session, shown, right=False).body["question"]
    bank.answer(session, again)
    bank.call("abandonSession", path={"sessionId": session})
    live_in(bank, "America/Los_Angeles")
    at(bank, "2026-12-10T20:00", "America/Los_Angeles")
    review = bank.call("startSession", {"review": {}}).body["sessionId"]
    answer_one(bank, review)
    assert dates(bank)[-1] == "2026-12-10"


def test_an_answer_in_utc_does_not_keep_the_day_of_an_earlier_one(bank: InvokedStage) -> None:
    live_in(bank, "America/Los_Angeles")
    at(bank, "2026-12-10T20:00", "America/Los_Angeles")
    session = bank.start({"category": "geography", "questionCount": 1}, percentage=0)
    answer_one(bank, session)
    live_in(bank, "UTC")
    bank.clock.advance(3_600_000)
    again = bank.start(GEOGRAPHY, percentage=0)
    while bank.question(again)["question"]:
        answer_one(bank, again)
    assert dates(bank) == ["2026-12-10", "2026-12-11"]
    assert all("lastDay" not in row for row in bank.rows("progress"))


def test_a_record_delivered_again_after_a_move_counts_in_the_same_day(bank: InvokedStage) -> None:
    live_in(bank, "America/Los_Angeles")
    at(bank, "2026-12-10T20:00", "America/Los_Angeles")
    answer_one(bank, bank.start(GEOGRAPHY, percentage=0))
    records = bank.records()
    assert bank.deliver(records) == []
    live_in(bank, "Asia/Tokyo")
    assert bank.deliver(records) == []
    totals = progress(bank)
    assert [(each["date"], each["correct"]) for each in totals["days"]] == [("2026-12-10", 1)]


def test_every_time_zone_has_a_code_of_its_own_and_rules() -> None:
    assert len(names_by_code()) == len(time_zones()) > 500
    noon = 1_790_000_000_000
    days = {day_in(name_of(code_of(name)), noon) - noon // DAY for name in time_zones()}
    assert days <= {-1, 0, 1}
    assert name_of(b"???") == "UTC"
