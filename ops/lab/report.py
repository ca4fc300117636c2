"""Tables of the laboratory: averages, and differences from RATIO with 95% intervals."""

from collections.abc import Callable, Iterable, Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from ops.lab.policies import LIMITED, RATIO, SOON, SPACED
from ops.lab.run import Marathon, Result
from ops.record import table

Value = Callable[[Result], float]


class Interval(NamedTuple):
    """A mean with its 95% interval."""

    mean: float
    half: float

    @property
    def low(self) -> float:
        """The lower bound."""
        return self.mean - self.half

    def __str__(self) -> str:
        return f"{self.mean:+.3g} ± {self.half:.2g}"


def known(result: Result) -> float:
    """Questions known after 7 days, more than without the course."""
    return result.known


def missed_recall(result: Result) -> float:
    """Recall of missed questions after 7 days."""
    return result.missed_recall[0]


def missed_recall_later(result: Result) -> float:
    """Recall of missed questions after 30 days."""
    return result.missed_recall[1]


def answers(result: Result) -> float:
    """Answers given."""
    return result.answers


def average(results: Iterable[Result], policy: str, value: Value) -> float:
    """Return the mean of a value under a policy."""
    return float(np.mean([value(each) for each in results if each.policy == policy]))


def wait(results: Iterable[Result], policy: str) -> float:
    """Return the 90th percentile of the answers until a first review."""
    waits = [wait for each in results if each.policy == policy for wait in each.waits]
    return float(np.percentile(waits, 90)) if waits else float("nan")


def difference(results: Sequence[Result], policy: str, value: Value) -> Interval:
    """Return a policy's difference from RATIO, paired by learner.

    A learner's difference is the mean over models and error rates; learners are the sample.
    """
    under = {(each.policy, each.model, each.error, each.seed): value(each) for each in results}
    by_learner: dict[int, list[float]] = {}
    for (name, model, error, seed), found in under.items():
        if name == policy:
            pair = found - under[RATIO.name, model, error, seed]
            by_learner.setdefault(seed, []).append(pair)
    means = [float(np.mean(each)) for each in by_learner.values()]
    if len(means) < 2:
        return Interval(float(np.mean(means)), float("inf"))
    spread = float(student.ppf(0.975, len(means) - 1)) * float(np.std(means, ddof=1))
    return Interval(float(np.mean(means)), spread / sqrt(len(means)))


def course_table(results: Sequence[Result]) -> str:
    """Return the table of a course: the averages under RATIO, differences for the others."""
    names = list(dict.fromkeys(each.policy for each in results))
    rows: list[list[object]] = [
        _row("questions known 7 days later", results, names, known),
        *(
            _row(f"… at {error:.0%} error", _where(results, error=error), names, known)
            for error in dict.fromkeys(each.error for each in results)
        ),
        *(
            _row(f"… learners of {model}", _where(results, model=model), names, known)
            for model in dict.fromkeys(each.model for each in results)
        ),
        _row("recall of missed questions, 7 days later", results, names, missed_recall),
        _row("… 30 days later", results, names, missed_recall_later),
        _plain(
            "missed and never asked again", names, lambda n: f"{average(results, n, _stranded):.1f}"
        ),
        _plain(
            "answers until the first review, 90th percentile",
            names,
            lambda name: f"{wait(results, name):.0f}",
        ),
        _plain(
            "share of the bank covered",
            names,
            lambda name: f"{average(results, name, _covered):.0%}",
        ),
    ]
    return table(["", *names], rows)


def _plain(title: str, names: Iterable[str], shown: Callable[[str], str]) -> list[object]:
    return [title, *(shown(name) for name in names)]


def _row(title: str, results: Sequence[Result], names: Sequence[str], value: Value) -> list[object]:
    first = f"{average(results, names[0], value):.3g}"
    return [title, first, *(str(difference(results, name, value)) for name in names[1:])]


def _where(
    results: Iterable[Result], *, error: float | None = None, model: str | None = None
) -> list[Result]:
    return [r for r in results if error in (None, r.error) and model in (None, r.model)]


