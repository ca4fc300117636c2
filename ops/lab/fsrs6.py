"""FSRS-6: a memory as stability and difficulty, with the published default parameters.

Formulas of "The Algorithm" in the wiki of open-spaced-repetition, version 6. The package `fsrs` is
the oracle in tests/unit/ops/lab/test_fsrs6.py and is needed for nothing else.
"""

from math import exp
from typing import NamedTuple

AGAIN, HARD, GOOD, EASY = 1, 2, 3, 4

PARAMETERS = (
    *(0.212, 1.2931, 2.3065, 8.2956, 6.4133, 0.8334, 3.0194, 0.001, 1.8722, 0.1666, 0.796),
    *(1.4835, 0.0614, 0.2629, 1.6483, 0.6014, 1.8729, 0.5425, 0.0912, 0.0658, 0.1542),
)
DECAY = -PARAMETERS[20]
FACTOR = 0.9 ** (1 / DECAY) - 1
LEAST_STABILITY = 0.001


class Memory(NamedTuple):
    """A memory: `stability` is the days until recall falls to 90%; `difficulty` is 1 to 10."""

    stability: float
    difficulty: float


def recall(stability: float, days: float) -> float:
    """Return the probability of recall so many days after the last review."""
    return float((1 + FACTOR * days / stability) ** DECAY)


def interval(stability: float, retention: float) -> float:
    """Return the days until recall falls to `retention`."""
    return float(stability / FACTOR * (retention ** (1 / DECAY) - 1))


def first_memory(rating: int) -> Memory:
    """Return the memory after the first review."""
    return Memory(PARAMETERS[rating - 1], _within(_initial_difficulty(rating)))


def reviewed(memory: Memory, rating: int, days: float) -> Memory:
    """Return the memory after a review so many days after the one before."""
    stability = (
        _same_day(memory.stability, rating) if days < 1 else _after_days(memory, rating, days)
    )
    change = -PARAMETERS[6] * (rating - 3) * (10 - memory.difficulty) / 9
    towards = PARAMETERS[7] * _initial_difficulty(EASY)
    difficulty = towards + (1 - PARAMETERS[7]) * (memory.difficulty + change)
    return Memory(max(stability, LEAST_STABILITY), _within(difficulty))


def _same_day(stability: float, rating: int) -> float:
    growth = exp(PARAMETERS[17] * (rating - 3 + PARAMETERS[18])) * stability ** -PARAMETERS[19]
    return float(stability * (growth if rating == AGAIN else max(growth, 1.0)))


def _after_days(memory: Memory, rating: int, days: float) -> float:
    stability, difficulty = memory
    forgotten = 1 - recall(stability, days)
    if rating == AGAIN:
        forgot = PARAMETERS[11] * difficulty ** -PARAMETERS[12]
        forgot *= ((stability + 1) ** PARAMETERS[13] - 1) * exp(forgotten * PARAMETERS[14])
        return float(min(forgot, stability / exp(PARAMETERS[17] * PARAMETERS[18])))
    weight = {HARD: PARAMETERS[15], EASY: PARAMETERS[16]}.get(rating, 1.0)
    growth = exp(PARAMETERS[8]) * (11 - difficulty) * stability ** -PARAMETERS[9]
    return float(stability * (1 + growth * (exp(forgotten * PARAMETERS[10]) - 1) * weight))


def _initial_difficulty(rating: int) -> float:
    return PARAMETERS[4] - exp(PARAMETERS[5] * (rating - 1)) + 1


def _within(difficulty: float) -> float:
    return min(max(difficulty, 1.0), 10.0)
