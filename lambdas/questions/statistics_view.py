"""Statistics as the contract shows them: shares to four decimals, times in seconds."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from domain.question import category_and_ordinal
from domain.statistics.category import CLASSES, QuestionTally
from domain.statistics.item import Attempt, Flag, ItemTally
from lambdas.questions.statistics import CategoryReport
from lambdas.shared.store.questions import BankRecord
from lambdas.shared.timestamps import iso

if TYPE_CHECKING:
    from lambdas.contract import statistics_responses


def question_statistics_view(
    record: BankRecord, tally: ItemTally
) -> "statistics_responses.QuestionStatistics":
    """Return how a question behaves, its answer key included."""
    question = record.question
    choices = len(question.choices)
    strongest = tally.strongest(choices)
    return {
        "questionId": question.question_id,
        "category": category_and_ordinal(question.question_id)[0],
        "version": question.version,
        "asOf": iso(tally.as_of) if tally.as_of else None,
        "attempts": tally.answers,
        "correct": tally.right,
        "firstTries": tally.first_tries,
        "firstTriesCorrect": tally.first_right,
        "reviews": tally.reviews,
        "reviewsCorrect": tally.reviews_right,
        "facility": _share(tally.facility),
        "discrimination": _discrimination(tally),
        "timeSpent": {
            "answers": tally.timed,
            "mean": _seconds(tally.mean_time),
            "lowerQuartile": _seconds(tally.time_quantile(0.25)),
            "median": _seconds(tally.time_quantile(0.5)),
            "upperQuartile": _seconds(tally.time_quantile(0.75)),
        },
        "strongest": {
            "learners": strongest.learners,
            "fromScore": strongest.score if strongest.learners else None,
        },
        "choices": [
            {
                "text": choice.text,
                "correct": choice.correct,
                "taken": taken,
                "takenAtFirst": first,
                "takenByStrongest": able,
            }
            for choice, taken, first, able in zip(
                question.choices,
                tally.taken(choices),
                tally.first_taken(choices),
                strongest.taken,
                strict=True,
            )
        ],
        "months": [
            {"month": each.month, "firstTries": each.first_tries, "correct": each.right}
            for each in tally.months
        ],
        "learning": _learning(tally.attempts),
        "flags": _flags(tally),
    }


def category_statistics_view(
    category: str, report: CategoryReport
) -> "statistics_responses.CategoryStatistics":
    """Return how the questions of a category behave together."""
    found = report.statistics
    facility = found.first_right / found.first_tries if found.first_tries else None
    return {
        "category": category,
        "asOf": iso(found.as_of) if found.as_of else None,
        "questions": found.questions,
        "answered": found.answered,
        "judged": found.judged,
        "attempts": found.answers,
        "firstTries": found.first_tries,
        "firstTriesCorrect": found.first_right,
        "reviews": found.reviews,
        "reviewsCorrect": found.reviews_right,
        "facility": _share(facility),
        "facilities": [
            {"from": step / CLASSES, "to": (step + 1) / CLASSES, "questions": count}
            for step, count in enumerate(found.facilities)
        ],
        "learning": _learning(found.attempts),
        "poolDepth": [
            {
                "fromAnswer": each.first,
                "toAnswer": each.last,
                "answers": each.answers,
                "meanDepth": round(each.entries / each.answers, 4),
            }
            for each in found.depths
        ],
        "flags": {
            "misleading": found.flags[Flag.MISLEADING],
            "ambiguous": found.flags[Flag.AMBIGUOUS],
            "tooHard": found.flags[Flag.TOO_HARD],
            "tooEasy": found.flags[Flag.TOO_EASY],
        },
        "worst": [
            _poor_question(each, report.records[each.question_id])
            for each in found.worst
            if each.question_id in report.records
        ],
    }


def _poor_question(each: QuestionTally, record: BankRecord) -> "statistics_responses.PoorQuestion":
    return {
        "questionId": each.question_id,
        "text": record.question.text,
        "firstTries": each.tally.first_tries,
        "facility": _share(each.tally.facility),
        "discrimination": _discrimination(each.tally),
        "flags": _flags(each.tally),
    }


def _learning(attempts: Iterable[Attempt]) -> "list[statistics_responses.AttemptStatistics]":
    return [
        {"attempt": each.number, "answers": each.answers, "correct": each.right}
        for each in attempts
    ]


def _discrimination(tally: ItemTally) -> "statistics_responses.Discrimination":
    found = tally.discrimination
    return {
        "firstTries": tally.scored,
        "value": _share(found.value if found else None),
        "low": _share(found.low if found else None),
        "high": _share(found.high if found else None),
    }


def _flags(tally: ItemTally) -> "list[statistics_responses.QuestionFlag]":
    return [flag.value for flag in tally.flags]


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds / 1000, 3)
