"""Body of the profile route."""

from typing import Annotated, Self

from pydantic import ConfigDict, StringConstraints, model_validator

from lambdas.contract.bodies.base import Language, Percentage, RequestModel, some_given
from lambdas.contract.bodies.texts import ONE_LINE


class UpdateUser(RequestModel):
    """What to change of a profile."""

    model_config = ConfigDict(
        json_schema_extra=some_given(
            "anyOf", displayName="string", language="string", wrongAnswerPercentage="integer"
        )
    )

    display_name: Annotated[str, StringConstraints(max_length=80, pattern=ONE_LINE)] | None = None
    language: Language | None = None
    wrong_answer_percentage: Percentage | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("there is nothing to change")
        return self
