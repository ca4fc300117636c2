"""Schemas of the OpenAPI document, in a form that client generators accept without a warning.

pydantic writes the schemas; this module names the enumerations, splits the start of a session into
its two forms, leaves nulls and defaults out of request bodies, gives times their format, and adds
the descriptions of properties.
"""

from collections.abc import Iterable
from pkgutil import resolve_name
from typing import Any, Literal, get_args

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from lambdas.contract import responses, statistics_responses
from lambdas.contract.descriptions import PROPERTIES, SCHEMAS
from lambdas.contract.route import Route

Schema = dict[str, Any]
_Key = tuple[str, Literal["validation", "serialization"]]

REFERENCE = "#/components/schemas/"

ENUMERATIONS = {
    "NextAction": get_args(responses.NextAction),
    "Policy": get_args(responses.Policy),
    "QuestionFlag": get_args(statistics_responses.QuestionFlag),
    "QuestionType": get_args(responses.QuestionType),
    "ReasonCode": get_args(responses.ReasonCode),
    "SaveStatus": get_args(responses.SaveStatus),
    "SessionStatus": get_args(responses.SessionStatus),
}
"""Values by the name of their component."""

_STARTS = {"StartOfSources": "sources", "StartOfReview": "review"}
"""Forms of StartSession, by the property that only this form has."""

_INLINED = ("lambdas.contract.bodies.question:QuestionDraft",)
"""Models that pydantic writes where they are used, because their lists skip the validation."""

_TIMES = frozenset({"asOf", "timestamp"})


class _UntitledFields(GenerateJsonSchema):
    """Leaves out titles that only repeat the name of their field."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def route_schemas(routes: Iterable[Route]) -> tuple[dict[str, Schema], Schema]:
    """Return the schema of each body that a route names, and all components by name."""
    inputs: dict[_Key, TypeAdapter[Any]] = {}
    for route in routes:
        if route.body:
            inputs[route.body, "validation"] = TypeAdapter(resolve_name(route.body))
        if route.response:
            inputs[route.response, "serialization"] = TypeAdapter(resolve_name(route.response))
    inputs.update({(name, "validation"): TypeAdapter(resolve_name(name)) for name in _INLINED})
    inputs["problem", "serialization"] = TypeAdapter(responses.Problem)
    by_key, definitions = TypeAdapter.json_schemas(
        [(name, mode, adapter) for (name, mode), adapter in inputs.items()],
        ref_template=f"{REFERENCE}{{model}}",
        schema_generator=_UntitledFields,
    )
    components: Schema = definitions["$defs"]
    bodies = _referenced(components, [by_key[key] for key in by_key if key[1] == "validation"])
    shaped = {
        name: _shaped(name, schema, in_request=name in bodies)
        for name, schema in components.items()
    }
    shaped |= {
        name: {"title": name, "type": "string", "enum": list(values)}
        for name, values in ENUMERATIONS.items()
    }
    shaped |= _starts(shaped)
    for name, schema in shaped.items():
        schema.setdefault("title", name)
        if name in SCHEMAS:
            schema["description"] = SCHEMAS[name]
    found = {name: schema for (name, _), schema in by_key.items()}
    return found, dict(sorted(shaped.items()))


def _referenced(components: Schema, schemas: Iterable[Any]) -> set[str]:
    """Return the names of the components that schemas refer to, at any depth."""
    found: set[str] = set()
    pending = list(schemas)
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).removeprefix(REFERENCE)
            if name and name not in found:
                found.add(name)
                pending.append(components[name])
            pending += part.values()
        elif isinstance(part, list):
            pending += part
    return found


def _shaped(name: str, schema: Schema, *, in_request: bool) -> Schema:
    """Return a component with its properties shaped and described."""
    shaped = dict(schema)
    if in_request:
        for alternatives in ("anyOf", "oneOf"):
            shaped.pop(alternatives, None)  # which of the properties have to be there
    if "properties" not in shaped:
        return shaped
    shaped["properties"] = {
        key: _described(name, key, _property(key, value, in_request=in_request))
        for key, value in shaped["properties"].items()
    }
    return shaped


def _property(key: str, schema: Schema, *, in_request: bool) -> Schema:
    shaped = _named(schema)
    if in_request:
        shaped.pop("default", None)
        if "anyOf" in shaped:
            (given,) = (each for each in shaped["anyOf"] if each != {"type": "null"})
            shaped = _named(given)
            if isinstance(shaped.get("type"), str) and "enum" not in shaped:
                shaped["type"] = [shaped["type"], "null"]
        if key.endswith("At"):
            shaped["format"] = "date-time"
    elif key.endswith("At") or key in _TIMES:
        if "anyOf" in shaped:
            del shaped["anyOf"]
            shaped["type"] = ["string", "null"]
        shaped["format"] = "date-time"
    elif key == "date":
        shaped["format"] = "date"
    return shaped


def _named(schema: Schema) -> Schema:
    """Return a schema in which enumerations and inlined models are references to components."""
    if "properties" in schema and "title" in schema:
        return {"$ref": f"{REFERENCE}{schema['title']}"}
    values = tuple(schema.get("enum", ()))
    for name, known in ENUMERATIONS.items():
        if values == known:
            return {"$ref": f"{REFERENCE}{name}"}
    shaped = dict(schema)
    if "items" in shaped:
        shaped["items"] = _named(shaped["items"])
    if shaped.get("type") == "string" and "const" in shaped:
        shaped["enum"] = [shaped.pop("const")]
    return shaped


def _described(name: str, key: str, schema: Schema) -> Schema:
    """Return a property's schema with its description, the special one of its schema first."""
    description = PROPERTIES.get(f"{name}.{key}") or PROPERTIES.get(key)
    return {**schema, "description": description} if description else schema


def _starts(components: Schema) -> Schema:
    """Return StartSession as one of two forms, each of which requires what the other lacks."""
    start = components["StartSession"]
    forms: Schema = {}
    for name, own in _STARTS.items():
        others = set(_STARTS.values()) - {own}
        properties = {k: v for k, v in start["properties"].items() if k not in others}
        if isinstance(kinds := properties[own].get("type"), list):
            properties[own] = {**properties[own], "type": kinds[0]}
        forms[name] = {
            "title": name,
            "type": "object",
            "additionalProperties": False,
            "properties": properties,
            "required": [own],
        }
    forms["StartSession"] = {"oneOf": [{"$ref": f"{REFERENCE}{name}"} for name in _STARTS]}
    return forms
