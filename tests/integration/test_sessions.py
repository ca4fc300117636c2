"""Starting, listing, reading, changing and abandoning sessions."""

import re
from collections.abc import Mapping
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError

from tests.integration.stage import Reply, Stage, draft, drafts, refuses, response_lost

DAY = 24 * 3600 * 1000
BEGAN, EXPIRES = "2026-09-21T14:13:20.000Z", "2026-10-21T14:13:20.000Z"
GEOGRAPHY, HISTORY = {"category": "geography"}, {"category": "history"}
MISSING = "0" * 27


@pytest.fixture
def bank(stage: Stage) -> Stage:
    stage.save(*drafts("geography", 5), *drafts("history", 3))
    return stage


def started(stage: Stage, body: Mapping[str, Any] | None = None, **other: Any) -> Any:
    reply = stage.call("startSession", body or {"sources": [GEOGRAPHY]}, **other)
    assert reply.status == 201, reply.body
    return reply.body


def read(stage: Stage, session_id: str, **other: Any) -> Reply:
    return stage.call("getSession", path={"sessionId": session_id}, **other)


def change(stage: Stage, session_id: str, **body: Any) -> Reply:
    return stage.call("updateSession", body, path={"sessionId": session_id})


def abandon(stage: Stage, session_id: str) -> Reply:
    return stage.call("abandonSession", path={"sessionId": session_id})


def listed(stage: Stage, query: Mapping[str, str] | None = None, **other: Any) -> Any:
    reply = stage.call("listSessions", query=query, **other)
    assert reply.status == 200, reply.body
    return reply.body


def listed_ids(stage: Stage, **query: str) -> list[str]:
    return [session["sessionId"] for session in listed(stage, query)["sessions"]]


def finish(stage: Stage, session_id: str) -> None:
    shown = stage.question(session_id)["question"]
    while shown:
        shown = stage.answer(session_id, shown).body["question"]


def faulty_fields(reply: Reply) -> list[str]:
    assert (reply.status, reply.body["code"]) == (422, "VALIDATION_ERROR"), reply.body
    assert reply.headers["Content-Type"] == "application/problem+json"
    return [fault["field"] for fault in reply.body["errors"]]


def assert_problem(reply: Reply, status: int, code: str) -> None:
    assert (reply.status, reply.body["status"], reply.body["code"]) == (status, status, code)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.body["requestId"] == reply.headers["X-Request-Id"]


# Start


def test_a_session_starts_with_the_body_of_the_contract(bank: Stage) -> None:
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


def test_a_session_reads_as_it_was_started(bank: Stage) -> None:
    session = started(bank)
    reply = read(bank, session["sessionId"])
    assert (reply.status, reply.body) == (200, session)


def test_a_source_asks_all_questions_unless_told_how_many(bank: Stage) -> None:
    session = started(bank, {"sources": [GEOGRAPHY, {**HISTORY, "questionCount": None}]})
    assert [source["questionCount"] for source in session["sources"]] == [5, 3]
    assert session["name"] == ""


def test_retired_questions_are_not_counted_among_all(bank: Stage) -> None:
    bank.retire("geography:000001")
    session = started(bank)
    assert session["sources"] == [{"category": "geography", "questionCount": 4}]
    assert session["progress"]["totalQuestions"] == 4


def ratio(percentage: int) -> dict[str, object]:
    """Return the settings that a session of RATIO shows."""
    return {"policy": "RATIO", "wrongAnswerPercentage": percentage}


def test_the_percentage_is_20_where_nobody_chose_one(bank: Stage) -> None:
    assert started(bank)["settings"] == ratio(20)


@pytest.mark.parametrize("preferred", [0, 70])
def test_the_percentage_is_the_one_of_the_learners_profile(bank: Stage, preferred: int) -> None:
    profile = {"wrongAnswerPercentage": preferred}
    assert bank.call("updateUser", profile, path={"userId": "me"}).status == 200
    for body in ({"sources": [GEOGRAPHY]}, {"sources": [GEOGRAPHY], "settings": {}}):
        assert started(bank, body)["settings"] == ratio(preferred)
    assert started(bank, user="bob")["settings"] == ratio(20)


