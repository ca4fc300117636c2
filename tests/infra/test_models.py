"""The published schemas say, in draft 4, what the functions take."""

from collections.abc import Iterator
from pkgutil import resolve_name
from typing import Any

import pytest
from jsonschema import Draft4Validator  # type: ignore[import-untyped]
from pydantic import TypeAdapter, ValidationError

from infra.models import DRAFT_4, model_name, model_schema
from lambdas.contract.routes import ROUTES

BODIES = {model_name(route.body): route.body for route in ROUTES if route.body}
QUESTION = {
    "category": "geography",
    "text": "Which is longest?",
    "answers": [{"text": "Nile", "correct": True}, {"text": "Rhine", "correct": False}],
}
GOOD: dict[str, list[dict[str, Any]]] = {
    "StartSession": [{"sources": [{"category": "geography", "questionCount": 3}]}],
    "UpdateSession": [{"version": 1, "status": "PAUSED"}, {"version": 2, "name": "Mixed"}],
    "SubmitAnswer": [{"questionId": "geography:000001", "turn": 1, "selectedAnswers": ["k3f"]}],
    "UpdateUser": [
        {"displayName": "Ada", "language": "en", "wrongAnswerPercentage": 20},
        {"policy": "SPACED", "spacing": {"firstLag": 8, "pendingLimit": 4}},
        {"timeZone": "America/Argentina/ComodRivadavia"},
    ],
    "SaveQuestions": [{"questions": [QUESTION]}],
    "OpenImport": [{"categories": ["geography", "world-history"]}],
    "AddImportPart": [{"part": 1, "questions": [QUESTION]}],
    "ReplaceQuestion": [
        QUESTION | {"difficulty": 3, "tags": ["rivers"], "externalId": "q1"},
        QUESTION | {"questionId": "geography:000001", "version": 2, "retired": False},
    ],
    "UpdateCategory": [
        {"title": "Earth", "description": "", "language": "en"},
        {"settings": {"policy": "SPACED", "spacing": {"firstLag": 8}}},
    ],
}
BAD: dict[str, list[dict[str, Any]]] = {
    "StartSession": [
        {"sources": []},
        {"sources": [{"category": "Geography"}]},
        {"sources": [{"category": "geography", "questionCount": 0}]},
    ],
    "UpdateSession": [{"status": "PAUSED"}, {"version": 0, "name": "x"}, {"version": 1, "no": 1}],
    "SubmitAnswer": [
        {"questionId": "geography:1", "selectedAnswers": ["k3f"]},
        {"questionId": "geography:000001", "selectedAnswers": []},
        {"questionId": "geography:000001", "selectedAnswers": ["k3f"], "timeSpent": -1},
    ],
    "UpdateUser": [
        {"wrongAnswerPercentage": 101},
        {"displayName": "x" * 81},
        {"policy": "LEITNER"},
        {"spacing": {"pendingLimit": 3}},
    ],
    "SaveQuestions": [{"questions": []}, {}],
    "OpenImport": [{"categories": []}, {"categories": ["Geography"]}, {}],
    "AddImportPart": [{"part": 0, "questions": [QUESTION]}, {"part": 1, "questions": []}],
    "ReplaceQuestion": [
        QUESTION | {"answers": []},
        QUESTION | {"text": " "},
        QUESTION | {"version": 0},
    ],
    "UpdateCategory": [{}, {"title": ""}, {"settings": {"policy": "LEITNER"}}],
}

by_model = pytest.mark.parametrize("name", BODIES)


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from nodes(child)
    if isinstance(value, list):
        for child in value:
            yield from nodes(child)


@by_model
def test_a_schema_is_of_draft_4(name: str) -> None:
    schema = model_schema(BODIES[name])
    assert schema["$schema"] == DRAFT_4
    Draft4Validator.check_schema(schema)


@by_model
def test_a_schema_stands_alone_and_says_nothing_that_draft_4_does_not_know(name: str) -> None:
    newer = {"$ref", "$defs", "const", "prefixItems", "discriminator", "examples", "if"}
    for node in nodes(model_schema(BODIES[name])):
        assert not newer & set(node)
        assert not isinstance(node.get("exclusiveMinimum", False), int | float) or isinstance(
            node.get("exclusiveMinimum", False), bool
        )
        assert None not in node.values()


@by_model
def test_the_schema_and_the_function_take_the_same_bodies(name: str) -> None:
    validator = Draft4Validator(model_schema(BODIES[name]))
    adapter: TypeAdapter[Any] = TypeAdapter(resolve_name(BODIES[name]))
    for body in GOOD[name]:
        assert validator.is_valid(body)
        adapter.validate_python(body)
    for body in BAD[name]:
        assert not validator.is_valid(body)
        with pytest.raises(ValidationError):
            adapter.validate_python(body)


def test_a_bound_that_excludes_itself_is_written_the_old_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new: dict[str, Any] = {
        "$defs": {"Kind": {"const": "a", "description": "of the kind"}},
        "type": "object",
        "properties": {
            "const": {"type": "number", "exclusiveMinimum": 0},
            "kind": {"$ref": "#/$defs/Kind", "description": "of the field"},
        },
    }
    monkeypatch.setattr(TypeAdapter, "json_schema", lambda *_args, **_kwargs: new)
    assert model_schema("lambdas.contract.bodies.answer:SubmitAnswer")["properties"] == {
        "const": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        "kind": {"enum": ["a"], "description": "of the field"},
    }
