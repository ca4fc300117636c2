"""Body of the profile route."""

from typing import Annotated, Self

from pydantic import ConfigDict, StringConstraints, model_validator

from lambdas.contract.bodies.base import Language, some_given
from lambdas.contract.bodies.faults import refusal
from lambdas.contract.bodies.session import SessionPreferences
from lambdas.contract.bodies.texts import ONE_LINE
from lambdas.contract.errors import FieldCode


class UpdateUser(SessionPreferences):
    """Changes of a profile."""

    model_config = ConfigDict(
        json_schema_extra=some_given(
            "anyOf",
            displayName="string",
            language="string",
            policy="string",
            wrongAnswerPercentage="integer",
            spacing="object",
        )
    )

    display_name: Annotated[str, StringConstraints(max_length=80, pattern=ONE_LINE)] | None = None
    language: Language | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        given = (self.display_name, self.language, *self.preferences)
        if all(each is None for each in given):
            raise refusal(FieldCode.REQUIRED, "Give at least one field to change.")
        return self
