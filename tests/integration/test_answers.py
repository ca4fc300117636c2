"""Answers: graded by the rules, exactly once, and nothing lost between tables."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import permutations
from random import Random
from threading import Barrier
from typing import Any

import pytest

from tests.integration.stage import (
    ROUTE,
    Reply,
    Stage,
    draft,
    drafts,
    refuses,
    response_lost,
    submission,
)

GEOGRAPHY, HISTORY, LAW = ({"category": name} for name in ("geography", "history", "law"))
DAY = 24 * 3600 * 1000


@pytest.fixture
def bank(stage: Stage) -> Stage:
    stage.save(*drafts("geography", 6))
    return stage


def send(stage: Stage, session_id: str, body: Mapping[str, Any] | None) -> Reply:
    return stage.call("submitAnswer", body, path={"sessionId": session_id})


def session(stage: Stage, session_id: str) -> Any:
    return stage.call("getSession", path={"sessionId": session_id}).body


def play(stage: Stage, session_id: str, pattern: str) -> Any:
    """Answer by a pattern of `r`ight and `w`rong; return what is on screen then."""
    shown = stage.question(session_id)["question"]
    for each in pattern:
        shown = stage.answer(session_id, shown, right=each == "r").body["question"]
    return shown


def play_out(stage: Stage, session_id: str) -> None:
    shown = stage.question(session_id)["question"]
    while shown:
        shown = stage.answer(session_id, shown).body["question"]


def chosen(shown: Mapping[str, Any], *texts: str) -> list[str]:
    return [each["id"] for each in shown["answers"] if each["text"] in texts]


def law(**other: Any) -> dict[str, Any]:
    """A question with two right choices of four."""
    answers = [
        {"text": "right a", "correct": True},
        {"text": "wrong b", "correct": False},
        {"text": "right c", "correct": True},
        {"text": "wrong d", "correct": False},
    ]
    return draft("law", 0, type="MULTIPLE_CHOICE", answers=answers, **other)


def assert_conflict(reply: Reply, code: str) -> None:
    assert (reply.status, reply.body["status"], reply.body["code"]) == (409, 409, code)
    assert reply.headers["Content-Type"] == "application/problem+json"


def assert_faulty(reply: Reply, *fields: str) -> None:
    assert (reply.status, reply.body["code"]) == (422, "VALIDATION_ERROR"), reply.body
    assert tuple(fault["field"] for fault in reply.body["errors"]) == fields


# An independent recount: the rules of the design once more, from what a client sees.


@dataclass
class Record:
    """A learner's records, by question."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    mastered: dict[str, bool] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    milliseconds: Counter[str] = field(default_factory=Counter)

    def check(self, stage: Stage) -> None:
        rows = {row["questionId"]["S"]: row for row in stage.rows("progress")}
        assert set(rows) == set(self.last)
        for each, row in rows.items():
            assert int(row["attempts"]["N"]) == self.right[each] + self.wrong[each]
            assert int(row.get("correct", {"N": 0})["N"]) == self.right[each]
            assert int(row.get("wrong", {"N": 0})["N"]) == self.wrong[each]
            assert row.get("mastered", {"BOOL": False})["BOOL"] == self.mastered[each]
            assert row["lastChoice"]["S"] == self.last[each]
            assert int(row["timeSpent"]["N"]) == self.milliseconds[each]


