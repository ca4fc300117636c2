"""Learners of known ability on questions of known parameters: the two-parameter logistic model.

A learner of ability theta is right with probability 1 / (1 + exp(-a (theta - b))) (Birnbaum, in
Lord & Novick, "Statistical Theories of Mental Test Scores", 1968, ch. 17).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp
from random import Random

from domain.statistics.given_answer import DAY, GivenAnswer

START = 20_000 * DAY
CHOICES = 4
"""Choices of every question; the first is right."""


@dataclass(frozen=True)
class Item:
    """A question with discrimination `a` and difficulty `b`.

    `lure` is the share of the able, when wrong, who take choice 1, the others guess; it turns the
    item round when `a` is negative.
    """

    number: int
    a: float
    b: float
    lure: float = 1 / 3

    @property
    def question_id(self) -> str:
        return f"simulated:{self.number:06d}"


def items(random: Random, how_many: int) -> list[Item]:
    """Return ordinary items: a from 0.3 to 2.5, b from -2.5 to 2.5."""
    return [
        Item(number, random.uniform(0.3, 2.5), random.uniform(-2.5, 2.5))
        for number in range(how_many)
    ]


def answers(random: Random, bank: list[Item], learners: int) -> Iterator[GivenAnswer]:
    """Yield each learner's answers to the whole bank in an order of its own, until each is right.

    The next answer after a wrong one is to the same question, as in the quiz; from the second try
    on a learner is right half the time.
    """
    for learner in range(learners):
        theta, number, right = random.gauss(0, 1), 0, 0
        at = START + random.randrange(400) * DAY
        for item in random.sample(bank, len(bank)):
            attempt = 0
            correct = False
            while not correct:
                attempt += 1
                number += 1
                at += random.randrange(1_000, 60_000)
                chance = 1 / (1 + exp(-item.a * (theta - item.b))) if attempt == 1 else 0.5
                correct = random.random() < chance
                lured = random.random() < item.lure
                choice = 0 if correct else 1 if lured else random.randrange(2, CHOICES)
                told = random.random() < 0.95
                yield GivenAnswer(
                    user_id=f"learner-{learner}",
                    session_id=f"{learner:027x}",
                    number=number,
                    right_before=right,
                    pool_entries=random.randrange(40),
                    question_id=item.question_id,
                    version=1,
                    correct=correct,
                    attempt=attempt,
                    mastered=int(correct and attempt == 1),
                    selected=(choice,),
                    time_spent=int(random.lognormvariate(9, 0.7)) if told else 0,
                    at=at,
                )
                right += correct
