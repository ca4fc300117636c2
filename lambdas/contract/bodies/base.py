"""The base of every request body."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from lambdas.contract.routes import CATEGORY_PATTERN


class RequestModel(BaseModel):
    """Strict, immutable, camelCase outside; unknown fields are an error."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, alias_generator=to_camel, allow_inf_nan=False
    )


Percentage = Annotated[int, Field(ge=0, le=100)]
"""A whole number of percent."""

CategoryName = Annotated[str, StringConstraints(pattern=CATEGORY_PATTERN)]

Language = Annotated[
    str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)
]
"""A language tag (RFC 5646)."""


def some_given(of: Literal["anyOf", "oneOf"], **types: str) -> dict[str, Any]:
    """Return what a schema says where some of the fields have to be there and not be null."""
    given = [{"required": [each], "properties": {each: {"type": types[each]}}} for each in types]
    return {of: given}
