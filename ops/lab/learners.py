"""Simulated learners: four models of memory from the literature, and one of constant rates.

A learner knows some questions before the first day: those that are easy for its ability. A known
question is recalled with the model's probability. A recalled answer is wrong by a slip; without
recall the learner guesses. When a question is put right, the learner has seen the right answer,
and the memory is updated by whether it was recalled before that.

The parameters are published ones where there are any. One of each model is calibrated: under RATIO,
at 25% error and for seeds 1 to 3, reviews are right in 79% of cases, as they are in public logs.
Neither a policy nor the seeds of the report had a part in that.
"""

from collections.abc import Callable
from math import exp, log, log2
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from ops.lab import fsrs6

DAY = 86_400.0
CHOICES = 4
GUESS = 1 / CHOICES
SLIP = 0.03
DISCRIMINATION = 1.5

Vector = NDArray[np.float64]


class Person(NamedTuple):
    """A learner and a bank: what is alike under every policy.

    Attributes:
        difficulty: of each question, in standard deviations.
        known: whether the learner knows the question before the first day.
        luck: uniform numbers for each presentation of a question: recall, guess or slip, retries.
    """

    difficulty: Vector
    known: NDArray[np.bool_]
    luck: NDArray[np.float64]


PRESENTATIONS = 64
"""Presentations of a question with numbers of their own; later ones use them again."""


def person(seed: int, questions: int, error: float) -> Person:
    """Return the learner of a seed, whose first tries are wrong at about this rate.

    The rate is that of learners of average ability; abilities differ by half a standard deviation.
    """
    random = np.random.default_rng([seed, questions, round(1000 * error)])
    difficulty = random.normal(0, 1, questions)
    ability = random.normal(0, 0.5)
    sample = np.random.default_rng(0).normal(0, 1, (2_000, 2)) * (0.5, 1)

    def excess(shift: float) -> float:
        known = expit(DISCRIMINATION * (sample[:, 0] - sample[:, 1]) + shift)
        return float(np.mean(known * SLIP + (1 - known) * (1 - GUESS))) - error

    shift = brentq(excess, -20, 20)
    known = random.random(questions) < expit(DISCRIMINATION * (ability - difficulty) + shift)  # nosec B311
    return Person(difficulty, known, random.random((questions, PRESENTATIONS, 3)))  # nosec B311


class Learner(Protocol):
    """A memory of every question. Times are seconds since the first day began."""

    def recall(self, question: int, now: float) -> float:
        """Return the probability that the question is recalled."""

    def learned(self, question: int, now: float, *, recalled: bool) -> None:
        """Update the memory after the question was put right."""


class DSR:
    """Difficulty, stability, retrievability: the memory model of FSRS-6.

    `FIRST`, the stability in days of a question just learned, is calibrated.
    """

    FIRST = 0.04

    def __init__(self, who: Person) -> None:
        self._difficulty = np.clip(6.4 + 1.5 * who.difficulty, 1, 10)
        spread = np.random.default_rng(1).normal(0, 0.7, len(who.difficulty))
        before = 90 * np.exp(spread)
        self._stability = [
            float(days) if known else 0.0 for days, known in zip(before, who.known, strict=True)
        ]
        self._last = [0.0] * len(who.difficulty)

    def recall(self, question: int, now: float) -> float:
        stability = self._stability[question]
        days = (now - self._last[question]) / DAY
        return fsrs6.recall(stability, days) if stability else 0.0

    def learned(self, question: int, now: float, *, recalled: bool) -> None:
        stability, rating = self._stability[question], fsrs6.GOOD if recalled else fsrs6.AGAIN
        if stability:
            days = (now - self._last[question]) / DAY
            memory = fsrs6.Memory(stability, float(self._difficulty[question]))
            self._stability[question] = fsrs6.reviewed(memory, rating, days).stability
        else:
            self._stability[question] = self.FIRST
        self._last[question] = now


