"""Bodies of the import routes."""

from typing import Annotated

from pydantic import Field, SkipValidation, field_validator

from lambdas.contract.bodies.bank_fields import BankCategoryName
from lambdas.contract.bodies.base import RequestModel
from lambdas.contract.bodies.faults import refusal
from lambdas.contract.bodies.question import MAX_QUESTIONS, QuestionDraft
from lambdas.contract.errors import FieldCode

MAX_CATEGORIES = 90
"""Categories of one import: all of them are published in one transaction of 100 actions."""


class OpenImport(RequestModel):
    """The categories that an import may change."""

    categories: Annotated[
        tuple[BankCategoryName, ...],
        Field(min_length=1, max_length=MAX_CATEGORIES, strict=False),
    ]

    @field_validator("categories")
    @classmethod
    def _distinct(cls, categories: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(categories)) < len(categories):
            raise refusal(FieldCode.DUPLICATE, "Name each category once.")
        return categories


class AddImportPart(RequestModel):
    """A part of an import: its number, from 1 without gaps, and its questions."""

    part: Annotated[int, Field(ge=1, le=1_000_000)]
    questions: Annotated[
        tuple[SkipValidation[QuestionDraft], ...],
        Field(min_length=1, max_length=MAX_QUESTIONS, strict=False),
    ]
