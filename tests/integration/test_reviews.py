"""Review sessions: what earlier sessions left is taken up, and never owned twice."""

from typing import Any

import pytest

from domain.session.state import LIFETIME
from lambdas.shared.store.sessions import DAY
from tests.integration.stage import InvokedStage, Reply, drafts, response_lost


def review(stage: InvokedStage, **wanted: Any) -> Reply:
    headers = wanted.pop("headers", None)
    return stage.call("startSession", {"review": wanted}, headers=headers)


def owe(stage: InvokedStage, category: str, how_many: int) -> str:
    """Play a session that owes its first questions, and still shows one; return its id."""
    session_id = stage.start({"category": category}, percentage=0)
    body = stage.question(session_id)
    for _ in range(how_many):
        body = stage.answer(session_id, body["question"], right=False).body
        stage.clock.advance(1_000)
        body = stage.answer(session_id, body["question"]).body
    return session_id


def abandon(stage: InvokedStage, session_id: str) -> None:
    assert stage.call("abandonSession", path={"sessionId": session_id}).status == 204


def owners(stage: InvokedStage) -> list[str]:
    return [row["sessionId"]["S"] for row in stage.rows("wrong_answers")]


@pytest.fixture
def bank(stage: InvokedStage) -> InvokedStage:
    stage.save(*drafts("geography", 60), *drafts("history", 60))
    return stage


@pytest.mark.parametrize("how", ["abandoned", "expired", "gone"])
def test_a_review_takes_up_what_an_ended_session_left(bank: InvokedStage, how: str) -> None:
    former = owe(bank, "geography", 3)
    if how == "abandoned":
        abandon(bank, former)
    if how == "expired":
        bank.clock.advance(LIFETIME)
    if how == "gone":
        name = bank.services.sessions.name
        key = {"userId": {"S": "ada"}, "sessionId": {"S": former}}
        bank.services.database.call("delete_item", TableName=name, Key=key)

    started = review(bank)

    assert started.status == 201
    assert started.body["sources"] == [{"category": "geography", "questionCount": 3}]
    assert started.body["progress"] == {
        "totalQuestions": 3,
        "questionsAnswered": 0,
        "correctAnswers": 0,
        "wrongAnswers": 0,
        "mastered": 0,
        "wrongPoolSize": 3,
        "remainingTries": 6,
        "answersLeft": 6,
        "penaltyIndicator": "(+3 Questions @ 6 Tries)",
        "percentComplete": 0.0,
    }
    assert set(owners(bank)) == {started.body["sessionId"]}


def test_a_review_is_played_to_its_end_like_any_session(bank: InvokedStage) -> None:
    abandon(bank, owe(bank, "geography", 30))
    session_id = review(bank).body["sessionId"]
    body = bank.question(session_id)
    assert body["question"]["fromWrongPool"]
    assert body["question"]["questionNumber"] == 1

    answers, wrong = 0, 0
    while body["question"]:
        right = answers % 7 != 3
        reply = bank.answer(session_id, body["question"], right=right)
        assert reply.status == 200, reply.body
        before, after = body["progress"]["answersLeft"], reply.body["progress"]["answersLeft"]
        assert after == before - 1 if right else after >= before
        answers, wrong = answers + 1, wrong + (not right)
        body = reply.body
        owed = bank.rows("wrong_answers")
        assert len(owed) <= body["progress"]["totalQuestions"] == 30

    progress = body["progress"]
    assert (progress["questionsAnswered"], progress["mastered"]) == (30, 30)
    assert (progress["correctAnswers"], progress["wrongAnswers"]) == (answers - wrong, wrong)
    assert (progress["answersLeft"], progress["percentComplete"]) == (0, 100.0)
    assert bank.rows("wrong_answers") == []


def test_sessions_still_played_keep_what_they_owe(bank: InvokedStage) -> None:
    active = owe(bank, "geography", 2)
    paused = owe(bank, "geography", 1)
    version = bank.call("getSession", path={"sessionId": paused}).body["version"]
    patch = {"status": "PAUSED", "version": version}
    assert bank.call("updateSession", patch, path={"sessionId": paused}).status == 200

    refused = review(bank)

    assert refused.status == 422
    assert refused.body["errors"][0]["field"] == "review"
    assert sorted(owners(bank)) == sorted([active, active, paused])