@dataclass
class Game:
    """One session played, recounted at each step."""

    stage: Stage
    session_id: str
    record: Record = field(default_factory=Record)
    owed: dict[str, int] = field(default_factory=dict)
    drawn: set[str] = field(default_factory=set)
    put_right: set[str] = field(default_factory=set)
    mastered: int = 0
    right: int = 0
    wrong: int = 0
    missed: bool = False
    total: int = 0
    shown: Any = None

    def __post_init__(self) -> None:
        body = self.stage.question(self.session_id)
        self.total = body["progress"]["totalQuestions"]
        self.show(body, None)

    @property
    def over(self) -> bool:
        return self.shown is None

    def answer(self, *, right: bool, seconds: float = 1.5) -> Reply:
        body = submission(self.shown, right=right, timeSpent=seconds)
        reply = send(self.stage, self.session_id, body)
        assert (reply.status, reply.body["correct"]) == (200, right), reply.body
        self.count(body, right=right, seconds=seconds)
        self.show(reply.body, self.shown)
        return reply

    def count(self, body: Mapping[str, Any], *, right: bool, seconds: float) -> None:
        question = body["questionId"]
        texts = {each["id"]: each["text"] for each in self.shown["answers"]}
        (text,) = (texts[each] for each in body["selectedAnswers"])
        # A draft's right choice is its first, then "wrong <question> <n>".
        self.record.last[question] = "0" if right else str(int(text.split()[-1]) + 1)
        self.record.milliseconds[question] += round(seconds * 1000)
        if not right:
            self.wrong += 1
            self.record.wrong[question] += 1
            self.record.mastered[question] = False
            self.missed = True
            return
        self.right += 1
        self.record.right[question] += 1
        self.put_right.add(question)
        if self.missed:
            self.owed.pop(question, None)
            self.owed[question] = 2
        elif self.owed.get(question, 1) > 1:
            self.owed[question] -= 1
        else:
            self.owed.pop(question, None)
            self.record.mastered[question] = True
            self.mastered += 1
        self.missed = False

    def show(self, body: Mapping[str, Any], before: Mapping[str, Any] | None) -> None:
        self.shown = body["question"]
        if self.missed:
            assert before is not None
            self.check_retry(before)
        elif self.shown:
            self.check_draw(before)
        else:
            assert not self.owed
            assert len(self.drawn) == self.total
        assert body["nextAction"] == self.next_action(before)
        assert body["progress"] == self.progress
        assert body["penaltyIndicator"] == self.progress["penaltyIndicator"]
        if self.shown:
            assert self.shown["turn"] == self.right + self.wrong + 1
            assert self.shown["questionNumber"] == len(self.drawn)

    def next_action(self, before: object) -> str:
        if self.missed:
            return "RETRY_SAME_QUESTION"
        if not self.shown:
            return "SESSION_COMPLETED"
        return "NEXT_QUESTION" if before else "ANSWER"

    def check_retry(self, before: Mapping[str, Any]) -> None:
        assert self.shown["questionId"] == before["questionId"]
        assert self.shown["fromWrongPool"] == before["fromWrongPool"]
        texts = [[each["text"] for each in shown["answers"]] for shown in (before, self.shown)]
        assert texts[0] != texts[1]
        assert sorted(texts[0]) == sorted(texts[1])
        ids = [{each["id"] for each in shown["answers"]} for shown in (before, self.shown)]
        assert not ids[0] & ids[1]

    def check_draw(self, before: Mapping[str, Any] | None) -> None:
        question = self.shown["questionId"]
        if not self.shown["fromWrongPool"]:
            assert question not in self.drawn
            self.drawn.add(question)
            return
        others = [each for each in self.owed if not before or each != before["questionId"]]
        fresh = self.total - len(self.drawn)
        assert others or not fresh
        assert question == (others or [*self.owed])[0]

    @property
    def progress(self) -> dict[str, Any]:
        current = self.shown["questionId"] if self.shown else None
        owed = dict(self.owed)
        if self.missed:
            owed[self.shown["questionId"]] = 2
        tries = sum(owed.values())
        to_put_right = self.missed or (current is not None and current not in self.owed)
        left = self.total - len(self.drawn) + tries + to_put_right
        percent = round(100 * self.right / (self.right + left), 2)
        size = len(owed)
        indicator = (
            f"(+{size} Question{'s' * (size > 1)} @ {tries} {'Tries' if tries > 1 else 'Try'})"
        )
        return {
            "totalQuestions": self.total,
            "questionsAnswered": len(self.put_right),
            "correctAnswers": self.right,
            "wrongAnswers": self.wrong,
            "mastered": self.mastered,
            "wrongPoolSize": size,
            "remainingTries": tries,
            "answersLeft": left,
            "penaltyIndicator": indicator if owed else "",
            "percentComplete": min(percent, 99.99) if left else 100.0,
        }

    def check_tables(self) -> None:
        rows = [
            (row["questionId"]["S"], int(row["remainingTries"]["N"]))
            for row in sorted(self.stage.rows("wrong_answers"), key=lambda r: r["timestamp"]["S"])
            if row["sessionId"]["S"] == self.session_id
        ]
        assert rows == [*self.owed.items()]
        assert session(self.stage, self.session_id)["progress"] == self.progress


