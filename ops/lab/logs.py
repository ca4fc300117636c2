"""Logs of real reviews: what they say of a bank's learners, and how well models predict them.

A log is CSV with a header: `card_id` (or `question_id`), `review_time` (ISO 8601) and either
`correct` (0 or 1) or `review_rating` (1 is wrong, 2 to 4 are right).
"""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from math import log2, sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from local.errors import CommandError
from ops.lab import fsrs6
from ops.lab.learners import Vector

HALF_A_DAY = 0.5


class Review(NamedTuple):
    """One answer; `days` since the epoch."""

    card: str
    days: float
    rating: int

    @property
    def right(self) -> bool:
        """Whether the answer was right."""
        return self.rating > fsrs6.AGAIN


class Habits(NamedTuple):
    """Rates that a log shows.

    `first_error` is the rate of wrong first tries, `review_success` of right later ones that are
    half a day or more after the last; `answers_a_day` counts days with an answer.
    """

    reviews: int
    cards: int
    first_error: float
    review_success: float
    answers_a_day: float


class Prediction(NamedTuple):
    """Log loss of a model's predictions, with its standard error."""

    model: str
    loss: float
    error: float


def read_log(path: Path) -> list[Review]:
    """Return the reviews of a file in order of time.

    Raises:
        CommandError: the file is not a log.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reviews = [_review(row) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError) as error:
        raise CommandError(
            f"{path} is not a log of reviews: it needs the columns card_id, review_time and "
            f"correct or review_rating ({error})."
        ) from None
    if not reviews:
        raise CommandError(f"{path} holds no reviews.")
    return sorted(reviews, key=lambda each: each.days)


def _review(row: dict[str, str]) -> Review:
    card = row.get("card_id") or row["question_id"]
    at = datetime.fromisoformat(row["review_time"]).timestamp() / 86_400
    if "correct" in row:
        rating = fsrs6.GOOD if int(row["correct"]) else fsrs6.AGAIN
    else:
        rating = int(row["review_rating"])
    if not fsrs6.AGAIN <= rating <= fsrs6.EASY:
        raise ValueError(f"a rating is 1 to 4, not {rating}")
    return Review(card, at, rating)


def habits(reviews: list[Review]) -> Habits:
    """Return what the reviews say of their learners."""
    first: dict[str, Review] = {}
    for each in reviews:
        first.setdefault(each.card, each)
    later = [right for *_, right in _later(reviews)]
    return Habits(
        reviews=len(reviews),
        cards=len(first),
        first_error=1 - float(np.mean([each.right for each in first.values()])),
        review_success=float(np.mean(later)) if later else float("nan"),
        answers_a_day=len(reviews) / len({int(each.days) for each in reviews}),
    )


def _later(reviews: list[Review]) -> Iterator[tuple[list[Review], float, bool]]:
    """Yield the history, the days since, and the result of reviews half a day or more later."""
    history: defaultdict[str, list[Review]] = defaultdict(list)
    for each in reviews:
        before = history[each.card]
        if before and each.days - before[-1].days >= HALF_A_DAY:
            yield list(before), each.days - before[-1].days, each.right
        before.append(each)


def predictions(reviews: list[Review]) -> list[Prediction]:
    """Return how well models predict the reviews; each but the average knows the history alone."""
    asked = list(_later(reviews))
    right = np.array([outcome for *_, outcome in asked], dtype=float)
    gaps = np.array([gap for _, gap, _ in asked])
    counts = np.array(
        [
            (sqrt(sum(r.right for r in past)), sqrt(sum(not r.right for r in past)))
            for past, *_ in asked
        ]
    )
    memories = [_memory(past) for past, *_ in asked]
    fsrs = [fsrs6.recall(m.stability, gap) for m, gap in zip(memories, gaps, strict=True)]
    return [
        _scored("FSRS-6, default parameters", np.array(fsrs), right),
        _scored(
            "Half-life regression, fitted to this log", _half_lives(counts, gaps, right), right
        ),
        _scored("Average of the log", np.full(len(right), right.mean()), right),
    ]


def _memory(history: list[Review]) -> fsrs6.Memory:
    memory = fsrs6.first_memory(history[0].rating)
    for before, each in pairwise(history):
        memory = fsrs6.reviewed(memory, each.rating, each.days - before.days)
    return memory


def _half_lives(
    counts: Vector,
    gaps: Vector,
    right: Vector,
) -> Vector:
    features = np.column_stack([np.ones(len(gaps)), counts])

    def predicted(weights: Vector) -> Vector:
        half = np.exp2(np.clip(features @ weights, -5, 15))
        return np.exp2(-gaps / half)

    fitted = minimize(
        lambda weights: float(_losses(predicted(weights), right).mean()),
        [log2(30), 0.5, -0.5],
        method="Nelder-Mead",
    )
    return predicted(fitted.x)


def _losses(predicted: Vector, right: Vector) -> Vector:
    likely = np.clip(predicted, 1e-6, 1 - 1e-6)
    return -(right * np.log(likely) + (1 - right) * np.log(1 - likely))


def _scored(model: str, predicted: Vector, right: Vector) -> Prediction:
    losses = _losses(predicted, right)
    return Prediction(model, float(losses.mean()), float(losses.std() / sqrt(len(losses))))