def test_a_review_can_be_of_one_category_and_of_fewer_questions(bank: InvokedStage) -> None:
    abandon(bank, owe(bank, "history", 4))
    abandon(bank, owe(bank, "geography", 4))

    started = review(bank, category="geography", questionCount=3)

    assert started.body["sources"] == [{"category": "geography", "questionCount": 3}]
    rows = [r for r in bank.rows("wrong_answers") if r["questionId"]["S"].startswith("geography")]
    in_order = [r["sessionId"]["S"] for r in sorted(rows, key=lambda r: r["timestamp"]["S"])]
    assert in_order[:3] == [started.body["sessionId"]] * 3
    assert in_order[3] != started.body["sessionId"]
    # The rest waits for the next one.
    assert review(bank).body["progress"]["totalQuestions"] == 5


def test_several_leftovers_of_one_question_become_one(bank: InvokedStage) -> None:
    bank.save(*drafts("rivers", 1))
    for _ in range(2):
        session_id = bank.start({"category": "rivers"})
        body = bank.answer(session_id, bank.question(session_id)["question"], right=False).body
        bank.clock.advance(1_000)
        bank.answer(session_id, body["question"])
        abandon(bank, session_id)
    assert len(owners(bank)) == 2

    started = review(bank)

    assert started.body["progress"]["wrongPoolSize"] == 1
    assert owners(bank) == [started.body["sessionId"]]


def test_what_fits_in_no_transaction_waits_for_the_next_review(bank: InvokedStage) -> None:
    for _ in range(50):
        owe(bank, "geography", 1)
    bank.clock.advance(LIFETIME)
    entries = len(owners(bank))
    assert entries == 50

    first = review(bank).body

    # 48 entries of 48 sessions, the session itself, its key's marker and the check of the account:
    # two more actions are one too many.
    assert owners(bank).count(first["sessionId"]) == first["progress"]["wrongPoolSize"]
    waiting = [each for each in owners(bank) if each != first["sessionId"]]
    assert len(waiting) == 2
    second = review(bank).body
    assert second["progress"]["wrongPoolSize"] == 2
    assert set(owners(bank)) == {first["sessionId"], second["sessionId"]}


def test_an_answer_to_the_former_session_at_the_same_moment_is_refused(bank: InvokedStage) -> None:
    former = owe(bank, "geography", 2)
    shown = bank.question(former)["question"]
    version = bank.call("getSession", path={"sessionId": former}).body["version"]
    bank.clock.advance(LIFETIME)
    stale = bank.services.sessions.get("ada", former)
    assert stale

    assert review(bank).status == 201

    # As a function whose clock is behind, and which read the session before the review began.
    bank.clock.now -= LIFETIME
    reply = bank.answer(former, shown)
    assert (reply.status, reply.body["code"]) == (409, "SESSION_OVER")
    closed = bank.services.sessions.get("ada", former)
    assert closed
    assert (closed.status, closed.version) == ("ABANDONED", version + 1)


def test_a_review_repeated_with_its_key_is_the_same_session(bank: InvokedStage) -> None:
    abandon(bank, owe(bank, "geography", 2))
    key = {"Idempotency-Key": "once"}

    first, again = review(bank, headers=key), review(bank, headers=key)

    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body


def test_a_review_whose_reply_was_lost_owns_its_entries_once(bank: InvokedStage) -> None:
    abandon(bank, owe(bank, "geography", 2))
    key = {"Idempotency-Key": "once"}
    with bank.fault("TransactWriteItems", response_lost):
        assert review(bank, headers=key).status == 503

    again = review(bank, headers=key)

    assert again.status == 200
    assert set(owners(bank)) == {again.body["sessionId"]}


def test_a_leftover_whose_question_is_gone_is_forgotten(bank: InvokedStage) -> None:
    abandon(bank, owe(bank, "geography", 20))
    rows = sorted(bank.rows("wrong_answers"), key=lambda row: row["timestamp"]["S"])
    bank.lose(*(row["questionId"]["S"] for row in rows[:17]))

    started = review(bank)

    assert started.status == 201
    assert started.body["progress"]["wrongPoolSize"] == 20 - 17
    assert len(owners(bank)) == 3
    assert bank.question(started.body["sessionId"])["question"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "sources"),
        ({"sources": [{"category": "geography"}], "review": {}}, "sources"),
        ({"review": {"questionCount": 51}}, "review.questionCount"),
        ({"review": {"questionCount": 0}}, "review.questionCount"),
        ({"review": {"category": "No"}}, "review.category"),
    ],
)
def test_a_review_that_cannot_be_is_refused(bank: InvokedStage, body: Any, field: str) -> None:
    reply = bank.call("startSession", body)
    assert reply.status == 422
    assert [fault["field"] for fault in reply.body["errors"]] == [field]