@pytest.mark.parametrize("said", [0, 100])
def test_a_percentage_said_wins_over_the_profile(bank: Stage, said: int) -> None:
    bank.call("updateUser", {"wrongAnswerPercentage": 70}, path={"userId": "me"})
    settings = {"wrongAnswerPercentage": said}
    assert started(bank, {"sources": [GEOGRAPHY], "settings": settings})["settings"] == ratio(said)


def test_eight_sources_are_taken(stage: Stage) -> None:
    names = [f"category-{number}" for number in range(8)]
    stage.save(*(draft(name, 0) for name in names))
    session = started(stage, {"sources": [{"category": name} for name in names]})
    assert session["progress"]["totalQuestions"] == 8


def test_all_faults_of_a_start_are_reported_together(stage: Stage) -> None:
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


def test_sources_are_one_to_eight_distinct_ones(bank: Stage) -> None:
    nine = [{"category": f"c{number}"} for number in range(9)]
    twice = [GEOGRAPHY, {"category": "geography", "questionCount": 1}]
    for sources in ([], nine, twice, "geography"):
        assert faulty_fields(bank.call("startSession", {"sources": sources})) == ["sources"]
    # Neither sources nor a review.
    for body in ({}, {"sources": None}):
        assert faulty_fields(bank.call("startSession", body)) == ["sources"]


def test_a_percentage_is_a_whole_number_from_0_to_100(bank: Stage) -> None:
    for percentage in (-1, 101, 20.5, "20", True):
        body = {"sources": [GEOGRAPHY], "settings": {"wrongAnswerPercentage": percentage}}
        assert faulty_fields(bank.call("startSession", body)) == ["settings.wrongAnswerPercentage"]


def test_a_name_has_up_to_80_characters_of_any_alphabet(bank: Stage) -> None:
    name = "\N{BRAIN}" * 80
    assert started(bank, {"name": name, "sources": [GEOGRAPHY]})["name"] == name


def test_unknown_categories_and_too_many_questions_are_named_together(bank: Stage) -> None:
    sources = [
        {"category": "geography", "questionCount": 6},
        {"category": "unheard-of"},
        {"category": "history", "questionCount": 3},
    ]
    reply = bank.call("startSession", {"sources": sources})
    assert faulty_fields(reply) == ["sources.0.questionCount", "sources.1.category"]
    assert "5" in reply.body["errors"][0]["message"]
    assert bank.rows("sessions") == []


def test_a_category_whose_questions_are_all_retired_is_unknown(bank: Stage) -> None:
    for number in range(3):
        bank.retire(f"history:{number:06d}")
    reply = bank.call("startSession", {"sources": [HISTORY]})
    assert faulty_fields(reply) == ["sources.0.category"]


def test_a_body_that_is_not_json_is_400(stage: Stage) -> None:
    for body in ("", "{", "NaN", '{"sources": [], "sources": []}'):
        assert stage.call("startSession", body).status == 400


def test_a_body_over_16_kb_is_413(bank: Stage) -> None:
    body = {"sources": [GEOGRAPHY], "name": "n" * 16 * 1024}
    assert_problem(bank.call("startSession", body), 413, "BODY_TOO_LARGE")


def test_a_start_whose_response_was_lost_is_one_session(bank: Stage) -> None:
    with bank.fault("TransactWriteItems", response_lost, times=1):
        session = started(bank)
    assert listed_ids(bank) == [session["sessionId"]]


def test_a_start_that_meets_its_own_first_attempt_is_one_session(bank: Stage) -> None:
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
def test_an_erased_account_starts_no_session(bank: Stage, key: str | None, review: bool) -> None:
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


# Idempotency-Key


def keyed(stage: Stage, key: str, body: Mapping[str, Any] | None = None, **other: Any) -> Reply:
    headers = {"Idempotency-Key": key}
    return stage.call("startSession", body or {"sources": [GEOGRAPHY]}, headers=headers, **other)


