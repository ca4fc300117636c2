"""The limits of the formats are those of the HTTP contract."""

from typing import Any

from banks import checks
from banks.categories import MAX_CATEGORY
from lambdas.contract.bodies.question import QuestionDraft
from lambdas.contract.formats import CATEGORY_PATTERN

SCHEMA = QuestionDraft.model_json_schema()


def field(name: str) -> dict[str, Any]:
    """Return the schema of a field, which may be null as well."""
    schema: dict[str, Any] = SCHEMA["properties"][name]
    (first, *_) = schema.get("anyOf", [schema])
    return dict(first)


def test_limits_are_the_contracts() -> None:
    assert field("text")["maxLength"] == field("explanation")["maxLength"] == checks.MAX_TEXT
    assert field("answers")["minItems"] == checks.MIN_ANSWERS
    assert field("answers")["maxItems"] == checks.MAX_ANSWERS
    assert SCHEMA["$defs"]["AnswerDraft"]["properties"]["text"]["maxLength"] == checks.MAX_ANSWER
    assert field("tags")["maxItems"] == checks.MAX_TAGS
    assert field("tags")["items"]["maxLength"] == checks.MAX_TAG
    assert field("externalId")["maxLength"] == checks.MAX_EXTERNAL_ID
    assert f"{{1,{MAX_CATEGORY}}}" in CATEGORY_PATTERN