def test_a_try_worked_off_while_a_review_is_put_together_stays_worked_off(
    bank: InvokedStage,
) -> None:
    former = bank.start({"category": "geography", "questionCount": 1}, percentage=0)
    body = bank.question(former)
    body = bank.answer(former, body["question"], right=False).body
    body = bank.answer(former, body["question"]).body
    assert body["progress"]["remainingTries"] == 2
    bank.clock.advance(LIFETIME)

    def meanwhile(_: object) -> None:
        """Between the review's reads and its transaction, by a function whose clock is behind."""
        bank.clock.now -= LIFETIME
        assert bank.answer(former, body["question"]).body["progress"]["remainingTries"] == 1
        abandon(bank, former)
        bank.clock.now += LIFETIME

    with bank.fault("TransactWriteItems", meanwhile, times=1):
        started = review(bank)

    assert started.body["progress"]["remainingTries"] == 1
    assert [row["remainingTries"]["N"] for row in bank.rows("wrong_answers")] == ["1"]


def test_a_session_used_while_a_review_is_put_together_keeps_what_it_owes(
    bank: InvokedStage,
) -> None:
    former = owe(bank, "geography", 2)
    shown = bank.question(former)["question"]
    bank.clock.advance(LIFETIME)

    def meanwhile(_: object) -> None:
        bank.clock.now -= 2_000
        assert bank.answer(former, shown).status == 200
        bank.clock.now += 2_000

    with bank.fault("TransactWriteItems", meanwhile, times=1):
        assert review(bank).status == 422

    assert set(owners(bank)) == {former}
    assert bank.services.sessions.get("ada", former).status == "ACTIVE"  # type: ignore[union-attr]


def test_a_session_that_expires_later_today_keeps_what_it_owes(bank: InvokedStage) -> None:
    bank.clock.now -= bank.clock.now % DAY
    expired = owe(bank, "geography", 1)
    bank.clock.advance(6 * 3600 * 1000)
    playing = owe(bank, "history", 1)
    bank.clock.advance(LIFETIME - 1)

    started = review(bank)

    assert started.status == 201
    assert started.body["sources"] == [{"category": "geography", "questionCount": 1}]
    assert sorted(owners(bank)) == sorted([started.body["sessionId"], playing])
    assert bank.services.sessions.get("ada", playing).status == "ACTIVE"  # type: ignore[union-attr]
    assert bank.services.sessions.get("ada", expired).status == "ABANDONED"  # type: ignore[union-attr]


def test_a_session_started_while_a_review_is_put_together_keeps_what_it_owes(
    bank: InvokedStage,
) -> None:
    abandon(bank, owe(bank, "geography", 1))
    begun: list[str] = []

    def meanwhile(_: object) -> None:
        """Between the review's read of the unfinished sessions and its read of the pool."""
        begun.append(owe(bank, "history", 1))

    with bank.fault("Query", meanwhile, times=1, within="owedByCategory"):
        started = review(bank)

    assert started.status == 201
    assert sorted(owners(bank)) == sorted([started.body["sessionId"], *begun])


@pytest.mark.parametrize("left", [0, 3])
def test_a_review_skips_the_entries_of_sessions_in_progress(
    bank: InvokedStage, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    monkeypatch.setattr("lambdas.session.review.PAGE", 4)
    former = owe(bank, "geography", left)
    playing = [owe(bank, "geography", 9), owe(bank, "geography", 1)]
    later = owe(bank, "geography", left)
    abandon(bank, former)
    abandon(bank, later)
    left_over = {
        row["questionId"]["S"]
        for row in bank.rows("wrong_answers")
        if row["sessionId"]["S"] in (former, later)
    }

    started = review(bank, category="geography")

    assert started.status == (201 if left else 422)
    mine = [each for each in owners(bank) if each not in playing]
    assert len(mine) == len(left_over)  # both sessions may have drawn the same question
    assert set(mine) == ({started.body["sessionId"]} if left else set())


def test_a_review_of_one_category_is_not_kept_from_it_by_another(
    bank: InvokedStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdas.session.review.PAGE", 2)
    abandon(bank, owe(bank, "geography", 12))
    abandon(bank, owe(bank, "history", 1))

    started = review(bank, category="history")

    assert started.body["progress"]["totalQuestions"] == 1


def test_a_review_session_reads_its_own_entries_again(bank: InvokedStage) -> None:
    abandon(bank, owe(bank, "geography", 40))
    session_id = review(bank).body["sessionId"]
    session = bank.services.sessions.get("ada", session_id)
    assert session
    assert (len(session.pool.head), session.pool.entries) == (16, 40)
    body = bank.question(session_id)
    for _ in range(80):
        body = bank.answer(session_id, body["question"]).body
    assert body["nextAction"] == "SESSION_COMPLETED"
    assert bank.rows("wrong_answers") == []
