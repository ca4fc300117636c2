"""Erasing an account: everything, everywhere, and nothing of anybody else's."""

import json
import time
from collections.abc import Mapping, Sequence
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from lambdas.privacy import erasure, handler
from lambdas.privacy.erasure import AT_ONCE, OVERDUE, ErasureOverdueError
from lambdas.shared import deadline as invocation
from lambdas.shared.store import client
from tests.integration.accounts import Accounts
from tests.integration.stage import InvokedStage, Reply, drafts, refuses, submission, unreachable
from tests.support.fixed_context import FixedContext

RIVERS: Mapping[str, Any] = {"category": "rivers"}


@pytest.fixture
def bank(stage: InvokedStage) -> InvokedStage:
    stage.save(*drafts("rivers", 6))
    return stage


def play(stage: InvokedStage, user: str) -> str:
    """Leave something of a user in every table; return the id of the session still open."""
    body = {"displayName": user.title(), "language": "de"}
    assert stage.call("updateUser", body, path={"userId": "me"}, user=user).status == 200
    headers = {"Idempotency-Key": "k"}
    reply = stage.call("startSession", {"sources": [RIVERS]}, user=user, headers=headers)
    abandoned = reply.body["sessionId"]
    shown = stage.answer(
        abandoned, stage.question(abandoned, user)["question"], right=False, user=user
    ).body
    stage.answer(abandoned, shown["question"], user=user)
    path = {"sessionId": abandoned}
    assert stage.call("abandonSession", path=path, user=user).status == 204
    session_id = stage.start(RIVERS, user=user, percentage=0)
    stage.answer(session_id, stage.question(session_id, user)["question"], user=user)
    stage.clock.advance(1_000)
    stage.count()
    return session_id


def seed_progress(stage: InvokedStage, user: str, how_many: int) -> None:
    """Give a user the progress of many questions."""
    name = stage.services.progress.name
    items = [
        {"userId": {"S": user}, "questionId": {"S": f"deep:{number:06d}"}, "attempts": {"N": "1"}}
        for number in range(how_many)
    ]
    for at in range(0, how_many, 25):
        writes = [{"PutRequest": {"Item": item}} for item in items[at : at + 25]]
        stage.services.database.call("batch_write_item", RequestItems={name: writes})


def erase(stage: InvokedStage, user: str = "ada", user_id: str = "me") -> Reply:
    return stage.call("eraseUser", path={"userId": user_id}, user=user)


def sweep(stage: InvokedStage) -> Any:
    """Let the schedule call the function."""
    context = FixedContext(28_000, "sweep-1")
    try:
        return handler.handler({"source": "aws.events", "detail-type": "Scheduled Event"}, context)
    finally:
        stage.read_output()


def rows_of(stage: InvokedStage, user: str) -> dict[str, list[Any]]:
    """Return what is kept of a user, by table; tables without anything are left out."""
    kept = {
        table: [row for row in rows if row.get("userId") == {"S": user}]
        for table, rows in stage.everything().items()
    }
    return {table: rows for table, rows in kept.items() if rows}


def tombstone(at: int, *, unfinished: bool = False) -> dict[str, list[Any]]:
    row = {"userId": {"S": "ada"}, "erasedAt": {"N": str(at)}}
    return {"users": [row | ({"erasing": {"S": "yes"}} if unfinished else {})]}


def test_nothing_is_left_of_a_user_but_the_tombstone(
    bank: InvokedStage, accounts: Accounts
) -> None:
    play(bank, "ada")
    play(bank, "bob")
    assert rows_of(bank, "ada").keys() == {"users", "sessions", "progress", "wrong_answers"}
    before = rows_of(bank, "bob")
    questions = bank.rows("questions")

    reply = erase(bank)

    assert (reply.status, reply.text) == (204, "")
    assert rows_of(bank, "ada") == tombstone(bank.clock.now)
    assert accounts.deleted() == {"ada"}
    assert rows_of(bank, "bob") == before
    assert bank.rows("questions") == questions


def test_erasing_again_changes_nothing(bank: InvokedStage, accounts: Accounts) -> None:
    play(bank, "ada")
    assert erase(bank).status == 204
    before = bank.everything()
    bank.clock.advance(5_000)
    assert erase(bank).status == 204
    assert bank.everything() == before
    assert accounts.deleted() == {"ada"}


def test_who_never_played_is_erased_too(stage: InvokedStage, accounts: Accounts) -> None:
    assert erase(stage).status == 204
    assert rows_of(stage, "ada") == tombstone(stage.clock.now)
    assert accounts.deleted() == {"ada"}


