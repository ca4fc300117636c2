"""Bodies of the bank's routes, and a question as the bank takes it."""

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    SkipValidation,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from domain.look_alikes import as_seen
from domain.pinned_choices import pinned_places
from domain.question import MAX_CHOICES, MIN_CHOICES
from lambdas.contract.bodies.bank_fields import BankCategoryName, visible
from lambdas.contract.bodies.base import Language, RequestModel
from lambdas.contract.bodies.faults import refusal
from lambdas.contract.bodies.texts import ONE_LINE, PROSE, VISIBLE_PROSE
from lambdas.contract.errors import FieldCode

MAX_QUESTIONS = 100
"""Questions of one request."""


Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=4000, pattern=VISIBLE_PROSE),
    AfterValidator(visible),
]


class AnswerDraft(RequestModel):
    """A choice; a pinned one keeps its place.

    Unless `pinned` is given, a choice that refers to others, as "All of the above", is pinned.
    """

    text: Annotated[
        str,
        StringConstraints(min_length=1, max_length=1000, pattern=VISIBLE_PROSE),
        AfterValidator(visible),
    ]
    correct: bool
    pinned: bool = False


class QuestionDraft(RequestModel):
    """A question for the bank. Markdown and LaTeX are kept as they are."""

    category: BankCategoryName
    text: Text
    type: Literal["SINGLE_CHOICE", "MULTIPLE_CHOICE"] = "SINGLE_CHOICE"
    answers: Annotated[
        tuple[AnswerDraft, ...],
        Field(min_length=MIN_CHOICES, max_length=MAX_CHOICES, strict=False),
    ]
    explanation: Annotated[str, StringConstraints(max_length=4000, pattern=PROSE)] = ""
    language: Language = "en"
    difficulty: Annotated[int, Field(ge=1, le=5)] | None = None
    tags: Annotated[
        tuple[
            Annotated[str, StringConstraints(min_length=1, max_length=50, pattern=ONE_LINE)], ...
        ],
        Field(max_length=20, strict=False),
    ] = ()
    external_id: (
        Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=ONE_LINE)] | None
    ) = None

    @field_validator("answers")
    @classmethod
    def _gradable(
        cls, answers: tuple[AnswerDraft, ...], info: ValidationInfo
    ) -> tuple[AnswerDraft, ...]:
        faults = []
        if len({as_seen(answer.text) for answer in answers}) < len(answers):
            faults.append((FieldCode.DUPLICATE, "Give each answer a text of its own."))
        correct = sum(answer.correct for answer in answers)
        kind = info.data.get("type")
        wrong_number = FieldCode.WRONG_CORRECT_ANSWERS
        if kind == "SINGLE_CHOICE" and correct != 1:
            faults.append((wrong_number, f"Mark exactly one answer correct, not {correct}."))
        if kind == "MULTIPLE_CHOICE" and not 0 < correct < len(answers):
            sentence = "Mark at least one answer correct and leave at least one wrong."
            faults.append((wrong_number, sentence))
        if faults:
            raise refusal(faults[0][0], " ".join(sentence for _, sentence in faults))
        return _with_pins(answers)


class ReplaceQuestion(QuestionDraft):
    """A replacement of a question: a draft, or the question as `getBankQuestion` returns it.

    A `version` that is given is checked; the other fields that no client can change are ignored.
    """

    version: Annotated[int, Field(ge=1)] | None = None
    question_id: str | None = None
    retired: bool | None = None
    created_at: str | None = None
    updated_at: str | None = None


def _with_pins(answers: tuple[AnswerDraft, ...]) -> tuple[AnswerDraft, ...]:
    """Decide for each choice that does not state it whether it is pinned."""
    places = pinned_places([answer.text for answer in answers])
    return tuple(
        answer
        if "pinned" in answer.model_fields_set
        else answer.model_copy(update={"pinned": place in places})
        for place, answer in enumerate(answers)
    )


class SaveQuestions(RequestModel):
    """Questions to create or update, each checked by itself."""

    questions: Annotated[
        tuple[SkipValidation[QuestionDraft], ...],
        Field(min_length=1, max_length=MAX_QUESTIONS, strict=False),
    ]
