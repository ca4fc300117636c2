"""Steps and checks that the tests of answers share, and a session recounted at each answer."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.integration.stage import (
    InvokedStage,
    Reply,
    draft,
    submission,
)

GEOGRAPHY, HISTORY, LAW = ({"category": name} for name in ("geography", "history", "law"))

DAY = 24 * 3600 * 1000


def send(stage: InvokedStage, session_id: str, body: Mapping[str, Any] | None) -> Reply:
    return stage.call("submitAnswer", body, path={"sessionId": session_id})


def session(stage: InvokedStage, session_id: str) -> Any:
    return stage.call("getSession", path={"sessionId": session_id}).body


def play(stage: InvokedStage, session_id: str, pattern: str) -> Any:
    """Answer by a pattern of `r`ight and `w`rong; return what is on screen then."""
    shown = stage.question(session_id)["question"]
    for each in pattern:
        shown = stage.answer(session_id, shown, right=each == "r").body["question"]
    return shown


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


@dataclass
class Record:
    """A learner's records, by question."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    mastered: dict[str, bool] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    milliseconds: Counter[str] = field(default_factory=Counter)

    def check(self, stage: InvokedStage) -> None:
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

    stage: InvokedStage
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


def dump(stage: InvokedStage) -> Any:
    return stage.everything()


def then_paused(stage: InvokedStage, session_id: str) -> None:
    body = {"version": session(stage, session_id)["version"], "status": "PAUSED"}
    path = {"sessionId": session_id}
    assert stage.call("updateSession", body, path=path).status == 200