def test_only_a_user_may_erase_their_account(bank: InvokedStage, accounts: Accounts) -> None:
    play(bank, "ada")
    before = bank.everything()
    for groups in ((), ("admin",)):
        path = {"userId": "ada"}
        reply = bank.call("eraseUser", path=path, user="bob", groups=groups)
        assert (reply.status, reply.cost) == (404, (0, 0.0, 0.0))
    assert bank.everything() == before
    assert accounts.deleted() == frozenset()
    assert erase(bank, user_id="ada").status == 204


def test_a_token_that_is_still_valid_brings_nothing_back(bank: InvokedStage) -> None:
    session_id = play(bank, "ada")
    shown = bank.question(session_id)["question"]
    erase(bank)
    before = bank.everything()
    path = {"sessionId": session_id}
    me = {"userId": "me"}
    start: Mapping[str, Any] = {"sources": [RIVERS]}
    tried: Sequence[tuple[int, Reply]] = (
        (401, bank.call("startSession", start)),
        (401, bank.call("startSession", start, headers={"Idempotency-Key": "k"})),
        (422, bank.call("startSession", {"review": {}})),  # there is nothing left to review
        (404, bank.call("submitAnswer", submission(shown), path=path)),
        (404, bank.call("submitAnswer", submission(shown, right=False), path=path)),
        (404, bank.call("updateSession", {"version": 1, "name": "x"}, path=path)),
        (404, bank.call("abandonSession", path=path)),
        (404, bank.call("getQuestion", path=path)),
        (404, bank.call("getSession", path=path)),
        (401, bank.call("getUser", path=me)),
        (401, bank.call("updateUser", {"displayName": "Ada"}, path=me)),
        (401, bank.call("exportUser", path=me)),
        (401, bank.call("getProgress", path=me)),
    )
    for status, reply in tried:
        assert reply.status == status, reply.body
    assert bank.call("listSessions").body == {"sessions": []}
    assert bank.call("listWrongAnswers", path=me).body == {"wrongAnswers": []}
    assert bank.call("listQuestionProgress", path=me).body == {"questions": []}
    assert bank.everything() == before


def test_another_account_of_the_same_person_is_a_new_one(bank: InvokedStage) -> None:
    play(bank, "ada")
    erase(bank)
    profile = bank.call("getUser", path={"userId": "me"}, user="ada-again").body
    assert profile["displayName"] == ""
    assert bank.start(RIVERS, user="ada-again")


def test_many_items_are_deleted_page_by_page(bank: InvokedStage) -> None:
    """A query gives up to a megabyte: here of keys, but it is the items that count."""
    name = bank.services.progress.name
    for number in range(30):
        item = {
            "userId": {"S": "ada"},
            "questionId": {"S": f"deep:{number:06d}"},
            "weight": {"S": "w" * 100_000},
        }
        bank.services.database.call("put_item", TableName=name, Item=item)
    assert erase(bank).status == 204
    assert rows_of(bank, "ada") == tombstone(bank.clock.now)


def test_a_record_of_the_stream_that_arrives_late_leaves_nothing(bank: InvokedStage) -> None:
    session_id = play(bank, "ada")
    for right in (False, True):
        bank.answer(session_id, bank.question(session_id)["question"], right=right)
    late = bank.records()
    assert late
    erase(bank)
    before = bank.everything()
    assert bank.deliver([*late, *bank.records()]) == []
    assert bank.deliver(late[:1]) == []
    assert bank.everything() == before


# Not done in one go


def begun(stage: InvokedStage, *, fault: str = "BatchWriteItem", within: str = "") -> int:
    """Begin an erasure that cannot go on; return when."""
    with stage.fault(fault, unreachable, within=within):
        reply = erase(stage)
    assert (reply.status, reply.body["code"]) == (503, "UNAVAILABLE")
    assert reply.headers["Retry-After"] == str(erasure.RETRY_AFTER)
    return stage.clock.now


def test_what_cannot_be_done_now_is_503_and_is_marked(
    bank: InvokedStage, accounts: Accounts
) -> None:
    play(bank, "ada")
    before = rows_of(bank, "ada")
    at = begun(bank)
    kept = rows_of(bank, "ada")
    assert kept["users"] == tombstone(at, unfinished=True)["users"]
    assert kept["sessions"] == before["sessions"]
    assert accounts.deleted() == frozenset()
    # Already nothing new can begin, and the profile is gone.
    assert bank.call("startSession", {"sources": [RIVERS]}).status == 401
    assert bank.call("getUser", path={"userId": "me"}).status == 401


def test_asking_again_goes_on_and_keeps_the_time_it_began(bank: InvokedStage) -> None:
    play(bank, "ada")
    at = begun(bank)
    bank.clock.advance(60_000)
    assert erase(bank).status == 204
    assert rows_of(bank, "ada") == tombstone(at)