def test_a_repeated_key_returns_the_same_session_with_200(bank: Stage) -> None:
    first, again = keyed(bank, "k" * 64), keyed(bank, "k" * 64)
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body
    assert again.headers["Location"] == first.headers["Location"]
    assert listed_ids(bank) == [first.body["sessionId"]]


def test_a_header_is_found_however_its_name_is_written(bank: Stage) -> None:
    first = keyed(bank, "k")
    body = {"sources": [GEOGRAPHY]}
    again = bank.call("startSession", body, headers={"idempotency-key": "k"})
    assert (again.status, again.body) == (200, first.body)


def test_a_repeated_key_shows_the_session_as_it_is_after_it_was_played_on(bank: Stage) -> None:
    session_id = keyed(bank, "k").body["sessionId"]
    bank.answer(session_id, bank.question(session_id)["question"])
    before = bank.everything()

    again = keyed(bank, "k")

    assert (again.status, again.body["sessionId"]) == (200, session_id)
    assert again.body["progress"]["correctAnswers"] == 1
    assert bank.everything() == before


@pytest.mark.parametrize(
    "other",
    [
        {"sources": [HISTORY]},
        {"sources": [GEOGRAPHY], "name": "other"},
        {"sources": [{**GEOGRAPHY, "questionCount": 1}]},
        {"sources": [{"category": "unheard-of"}]},
        {"review": {}},
    ],
)
def test_a_key_with_another_body_is_refused(bank: Stage, other: Mapping[str, Any]) -> None:
    first = keyed(bank, "k")
    before = bank.everything()

    reused = keyed(bank, "k", other)

    assert_problem(reused, 422, "IDEMPOTENCY_KEY_REUSED")
    assert bank.everything() == before
    again = keyed(bank, "k")
    assert (again.status, again.body) == (200, first.body)


def test_the_same_body_written_differently_is_a_repeat(bank: Stage) -> None:
    headers = {"Idempotency-Key": "k"}
    first = bank.call(
        "startSession", '{"name":"n","sources":[{"category":"geography"}]}', headers=headers
    )
    again = bank.call(
        "startSession",
        r'{ "sources": [{"questionCount": null, "category": "geography"}], "name": "\u006e" }',
        headers=headers,
    )
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body


def test_a_repeated_key_returns_its_session_though_its_category_is_gone(bank: Stage) -> None:
    first = keyed(bank, "k", {"sources": [HISTORY]})
    for number in range(3):
        bank.retire(f"history:{number:06d}")
    again = keyed(bank, "k", {"sources": [HISTORY]})
    assert (again.status, again.body) == (200, first.body)
    assert keyed(bank, "other", {"sources": [HISTORY]}).status == 422


def test_another_key_starts_another_session(bank: Stage) -> None:
    assert keyed(bank, "k1").status == keyed(bank, "k2").status == 201
    assert len(listed_ids(bank)) == 2


def test_the_same_key_of_two_users_starts_two_sessions(bank: Stage) -> None:
    ada, bob = keyed(bank, "k"), keyed(bank, "k", user="bob")
    assert (ada.status, bob.status) == (201, 201)
    assert ada.body["sessionId"] != bob.body["sessionId"]
    assert listed_ids(bank) == [ada.body["sessionId"]]
    assert len(listed(bank, user="bob")["sessions"]) == 1


def test_a_key_is_up_to_64_visible_characters(bank: Stage) -> None:
    for key in ("", "k" * 65, "a b", "\N{BRAIN}"):
        assert faulty_fields(keyed(bank, key)) == ["Idempotency-Key"]


def test_a_refused_start_does_not_use_its_key_up(bank: Stage) -> None:
    assert keyed(bank, "k", {"sources": [{"category": "unheard-of"}]}).status == 422
    assert keyed(bank, "k").status == 201


# List


def several(stage: Stage, how_many: int) -> list[str]:
    """Start sessions a second apart; return their ids, newest first."""
    ids: list[str] = []
    for _ in range(how_many):
        ids.insert(0, stage.start(GEOGRAPHY))
        stage.clock.advance(1000)
    return ids


