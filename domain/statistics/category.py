"""How the questions of a category behave together."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from domain.statistics.item import FEWEST_FIRST_TRIES, Attempt, Depth, Flag, ItemTally

CLASSES = 10
"""Classes of the distribution of facility, each a tenth wide; 1 is in the last."""

WORST = 10


class QuestionTally(NamedTuple):
    """A question with what was counted of its present version."""

    question_id: str
    tally: ItemTally


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryStatistics:
    """Sums over questions: `answered` were tried at all, `judged` often enough to be flagged.

    `facilities` counts the answered by class of facility; `attempts` and `depths` are the learning
    curve and the pools' depth over a session; `worst` are judged ones, the worst first: by their
    worst flag, then by how poorly they separate the able from the weak.
    """

    questions: int
    answered: int
    judged: int
    answers: int
    first_tries: int
    first_right: int
    reviews: int
    reviews_right: int
    facilities: tuple[int, ...]
    attempts: tuple[Attempt, ...]
    depths: tuple[Depth, ...]
    flags: Mapping[Flag, int]
    worst: tuple[QuestionTally, ...]
    as_of: int


def category_statistics(questions: Iterable[QuestionTally]) -> CategoryStatistics:
    """Return the statistics of a category from those of its questions, in one pass over them."""
    facilities = [0] * CLASSES
    attempts: dict[int, Attempt] = {}
    depths: dict[int, Depth] = {}
    flags: Counter[Flag] = Counter()
    judged: list[tuple[tuple[int, float, float, str], QuestionTally]] = []
    count = answered = answers = first_tries = first_right = as_of = 0
    reviews = reviews_right = 0
    for question in questions:
        tally = question.tally
        count += 1
        answers += tally.answers
        first_tries += tally.first_tries
        first_right += tally.first_right
        reviews += tally.reviews
        reviews_right += tally.reviews_right
        as_of = max(as_of, tally.as_of)
        for attempt in tally.attempts:
            attempts[attempt.number] = attempt.plus(attempts.get(attempt.number))
        for depth in tally.depths:
            depths[depth.first] = depth.plus(depths.get(depth.first))
        if tally.facility is None:
            continue
        answered += 1
        facilities[min(int(tally.facility * CLASSES), CLASSES - 1)] += 1
        if tally.first_tries >= FEWEST_FIRST_TRIES:
            flags.update(tally.flags)
            judged.append((_badness(question, tally.facility), question))
    judged.sort(key=lambda each: each[0])
    return CategoryStatistics(
        questions=count,
        answered=answered,
        judged=len(judged),
        answers=answers,
        first_tries=first_tries,
        first_right=first_right,
        reviews=reviews,
        reviews_right=reviews_right,
        facilities=tuple(facilities),
        attempts=tuple(attempts[number] for number in sorted(attempts)),
        depths=tuple(depths[first] for first in sorted(depths)),
        flags={flag: flags[flag] for flag in Flag},
        worst=tuple(question for _, question in judged[:WORST]),
        as_of=as_of,
    )


def _badness(question: QuestionTally, facility: float) -> tuple[int, float, float, str]:
    """Sorts the worst first: flag, discrimination (unknown as none at all), facility, id."""
    order = list(Flag)
    worst_flag = min((order.index(flag) for flag in question.tally.flags), default=len(order))
    discrimination = question.tally.discrimination
    return worst_flag, discrimination.value if discrimination else 0.0, facility, question[0]
