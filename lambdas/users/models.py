"""Body of the profile route."""

from typing import Annotated, Self

from pydantic import StringConstraints, model_validator

from lambdas.shared.http.model import Language, Percentage, RequestModel
from lambdas.shared.http.texts import ONE_LINE


class UpdateUser(RequestModel):
    """What to change of a profile."""

    display_name: Annotated[str, StringConstraints(max_length=80, pattern=ONE_LINE)] | None = None
    language: Language | None = None
    wrong_answer_percentage: Percentage | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("there is nothing to change")
        return self