def test_a_learner_without_sessions_has_an_empty_list(stage: Stage) -> None:
    assert listed(stage) == {"sessions": []}


def test_sessions_are_listed_newest_first_as_they_read(bank: Stage) -> None:
    ids = several(bank, 3)
    started(bank, user="bob")
    body = listed(bank)
    assert body == {"sessions": [read(bank, session_id).body for session_id in ids]}


def test_pages_join_to_the_whole_list_once(bank: Stage) -> None:
    ids = several(bank, 5)
    pages: list[list[str]] = []
    query = {"limit": "2"}
    while True:
        body = listed(bank, query)
        pages.append([session["sessionId"] for session in body["sessions"]])
        if "nextToken" not in body:
            break
        query["nextToken"] = body["nextToken"]
    assert sum(pages, []) == ids  # noqa: RUF017 - five items
    assert max(map(len, pages)) == 2


def test_a_page_has_20_sessions_unless_told(bank: Stage) -> None:
    ids = several(bank, 21)
    body = listed(bank)
    assert [session["sessionId"] for session in body["sessions"]] == ids[:20]
    assert listed_ids(bank, nextToken=body["nextToken"]) == ids[20:]
    assert len(listed_ids(bank, limit="100")) == 21


def test_the_marker_of_a_key_is_no_session(bank: Stage) -> None:
    keyed(bank, "k")
    assert len(listed_ids(bank, limit="1")) == 1
    assert len(listed_ids(bank)) == 1


def all_of_status(stage: Stage, status: str, limit: str = "2") -> list[str]:
    query = {"status": status, "limit": limit}
    found: list[str] = []
    while True:
        body = listed(stage, query)
        assert all(session["status"] == status for session in body["sessions"])
        found += [session["sessionId"] for session in body["sessions"]]
        if "nextToken" not in body:
            return found
        query["nextToken"] = body["nextToken"]


@pytest.mark.parametrize("filtered", [30, 130])
def test_a_filter_skips_no_whole_pages(bank: Stage, filtered: int) -> None:
    found = several(bank, 3)
    for each in found:
        abandon(bank, each)
    session = bank.services.sessions.get("ada", bank.start(GEOGRAPHY))
    assert session
    for number in range(filtered):
        other = session._replace(session_id=f"f{number:026x}")
        bank.services.sessions.save(other, expected_version=None)

    first = bank.call("listSessions", query={"status": "ABANDONED", "limit": "1"})

    assert [each["sessionId"] for each in first.body["sessions"]] == found[:1]
    assert first.cost[0] <= 4
    assert all_of_status(bank, "ABANDONED", limit="1") == found
    assert len(all_of_status(bank, "ACTIVE", limit="100")) == filtered + 1