def test_the_schedule_completes_what_nobody_asks_for_again(
    bank: InvokedStage, accounts: Accounts
) -> None:
    play(bank, "ada")
    play(bank, "bob")
    others = rows_of(bank, "bob")
    at = begun(bank)
    assert sweep(bank) == {"completed": 1, "left": 0}
    assert rows_of(bank, "ada") == tombstone(at)
    assert accounts.deleted() == {"ada"}
    assert rows_of(bank, "bob") == others
    assert sweep(bank) == {"completed": 0, "left": 0}


def test_without_anything_to_complete_the_schedule_costs_one_query(stage: InvokedStage) -> None:
    with stage.fault("Query", lambda _: None) as met:
        assert sweep(stage) == {"completed": 0, "left": 0}
    assert len(met) == 1


def test_one_that_cannot_be_completed_does_not_keep_the_others_from_it(bank: InvokedStage) -> None:
    for user in ("ada", "bob"):
        play(bank, user)
        with bank.fault("BatchWriteItem", unreachable):
            assert erase(bank, user).status == 503
        bank.clock.advance(1_000)
    with bank.fault("BatchWriteItem", unreachable, within='"ada"'):
        assert sweep(bank) == {"completed": 1, "left": 1}
    assert rows_of(bank, "bob").keys() == {"users"}
    assert "sessions" in rows_of(bank, "ada")
    assert sweep(bank) == {"completed": 1, "left": 0}


def test_one_that_waits_for_hours_makes_the_function_fail_so_that_an_alarm_is_raised(
    bank: InvokedStage,
) -> None:
    play(bank, "ada")
    begun(bank)
    with bank.fault("BatchWriteItem", unreachable):
        bank.clock.advance(OVERDUE)
        assert sweep(bank) == {"completed": 0, "left": 1}
        bank.clock.advance(1)
        with pytest.raises(ErasureOverdueError):
            sweep(bank)
    assert sweep(bank) == {"completed": 1, "left": 0}


def test_a_sweep_looks_at_the_oldest_first_and_at_so_many_at_once(stage: InvokedStage) -> None:
    for number in range(AT_ONCE + 1):
        stage.services.users.begin_erasure(f"user-{number:03d}", stage.clock.now + number)
    assert sweep(stage) == {"completed": AT_ONCE, "left": 0}
    assert stage.services.users.unfinished_erasures(5) == [
        (f"user-{AT_ONCE:03d}", stage.clock.now + AT_ONCE)
    ]


def test_an_erasure_stops_before_its_invocation_ends_and_goes_on_in_the_next(
    bank: InvokedStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed_progress(bank, "ada", 400)
    seconds = count(step=2)  # that is how long each call takes
    clock = SimpleNamespace(monotonic=lambda: next(seconds), perf_counter=time.perf_counter)
    monkeypatch.setattr(client, "time", clock)
    monkeypatch.setattr(invocation, "monotonic", lambda: next(seconds))
    event = bank.event("eraseUser", path={"userId": "me"})
    left = []
    for _ in range(5):
        status = handler.handler(event, FixedContext(28_000))["statusCode"]
        left.append(len(rows_of(bank, "ada").get("progress", [])))
        if status == 204:
            break
        assert status == 503
    assert len(left) > 2
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0
    assert rows_of(bank, "ada") == tombstone(bank.clock.now)


# The account in the user pool


def test_while_cognito_is_out_of_order_the_erasure_is_not_complete(
    bank: InvokedStage, accounts: Accounts
) -> None:
    play(bank, "ada")
    events = bank.services.cognito.meta.events
    for fault in (
        unreachable,
        refuses("TooManyRequestsException"),
        refuses("InternalErrorException", 500),
    ):

        def struck(request: Any, fault: Any = fault, **_: object) -> Any:
            return fault(request)

        events.register_first("before-send.cognito-identity-provider", struck)
        assert erase(bank).status == 503
        events.unregister("before-send.cognito-identity-provider", struck)
        assert rows_of(bank, "ada") == tombstone(bank.clock.now, unfinished=True)
        assert accounts.deleted() == frozenset()
    assert erase(bank).status == 204
    assert rows_of(bank, "ada") == tombstone(bank.clock.now)


def test_a_refusal_by_cognito_is_a_fault_of_ours_and_the_erasure_stays_marked(
    bank: InvokedStage, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(request: Any, **_: object) -> Any:
        return refuses("AccessDeniedException")(request)

    bank.services.cognito.meta.events.register_first(
        "before-send.cognito-identity-provider", refused
    )
    event = bank.event("eraseUser", path={"userId": "me"})
    assert bank.handle("privacy", event).status == 500
    faults = [
        json.loads(line) for line in capsys.readouterr().out.splitlines() if '"fault"' in line
    ]
    assert [fault["refusal"] for fault in faults] == ["AccessDeniedException"]
    assert rows_of(bank, "ada") == tombstone(bank.clock.now, unfinished=True)
