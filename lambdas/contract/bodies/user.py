"""Body of the profile route."""

from typing import Annotated, Self

from pydantic import ConfigDict, StringConstraints, field_validator, model_validator

from lambdas.contract.bodies.base import Language, some_given
from lambdas.contract.bodies.faults import refusal
from lambdas.contract.bodies.session import SessionPreferences
from lambdas.contract.bodies.texts import ONE_LINE
from lambdas.contract.errors import FieldCode
from lambdas.contract.formats import TIME_ZONE_PATTERN
from lambdas.contract.time_zones import time_zones

TIME_ZONE_SENTENCE = "Use the IANA name of a time zone, such as Europe/Vienna."


class UpdateUser(SessionPreferences):
    """Changes of a profile."""

    model_config = ConfigDict(
        json_schema_extra=some_given(
            "anyOf",
            displayName="string",
            language="string",
            timeZone="string",
            policy="string",
            wrongAnswerPercentage="integer",
            spacing="object",
        )
    )

    display_name: Annotated[str, StringConstraints(max_length=80, pattern=ONE_LINE)] | None = None
    language: Language | None = None
    time_zone: Annotated[str, StringConstraints(pattern=TIME_ZONE_PATTERN)] | None = None

    @field_validator("time_zone")
    @classmethod
    def _known(cls, time_zone: str | None) -> str | None:
        if time_zone is not None and time_zone not in time_zones():
            raise refusal(FieldCode.INVALID_VALUE, TIME_ZONE_SENTENCE)
        return time_zone

    @model_validator(mode="after")
    def _something(self) -> Self:
        given = (self.display_name, self.language, self.time_zone, *self.preferences)
        if all(each is None for each in given):
            raise refusal(FieldCode.REQUIRED, "Give at least one field to change.")
        return self
