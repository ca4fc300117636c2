"""The body of an answer, taken without pydantic where nothing is wrong with it.

`SubmitAnswer` in `models.py` is the declaration: it is what is published, and what names faults.
Loading it is a quarter of this function's start, so a sound body, as every client sends but by
mistake, is recognized by hand, and any other is left to the model.
"""

from re import compile as compile_pattern
from typing import Any, NamedTuple

from domain.question import MAX_CHOICES
from lambdas.contract.routes import CHOICE_ID_PATTERN, MAX_TIME_SPENT, QUESTION_ID_PATTERN
from lambdas.shared.http.request import checked

_is_question_id = compile_pattern(QUESTION_ID_PATTERN).fullmatch
_is_choice_id = compile_pattern(CHOICE_ID_PATTERN).fullmatch
_FIELDS = {"questionId", "turn", "selectedAnswers", "timeSpent"}


class Submission(NamedTuple):
    """The choices selected on a turn; `time_spent` in seconds."""

    question_id: str
    turn: int | None
    selected_answers: tuple[str, ...]
    time_spent: float


def read_submission(value: Any) -> Submission:
    """Return the submission of a JSON value.

    Raises:
        ValidationError: fields are wrong; every one is named.
    """
    return recognized(value) or _checked(value)


def recognized(value: Any) -> Submission | None:
    """Return the submission of a JSON value that is sound beyond doubt.

    None says nothing: it may be sound or not. What is returned the model accepts, as the same
    (tests/unit/lambdas/test_submission.py).
    """
    if not isinstance(value, dict) or not value.keys() <= _FIELDS:
        return None
    question_id, selected = value.get("questionId"), value.get("selectedAnswers")
    turn, time_spent = value.get("turn"), value.get("timeSpent", 0)
    if not (isinstance(question_id, str) and _is_question_id(question_id)):
        return None
    if not (isinstance(selected, list) and _are_choices(selected)):
        return None
    # True is a number to Python, and 1.0 is none of the whole ones to JSON.
    if not (turn is None or (type(turn) is int and turn >= 1)):
        return None
    if not (type(time_spent) in (int, float) and 0 <= time_spent <= MAX_TIME_SPENT):
        return None
    return Submission(question_id, turn, tuple(selected), float(time_spent))


def _are_choices(selected: list[Any]) -> bool:
    return (
        1 <= len(selected) <= MAX_CHOICES
        and all(isinstance(each, str) and _is_choice_id(each) for each in selected)
        and len(set(selected)) == len(selected)
    )


def _checked(value: Any) -> Submission:
    from lambdas.contract.bodies.answer import SubmitAnswer  # noqa: PLC0415 - loads pydantic

    body = checked(SubmitAnswer, value)
    return Submission(body.question_id, body.turn, body.selected_answers, body.time_spent)