# Whole sessions


@pytest.mark.parametrize("percentage", [0, 20, 100])
def test_a_session_played_right_is_over_after_each_question_once(
    bank: Stage, percentage: int
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
    stage: Stage, percentage: int, errors: int
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


def test_pool_rows_agree_with_the_totals_beyond_what_the_session_carries(stage: Stage) -> None:
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


def test_two_sessions_played_in_turns_keep_their_pools_apart(stage: Stage) -> None:
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
    stage: Stage,
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


def test_wrong_answers_of_one_millisecond_are_entries_of_their_own(stage: Stage) -> None:
    stage.save(*drafts("geography", 8))
    game = Game(stage, stage.start(GEOGRAPHY, percentage=0))
    while len(game.drawn) < 8 or game.missed:
        game.answer(right=game.missed)
    assert len(game.owed) == 7
    game.check_tables()
    while not game.over:
        game.answer(right=True)
        game.check_tables()


def test_entries_of_two_sessions_in_one_millisecond_are_two(stage: Stage) -> None:
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


def test_a_clock_that_goes_back_keeps_the_pool_in_order(stage: Stage) -> None:
    stage.save(*drafts("geography", 6))
    game = Game(stage, stage.start(GEOGRAPHY, percentage=0))
    while len(game.drawn) < 6 or game.missed:
        stage.clock.advance(-1000)
        game.answer(right=game.missed)
        game.check_tables()
    while not game.over:
        game.answer(right=True)
        game.check_tables()


def test_progress_of_a_question_goes_on_over_sessions(bank: Stage) -> None:
    record = Record()
    for pattern in ("wr", "r", "wwr"):
        bank.clock.advance(60_000)
        game = Game(bank, bank.start({**GEOGRAPHY, "questionCount": 1}), record)
        for each in pattern:
            game.answer(right=each == "r")
        while not game.over:
            game.answer(right=True)
    record.check(bank)


def test_first_and_last_seen_are_those_of_the_answers(bank: Stage) -> None:
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


def test_mastery_is_lost_with_a_wrong_answer_in_a_later_session(bank: Stage) -> None:
    one = {**GEOGRAPHY, "questionCount": 6}
    play_out(bank, bank.start(one))
    assert all(row["mastered"]["BOOL"] for row in bank.rows("progress"))
    missed = bank.question(session_id := bank.start(one))["question"]["questionId"]
    play(bank, session_id, "w")
    mastered = {row["questionId"]["S"]: row["mastered"]["BOOL"] for row in bank.rows("progress")}
    assert [each for each, is_mastered in mastered.items() if not is_mastered] == [missed]


# Bodies to the letter


def test_a_wrong_answer_has_the_body_of_the_contract(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]

    reply = bank.answer(session_id, shown, right=False)

    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.body == {
        "correct": False,
        "nextAction": "RETRY_SAME_QUESTION",
        "penaltyIndicator": "(+1 Question @ 2 Tries)",
        "message": "Incorrect. Try again with the shuffled answers.",
        "question": {
            **shown,
            "turn": 2,
            "answers": reply.body["question"]["answers"],
            "reason": {"code": "RETRY", "text": "Your answer was wrong: try again."},
        },
        "version": 2,
        "progress": {
            "totalQuestions": 6,
            "questionsAnswered": 0,
            "correctAnswers": 0,
            "wrongAnswers": 1,
            "mastered": 0,
            "wrongPoolSize": 1,
            "remainingTries": 2,
            "answersLeft": 8,
            "penaltyIndicator": "(+1 Question @ 2 Tries)",
            "percentComplete": 0.0,
        },
    }
    assert list(reply.body["question"]) == list(shown)
    assert "because" not in reply.text


def test_a_right_answer_has_the_body_of_the_contract(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY, percentage=0)
    shown = play(bank, session_id, "w")

    reply = bank.answer(session_id, shown)

    number = int(shown["questionId"][-6:])
    assert reply.status == 200
    assert reply.body == {
        "correct": True,
        "nextAction": "NEXT_QUESTION",
        "penaltyIndicator": "(+1 Question @ 2 Tries)",
        "message": reply.body["message"],
        "correctAnswers": chosen(shown, f"right {number}"),
        "explanation": f"because {number}",
        "question": bank.question(session_id)["question"],
        "version": 3,
        "progress": {
            "totalQuestions": 6,
            "questionsAnswered": 1,
            "correctAnswers": 1,
            "wrongAnswers": 1,
            "mastered": 0,
            "wrongPoolSize": 1,
            "remainingTries": 2,
            "answersLeft": 7,
            "penaltyIndicator": "(+1 Question @ 2 Tries)",
            "percentComplete": 12.5,
        },
    }
    assert reply.body["message"].startswith("Correct.")
    assert reply.body["question"]["turn"] == 3


def test_a_session_can_be_paused_with_the_version_of_an_answer_or_a_question(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    body = bank.question(session_id)
    for _ in range(2):
        body = bank.answer(session_id, body["question"]).body
        assert body["version"] == bank.question(session_id)["version"]
    pause = {"version": body["version"], "status": "PAUSED"}
    assert bank.call("updateSession", pause, path={"sessionId": session_id}).status == 200


def test_the_last_right_answer_completes_the_session_with_no_question(bank: Stage) -> None:
    session_id = bank.start({**GEOGRAPHY, "questionCount": 1})
    body = bank.answer(session_id, bank.question(session_id)["question"]).body
    assert body["correct"] is True
    assert body["nextAction"] == "SESSION_COMPLETED"
    assert body["question"] is None
    assert body["penaltyIndicator"] == ""
    assert body["progress"]["percentComplete"] == 100.0
    assert len(body["correctAnswers"]) == 1
    assert body["explanation"].startswith("because")


def test_messages_tell_what_is_still_owed(bank: Stage) -> None:
    session_id = bank.start({**GEOGRAPHY, "questionCount": 1})
    shown, messages = bank.question(session_id)["question"], []
    for right in (False, True, True, True):
        body = bank.answer(session_id, shown, right=right).body
        messages.append((body["message"], body["penaltyIndicator"]))
        shown = body["question"]
    assert messages == [
        ("Incorrect. Try again with the shuffled answers.", "(+1 Question @ 2 Tries)"),
        (
            "Correct. The question will come back until it is right twice more.",
            "(+1 Question @ 2 Tries)",
        ),
        ("Correct. The question will come back once more.", "(+1 Question @ 1 Try)"),
        ("Correct.", ""),
    ]


def test_all_and_only_the_right_choices_are_right(stage: Stage) -> None:
    stage.save(law())
    session_id = stage.start(LAW)
    right = {"right a", "right c"}
    texts = ("right a", "wrong b", "right c", "wrong d")
    wrong_selections = [
        selection
        for size in (1, 2, 3, 4)
        for selection in permutations(texts, size)
        if set(selection) != right and list(selection) == sorted(selection)
    ]
    assert len(wrong_selections) == 14
    for selection in wrong_selections:
        shown = stage.question(session_id)["question"]
        body = submission(shown, selectedAnswers=chosen(shown, *selection))
        reply = send(stage, session_id, body)
        assert (reply.status, reply.body["correct"]) == (200, False), selection
        assert "correctAnswers" not in reply.body
        assert "explanation" not in reply.body
    shown = stage.question(session_id)["question"]
    reply = stage.answer(session_id, shown)
    assert reply.body["correct"] is True
    assert sorted(reply.body["correctAnswers"]) == sorted(chosen(shown, *right))
    (row,) = stage.rows("progress")
    assert row["lastChoice"]["S"] == "02"


def test_turn_may_be_left_out(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    for right in (False, True, True):
        body = submission(shown, right=right)
        del body["turn"]
        reply = send(bank, session_id, body)
        assert (reply.status, reply.body["correct"]) == (200, right)
        shown = reply.body["question"]


def test_time_spent_may_be_left_out_and_is_kept_to_the_millisecond(bank: Stage) -> None:
    session_id = bank.start({**GEOGRAPHY, "questionCount": 1})
    for seconds in (None, 0, 12.5, 0.001, 86_400):
        body = submission(bank.question(session_id)["question"], right=False, timeSpent=seconds)
        if seconds is None:
            del body["timeSpent"]
        assert send(bank, session_id, body).status == 200
    (row,) = bank.rows("progress")
    assert int(row["timeSpent"]["N"]) == 12_501 + 86_400_000


# The same again


def dump(stage: Stage) -> Any:
    return stage.everything()


def reworded(body: Mapping[str, Any], **other: Any) -> dict[str, Any]:
    return {**body, **other}


def then_nothing(_stage: Stage, _session_id: str) -> None:
    """The client repeats at once."""


def then_paused(stage: Stage, session_id: str) -> None:
    body = {"version": session(stage, session_id)["version"], "status": "PAUSED"}
    path = {"sessionId": session_id}
    assert stage.call("updateSession", body, path=path).status == 200


def then_renamed(stage: Stage, session_id: str) -> None:
    body = {"version": session(stage, session_id)["version"], "name": "Other"}
    path = {"sessionId": session_id}
    assert stage.call("updateSession", body, path=path).status == 200


def then_abandoned(stage: Stage, session_id: str) -> None:
    assert stage.call("abandonSession", path={"sessionId": session_id}).status == 204


def then_expired(stage: Stage, _session_id: str) -> None:
    stage.clock.advance(31 * DAY)


def then_cold(stage: Stage, _session_id: str) -> None:
    stage.forget_questions()


def then_asked(stage: Stage, session_id: str) -> None:
    stage.question(session_id)


@pytest.mark.parametrize("pattern", ["", "w", "wr", "wrr", "wrrw"])
@pytest.mark.parametrize("right", [True, False])
def test_the_same_answer_again_has_the_same_body_and_changes_nothing(
    bank: Stage, pattern: str, right: bool
) -> None:
    after: Sequence[Callable[[Stage, str], None]] = (
        then_nothing,
        then_asked,
        then_cold,
        then_renamed,
        then_paused,
        then_abandoned,
        then_expired,
    )
    session_id = bank.start(GEOGRAPHY, percentage=100)
    body = submission(play(bank, session_id, pattern), right=right)
    first = send(bank, session_id, body)
    assert (first.status, first.body["correct"]) == (200, right)
    variants = (
        body,
        reworded(body, timeSpent=77.25),
        {name: value for name, value in body.items() if name not in ("timeSpent", "turn")},
    )
    for happen in after:
        happen(bank, session_id)
        before = dump(bank)
        for variant in variants:
            again = send(bank, session_id, variant)
            assert again.status == 200, (happen.__name__, again.body)
            assert again.text == first.text, happen.__name__
        assert dump(bank) == before


def test_the_same_answer_again_after_an_expiry_while_active(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    body = submission(bank.question(session_id)["question"])
    first = send(bank, session_id, body)
    bank.clock.advance(31 * DAY)
    assert bank.call("getQuestion", path={"sessionId": session_id}).status == 410
    assert send(bank, session_id, body).text == first.text


def test_the_same_answer_again_after_completion(bank: Stage) -> None:
    session_id = bank.start({**GEOGRAPHY, "questionCount": 1})
    shown = play(bank, session_id, "wrr")
    body = submission(shown)
    first = send(bank, session_id, body)
    assert first.body["nextAction"] == "SESSION_COMPLETED"
    before = dump(bank)
    bank.clock.advance(400 * DAY)
    bank.forget_questions()
    again = send(bank, session_id, reworded(body, timeSpent=3))
    assert (again.status, again.text) == (200, first.text)
    assert dump(bank) == before


@pytest.mark.parametrize("right", [True, False])
def test_the_same_choices_in_another_order_are_the_same_answer(stage: Stage, right: bool) -> None:
    stage.save(law())
    session_id = stage.start(LAW)
    shown = stage.question(session_id)["question"]
    ids = chosen(shown, "right a", "right c" if right else "wrong b")
    body = submission(shown, selectedAnswers=ids)
    first = send(stage, session_id, body)
    before = dump(stage)
    again = send(stage, session_id, reworded(body, selectedAnswers=ids[::-1]))
    assert (again.status, again.text) == (200, first.text)
    assert first.body["correct"] is right
    assert dump(stage) == before


def test_an_answer_whose_response_was_lost_counts_once(bank: Stage) -> None:
    """The SDK repeats it by itself; then the client does."""
    session_id = bank.start(GEOGRAPHY)
    body = submission(bank.question(session_id)["question"])
    with bank.fault("TransactWriteItems", response_lost, times=1) as met:
        first = send(bank, session_id, body)
    assert (len(met), first.status) == (1, 200)
    assert send(bank, session_id, body).text == first.text
    with bank.fault("TransactWriteItems", response_lost):
        body = submission(first.body["question"])
        assert send(bank, session_id, body).status == 503
    again = send(bank, session_id, body)
    assert (again.status, again.body["progress"]["correctAnswers"]) == (200, 2)
    assert sum(int(row["attempts"]["N"]) for row in bank.rows("progress")) == 2


# Not this turn


def mismatches(shown: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Bodies that are not for the turn on screen, by what is wrong with them."""
    here, there = submission(shown), submission(old)
    without_turn = {name: value for name, value in there.items() if name != "turn"}
    other = submission(old, right=False)
    return {
        "the same turn with other choices": other,
        "other choices, without turn": {n: v for n, v in other.items() if n != "turn"},
        "a future turn": {**here, "turn": shown["turn"] + 1},
        "a far future turn": {**here, "turn": 10**6},
        "a stale turn with the choices on screen": {**here, "turn": old["turn"]},
        "another question": {**here, "questionId": "geography:999999"},
        "another category": {**here, "questionId": "history:000000"},
        "another question, without turn": {
            "questionId": "history:000000",
            "selectedAnswers": here["selectedAnswers"],
        },
        "old choices, without turn, of another question": {
            **without_turn,
            "questionId": "history:000000",
        },
    }


def test_an_answer_to_another_turn_is_a_mismatch_with_the_current_question(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    old = bank.question(session_id)["question"]
    shown = bank.answer(session_id, old).body["question"]
    before = dump(bank)
    for what, body in mismatches(shown, old).items():
        reply = send(bank, session_id, body)
        assert_conflict(reply, "TURN_MISMATCH")
        assert reply.body["question"] == shown, what
        assert reply.body["title"] == "Conflict"
    assert dump(bank) == before


def test_an_older_answer_than_the_last_is_a_mismatch(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    bodies, shown = [], bank.question(session_id)["question"]
    for right in (False, True, True):
        bodies.append(submission(shown, right=right))
        shown = send(bank, session_id, bodies[-1]).body["question"]
    before = dump(bank)
    for body in bodies[:2]:
        for variant in (body, {name: body[name] for name in ("questionId", "selectedAnswers")}):
            reply = send(bank, session_id, variant)
            assert_conflict(reply, "TURN_MISMATCH")
            assert reply.body["question"] == shown
    assert dump(bank) == before
    assert send(bank, session_id, bodies[2]).status == 200


def test_the_choices_of_one_turn_mean_nothing_in_the_next(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    old = bank.question(session_id)["question"]
    shown = bank.answer(session_id, old, right=False).body["question"]
    right_before = submission(old)
    assert right_before["questionId"] == shown["questionId"]
    reply = send(bank, session_id, {**right_before, "turn": shown["turn"]})
    assert_faulty(reply, "selectedAnswers")
    del right_before["turn"]
    assert_conflict(send(bank, session_id, right_before), "TURN_MISMATCH")


def test_another_answer_to_a_completed_session_is_over(bank: Stage) -> None:
    session_id = bank.start({**GEOGRAPHY, "questionCount": 1})
    shown = bank.question(session_id)["question"]
    bank.answer(session_id, shown)
    reply = bank.answer(session_id, shown, right=False)
    assert_conflict(reply, "SESSION_OVER")


def test_a_new_answer_to_a_paused_session_is_refused(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = play(bank, session_id, "r")
    then_paused(bank, session_id)
    before = dump(bank)
    assert_conflict(bank.answer(session_id, shown), "SESSION_PAUSED")
    assert dump(bank) == before


def test_a_new_answer_to_an_expired_session_is_refused(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    bank.clock.advance(30 * DAY)
    reply = bank.answer(session_id, shown)
    assert (reply.status, reply.body["code"]) == (410, "SESSION_EXPIRED")


# No answer at all


def test_a_selection_that_cannot_be_is_422_and_no_try_counts(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = play(bank, session_id, "w")
    ids = [each["id"] for each in shown["answers"]]
    body = submission(shown)
    unknown = "0000000" + ids[0][7:]
    assert unknown not in ids
    before = dump(bank)
    for selected in (
        [],
        [ids[0], ids[0]],
        [ids[0], ids[1]],
        [unknown],
        [ids[0], unknown],
        ["k3f"],
        ["zzzzzzzz"],
        [ids[0].upper()],
        [""],
        [1],
        None,
        ids[0],
        [f"{n:07d}2" for n in range(11)],
    ):
        reply = send(bank, session_id, {**body, "selectedAnswers": selected})
        assert (reply.status, reply.body["code"]) == (422, "VALIDATION_ERROR"), selected
        (fault,) = reply.body["errors"]
        assert fault["field"].startswith("selectedAnswers")
    for selected in ([], [unknown], ["k3f"], ["zzzzzzzz"], [ids[0], unknown]):
        untimed = {"questionId": shown["questionId"], "selectedAnswers": selected}
        assert send(bank, session_id, untimed).status == 422, selected
    assert dump(bank) == before
    assert send(bank, session_id, body).status == 200


def test_choices_of_two_turns_without_turn_are_422(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    old = bank.question(session_id)["question"]
    shown = bank.answer(session_id, old, right=False).body["question"]
    ids = [old["answers"][0]["id"], shown["answers"][0]["id"]]
    body = {"questionId": shown["questionId"], "selectedAnswers": ids}
    assert_faulty(send(bank, session_id, body), "selectedAnswers")


def test_all_faults_of_an_answer_are_reported_together(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    body = {"questionId": "x", "turn": 0, "selectedAnswers": [], "timeSpent": -1, "extra": 1}
    reply = send(bank, session_id, body)
    fields = sorted(fault["field"] for fault in reply.body["errors"])
    assert fields == ["extra", "questionId", "selectedAnswers", "timeSpent", "turn"]
    assert_faulty(send(bank, session_id, {}), "questionId", "selectedAnswers")


def test_a_time_spent_is_0_to_86400_seconds(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    body = submission(bank.question(session_id)["question"])
    for seconds in (-0.001, 86_400.001, "1", True):
        assert_faulty(send(bank, session_id, {**body, "timeSpent": seconds}), "timeSpent")


# The bank changes


def test_an_answer_to_an_edited_question_is_not_graded(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = play(bank, session_id, "w")
    number = int(shown["questionId"][-6:])
    bank.replace(shown["questionId"], draft("geography", number, text="Edited?"))
    bank.forget_questions()
    before = dump(bank)

    new: Any = None
    for right in (True, False):
        reply = bank.answer(session_id, shown, right=right)
        assert_conflict(reply, "QUESTION_CHANGED")
        new = reply.body["question"]
        assert (new["text"], new["turn"]) == ("Edited?", shown["turn"])
        assert new["questionId"] == shown["questionId"]
        assert not {each["id"] for each in new["answers"]} & {e["id"] for e in shown["answers"]}
    assert dump(bank) == before
    assert bank.question(session_id)["question"] == new

    graded = bank.answer(session_id, new)
    assert (graded.status, graded.body["correct"]) == (200, True)
    progress = graded.body["progress"]
    assert (progress["wrongAnswers"], progress["correctAnswers"]) == (1, 1)


def test_the_new_answer_key_of_an_edited_question_counts(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    edited = draft("geography", int(shown["questionId"][-6:]))
    for answer, correct in zip(edited["answers"], (False, True, False, False), strict=True):
        answer["correct"] = correct
    bank.replace(shown["questionId"], edited)
    bank.forget_questions()
    new = bank.answer(session_id, shown).body["question"]
    number = int(shown["questionId"][-6:])
    body = submission(new, selectedAnswers=chosen(new, f"wrong {number} 0"))
    assert send(bank, session_id, body).body["correct"] is True


def test_choices_of_the_new_version_are_graded_through_a_cache_of_the_old(bank: Stage) -> None:
    """Another environment showed the edited question; this one has not heard of it."""
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    warm = bank.services.bank
    number = int(shown["questionId"][-6:])
    edited = draft("geography", number, text="Edited?")
    edited["answers"].reverse()
    bank.replace(shown["questionId"], edited)
    bank.forget_questions()
    new = bank.question(session_id)["question"]
    bank.services.bank = warm

    retry = bank.answer(session_id, new, right=False)
    assert (retry.status, retry.body["correct"]) == (200, False)
    assert retry.body["question"]["text"] == "Edited?"
    bank.services.bank = warm
    right = bank.answer(session_id, retry.body["question"])
    assert (right.status, right.body["correct"]) == (200, True)


def test_an_edit_shows_within_a_minute_in_a_warm_environment(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    number = int(shown["questionId"][-6:])
    bank.replace(shown["questionId"], draft("geography", number, text="Edited?"))
    bank.clock.advance(60_000)
    assert_conflict(bank.answer(session_id, shown), "QUESTION_CHANGED")


def test_an_old_answer_key_is_not_used_from_five_seconds_after_an_edit_on(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    number = int(shown["questionId"][-6:])
    bank.replace(shown["questionId"], draft("geography", number, text="Edited?"))
    bank.clock.advance(5_000)
    reply = bank.answer(session_id, shown)
    assert_conflict(reply, "QUESTION_CHANGED")
    assert reply.body["question"]["text"] == "Edited?"
    bank.clock.advance(5_000)
    assert bank.answer(session_id, reply.body["question"]).body["correct"] is True


def test_play_continues_from_memory_while_questions_cannot_be_read(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    bank.clock.advance(5_000)
    with bank.fault("BatchGetItem", refuses("InternalServerError")):
        reply = bank.answer(session_id, shown, right=False)
    assert (reply.status, reply.body["correct"]) == (200, False)
    assert reply.log["QuestionsFromMemory"] == 1


def test_a_session_of_somebody_else_stays_unknown_while_its_question_is_read_again(
    bank: Stage,
) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    bank.clock.advance(5_000)
    assert bank.answer(session_id, shown, user="bob").status == 404


def test_a_repeat_is_recognized_after_its_question_was_edited(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    first = bank.answer(session_id, shown)
    bank.replace(shown["questionId"], draft("geography", int(shown["questionId"][-6:]), text="?"))
    bank.forget_questions()
    again = bank.answer(session_id, shown)
    assert (again.status, again.text) == (200, first.text)


def test_an_edit_of_tags_or_explanation_does_not_disturb_an_answer(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    number = int(shown["questionId"][-6:])
    edited = draft("geography", number, tags=["new"], explanation="clearer")
    bank.replace(shown["questionId"], edited)
    bank.forget_questions()
    reply = bank.answer(session_id, shown)
    assert (reply.status, reply.body["correct"]) == (200, True)
    assert reply.body["explanation"] == "clearer"


# At the same time


def at_once(stage: Stage, session_id: str, bodies: Sequence[Mapping[str, Any]]) -> list[Reply]:
    """Send answers from a thread each, let go together."""
    barrier = Barrier(len(bodies))
    path = {"sessionId": session_id}
    events = [stage.event("submitAnswer", body, path=path) for body in bodies]

    def submit(event: Mapping[str, Any]) -> Reply:
        barrier.wait()
        return stage.handle("answer", event)

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(submit, events))


def test_clients_that_answer_the_same_turn_at_once_count_once(stage: Stage) -> None:
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


def test_of_clients_that_answer_differently_at_once_one_counts(stage: Stage) -> None:
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


def test_an_answer_racing_a_pause_counts_wholly_or_not_at_all(stage: Stage) -> None:
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


def test_an_answer_that_keeps_losing_its_race_is_told_to_try_again(bank: Stage) -> None:
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


def test_an_answer_that_loses_a_race_once_is_decided_anew(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    lost = refuses(
        "TransactionCanceledException",
        CancellationReasons=[{"Code": "ConditionalCheckFailed"}, {"Code": "None"}],
    )
    with bank.fault("TransactWriteItems", lost, times=2):
        reply = bank.answer(session_id, shown)
    assert (reply.status, reply.body["progress"]["correctAnswers"]) == (200, 1)


def test_an_answer_leaves_no_table_behind_when_its_write_fails(bank: Stage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = play(bank, session_id, "w")
    before = dump(bank)
    with bank.fault("TransactWriteItems", refuses("InternalServerError", 500)):
        assert bank.answer(session_id, shown).status == 503
    assert dump(bank) == before
    assert bank.answer(session_id, shown).status == 200
