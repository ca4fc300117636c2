"""Field faults of bodies: every error that a model can raise has a code and a sentence of ours."""

import re
from collections.abc import Iterator
from pkgutil import resolve_name
from typing import Any

import pytest

from lambdas.contract.bodies.base import RequestModel
from lambdas.contract.bodies.faults import MEANINGS, PATTERNS
from lambdas.contract.errors import FieldCode, ValidationError
from lambdas.contract.routes import ROUTES
from lambdas.shared.http.json_body import parse_json

MODELS = list(dict.fromkeys(resolve_name(route.body) for route in ROUTES if route.body))

TRANSPARENT = {"default", "definitions", "definition-ref", "nullable", "model-field", "any"}
"""Nodes of a core schema that raise no error of their own."""

ERRORS: dict[str, dict[str, str]] = {
    "model": {"": "model_type"},
    "model-fields": {"": "model_type", "required": "missing", "forbid": "extra_forbidden"},
    "str": {
        "": "string_type",
        "unicode": "string_unicode",
        "min_length": "string_too_short",
        "max_length": "string_too_long",
    },
    "int": {
        "": "int_type",
        "float": "int_from_float",
        "ge": "greater_than_equal",
        "le": "less_than_equal",
    },
    "float": {
        "": "float_type",
        "infinite": "finite_number",
        "ge": "greater_than_equal",
        "le": "less_than_equal",
    },
    "bool": {"": "bool_type"},
    "literal": {"": "literal_error"},
    "tuple": {"": "tuple_type", "min_length": "too_short", "max_length": "too_long"},
}
"""Errors by type of node and the constraint that raises them."""

CONSTRAINTS = {"min_length", "max_length", "ge", "le", "gt", "lt", "multiple_of", "pattern"}

WORDS_OF_A_LIBRARY = re.compile(r"tuple|instance|Value error|pydantic|Input|dict|pattern")


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every node of a core schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("type"), str):
            yield schema
        for name, each in schema.items():
            if name not in ("metadata", "serialization", "ref", "config", "cls", "function"):
                yield from nodes(each)
    elif isinstance(schema, list | tuple):
        for each in schema:
            yield from nodes(each)


@pytest.mark.parametrize("model", MODELS)
def test_every_error_that_a_model_can_raise_has_a_meaning(model: type[RequestModel]) -> None:
    found = set()
    for node in nodes(model.__pydantic_core_schema__):
        kind = node["type"]
        # Validators of ours raise field codes: the next test refuses everything else.
        if kind in TRANSPARENT or kind.startswith("function-"):
            continue
        errors = ERRORS[kind]
        constraints = CONSTRAINTS & node.keys()
        assert constraints <= errors.keys() | {"pattern"}, kind
        found |= {errors[name] for name in errors if name not in CONSTRAINTS or name in node}
        if "pattern" in node:
            assert node["pattern"] in PATTERNS
    assert {"missing", "extra_forbidden", "model_type"} <= found
    assert found <= MEANINGS.keys()


HARD: list[Any] = [
    *(None, True, 7, 7.5, 1e300, 10**400, -1, "", "x" * 5000, "\x00", "A b", "\ud800"),
    *([], {}, [None], ["a", "a"], [{}] * 101, {"unknown": 1}),
]
"""Values that are wrong nearly everywhere."""


@pytest.mark.parametrize("model", MODELS)
def test_every_message_is_a_plain_sentence(model: type[RequestModel]) -> None:
    names = [field.alias or name for name, field in model.model_fields.items()]
    bodies: list[Any] = [*HARD, *({name: value} for name in names for value in HARD)]
    bodies += [dict.fromkeys(names, value) for value in HARD]
    refused = 0
    for body in bodies:
        try:
            model.read(body)
        except ValidationError as error:
            refused += 1
            for fault in error.faults:
                assert fault.code in FieldCode
                assert fault.message[0].isupper()
                assert fault.message.endswith(".")
                assert not WORDS_OF_A_LIBRARY.search(fault.message), fault
    assert refused > len(HARD)


@pytest.mark.parametrize("number", ["7.0", "7e0", "70E-1"])
def test_a_number_without_a_fraction_is_whole(number: str) -> None:
    whole = parse_json(number)
    assert (whole, type(whole)) == (7, int)


@pytest.mark.parametrize("number", ["7.5", "7.000000000000000000001", "1e-400"])
def test_a_number_with_a_fraction_is_not(number: str) -> None:
    assert type(parse_json(number)) is float
