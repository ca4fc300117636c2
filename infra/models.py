"""Request bodies as the gateway publishes them: JSON schema draft 4, of the functions' own models.

https://docs.aws.amazon.com/apigateway/latest/developerguide/models-mappings-models.html
"""

from pkgutil import resolve_name
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

DRAFT_4 = "http://json-schema.org/draft-04/schema#"

Schema = dict[str, Any]

_REFERENCE = "#/$defs/"
_BOUNDS = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
_MEANINGLESS = frozenset({"$defs", "discriminator", "examples"})  # in draft 4, or once inlined


class _UntitledFields(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


def model_name(body: str) -> str:
    """Return the name of the model of a route's body, `module:Class`."""
    return body.rpartition(":")[2]


def model_schema(body: str) -> Schema:
    """Return the schema of a route's body."""
    schema = TypeAdapter(resolve_name(body)).json_schema(schema_generator=_UntitledFields)
    return {"$schema": DRAFT_4, **_draft_4(schema, schema.get("$defs", {}))}


def _draft_4(schema: Schema, definitions: Schema) -> Schema:
    """Rewrite keywords that draft 4 lacks, with every reference inlined: no body recurs."""
    if (reference := schema.get("$ref")) is not None:
        target = definitions[reference.removeprefix(_REFERENCE)]
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _draft_4({**target, **beside}, definitions)
    rewritten: Schema = {}
    for key, value in schema.items():
        if key in _MEANINGLESS or value is None:  # templates hold no null
            continue
        if key == "const":
            rewritten["enum"] = [value]
        elif key in _BOUNDS:
            rewritten |= {_BOUNDS[key]: value, key: True}
        elif key == "properties":
            rewritten[key] = {name: _draft_4(field, definitions) for name, field in value.items()}
        else:
            rewritten[key] = _nested(value, definitions)
    return rewritten


def _nested(value: Any, definitions: Schema) -> Any:
    if isinstance(value, dict):
        return _draft_4(value, definitions)
    if isinstance(value, list):
        return [_nested(item, definitions) for item in value]
    return value
