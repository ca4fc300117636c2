"""Body of the answer route."""

from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from domain.question import MAX_CHOICES
from lambdas.contract.bodies.base import RequestModel
from lambdas.contract.bodies.faults import refusal
from lambdas.contract.errors import FieldCode, ValidationError
from lambdas.contract.formats import CHOICE_ID_PATTERN, MAX_TIME_SPENT, QUESTION_ID_PATTERN

_CHOSEN = ("questionId", "turn", "selectedAnswers")

ChoiceId = Annotated[str, StringConstraints(pattern=CHOICE_ID_PATTERN)]


class SubmitAnswer(RequestModel):
    """The choices selected on a turn; `timeSpent` in seconds."""

    question_id: Annotated[str, StringConstraints(pattern=QUESTION_ID_PATTERN)]
    turn: Annotated[int, Field(ge=1)] | None = None
    selected_answers: Annotated[
        tuple[ChoiceId, ...], Field(min_length=1, max_length=MAX_CHOICES, strict=False)
    ]
    time_spent: Annotated[float, Field(ge=0, le=MAX_TIME_SPENT)] = 0.0

    @field_validator("selected_answers")
    @classmethod
    def _distinct(cls, selected: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(selected)) < len(selected):
            raise refusal(FieldCode.DUPLICATE, "Select each choice once.")
        return selected


def sound_answer(body: object) -> SubmitAnswer | None:
    """Return question, turn and choices of a refused body; None if one of these is faulty."""
    if not isinstance(body, dict):
        return None
    try:
        return SubmitAnswer.read({name: body[name] for name in _CHOSEN if name in body})
    except ValidationError:
        return None
