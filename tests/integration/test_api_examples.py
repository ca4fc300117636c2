"""The examples of the API document are what a stage takes and gives."""

import json
import os

from local.gateway.openapi_document import EXAMPLES
from tests.integration.api_examples import recorded
from tests.integration.stage import InvokedStage


def test_each_example_is_what_a_stage_takes_and_gives(stage: InvokedStage) -> None:
    examples = recorded(stage)
    if os.environ.get("RECORD_EXAMPLES"):
        text = json.dumps(examples, indent=1, ensure_ascii=False)
        EXAMPLES.write_text(f"{text}\n", encoding="utf-8")
    assert json.loads(EXAMPLES.read_text(encoding="utf-8")) == examples
