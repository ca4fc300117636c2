"""Body of the category route."""

from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, StringConstraints, model_validator

from lambdas.contract.bodies.bank_fields import visible
from lambdas.contract.bodies.base import Language, RequestModel, some_given
from lambdas.contract.bodies.faults import refusal
from lambdas.contract.bodies.session import SessionPreferences
from lambdas.contract.bodies.texts import ONE_LINE, PROSE
from lambdas.contract.errors import FieldCode


class UpdateCategory(RequestModel):
    """Changes of a category; `settings` replaces all default settings, and `{}` removes them."""

    model_config = ConfigDict(
        json_schema_extra=some_given(
            "anyOf", title="string", description="string", language="string", settings="object"
        )
    )

    title: (
        Annotated[
            str,
            StringConstraints(min_length=1, max_length=80, pattern=ONE_LINE),
            AfterValidator(visible),
        ]
        | None
    ) = None
    description: Annotated[str, StringConstraints(max_length=1000, pattern=PROSE)] | None = None
    language: Language | None = None
    settings: SessionPreferences | None = None

    @property
    def texts(self) -> dict[str, str]:
        """The texts that are given, by attribute."""
        given = {
            "title": self.title,
            "description": self.description,
            "language": self.language,
        }
        return {name: text for name, text in given.items() if text is not None}

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.texts and self.settings is None:
            raise refusal(FieldCode.REQUIRED, "Give at least one field to change.")
        return self
