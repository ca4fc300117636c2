"""Fields of the bodies that write the bank: those of questions, categories and imports."""

from typing import Annotated

from pydantic import AfterValidator

from domain.look_alikes import is_blank
from domain.question import SMOKE_CATEGORY
from lambdas.contract.bodies.base import CategoryName
from lambdas.contract.bodies.faults import refusal
from lambdas.contract.errors import FieldCode


def _not_reserved(category: str) -> str:
    if category == SMOKE_CATEGORY:
        message = f"The category {SMOKE_CATEGORY} is reserved for the smoke test: choose another."
        raise refusal(FieldCode.INVALID_VALUE, message)
    return category


BankCategoryName = Annotated[CategoryName, AfterValidator(_not_reserved)]
"""A category that administrators may write."""


def visible(text: str) -> str:
    """Return a text that has something to see; raise the fault of one that has not."""
    if is_blank(text):
        raise refusal(FieldCode.INVALID_CHARACTERS, "The text must have a visible character.")
    return text
