"""The command `lab`: plays the policies, prints the tables, checks the figures."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from local.data_folder import ROOT
from ops.lab.logs import habits, predictions, read_log
from ops.lab.plots import write_plots
from ops.lab.policies import LIMITED, POLICIES, PRODUCT, RATIO, SOON, SPACED
from ops.lab.report import (
    Goal,
    course_table,
    difference,
    goal_table,
    goals,
    known,
    marathon_table,
    missed_recall,
    sitting_table,
    wait,
)
from ops.lab.run import Course, Marathon, Result, marathon, measure_all
from ops.record import table, write_section

DOCUMENT = ROOT / "docs" / "learning.md"
IMAGES = ROOT / "docs" / "img"
FIRST_SEED = 300
SITTING = Course(questions=50, days=None)
ERRORS = (0.10, 0.25, 0.45)
LARGE_ERROR = 0.41


class Options(NamedTuple):
    """Size of a simulation; seeds start at 300."""

    learners: int
    course: Course
    errors: tuple[float, ...]
    large: int
    processes: int


def run_laboratory(options: Options, log: Path | None, *, record: bool) -> int:
    """Play all policies and print what was found; with `record` also into docs/learning.md."""
    if log:
        options = _as_in(options, log)
    seeds = range(FIRST_SEED, FIRST_SEED + options.learners)
    _progress(f"{len(POLICIES)} policies on {options.learners} learners, seeds {_range(seeds)}")
    course = measure_all(POLICIES, seeds, options.errors, options.course, options.processes)
    _progress("one sitting of 50 questions")
    sitting = measure_all(PRODUCT, seeds, options.errors, SITTING, options.processes)
    runs = _marathons(options.large, seeds[: 3 if options.large else 0])
    sections = {
        "goals": goal_table(goals(course, sitting, runs)),
        "course": f"{_described(options, seeds)}\n\n{course_table(course)}",
        "sitting": sitting_table(sitting),
        "large": marathon_table(runs) if runs else "not played",
    }
    for name, text in sections.items():
        print(f"\n## {name}\n\n{text}")
    if record:
        for name, text in sections.items():
            write_section(f"lab {name}", text, DOCUMENT)
        write_plots(course, runs, IMAGES)
    return 0


def run_quick(processes: int) -> int:
    """Play few learners, and fail if a figure of the product's policies leaves its band."""
    seeds = range(FIRST_SEED, FIRST_SEED + 5)
    course = measure_all(PRODUCT, seeds, ERRORS, Course(), processes)
    sitting = measure_all(PRODUCT, seeds, (0.25,), SITTING, processes)
    found = bands(course, sitting, _marathons(1_000, seeds[:1]))
    print(goal_table(found))
    outside = [each.name for each in found if not each.reached]
    if outside:
        print(f"Outside their bands: {', '.join(outside)}.", file=sys.stderr)
    return 1 if outside else 0


def bands(
    course: Sequence[Result], sitting: Sequence[Result], runs: Sequence[Marathon]
) -> list[Goal]:
    """Return the figures of `lab-quick` with their bands; equal seeds give equal figures.

    The bands leave room for changes of the models, not for a policy that lost its effect.
    """
    by_name = {each.name: each for each in goals(course, sitting, runs)}
    exact = [each for name, each in by_name.items() if "pool" in name or "sitting of 50" in name]
    # One session of 1,000 questions: the seed alone is worth some percent.
    exact += [
        each._replace(high=1.05)
        for name, each in by_name.items()
        if name.startswith("answers of a large")
    ]
    return [
        Goal(
            "missed recall, SPACED 50",
            difference(course, SPACED.name, missed_recall).mean,
            *MISSED_RECALL_BAND,
        ),
        Goal(
            "missed recall, limit 16",
            difference(course, LIMITED.name, missed_recall).mean,
            *MISSED_RECALL_BAND,
        ),
        Goal(
            "missed recall, limit 16, lags 8 and 100",
            difference(course, SOON.name, missed_recall).mean,
            *MISSED_RECALL_BAND,
        ),
        Goal("questions known, SPACED 50", difference(course, SPACED.name, known).mean, -2, 3),
        Goal("questions known, limit 16", difference(course, LIMITED.name, known).mean, -2, 3),
        Goal("first review, RATIO, 90th percentile", wait(course, RATIO.name), 120, 250),
        Goal("first review, SPACED 50, 90th percentile", wait(course, SPACED.name), 18, 60),
        Goal("first review, limit 16, 90th percentile", wait(course, LIMITED.name), 16, 40),
        Goal(
            "first review, limit 16, lags 8 and 100, 90th percentile",
            wait(course, SOON.name),
            8,
            22,
        ),
        *exact,
    ]


MISSED_RECALL_BAND = (0.07, 0.20)


def _as_in(options: Options, path: Path) -> Options:
    """Return the options with the error rate and the answers a day of a log."""
    reviews = read_log(path)
    found = habits(reviews)
    rows = [
        [each.model, f"{each.loss:.3f} ± {1.96 * each.error:.3f}"] for each in predictions(reviews)
    ]
    print(
        f"The log has {found.reviews:,} reviews of {found.cards:,} cards: first tries are wrong in "
        f"{found.first_error:.0%}, later reviews right in {found.review_success:.0%}, with "
        f"{found.answers_a_day:.0f} answers a day.\n"
    )
    print(table(["prediction of reviews half a day or more later", "log loss"], rows))
    error = min(max(found.first_error, 0.03), 0.72)
    answers = max(1, round(found.answers_a_day))
    return options._replace(errors=(error,), course=options.course._replace(answers_a_day=answers))


def _marathons(questions: int, seeds: Sequence[int]) -> list[Marathon]:
    if seeds:
        _progress(f"{questions:,} questions to the end at {LARGE_ERROR:.0%} error")
    return [marathon(policy, questions, LARGE_ERROR, seed) for policy in PRODUCT for seed in seeds]


def _described(options: Options, seeds: Sequence[int]) -> str:
    errors = ", ".join(f"{each:.0%}" for each in options.errors)
    course = options.course
    return (
        f"{4 * options.learners * len(options.errors)} runs a policy: 4 models of memory, "
        f"{options.learners} learners (seeds {_range(seeds)}), errors of {errors}; a bank of "
        f"{course.questions} questions, {course.answers_a_day} answers a day for {course.days} "
        "days. Under RATIO the averages, for the others differences from it, paired by learner, "
        "with 95% intervals."
    )


def _range(seeds: Sequence[int]) -> str:
    return f"{seeds[0]} to {seeds[-1]}"


def _progress(text: str) -> None:
    print(f"Playing {text}", file=sys.stderr)