def sitting_table(results: Sequence[Result]) -> str:
    """Return the table of one sitting to the end of a session."""
    names = list(dict.fromkeys(each.policy for each in results))
    rows: list[list[object]] = [
        ["answers to the end", *(f"{average(results, name, answers):.1f}" for name in names)],
        _row("recall of missed questions, 7 days later", results, names, missed_recall),
    ]
    return table(["", *names], rows)


def marathon_table(runs: Iterable[Marathon]) -> str:
    """Return the table of a large bank played to its end."""
    runs = list(runs)
    rows = [
        [
            name,
            *(
                f"{np.mean([getattr(each, field) for each in runs if each.policy == name]):,.0f}"
                for field in ("answers", "deepest", "refills", "wait")
            ),
        ]
        for name in dict.fromkeys(each.policy for each in runs)
    ]
    head = ["policy", "answers to finish", "deepest pool", "reads of the pool"]
    return table([*head, "answers until the first review, 90th percentile"], rows)


_LIMITED = {LIMITED.name: "limit 16", SOON.name: "limit 16, lags 8 and 100"}


class Goal(NamedTuple):
    """A number to reach: `found` has to be within `low` and `high`."""

    name: str
    found: float
    low: float = -np.inf
    high: float = np.inf

    @property
    def reached(self) -> bool:
        """Whether the number is reached."""
        return self.low <= self.found <= self.high


def goals(
    course: Sequence[Result], sitting: Sequence[Result], runs: Sequence[Marathon]
) -> list[Goal]:
    """Return the numbers that SPACED was built to reach."""
    spaced = SPACED.name

    def low(policy: str, value: Value) -> float:
        return difference(course, policy, value).low

    found = [
        Goal("missed recall, SPACED 50, lower bound", low(spaced, missed_recall), low=0.10),
        Goal("questions known, SPACED 50, lower bound", low(spaced, known), low=-1.0),
    ]
    for name, label in _LIMITED.items():
        under = [each for each in course if each.policy == name]
        found += [
            Goal(f"missed recall, {label}, lower bound", low(name, missed_recall), low=0.13),
            Goal(f"questions known, {label}, lower bound", low(name, known), low=-1.0),
            Goal(f"first review, {label}, 90th percentile", wait(course, name), high=22),
            Goal(f"never asked again, {label}", average(course, name, _stranded), high=4),
            Goal(f"deepest pool, {label}", max(each.deepest for each in under), high=16),
            Goal(f"reads of the pool, {label}", sum(each.refills for each in under), high=0),
        ]
    for name in (spaced, *_LIMITED):
        ratio = average(sitting, name, answers) / average(sitting, RATIO.name, answers)
        recall = difference(sitting, name, missed_recall)
        found += [
            Goal(f"answers of a sitting of 50, {name}, as a multiple of RATIO", ratio, high=1.02),
            Goal(f"missed recall of a sitting, {name}, upper bound", recall.mean + recall.half, 0),
        ]
    return [*found, *_marathon_goals(runs)]


def _stranded(result: Result) -> float:
    return result.stranded


def _covered(result: Result) -> float:
    return result.covered


def _marathon_goals(runs: Sequence[Marathon]) -> list[Goal]:
    if not runs:
        return []
    finish = {
        name: float(np.mean([each.answers for each in runs if each.policy == name]))
        for name in (RATIO.name, *_LIMITED)
    }
    found = []
    for name, label in _LIMITED.items():
        limited = [each for each in runs if each.policy == name]
        ratio = finish[name] / finish[RATIO.name]
        found += [
            Goal(f"answers of a large bank, {label}, as a multiple of RATIO", ratio, high=1.01),
            Goal(
                f"deepest pool of a large bank, {label}", max(r.deepest for r in limited), high=16
            ),
            Goal(
                f"reads of the pool, large bank, {label}", sum(r.refills for r in limited), high=0
            ),
        ]
    return found


def goal_table(found: Iterable[Goal]) -> str:
    """Return the table of the numbers to reach."""
    rows = [
        [
            each.name,
            f"{each.found:.4g}",
            f"≥ {each.low:g}" if each.low > -np.inf else f"≤ {each.high:g}",
            "reached" if each.reached else "missed",
        ]
        for each in found
    ]
    return table(["number to reach", "found", "goal", ""], rows)
