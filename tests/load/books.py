"""Responses recorded by the load test, and their comparison with the tables."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.laptop.learner import AnswerKey, Learner

Item = Mapping[str, Any]


@dataclass
class QuestionBooks:
    """A learner's record of one question; milliseconds."""

    correct: int = 0
    wrong: int = 0
    time_spent: int = 0


@dataclass
class SessionBooks:
    """One session: what is on its screen, and what was acknowledged."""

    session_id: str
    learner: Learner
    question: Mapping[str, Any] | None = None
    unsettled: Mapping[str, Any] | None = None
    """An answer that was sent, and not acknowledged yet."""

    @property
    def over(self) -> bool:
        """Whether nothing is on its screen and nothing under way."""
        return self.question is None and self.unsettled is None


@dataclass
class UserBooks:
    """One learner: their sessions and their record of each question."""

    name: str
    user_id: str
    key: AnswerKey
    errors: float
    random: Random
    sessions: dict[str, SessionBooks] = field(default_factory=dict)
    questions: dict[str, QuestionBooks] = field(default_factory=dict)

    @property
    def totals(self) -> dict[str, int]:
        """The expected totals of the learner."""
        correct = sum(each.correct for each in self.questions.values())
        wrong = sum(each.wrong for each in self.questions.values())
        return {
            "questionsAttempted": len(self.questions),
            "attempts": correct + wrong,
            "correct": correct,
            "wrong": wrong,
        }

    def open(self, session_id: str, questions: int) -> SessionBooks:
        """Begin the books of a session."""
        learner = Learner(self.key, self.errors, self.random, questions)
        self.sessions[session_id] = SessionBooks(session_id, learner)
        return self.sessions[session_id]

    def settle(
        self, session: SessionBooks, submission: Mapping[str, Any], body: Mapping[str, Any]
    ) -> str:
        """Enter an acknowledged answer; return what the response has wrong, or nothing."""
        assert session.question is not None
        shown = session.question
        right = session.learner.grade(shown, submission)
        record = self.questions.setdefault(shown["questionId"], QuestionBooks())
        record.correct += right
        record.wrong += not right
        record.time_spent += round(submission["timeSpent"] * 1000)
        session.question, session.unsettled = body["question"], None
        if body["correct"] is not right:
            return "graded otherwise"
        if body["progress"] != session.learner.recount:
            return f"progress is {body['progress']}, not {session.learner.recount}"
        return ""


@dataclass(frozen=True)
class Tables:
    """The items of three tables."""

    sessions: Iterable[Item]
    progress: Iterable[Item]
    wrong_answers: Iterable[Item]


def differences(users: Iterable[UserBooks], tables: Tables, progress_of: Any) -> Iterator[str]:
    """Return differences between the tables and the responses: nothing may be lost or added.

    `progress_of` returns a session item's figures in the words of the HTTP contract.
    """
    by_id = {user.user_id: user for user in users}
    told = {
        (user.user_id, session.session_id): session.learner.recount
        for user in by_id.values()
        for session in user.sessions.values()
    }
    kept = {
        (item["userId"]["S"], item["sessionId"]["S"]): progress_of(item)
        for item in tables.sessions
        if item["userId"]["S"] in by_id and "seed" in item
    }
    yield from _compared("session", told, kept)
    yield from _compared("question", _told_questions(by_id), _kept_questions(by_id, tables))
    yield from _compared("pool entry", _told_entries(by_id), _kept_entries(by_id, tables))


def _told_questions(users: Mapping[str, UserBooks]) -> dict[Any, Any]:
    return {
        (user.user_id, name): (each.correct + each.wrong, each.correct, each.wrong, each.time_spent)
        for user in users.values()
        for name, each in user.questions.items()
    }


def _kept_questions(users: Mapping[str, UserBooks], tables: Tables) -> dict[Any, Any]:
    return {
        (item["userId"]["S"], item["questionId"]["S"]): tuple(
            int(item.get(name, {"N": "0"})["N"])
            for name in ("attempts", "correct", "wrong", "timeSpent")
        )
        for item in tables.progress
        if item["userId"]["S"] in users
    }


def _told_entries(users: Mapping[str, UserBooks]) -> Counter[Any]:
    return Counter(
        (user.user_id, session.session_id, name, tries)
        for user in users.values()
        for session in user.sessions.values()
        for name, tries in session.learner.pool.items()
    )


def _kept_entries(users: Mapping[str, UserBooks], tables: Tables) -> Counter[Any]:
    return Counter(
        (
            item["userId"]["S"],
            item["sessionId"]["S"],
            item["questionId"]["S"],
            int(item["remainingTries"]["N"]),
        )
        for item in tables.wrong_answers
        if item["userId"]["S"] in users
    )


def _compared(what: str, told: Mapping[Any, Any], kept: Mapping[Any, Any]) -> Iterator[str]:
    for key in told.keys() | kept.keys():
        if told.get(key) != kept.get(key):
            yield f"{what} {key}: told {told.get(key)}, kept {kept.get(key)}"
