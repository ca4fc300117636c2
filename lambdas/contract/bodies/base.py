"""The base of every request body."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    model_validator,
)
from pydantic import ValidationError as PydanticError
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from lambdas.contract.bodies.faults import field_fault, is_consequence
from lambdas.contract.errors import ValidationError
from lambdas.contract.formats import CATEGORY_PATTERN, LANGUAGE_PATTERN


class RequestModel(BaseModel):
    """Strict, immutable, camelCase outside; unknown fields are an error.

    `null` for a field with a default means that it is absent.
    """

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, alias_generator=to_camel, allow_inf_nan=False
    )

    @classmethod
    def read(cls, value: object) -> Self:
        """Return a value of JSON as this model: no coercion, no unknown fields.

        Raises:
            ValidationError: fields are refused; every one is named.
        """
        try:
            return cls.model_validate(value)
        except PydanticError as error:
            errors = error.errors(include_url=False)
            raise ValidationError(
                field_fault(each) for each in errors if not is_consequence(each)
            ) from None

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        omissible = cls._omissible()
        return {
            name: each for name, each in value.items() if each is not None or name not in omissible
        }

    @classmethod
    def _omissible(cls) -> frozenset[str]:
        """Return the names of fields that have a default other than null."""
        return frozenset(
            field.alias or name
            for name, field in cls.model_fields.items()
            if not field.is_required() and field.default is not None
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema, with null allowed where it means absent."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema)["properties"]
        for name in cls._omissible():
            field = properties[name]
            default = {"default": field.pop("default")} if "default" in field else {}
            properties[name] = {"anyOf": [field, {"type": "null"}], **default}
        return schema


Percentage = Annotated[int, Field(ge=0, le=100)]
"""A whole number of percent."""

CategoryName = Annotated[str, StringConstraints(pattern=CATEGORY_PATTERN)]


Language = Annotated[str, StringConstraints(pattern=LANGUAGE_PATTERN, max_length=35)]
"""A language tag (RFC 5646)."""


def some_given(of: Literal["anyOf", "oneOf"], **types: str) -> dict[str, Any]:
    """Return the schema of a body in which one of the fields must be present and not null."""
    given = [{"required": [each], "properties": {each: {"type": types[each]}}} for each in types]
    return {of: given}
