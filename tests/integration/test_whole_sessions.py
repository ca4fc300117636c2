"""Whole sessions: played to the end and recounted at each answer, by the rules of the design."""

from random import Random

import pytest

from tests.integration.answering import GEOGRAPHY, HISTORY, Game, Record, play, session
from tests.integration.stage import (
    InvokedStage,
    draft,
    drafts,
)


def play_out(stage: InvokedStage, session_id: str) -> None:
    shown = stage.question(session_id)["question"]
    while shown:
        shown = stage.answer(session_id, shown).body["question"]


@pytest.mark.parametrize("percentage", [0, 20, 100])
def test_a_session_played_right_is_over_after_each_question_once(
    bank: InvokedStage, percentage: int
) -> None:
    game = Game(bank, bank.start(GEOGRAPHY, percentage=percentage))
    while not game.over:
        game.answer(right=True)
    game.check_tables()
    game.record.check(bank)
    assert (game.right, game.wrong, game.mastered) == (6, 0, 6)
    assert session(bank, game.session_id)["status"] == "COMPLETED"


@pytest.mark.parametrize(("percentage", "errors"), [(0, 30), (20, 30), (60, 40), (100, 30)])
def test_a_session_played_with_errors_agrees_with_a_recount_at_each_step(
    stage: InvokedStage, percentage: int, errors: int
) -> None:
    stage.save(*drafts("geography", 9), *drafts("history", 6))
    game = Game(stage, stage.start(GEOGRAPHY, HISTORY, percentage=percentage))
    learner = Random(percentage)
    while not game.over:
        stage.clock.advance(learner.randrange(3))
        game.answer(right=learner.randrange(100) >= errors, seconds=learner.randrange(99) / 10)
        game.check_tables()
    game.record.check(stage)
    assert game.wrong
    assert game.mastered == 15
    assert stage.rows("wrong_answers") == []
    assert session(stage, game.session_id)["status"] == "COMPLETED"


def test_pool_rows_agree_with_the_totals_beyond_what_the_session_carries(
    stage: InvokedStage,
) -> None:
    """Every question missed once: 26 entries, of which the session's item carries 16."""
    stage.save(*drafts("geography", 26))
    game = Game(stage, stage.start(GEOGRAPHY, percentage=0))
    learner = Random(1)
    for _ in range(26):
        game.answer(right=False)
        game.answer(right=True)
        game.check_tables()
    assert len(game.owed) == 26
    while not game.over:
        game.answer(right=learner.randrange(100) >= 20)
        game.check_tables()
    game.record.check(stage)
    assert game.mastered == 26


def test_two_sessions_played_in_turns_keep_their_pools_apart(stage: InvokedStage) -> None:
    """Their entries lie between one another in the learner's partition."""
    stage.save(*drafts("geography", 20), *drafts("history", 20))
    record = Record()
    games = [Game(stage, stage.start(each, percentage=0), record) for each in (GEOGRAPHY, HISTORY)]
    for _ in range(20):
        for game in games:
            stage.clock.advance(5)
            game.answer(right=False)
            game.answer(right=True)
    learner, playing = Random(2), games
    while playing:
        for game in playing:
            stage.clock.advance(5)
            game.answer(right=learner.randrange(100) >= 25)
        playing = [game for game in playing if not game.over]
    for game in games:
        game.check_tables()
        assert game.mastered == 20
    record.check(stage)


def test_an_entry_missed_when_it_is_the_last_of_the_head_hides_none_of_the_others(
    stage: InvokedStage,
) -> None:
    """The refill finds its new entry not written yet, and others of another session between."""
    stage.save(*drafts("geography", 30), *drafts("history", 30))
    games = [Game(stage, stage.start(each, percentage=0)) for each in (GEOGRAPHY, HISTORY)]
    for _ in range(30):
        for game in games:
            stage.clock.advance(5)
            game.answer(right=False)
            game.answer(right=True)
    game = games[0]
    # 16 in the head: work off 15 of them, lower the last, then miss it.
    while len(game.owed) > 15:
        game.answer(right=True)
    game.answer(right=False)
    while not game.over:
        game.answer(right=True)
        game.check_tables()
    assert game.mastered == 30


def test_wrong_answers_of_one_millisecond_are_entries_of_their_own(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 8))
    game = Game(stage, stage.start(GEOGRAPHY, percentage=0))
    while len(game.drawn) < 8 or game.missed:
        game.answer(right=game.missed)
    assert len(game.owed) == 7
    game.check_tables()
    while not game.over:
        game.answer(right=True)
        game.check_tables()


def test_entries_of_two_sessions_in_one_millisecond_are_two(stage: InvokedStage) -> None:
    """The same question, missed in two sessions when the clock stands still."""
    stage.save(draft("geography", 0))
    games = [Game(stage, stage.start(GEOGRAPHY)) for _ in range(2)]
    for right in (False, True):
        for game in games:
            game.answer(right=right)
    assert len(stage.rows("wrong_answers")) == 2
    for game in games:
        game.check_tables()
        while not game.over:
            game.answer(right=True)
    assert stage.rows("wrong_answers") == []


def test_a_clock_that_goes_back_keeps_the_pool_in_order(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 6))
    game = Game(stage, stage.start(GEOGRAPHY, percentage=0))
    while len(game.drawn) < 6 or game.missed:
        stage.clock.advance(-1000)
        game.answer(right=game.missed)
        game.check_tables()
    while not game.over:
        game.answer(right=True)
        game.check_tables()


def test_progress_of_a_question_goes_on_over_sessions(bank: InvokedStage) -> None:
    record = Record()
    for pattern in ("wr", "r", "wwr"):
        bank.clock.advance(60_000)
        game = Game(bank, bank.start({**GEOGRAPHY, "questionCount": 1}), record)
        for each in pattern:
            game.answer(right=each == "r")
        while not game.over:
            game.answer(right=True)
    record.check(bank)


def test_first_and_last_seen_are_those_of_the_answers(bank: InvokedStage) -> None:
    session_id = bank.start({**GEOGRAPHY, "questionCount": 1})
    first = bank.clock.now
    shown = play(bank, session_id, "w")
    bank.clock.advance(90_000)
    bank.answer(session_id, shown)
    (row,) = bank.rows("progress")
    assert int(row["firstSeenAt"]["N"]) == first
    assert int(row["lastSeenAt"]["N"]) == first + 90_000
    assert "mastered" in row
    assert row["mastered"]["BOOL"] is False


def test_mastery_is_lost_with_a_wrong_answer_in_a_later_session(bank: InvokedStage) -> None:
    one = {**GEOGRAPHY, "questionCount": 6}
    play_out(bank, bank.start(one))
    assert all(row["mastered"]["BOOL"] for row in bank.rows("progress"))
    missed = bank.question(session_id := bank.start(one))["question"]["questionId"]
    play(bank, session_id, "w")
    mastered = {row["questionId"]["S"]: row["mastered"]["BOOL"] for row in bank.rows("progress")}
    assert [each for each, is_mastered in mastered.items() if not is_mastered] == [missed]
