"""The limits of the formats are those of the HTTP contract."""

from banks import checks
from banks.categories import MAX_CATEGORY
from lambdas.contract.bodies.question import QuestionDraft
from lambdas.contract.routes import CATEGORY_PATTERN

SCHEMA = QuestionDraft.model_json_schema()
FIELDS = SCHEMA["properties"]


def test_limits_are_the_contracts() -> None:
    assert FIELDS["text"]["maxLength"] == FIELDS["explanation"]["maxLength"] == checks.MAX_TEXT
    assert FIELDS["answers"]["minItems"] == checks.MIN_ANSWERS
    assert FIELDS["answers"]["maxItems"] == checks.MAX_ANSWERS
    assert SCHEMA["$defs"]["AnswerDraft"]["properties"]["text"]["maxLength"] == checks.MAX_ANSWER
    assert FIELDS["tags"]["maxItems"] == checks.MAX_TAGS
    assert FIELDS["tags"]["items"]["maxLength"] == checks.MAX_TAG
    (identifier, _) = FIELDS["externalId"]["anyOf"]
    assert identifier["maxLength"] == checks.MAX_EXTERNAL_ID
    assert f"{{1,{MAX_CATEGORY}}}" in CATEGORY_PATTERN