class HLR:
    """Half-life regression (Settles and Meeder, 2016): each recall doubles the half-life.

    A failure takes half of a doubling away. It knows no effect of spacing. `FIRST`, the binary
    logarithm of the days of a question just learned, is calibrated.
    """

    FIRST = 1.75

    def __init__(self, who: Person) -> None:
        self._base = [float(each) for each in self.FIRST - 0.5 * who.difficulty]
        self._log = [log2(60) if known else None for known in who.known]
        self._last = [0.0] * len(who.difficulty)

    def recall(self, question: int, now: float) -> float:
        half = self._log[question]
        days = (now - self._last[question]) / DAY
        return 0.0 if half is None else float(2 ** (-days / 2**half))

    def learned(self, question: int, now: float, *, recalled: bool) -> None:
        half = self._log[question]
        if half is None:
            self._log[question] = self._base[question]
        else:
            self._log[question] = max(half + (1.0 if recalled else -0.5), -2.0)
        self._last[question] = now


class ACTR:
    """Declarative memory of ACT-R with spacing (Pavlik and Anderson, 2005), their parameters.

    Each practice decays at a rate set by the activation at its time; time between sittings counts
    as 2.5%. The threshold is calibrated (theirs: -0.704).
    """

    DECAY, SCALE, THRESHOLD, NOISE, BETWEEN = 0.177, 0.217, -1.7, 0.255, 0.025
    BEFORE = (-60, -45, -30, -20, -10, -5, -2, -1)
    """Days of the practices that made a question known."""

    def __init__(self, who: Person) -> None:
        self._ease = [float(each) for each in -0.2 * who.difficulty]
        self._practices: list[list[tuple[float, float]]] = [[] for _ in who.difficulty]
        for question in np.flatnonzero(who.known):
            for day in self.BEFORE:
                self.learned(int(question), day * DAY, recalled=True)

    def _clock(self, now: float) -> float:
        day, second = divmod(now, DAY)
        return day * DAY * self.BETWEEN + second

    def _activation(self, question: int, now: float) -> float | None:
        at = self._clock(now)
        total = sum(max(at - then, 1.0) ** -decay for then, decay in self._practices[question])
        return log(total) if total else None

    def recall(self, question: int, now: float) -> float:
        activation = self._activation(question, now)
        if activation is None:
            return 0.0
        strength = activation + self._ease[question] - self.THRESHOLD
        return 1 / (1 + exp(-strength / self.NOISE))

    def learned(self, question: int, now: float, *, recalled: bool) -> None:
        del recalled  # a test with feedback is a practice either way
        activation = self._activation(question, now)
        decay = self.DECAY + (0.0 if activation is None else self.SCALE * exp(activation))
        self._practices[question].append((self._clock(now), decay))


class BKT:
    """Bayesian knowledge tracing (Corbett and Anderson, 1995) with forgetting by the day.

    `LEARN`, the probability that a question put right is learned, is calibrated.
    """

    LEARN, FORGET = 0.73, 0.03

    def __init__(self, who: Person) -> None:
        self._keep = [float(each) for each in (1 - self.FORGET) ** np.exp2(0.5 * who.difficulty)]
        self._known = [1.0 if known else 0.0 for known in who.known]
        self._last = [0.0] * len(who.difficulty)

    def recall(self, question: int, now: float) -> float:
        days = (now - self._last[question]) / DAY
        return float(self._known[question] * self._keep[question] ** days)

    def learned(self, question: int, now: float, *, recalled: bool) -> None:
        self._known[question] = 1.0 if recalled else self.LEARN
        self._last[question] = now


class Steady:
    """Constant rates: a new question is missed at `error`, a review is right at 0.79.

    0.79 is the rate of reviews in public logs, so slips and guesses are part of it.
    """

    REVIEW = 0.79

    def __init__(self, error: float) -> None:
        self._error = error
        self._seen: set[int] = set()

    def recall(self, question: int, now: float) -> float:
        del now
        return self.REVIEW if question in self._seen else 1 - self._error

    def learned(self, question: int, now: float, *, recalled: bool) -> None:
        del now, recalled
        self._seen.add(question)


MODELS: dict[str, Callable[[Person], Learner]] = {"DSR": DSR, "HLR": HLR, "ACT-R": ACTR, "BKT": BKT}
