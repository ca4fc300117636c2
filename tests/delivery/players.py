"""Learners who answer over HTTP and record each answer as sent and as acknowledged."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from math import exp
from random import Random
from typing import Any

import httpx2

from domain.statistics.given_answer import GivenAnswer

CATEGORIES = ("algebra", "botany", "chemistry", "drama")
REPEATED = 0.04
"""Share of answers that are sent twice, as after a response that was lost."""

SETTINGS: tuple[dict[str, Any], ...] = (
    {"wrongAnswerPercentage": 0},
    {"wrongAnswerPercentage": 20},
    {"wrongAnswerPercentage": 60},
    {"policy": "SPACED", "spacing": {"firstLag": 2, "secondLag": 3}},
)
"""Both policies, by turns of chance."""

PATIENCE = 4
"""Wrong answers in a row after which a learner looks the right one up."""


@dataclass(frozen=True)
class Item:
    """A question and how learners take it: most who do not know take `lure`."""

    category: str
    number: int
    difficulty: float
    telling: float
    several: bool
    lure: int

    @property
    def text(self) -> str:
        return f"{self.category} {self.number}?"

    @property
    def choices(self) -> tuple[str, ...]:
        return tuple(f"{self.category} {self.number} {letter}" for letter in "abcd")

    @property
    def right(self) -> frozenset[str]:
        return frozenset(self.choices[: 2 if self.several else 1])

    @property
    def draft(self) -> dict[str, Any]:
        return {
            "category": self.category,
            "text": self.text,
            "type": "MULTIPLE_CHOICE" if self.several else "SINGLE_CHOICE",
            "answers": [{"text": each, "correct": each in self.right} for each in self.choices],
        }

    def knows(self, ability: float, random: Random) -> bool:
        return random.random() < 1 / (1 + exp(-self.telling * (ability - self.difficulty)))


def items(per_category: int) -> list[Item]:
    """Return a bank: easy, hard and telling questions, some of which mislead the able."""
    random = Random(1)
    return [
        Item(
            category,
            number,
            difficulty=random.gauss(0, 1.5),
            telling=random.choice([1.5, 1.5, 1.0, 0.2, -0.7]),
            several=random.random() < 0.25,
            lure=random.randrange(2, 4),
        )
        for category in CATEGORIES
        for number in range(per_category)
    ]


@dataclass
class Player:
    """A learner, and the books they keep of their own answers.

    `at` of an answer is when its response was made, by the server's own header, to the second;
    whole days and months are read from it.
    """

    user: str
    client: httpx2.Client
    bank: Mapping[str, Item]
    random: Random
    ability: float
    given: list[GivenAnswer] = field(default_factory=list)
    repeats: int = 0
    pool: dict[tuple[str, str], int] = field(default_factory=dict)
    _misses: int = 0
    _attempts: "Counter[str]" = field(default_factory=Counter)
    _mastered: set[str] = field(default_factory=set)

    def play(self) -> Iterator[None]:
        """Answer for ever, a turn at a time; some sessions are left before their end."""
        while True:
            chosen = self.random.sample(CATEGORIES, self.random.randint(1, 3))
            count = self.random.randint(2, 5)
            body = {
                "sources": [{"category": name, "questionCount": count} for name in chosen],
                "settings": self.random.choice(SETTINGS),
            }
            session = self._call("POST", "/sessions", body, 201)["sessionId"]
            shown = self._call("GET", f"/sessions/{session}/question")["question"]
            turns, right = 0, 0
            leaves_after = self.random.choice([5, 10**6, 10**6])
            while shown and turns < leaves_after:
                correct, shown = self._answer(session, shown, turns, right)
                turns, right = turns + 1, right + correct
                yield
            if shown:
                self._call("DELETE", f"/sessions/{session}", status=204)

    def _answer(
        self, session: str, shown: Mapping[str, Any], turns: int, right: int
    ) -> tuple[bool, Any]:
        item = self.bank[shown["text"]]
        taken = self._taken(item) if self._misses < PATIENCE else item.right
        self._misses = 0 if taken == item.right else self._misses + 1
        seconds = self.random.choice([None, round(self.random.lognormvariate(2, 0.8), 2)])
        body = {
            "questionId": shown["questionId"],
            "turn": shown["turn"],
            "selectedAnswers": [a["id"] for a in shown["answers"] if a["text"] in taken],
            **({} if seconds is None else {"timeSpent": seconds}),
        }
        path = f"/sessions/{session}/answer"
        response = self.client.post(path, json=body)
        assert response.status_code == 200, response.text
        told = response.json()
        if self.random.random() < REPEATED:
            self.repeats += 1
            again = self.client.post(path, json=body)
            assert again.json() == told, "an answer sent twice is answered alike"
        question = shown["questionId"]
        self._enter_in_pool(session, question, told["message"])
        assert told["correct"] is (taken == item.right)
        self._attempts[question] += 1
        self.given.append(
            GivenAnswer(
                user_id=self.user,
                session_id=session,
                number=turns + 1,
                right_before=right,
                pool_entries=sum(owner == session for owner, _ in self.pool),
                question_id=question,
                version=1,
                correct=told["correct"],
                attempt=self._attempts[question],
                mastered=self._change_of_mastery(question, told),
                selected=tuple(sorted(item.choices.index(text) for text in taken)),
                time_spent=round((seconds or 0) * 1000),
                at=milliseconds(parsedate_to_datetime(response.headers["Date"])),
                review=shown["fromWrongPool"] and shown["reason"]["code"] != "RETRY",
            )
        )
        return told["correct"], told["question"]

    def _enter_in_pool(self, session: str, question: str, message: str) -> None:
        """By the responses: how often the question will come back in this session."""
        if message.endswith("right twice more."):
            self.pool[session, question] = 2
        elif message.endswith("once more."):
            self.pool[session, question] = 1
        elif message == "Correct.":
            self.pool.pop((session, question), None)

    def _taken(self, item: Item) -> frozenset[str]:
        if item.knows(self.ability, self.random):
            return item.right
        if self.random.random() < 0.7:
            return frozenset([item.choices[item.lure]])
        wrong = [text for text in item.choices if frozenset([text]) != item.right]
        return frozenset([self.random.choice(wrong)])

    def _change_of_mastery(self, question: str, told: Mapping[str, Any]) -> int:
        """By the responses: `Correct.` alone means that it will not come back."""
        was = question in self._mastered
        if not told["correct"]:
            self._mastered.discard(question)
            return -1 if was else 0
        if told["message"] == "Correct.":
            self._mastered.add(question)
            return 0 if was else 1
        return 0

    def _call(self, method: str, path: str, body: object = None, status: int = 200) -> Any:
        response = self.client.request(method, path, json=body)
        assert response.status_code == status, response.text
        return response.json() if response.content else None


def milliseconds(time: datetime) -> int:
    """Return a time in milliseconds since the epoch."""
    return int(time.timestamp() * 1000)


def play_in_turns(players: Sequence[Player], answers: int, random: Random) -> None:
    """Let players answer, whoever comes first, until so many answers are given."""
    turns = [player.play() for player in players]
    for _ in range(answers):
        next(random.choice(turns))
