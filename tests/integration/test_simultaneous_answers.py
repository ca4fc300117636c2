"""Simultaneous answers: one counts, the others repeat it or conflict."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Barrier
from typing import Any

from tests.integration.answering import GEOGRAPHY, Game, assert_conflict, dump, play, session
from tests.integration.stage import (
    ROUTE,
    InvokedStage,
    Reply,
    drafts,
    refuses,
    submission,
)


def at_once(
    stage: InvokedStage, session_id: str, bodies: Sequence[Mapping[str, Any]]
) -> list[Reply]:
    """Send answers from a thread each, let go together."""
    barrier = Barrier(len(bodies))
    path = {"sessionId": session_id}
    events = [stage.event("submitAnswer", body, path=path) for body in bodies]

    def submit(event: Mapping[str, Any]) -> Reply:
        barrier.wait()
        return stage.handle("answer", event)

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(submit, events))


def test_clients_that_answer_the_same_turn_at_once_count_once(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 10))
    game = Game(stage, stage.start(GEOGRAPHY, percentage=50))
    learner = Random(3)
    for _ in range(20):
        right = learner.randrange(3) > 0
        stage.clock.advance(1)
        body = submission(game.shown, right=right)
        replies = at_once(stage, game.session_id, [body] * 8)
        assert {reply.status for reply in replies} == {200}
        assert len({reply.text for reply in replies}) == 1
        game.count(body, right=right, seconds=1.5)
        game.show(replies[0].body, game.shown)
        game.check_tables()
        game.record.check(stage)
        if game.over:
            game = Game(stage, stage.start(GEOGRAPHY, percentage=50), game.record)
    assert session(stage, game.session_id)["version"] == game.right + game.wrong + 1


def test_of_clients_that_answer_differently_at_once_one_counts(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 10))
    game = Game(stage, stage.start(GEOGRAPHY, percentage=50))
    for _ in range(10):
        bodies = [submission(game.shown, right=right) for right in (True, False)] * 2
        replies = at_once(stage, game.session_id, bodies)
        taken = [n for n, reply in enumerate(replies) if reply.status == 200]
        assert taken in ([0, 2], [1, 3])
        winner = replies[taken[0]]
        for n, reply in enumerate(replies):
            if n in taken:
                assert reply.text == winner.text
            elif winner.body["question"] is None:
                assert_conflict(reply, "SESSION_OVER")
            else:
                assert_conflict(reply, "TURN_MISMATCH")
                assert reply.body["question"] == winner.body["question"]
        game.count(bodies[taken[0]], right=winner.body["correct"], seconds=1.5)
        game.show(winner.body, game.shown)
        game.check_tables()
        game.record.check(stage)
        if game.over:
            break


def test_an_answer_racing_a_pause_counts_wholly_or_not_at_all(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 20))
    game = Game(stage, stage.start(GEOGRAPHY))
    path = {"sessionId": game.session_id}
    version = 1
    for _ in range(10):
        answer = submission(game.shown)
        pause = {"version": version, "status": "PAUSED"}
        events = [
            ("submitAnswer", stage.event("submitAnswer", answer, path=path)),
            ("updateSession", stage.event("updateSession", pause, path=path)),
        ]
        barrier = Barrier(2)

        def go(named: tuple[str, Mapping[str, Any]], barrier: Barrier = barrier) -> Reply:
            barrier.wait()
            return stage.handle(ROUTE[named[0]].function, named[1])

        with ThreadPoolExecutor(2) as pool:
            answered, paused = pool.map(go, events)

        now = session(stage, game.session_id)
        version += 1
        assert now["version"] == version
        if answered.status == 200:
            assert_conflict(paused, "VERSION_CONFLICT")
            assert now["status"] == "ACTIVE"
            game.count(answer, right=True, seconds=1.5)
            game.show(answered.body, game.shown)
        else:
            assert_conflict(answered, "SESSION_PAUSED")
            assert (paused.status, now["status"]) == (200, "PAUSED")
            resume = {"version": version, "status": "ACTIVE"}
            assert stage.call("updateSession", resume, path=path).status == 200
            version += 1
        game.check_tables()
        game.record.check(stage)


def test_an_answer_that_keeps_losing_its_race_is_told_to_try_again(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    before = dump(bank)
    lost = refuses(
        "TransactionCanceledException",
        CancellationReasons=[{"Code": "ConditionalCheckFailed"}, {"Code": "None"}],
    )
    with bank.fault("TransactWriteItems", lost) as met:
        reply = bank.answer(session_id, shown)
    assert (reply.status, reply.body["code"]) == (503, "UNAVAILABLE")
    assert reply.headers["Retry-After"] == "1"
    assert len(met) == 3
    assert dump(bank) == before
    assert bank.answer(session_id, shown).status == 200


def test_an_answer_that_loses_a_race_once_is_decided_anew(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    lost = refuses(
        "TransactionCanceledException",
        CancellationReasons=[{"Code": "ConditionalCheckFailed"}, {"Code": "None"}],
    )
    with bank.fault("TransactWriteItems", lost, times=2):
        reply = bank.answer(session_id, shown)
    assert (reply.status, reply.body["progress"]["correctAnswers"]) == (200, 1)


def test_an_answer_leaves_no_table_behind_when_its_write_fails(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = play(bank, session_id, "w")
    before = dump(bank)
    with bank.fault("TransactWriteItems", refuses("InternalServerError", 500)):
        assert bank.answer(session_id, shown).status == 503
    assert dump(bank) == before
    assert bank.answer(session_id, shown).status == 200
