"""Listing sessions: order, pages, filters, page tokens; another learner's sessions look missing."""

from itertools import product

import pytest

from tests.integration.session_calls import (
    DAY,
    GEOGRAPHY,
    TOUCHES,
    abandon,
    assert_problem,
    change,
    faulty_fields,
    finish,
    keyed,
    listed,
    listed_ids,
    read,
    several,
    started,
)
from tests.integration.stage import InvokedStage

MISSING = "0" * 27


# List


def test_a_learner_without_sessions_has_an_empty_list(stage: InvokedStage) -> None:
    assert listed(stage) == {"sessions": []}


def test_sessions_are_listed_newest_first_as_they_read(bank: InvokedStage) -> None:
    ids = several(bank, 3)
    started(bank, user="bob")
    body = listed(bank)
    assert body == {"sessions": [read(bank, session_id).body for session_id in ids]}


def test_pages_join_to_the_whole_list_once(bank: InvokedStage) -> None:
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


def test_a_page_has_20_sessions_unless_told(bank: InvokedStage) -> None:
    ids = several(bank, 21)
    body = listed(bank)
    assert [session["sessionId"] for session in body["sessions"]] == ids[:20]
    assert listed_ids(bank, nextToken=body["nextToken"]) == ids[20:]
    assert len(listed_ids(bank, limit="100")) == 21


def test_the_marker_of_a_key_is_no_session(bank: InvokedStage) -> None:
    keyed(bank, "k")
    assert len(listed_ids(bank, limit="1")) == 1
    assert len(listed_ids(bank)) == 1


def all_of_status(stage: InvokedStage, status: str, limit: str = "2") -> list[str]:
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
def test_a_filter_skips_no_whole_pages(bank: InvokedStage, filtered: int) -> None:
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
    bank: InvokedStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdas.shared.store.sessions.MOST_FILTERED", 50)
    several(bank, 60)
    query = {"status": "COMPLETED", "limit": "1"}

    first = bank.call("listSessions", query=query)
    last = bank.call("listSessions", query={**query, "nextToken": first.body["nextToken"]})

    assert (first.body["sessions"], last.body) == ([], {"sessions": []})
    assert first.cost[0] == 2


def test_the_list_is_filtered_by_status(bank: InvokedStage) -> None:
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


def test_the_list_shows_an_expired_session_as_expired(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    bank.clock.advance(30 * DAY - 1)
    assert listed(bank)["sessions"][0]["status"] == "ACTIVE"
    bank.clock.advance(1)
    (session,) = listed(bank)["sessions"]
    assert (session["sessionId"], session["status"]) == (session_id, "EXPIRED")


def test_a_limit_is_a_whole_number_from_1_to_100(stage: InvokedStage) -> None:
    for limit in ("0", "101", "-1", "two", "1.0", "", "+5"):
        assert faulty_fields(stage.call("listSessions", query={"limit": limit})) == ["limit"]


def test_all_faults_of_a_query_are_reported_together(stage: InvokedStage) -> None:
    query = {"limit": "0", "status": "active", "nextToken": "*"}
    reply = stage.call("listSessions", query=query)
    assert sorted(faulty_fields(reply)) == ["limit", "nextToken", "status"]


@pytest.fixture
def token(bank: InvokedStage) -> str:
    several(bank, 3)
    return str(listed(bank, {"limit": "1"})["nextToken"])


def test_a_token_is_bound_to_its_query(bank: InvokedStage, token: str) -> None:
    reply = bank.call("listSessions", query={"nextToken": token, "status": "ACTIVE"})
    assert_problem(reply, 422, "VALIDATION_ERROR")


def test_a_token_is_bound_to_its_list(bank: InvokedStage, token: str) -> None:
    for operation in ("listQuestionProgress", "listWrongAnswers"):
        reply = bank.call(operation, path={"userId": "me"}, query={"nextToken": token})
        assert_problem(reply, 422, "VALIDATION_ERROR")


def test_a_token_is_bound_to_its_user(bank: InvokedStage, token: str) -> None:
    reply = bank.call("listSessions", query={"nextToken": token}, user="bob")
    assert_problem(reply, 422, "VALIDATION_ERROR")


def test_a_token_goes_on_with_another_limit(bank: InvokedStage, token: str) -> None:
    assert len(listed_ids(bank, nextToken=token, limit="50")) == 2


def test_a_token_of_no_response_is_422(stage: InvokedStage) -> None:
    for bad in ("A", "AAAA", "A" * 512, "_-_-"):
        reply = stage.call("listSessions", query={"nextToken": bad})
        assert_problem(reply, 422, "VALIDATION_ERROR")
        (fault,) = reply.body["errors"]
        assert (fault["field"], fault["code"]) == ("nextToken", "INVALID_TOKEN")


def test_a_token_that_cannot_be_one_is_422(stage: InvokedStage) -> None:
    for bad in ("", "A" * 513, "a b", "a=", "\N{BRAIN}"):
        assert faulty_fields(stage.call("listSessions", query={"nextToken": bad})) == ["nextToken"]


# Somebody else's


def test_another_learners_session_is_like_a_missing_one(bank: InvokedStage) -> None:
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


def test_an_id_that_cannot_be_one_is_404(stage: InvokedStage) -> None:
    for operation, body in TOUCHES.items():
        for bad in ("", "x", "0" * 26, "0" * 28, "key#abc", "../users"):
            reply = stage.call(operation, body, path={"sessionId": bad})
            assert_problem(reply, 404, "NOT_FOUND")