def test_a_filtered_list_reads_a_bounded_number_of_sessions(
    bank: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdas.shared.store.sessions.MOST_FILTERED", 50)
    several(bank, 60)
    query = {"status": "COMPLETED", "limit": "1"}

    first = bank.call("listSessions", query=query)
    last = bank.call("listSessions", query={**query, "nextToken": first.body["nextToken"]})

    assert (first.body["sessions"], last.body) == ([], {"sessions": []})
    assert first.cost[0] == 2


def test_the_list_is_filtered_by_status(bank: Stage) -> None:
    by_status = {}
    by_status["EXPIRED"] = several(bank, 2)
    change(bank, by_status["EXPIRED"][0], version=1, status="PAUSED")
    completed, abandoned = several(bank, 2)
    finish(bank, completed)
    abandon(bank, abandoned)
    bank.clock.advance(30 * DAY)
    paused, *active = several(bank, 3)
    change(bank, paused, version=1, status="PAUSED")
    by_status |= {
        "COMPLETED": [completed],
        "ABANDONED": [abandoned],
        "PAUSED": [paused],
        "ACTIVE": active,
    }
    for status, ids in by_status.items():
        assert all_of_status(bank, status) == ids, status
    assert len(listed_ids(bank)) == 7


def test_the_list_shows_an_expired_session_as_expired(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    bank.clock.advance(30 * DAY - 1)
    assert listed(bank)["sessions"][0]["status"] == "ACTIVE"
    bank.clock.advance(1)
    (session,) = listed(bank)["sessions"]
    assert (session["sessionId"], session["status"]) == (session_id, "EXPIRED")


def test_a_limit_is_a_whole_number_from_1_to_100(stage: Stage) -> None:
    for limit in ("0", "101", "-1", "two", "1.0", "", "+5"):
        assert faulty_fields(stage.call("listSessions", query={"limit": limit})) == ["limit"]


def test_all_faults_of_a_query_are_reported_together(stage: Stage) -> None:
    query = {"limit": "0", "status": "active", "nextToken": "*"}
    reply = stage.call("listSessions", query=query)
    assert sorted(faulty_fields(reply)) == ["limit", "nextToken", "status"]


@pytest.fixture
def token(bank: Stage) -> str:
    several(bank, 3)
    return str(listed(bank, {"limit": "1"})["nextToken"])


def test_a_token_is_bound_to_its_query(bank: Stage, token: str) -> None:
    reply = bank.call("listSessions", query={"nextToken": token, "status": "ACTIVE"})
    assert_problem(reply, 422, "VALIDATION_ERROR")


def test_a_token_is_bound_to_its_list(bank: Stage, token: str) -> None:
    for operation in ("listQuestionProgress", "listWrongAnswers"):
        reply = bank.call(operation, path={"userId": "me"}, query={"nextToken": token})
        assert_problem(reply, 422, "VALIDATION_ERROR")


def test_a_token_is_bound_to_its_user(bank: Stage, token: str) -> None:
    reply = bank.call("listSessions", query={"nextToken": token}, user="bob")
    assert_problem(reply, 422, "VALIDATION_ERROR")


def test_a_token_goes_on_with_another_limit(bank: Stage, token: str) -> None:
    assert len(listed_ids(bank, nextToken=token, limit="50")) == 2


def test_a_token_of_no_response_is_422(stage: Stage) -> None:
    for bad in ("A", "AAAA", "A" * 512, "_-_-"):
        reply = stage.call("listSessions", query={"nextToken": bad})
        assert_problem(reply, 422, "VALIDATION_ERROR")
        (fault,) = reply.body["errors"]
        assert (fault["field"], fault["code"]) == ("nextToken", "INVALID_TOKEN")


def test_a_token_that_cannot_be_one_is_422(stage: Stage) -> None:
    for bad in ("", "A" * 513, "a b", "a=", "\N{BRAIN}"):
        assert faulty_fields(stage.call("listSessions", query={"nextToken": bad})) == ["nextToken"]


# Somebody else's

TOUCHES: Mapping[str, object] = {
    "getSession": None,
    "updateSession": {"version": 1, "name": "mine"},
    "abandonSession": None,
    "getQuestion": None,
    "submitAnswer": {"questionId": "geography:000000", "turn": 1, "selectedAnswers": ["abcdefg1"]},
}


def test_another_learners_session_is_like_a_missing_one(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    before = bank.everything()

    for operation, groups in product(TOUCHES, ((), ("admin",))):
        theirs, missing = (
            bank.call(
                operation, TOUCHES[operation], user="bob", groups=groups, path={"sessionId": path}
            )
            for path in (session_id, MISSING)
        )

        assert_problem(theirs, 404, "NOT_FOUND")
        assert {**theirs.body, "requestId": ""} == {**missing.body, "requestId": ""}
        assert set(theirs.headers) == set(missing.headers)
        assert theirs.cost == missing.cost
    assert bank.everything() == before


def test_an_id_that_cannot_be_one_is_404(stage: Stage) -> None:
    for operation, body in TOUCHES.items():
        for bad in ("", "x", "0" * 26, "0" * 28, "key#abc", "../users"):
            reply = stage.call(operation, body, path={"sessionId": bad})
            assert_problem(reply, 404, "NOT_FOUND")


# Change


def test_a_session_is_renamed(bank: Stage) -> None:
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


def test_a_session_is_paused_and_resumed(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)

    paused = change(bank, session_id, version=1, status="PAUSED")
    assert (paused.status, paused.body["status"], paused.body["version"]) == (200, "PAUSED", 2)
    assert read(bank, session_id).body["status"] == "PAUSED"
    resumed = change(bank, session_id, version=2, status="ACTIVE")
    assert (resumed.status, resumed.body["status"], resumed.body["version"]) == (200, "ACTIVE", 3)

    assert bank.question(session_id) == {**shown, "version": 3}


def test_name_and_status_change_together_and_an_empty_name_is_a_name(bank: Stage) -> None:
    session = started(bank, {"name": "old", "sources": [GEOGRAPHY]})
    body = change(bank, session["sessionId"], version=1, name="", status="PAUSED").body
    assert (body["name"], body["status"]) == ("", "PAUSED")


def test_a_stale_version_is_a_conflict_and_changes_nothing(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    change(bank, session_id, version=1, name="first")
    for version in (1, 3):
        reply = change(bank, session_id, version=version, name="second")
        assert_problem(reply, 409, "VERSION_CONFLICT")
    assert read(bank, session_id).body["name"] == "first"


def test_an_answer_makes_the_version_stale(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    bank.answer(session_id, bank.question(session_id)["question"])
    assert read(bank, session_id).body["version"] == 2
    reply = change(bank, session_id, version=1, status="PAUSED")
    assert_problem(reply, 409, "VERSION_CONFLICT")


def test_a_change_of_nothing_is_422(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    for body in ({}, {"name": None}, {"status": None, "name": None}):
        assert faulty_fields(change(bank, session_id, version=1, **body)) == ["body"]
    assert read(bank, session_id).body["version"] == 1


def test_all_faults_of_a_change_are_reported_together(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    reply = change(bank, session_id, name="n" * 81, status="COMPLETED", seed="x")
    assert sorted(faulty_fields(reply)) == ["name", "seed", "status", "version"]


def test_a_client_sets_no_other_status_than_active_and_paused(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    for status in ("COMPLETED", "ABANDONED", "EXPIRED", "active", ""):
        assert faulty_fields(change(bank, session_id, version=1, status=status)) == ["status"]


def test_a_session_that_is_over_is_neither_paused_nor_resumed(bank: Stage) -> None:
    completed, abandoned = several(bank, 2)
    finish(bank, completed)
    abandon(bank, abandoned)
    for session_id in (completed, abandoned):
        session = read(bank, session_id).body
        for wanted in ("ACTIVE", "PAUSED"):
            reply = change(bank, session_id, version=session["version"], status=wanted)
            assert_problem(reply, 409, "SESSION_OVER")
        assert read(bank, session_id).body == session


def test_a_change_whose_response_was_lost_succeeds(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    with bank.fault("PutItem", response_lost, times=1):
        reply = change(bank, session_id, version=1, name="New name")
    assert (reply.status, reply.body["version"]) == (200, 2)


# Abandon


def test_an_abandoned_session_is_over(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    reply = abandon(bank, session_id)
    assert (reply.status, reply.body, reply.text) == (204, None, "")
    assert read(bank, session_id).body["status"] == "ABANDONED"
    question = bank.call("getQuestion", path={"sessionId": session_id})
    assert_problem(question, 409, "SESSION_OVER")
    assert_problem(bank.answer(session_id, shown), 409, "SESSION_OVER")


def test_abandoning_twice_changes_nothing_more(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    abandon(bank, session_id)
    before = bank.everything()
    bank.clock.advance(1000)
    reply = abandon(bank, session_id)
    assert reply.status == 204
    assert reply.cost == (1, 1.0, 0.0)
    assert bank.everything() == before


def test_a_paused_session_may_be_abandoned(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    change(bank, session_id, version=1, status="PAUSED")
    assert abandon(bank, session_id).status == 204


def test_a_completed_session_is_not_abandoned(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    finish(bank, session_id)
    assert_problem(abandon(bank, session_id), 409, "SESSION_OVER")
    assert read(bank, session_id).body["status"] == "COMPLETED"


def test_what_an_abandoned_session_owes_stays(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY, percentage=0)
    shown = bank.question(session_id)["question"]
    for right in (False, True, False, True, False):
        shown = bank.answer(session_id, shown, right=right).body["question"]
    owed, progress = bank.rows("wrong_answers"), bank.rows("progress")
    assert len(owed) == 2

    abandon(bank, session_id)

    assert bank.rows("wrong_answers") == owed
    assert bank.rows("progress") == progress


def test_abandoning_when_the_response_was_lost_succeeds(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    with bank.fault("PutItem", response_lost, times=1):
        assert abandon(bank, session_id).status == 204


# Expiry


def touch(stage: Stage, operation: str, session_id: str, shown: Mapping[str, Any]) -> Reply:
    body = TOUCHES[operation]
    if operation == "submitAnswer":
        return stage.answer(session_id, shown)
    return stage.call(operation, body, path={"sessionId": session_id})


@pytest.mark.parametrize("status", ["ACTIVE", "PAUSED"])
def test_a_session_is_expired_from_the_millisecond_it_says(bank: Stage, status: str) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    change(bank, session_id, version=1, status=status)
    assert read(bank, session_id).body["expiresAt"] == EXPIRES
    before = bank.everything()

    bank.clock.advance(30 * DAY)

    for operation in TOUCHES:
        assert_problem(touch(bank, operation, session_id, shown), 410, "SESSION_EXPIRED")
    assert bank.everything() == before


def test_a_session_is_alive_until_the_millisecond_before(bank: Stage) -> None:
    for operation in TOUCHES:
        session_id = bank.start(GEOGRAPHY)
        shown = bank.question(session_id)["question"]
        bank.clock.advance(30 * DAY - 1)
        assert touch(bank, operation, session_id, shown).status in (200, 204)


def test_an_answer_renews_a_session(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    for right in (True, False, True):
        bank.clock.advance(30 * DAY - 1)
        assert bank.answer(session_id, bank.question(session_id)["question"], right=right).status
    assert read(bank, session_id).body["expiresAt"] > "2027-01-19"
    bank.clock.advance(30 * DAY - 1)
    assert read(bank, session_id).status == 200


def test_reading_does_not_renew_a_session(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    bank.clock.advance(30 * DAY - 1)
    bank.question(session_id)
    assert read(bank, session_id).status == 200
    bank.clock.advance(1)
    assert read(bank, session_id).status == 410


def test_a_session_that_ended_never_expires(bank: Stage) -> None:
    completed, abandoned = several(bank, 2)
    finish(bank, completed)
    abandon(bank, abandoned)
    bank.clock.advance(365 * DAY)
    assert read(bank, completed).body["status"] == "COMPLETED"
    assert read(bank, abandoned).body["status"] == "ABANDONED"
    assert bank.question(completed)["nextAction"] == "SESSION_COMPLETED"


def test_the_database_may_delete_a_session_30_days_after_it_expired(bank: Stage) -> None:
    bank.start(GEOGRAPHY)
    (row,) = bank.rows("sessions")
    assert int(row["ttl"]["N"]) == int(row["expiresAt"]["N"]) // 1000 + 30 * DAY // 1000


def test_a_session_the_database_deleted_is_404(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    bank.services.database.call(
        "delete_item",
        TableName=bank.services.sessions.name,
        Key={"userId": {"S": "ada"}, "sessionId": {"S": session_id}},
    )
    assert_problem(read(bank, session_id), 404, "NOT_FOUND")


def test_location_is_under_the_base_path_the_gateway_serves(bank: Stage) -> None:
    event = bank.event("startSession", {"sources": [GEOGRAPHY]})
    event["requestContext"]["path"] = "/v1/sessions"
    reply = bank.send("session", event)
    assert reply.headers["Location"] == f"/v1/sessions/{reply.body['sessionId']}"
