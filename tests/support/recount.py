"""An independent recount: totals and statistics from raw answers at once, by the definitions.

It shares nothing with the tallies but the answers themselves: lists are sorted and walked, and
numpy computes the statistics in floating point.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import numpy as np

from domain.statistics.given_answer import GivenAnswer

DAY = 86_400_000


def distinct(answers: Iterable[GivenAnswer]) -> list[GivenAnswer]:
    """Return each submission once, in order of day, session and number."""
    by_identity = {(each.user_id, each.session_id, each.number): each for each in answers}
    return sorted(
        by_identity.values(), key=lambda each: (each.at // DAY, each.session_id, each.number)
    )


def learner_totals(answers: Iterable[GivenAnswer], today: int) -> dict[str, Any]:
    """Return one learner's figures by their names in the contract; `today` numbers a UTC day."""
    given = distinct(answers)
    runs = [(right, len(list(same))) for right, same in groupby(each.correct for each in given)]
    days = sorted({each.at // DAY for each in given})
    day_runs = [list(run) for _, run in groupby(days, key=lambda day: day - days.index(day))]
    recent = [day for day in days if today - 29 <= day <= today]
    categories = sorted({each.question_id.rpartition(":")[0] for each in given})
    return {
        "questionsAttempted": len({each.question_id for each in given}),
        "correct": sum(each.correct for each in given),
        "wrong": sum(not each.correct for each in given),
        "mastered": sum(each.mastered for each in given),
        "timeSpent": sum(each.time_spent for each in given) / 1000,
        "streaks": {
            "currentDays": len(day_runs[-1]) if days and days[-1] >= today - 1 else 0,
            "bestDays": max(map(len, day_runs), default=0),
            "currentAnswers": runs[-1][1] if runs and runs[-1][0] else 0,
            "bestAnswers": max((length for right, length in runs if right), default=0),
        },
        "categories": [
            {
                "category": name,
                "questionsAttempted": len({each.question_id for each in inside}),
                "correct": sum(each.correct for each in inside),
                "wrong": sum(not each.correct for each in inside),
                "mastered": sum(each.mastered for each in inside),
            }
            for name in categories
            for inside in [[e for e in given if e.question_id.rpartition(":")[0] == name]]
        ],
        "days": [
            {
                "date": datetime.fromtimestamp(day * DAY // 1000, UTC).date().isoformat(),
                "correct": sum(each.correct for each in given if each.at // DAY == day),
                "wrong": sum(not each.correct for each in given if each.at // DAY == day),
            }
            for day in recent
        ],
    }


_DEPTHS = [(1, 1), (2, 2), *((2**n + 1, 2 ** (n + 1)) for n in range(1, 10)), (1025, None)]


def by_version(answers: Iterable[GivenAnswer]) -> dict[tuple[str, int], list[GivenAnswer]]:
    """Return each submission once, by question and version."""
    found: defaultdict[tuple[str, int], list[GivenAnswer]] = defaultdict(list)
    for each in {(a.user_id, a.session_id, a.number): a for a in answers}.values():
        found[each.question_id, each.version].append(each)
    return found


def item_statistics(answers: Sequence[GivenAnswer], choices: int) -> dict[str, Any]:
    """Return the statistics of one version of a question, from distinct answers.

    Quantiles are those of the times themselves; tallies keep them to within 9.1%.
    """
    first = [each for each in answers if each.attempt == 1]
    right = np.array([each.correct for each in first], dtype=float)
    scored = [each for each in first if each.number > 5]
    scores = np.array([1000 * e.right_before // (e.number - 1) for e in scored], dtype=float)
    outcomes = np.array([each.correct for each in scored], dtype=float)
    times = np.array([each.time_spent for each in answers if each.time_spent], dtype=float)
    correlation = None
    if len(scored) > 1 and scores.std() and outcomes.std():
        correlation = float(np.corrcoef(scores, outcomes)[0, 1])
    # The fewest top tenths of the scale that hold 27% of the learners.
    tenths = np.minimum(scores // 100, 9)
    lowest = 10
    while lowest and np.sum(tenths >= lowest) < 0.27 * len(scored):
        lowest -= 1
    strongest = [each for each, tenth in zip(scored, tenths, strict=True) if tenth >= lowest]
    months: defaultdict[str, list[bool]] = defaultdict(list)
    for each in first:
        months[f"{datetime.fromtimestamp(each.at / 1000, UTC):%Y-%m}"].append(each.correct)
    return {
        "answers": len(answers),
        "right": sum(each.correct for each in answers),
        "firstTries": len(first),
        "firstRight": int(right.sum()),
        "reviews": sum(each.review for each in answers),
        "reviewsRight": sum(each.review and each.correct for each in answers),
        "facility": float(right.mean()) if first else None,
        "scored": len(scored),
        "discrimination": correlation,
        "timed": len(times),
        "meanTime": float(times.mean()) if len(times) else None,
        "quantiles": {
            share: float(np.quantile(times, share, method="inverted_cdf")) if len(times) else None
            for share in (0.25, 0.5, 0.75, 0.9)
        },
        "taken": tuple(sum(c in each.selected for each in answers) for c in range(choices)),
        "firstTaken": tuple(sum(c in each.selected for each in first) for c in range(choices)),
        "strongest": (
            len(strongest),
            tuple(sum(c in each.selected for each in strongest) for c in range(choices)),
        ),
        "attempts": [
            (number, len(these), sum(each.correct for each in these))
            for number in range(1, 9)
            if (these := [each for each in answers if min(each.attempt, 8) == number])
        ],
        "depths": [
            (first, last, len(these), sum(each.pool_entries for each in these))
            for first, last in _DEPTHS
            if (these := [e for e in answers if first <= e.number <= (last or e.number)])
        ],
        "months": [(name, len(all_), sum(all_)) for name, all_ in sorted(months.items())],
    }
