"""Starting sessions: sources, percentages, names, and the response of the contract."""

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError

from tests.integration.session_calls import (
    BEGAN,
    EXPIRES,
    GEOGRAPHY,
    HISTORY,
    abandon,
    assert_problem,
    faulty_fields,
    listed_ids,
    read,
    started,
)
from tests.integration.stage import InvokedStage, draft, refuses, response_lost

if TYPE_CHECKING:
    from collections.abc import Mapping

# Start


def test_a_session_starts_with_the_body_of_the_contract(bank: InvokedStage) -> None:
    body = {
        "name": "Mixed practice",
        "sources": [{"category": "geography", "questionCount": 2}, HISTORY],
        "settings": {"wrongAnswerPercentage": 35},
    }

    reply = bank.call("startSession", body)

    assert reply.status == 201
    session_id = reply.body["sessionId"]
    assert re.fullmatch("[0-9a-f]{27}", session_id)
    assert reply.body == {
        "sessionId": session_id,
        "name": "Mixed practice",
        "status": "ACTIVE",
        "version": 1,
        "sources": [
            {"category": "geography", "questionCount": 2},
            {"category": "history", "questionCount": 3},
        ],
        "settings": ratio(35),
        "createdAt": BEGAN,
        "updatedAt": BEGAN,
        "expiresAt": EXPIRES,
        "progress": {
            "totalQuestions": 5,
            "questionsAnswered": 0,
            "correctAnswers": 0,
            "wrongAnswers": 0,
            "mastered": 0,
            "wrongPoolSize": 0,
            "remainingTries": 0,
            "answersLeft": 5,
            "penaltyIndicator": "",
            "percentComplete": 0.0,
        },
    }
    # 0 == 0.0 == False for Python, not for a client.
    kinds = {key: type(value) for key, value in reply.body["progress"].items()}
    assert kinds.pop("penaltyIndicator") is str
    assert kinds.pop("percentComplete") is float
    assert set(kinds.values()) == {int}
    assert reply.headers["Location"] == f"/sessions/{session_id}"
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["X-Request-Id"]


def test_a_session_reads_as_it_was_started(bank: InvokedStage) -> None:
    session = started(bank)
    reply = read(bank, session["sessionId"])
    assert (reply.status, reply.body) == (200, session)


def test_a_source_asks_all_questions_unless_told_how_many(bank: InvokedStage) -> None:
    session = started(bank, {"sources": [GEOGRAPHY, {**HISTORY, "questionCount": None}]})
    assert [source["questionCount"] for source in session["sources"]] == [6, 3]
    assert session["name"] == ""


def test_retired_questions_are_not_counted_among_all(bank: InvokedStage) -> None:
    bank.retire("geography:000001")
    session = started(bank)
    assert session["sources"] == [{"category": "geography", "questionCount": 5}]
    assert session["progress"]["totalQuestions"] == 5


def ratio(percentage: int) -> dict[str, object]:
    """Return the settings that a session of RATIO shows."""
    return {"policy": "RATIO", "wrongAnswerPercentage": percentage}


def test_the_percentage_is_20_where_nobody_chose_one(bank: InvokedStage) -> None:
    assert started(bank)["settings"] == ratio(20)


@pytest.mark.parametrize("preferred", [0, 70])
def test_the_percentage_is_the_one_of_the_learners_profile(
    bank: InvokedStage, preferred: int
) -> None:
    profile = {"wrongAnswerPercentage": preferred}
    assert bank.call("updateUser", profile, path={"userId": "me"}).status == 200
    for body in ({"sources": [GEOGRAPHY]}, {"sources": [GEOGRAPHY], "settings": {}}):
        assert started(bank, body)["settings"] == ratio(preferred)
    assert started(bank, user="bob")["settings"] == ratio(20)


@pytest.mark.parametrize("said", [0, 100])
def test_a_percentage_said_wins_over_the_profile(bank: InvokedStage, said: int) -> None:
    bank.call("updateUser", {"wrongAnswerPercentage": 70}, path={"userId": "me"})
    settings = {"wrongAnswerPercentage": said}
    assert started(bank, {"sources": [GEOGRAPHY], "settings": settings})["settings"] == ratio(said)


def test_eight_sources_are_taken(stage: InvokedStage) -> None:
    names = [f"category-{number}" for number in range(8)]
    stage.save(*(draft(name, 0) for name in names))
    session = started(stage, {"sources": [{"category": name} for name in names]})
    assert session["progress"]["totalQuestions"] == 8


def test_all_faults_of_a_start_are_reported_together(stage: InvokedStage) -> None:
    body = {
        "name": "n" * 81,
        "sources": [
            {"category": "Not A Category"},
            {"category": "geography", "questionCount": 0},
            {"category": "history", "questionCount": "3"},
            {"questionCount": 1},
            {"category": "law", "colour": "red"},
        ],
        "settings": {"wrongAnswerPercentage": 101},
        "extra": 1,
    }
    reply = stage.call("startSession", body)
    assert sorted(faulty_fields(reply)) == [
        "extra",
        "name",
        "settings.wrongAnswerPercentage",
        "sources.0.category",
        "sources.1.questionCount",
        "sources.2.questionCount",
        "sources.3.category",
        "sources.4.colour",
    ]
    assert reply.body["detail"] == "8 fields are wrong"
    assert reply.body["title"] == "Unprocessable Content"
    assert reply.body["type"] == "about:blank"
    assert all(fault["message"] for fault in reply.body["errors"])


