"""A learner who plays over HTTP and keeps the books of what is owed, apart from the engine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx2

AnswerKey = Mapping[str, frozenset[str]]
"""The right choices' texts, by what is asked: the text and all choices."""


def asked(text: str, choices: list[str]) -> str:
    return json.dumps([text, sorted(choices)])


def answer_key(*banks: Path) -> AnswerKey:
    """Read the answer key of banks, in either form the importer takes."""
    key = {}
    for line in (line for bank in banks for line in bank.read_text().splitlines()):
        question = json.loads(line)
        if "answers" in question:
            choices = [each["text"] for each in question["answers"]]
            right = {each["text"] for each in question["answers"] if each["correct"]}
        else:
            choices = question["choices"]
            right = {choices[index] for index in question["correct"]}
        key[asked(question["text"], choices)] = frozenset(right)
    return key


@dataclass
class Learner:
    """Answers with a share of errors; `recount` holds what the API must say of the session."""

    key: AnswerKey
    errors: float
    random: Random
    questions: int
    missed: set[str] = field(default_factory=set)
    pool: dict[str, int] = field(default_factory=dict)
    put_right: set[str] = field(default_factory=set)
    mastered: set[str] = field(default_factory=set)
    right: int = 0
    wrong: int = 0

    def submission(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Choose an answer."""
        correct = self._correct(question)
        chosen = sorted(a["id"] for a in question["answers"] if a["text"] in correct)
        if self.random.random() < self.errors:
            chosen = [next(a["id"] for a in question["answers"] if a["text"] not in correct)]
        return {
            "questionId": question["questionId"],
            "turn": question["turn"],
            "selectedAnswers": chosen,
            "timeSpent": round(self.random.uniform(0, 30), 1),
        }

    def grade(self, question: Mapping[str, Any], submission: Mapping[str, Any]) -> bool:
        """Enter an acknowledged answer in the books, and say whether it was right."""
        chosen = {
            a["text"] for a in question["answers"] if a["id"] in submission["selectedAnswers"]
        }
        name = question["questionId"]
        if chosen != self._correct(question):
            self.wrong += 1
            self.missed.add(name)
            return False
        self.right += 1
        self.put_right.add(name)
        if name in self.missed:
            self.missed.remove(name)
            self.pool[name] = 2
        elif self.pool.get(name, 1) == 1:
            self.pool.pop(name, None)
            self.mastered.add(name)
        else:
            self.pool[name] -= 1
        return True

    @property
    def recount(self) -> dict[str, Any]:
        """The expected progress of the session."""
        tries = sum(left for name, left in self.pool.items() if name not in self.missed)
        tries += 2 * len(self.missed)
        owed = len(self.missed | self.pool.keys())
        never_right = self.questions - len(self.put_right)
        needed = never_right + tries
        # A missed question has to be put right first; one never right counts as that already.
        needed += len(self.missed & self.put_right)
        return {
            "totalQuestions": self.questions,
            "questionsAnswered": len(self.put_right),
            "correctAnswers": self.right,
            "wrongAnswers": self.wrong,
            "mastered": len(self.mastered),
            "wrongPoolSize": owed,
            "remainingTries": tries,
            "answersLeft": needed,
            "penaltyIndicator": indicator(owed, tries),
            "percentComplete": 100.0
            if not needed
            else min(round(100 * self.right / (self.right + needed), 2), 99.99),
        }

    def _correct(self, question: Mapping[str, Any]) -> frozenset[str]:
        return self.key[asked(question["text"], [a["text"] for a in question["answers"]])]


def indicator(questions: int, tries: int) -> str:
    """Say what is owed."""
    if not questions:
        return ""
    plural = "" if questions == 1 else "s"
    return f"(+{questions} Question{plural} @ {tries} {'Try' if tries == 1 else 'Tries'})"


def get_question(client: httpx2.Client, session_id: str) -> Any:
    """Return the body of the current question."""
    response = client.get(f"/sessions/{session_id}/question")
    assert response.status_code == 200, response.text
    return response.json()


def play_turn(
    client: httpx2.Client, session_id: str, learner: Learner, question: Mapping[str, Any]
) -> Any:
    """Answer a question, check what comes back against the books, and return it."""
    submission = learner.submission(question)
    response = client.post(f"/sessions/{session_id}/answer", json=submission)
    assert response.status_code == 200, response.text
    body = response.json()
    right = learner.grade(question, submission)
    assert body["correct"] is right
    assert body["progress"] == learner.recount
    assert body["penaltyIndicator"] == learner.recount["penaltyIndicator"]
    if not right:
        assert body["nextAction"] == "RETRY_SAME_QUESTION"
        assert body["question"]["questionId"] == question["questionId"]
    return body
