"""A learner who knows no answers: guesses until right, and keeps the books of what is owed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

Question = Mapping[str, Any]
Texts = frozenset[str]


@dataclass
class Learner:
    """Answers with what it has learned, else with the first choices not tried yet.

    A guess needs no key: a wrong answer brings the question back, and then it is known what was
    tried. The books hold what the rules say is owed, apart from the engine.

    Attributes:
        known: The right choices' texts, by question.
        missed: Questions answered wrong and not put right yet.
        pool: Tries left of those put right after a mistake.
    """

    known: dict[str, Texts] = field(default_factory=dict)
    missed: set[str] = field(default_factory=set)
    pool: dict[str, int] = field(default_factory=dict)
    right: int = 0
    wrong: int = 0
    mastered: int = 0
    _tried: dict[str, set[Texts]] = field(default_factory=dict)

    def choose(self, question: Question) -> list[str]:
        """Return the ids of the choices to submit."""
        chosen = self.known.get(question["questionId"])
        if chosen is None:
            tried = self._tried.setdefault(question["questionId"], set())
            chosen = next(guess for guess in _guesses(question) if guess not in tried)
        return [answer["id"] for answer in question["answers"] if answer["text"] in chosen]

    def enter(self, question: Question, submitted: list[str], *, correct: bool) -> None:
        """Record an answer and its response."""
        name = question["questionId"]
        texts = frozenset(a["text"] for a in question["answers"] if a["id"] in submitted)
        if not correct:
            self._tried.setdefault(name, set()).add(texts)
            self.wrong += 1
            self.missed.add(name)
            return
        self.known[name] = texts
        self.right += 1
        if name in self.missed:
            self.missed.remove(name)
            self.pool[name] = 2
        elif self.pool.get(name, 1) == 1:
            self.pool.pop(name, None)
            self.mastered += 1
        else:
            self.pool[name] -= 1

    @property
    def indicator(self) -> str:
        """The expected penalty indicator."""
        questions = len(self.missed | self.pool.keys())
        tries = 2 * len(self.missed) + sum(
            left for name, left in self.pool.items() if name not in self.missed
        )
        if not questions:
            return ""
        plural = "" if questions == 1 else "s"
        return f"(+{questions} Question{plural} @ {tries} {'Try' if tries == 1 else 'Tries'})"


def _guesses(question: Question) -> Iterator[Texts]:
    texts = sorted(answer["text"] for answer in question["answers"])
    if question["type"] == "SINGLE_CHOICE":
        yield from (frozenset([text]) for text in texts)
        return
    yield frozenset(texts)  # wrong for sure, as at least one choice is
    for size in range(1, len(texts)):
        yield from map(frozenset, combinations(texts, size))