def test_sources_are_one_to_eight_distinct_ones(bank: InvokedStage) -> None:
    nine = [{"category": f"c{number}"} for number in range(9)]
    twice = [GEOGRAPHY, {"category": "geography", "questionCount": 1}]
    for sources in ([], twice, "geography"):
        assert faulty_fields(bank.call("startSession", {"sources": sources})) == ["sources"]
    unknown = [f"sources.{number}.category" for number in range(8)]
    assert faulty_fields(bank.call("startSession", {"sources": nine})) == ["sources", *unknown]
    # Neither sources nor a review.
    for body in ({}, {"sources": None}):
        assert faulty_fields(bank.call("startSession", body)) == ["sources"]


def test_a_percentage_is_a_whole_number_from_0_to_100(bank: InvokedStage) -> None:
    for percentage in (-1, 101, 20.5, "20", True):
        body = {"sources": [GEOGRAPHY], "settings": {"wrongAnswerPercentage": percentage}}
        assert faulty_fields(bank.call("startSession", body)) == ["settings.wrongAnswerPercentage"]


def test_a_name_has_up_to_80_characters_of_any_alphabet(bank: InvokedStage) -> None:
    name = "\N{BRAIN}" * 80
    assert started(bank, {"name": name, "sources": [GEOGRAPHY]})["name"] == name


def test_unknown_categories_and_too_many_questions_are_named_together(bank: InvokedStage) -> None:
    sources = [
        {"category": "geography", "questionCount": 7},
        {"category": "unheard-of"},
        {"category": "history", "questionCount": 3},
    ]
    reply = bank.call("startSession", {"sources": sources})
    assert faulty_fields(reply) == ["sources.0.questionCount", "sources.1.category"]
    assert "6" in reply.body["errors"][0]["message"]
    assert bank.rows("sessions") == []


def test_a_category_whose_questions_are_all_retired_is_unknown(bank: InvokedStage) -> None:
    for number in range(3):
        bank.retire(f"history:{number:06d}")
    reply = bank.call("startSession", {"sources": [HISTORY]})
    assert faulty_fields(reply) == ["sources.0.category"]


def test_a_body_that_is_not_json_is_400(stage: InvokedStage) -> None:
    for body in ("", "{", "NaN", '{"sources": [], "sources": []}'):
        assert stage.call("startSession", body).status == 400


def test_a_body_over_16_kb_is_413(bank: InvokedStage) -> None:
    body = {"sources": [GEOGRAPHY], "name": "n" * 16 * 1024}
    assert_problem(bank.call("startSession", body), 413, "BODY_TOO_LARGE")


def test_a_start_whose_response_was_lost_is_one_session(bank: InvokedStage) -> None:
    with bank.fault("TransactWriteItems", response_lost, times=1):
        session = started(bank)
    assert listed_ids(bank) == [session["sessionId"]]


def test_a_start_that_meets_its_own_first_attempt_is_one_session(bank: InvokedStage) -> None:
    in_progress = refuses("TransactionInProgressException")

    def done_and_refused(request: AWSPreparedRequest) -> AWSResponse | None:
        with suppress(ReadTimeoutError):
            response_lost(request)
        return in_progress(request)

    bank.pauses()
    with bank.fault("TransactWriteItems", done_and_refused, times=1) as met:
        session = started(bank)
    assert len(met) == 1
    assert listed_ids(bank) == [session["sessionId"]]


@pytest.mark.parametrize("key", [None, "k"])
@pytest.mark.parametrize("review", [False, True])
def test_an_erased_account_starts_no_session(
    bank: InvokedStage, key: str | None, review: bool
) -> None:
    session_id = bank.start({"category": "geography"}, percentage=0)
    shown = bank.answer(session_id, bank.question(session_id)["question"], right=False).body
    bank.answer(session_id, shown["question"])
    abandon(bank, session_id)
    users = bank.services.users
    tombstone = {**users.key("ada"), "erasedAt": {"N": "1"}}
    bank.services.database.call("put_item", TableName=users.name, Item=tombstone)
    before = bank.everything()

    body: Mapping[str, Any] = {"review": {}} if review else {"sources": [GEOGRAPHY]}
    headers = {"Idempotency-Key": key} if key else None
    reply = bank.call("startSession", body, headers=headers)

    assert_problem(reply, 401, "UNAUTHORIZED")
    assert bank.everything() == before
    assert bank.call("startSession", {"sources": [GEOGRAPHY]}, user="bob").status == 201


# Expiry


def test_location_is_under_the_base_path_the_gateway_serves(bank: InvokedStage) -> None:
    event = bank.event("startSession", {"sources": [GEOGRAPHY]})
    event["requestContext"]["path"] = "/v1/sessions"
    reply = bank.send("session", event)
    assert reply.headers["Location"] == f"/v1/sessions/{reply.body['sessionId']}"
