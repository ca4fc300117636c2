"""The smoke test asks the stage for its category, and names what stands in the way."""

import io
import json
from typing import Any

import pytest
from botocore.response import StreamingBody

from lambdas.questions.handler import SMOKE_SOURCE
from local.errors import CommandError
from ops.deploy.smoke import SmokeError, write_category
from tests.unit.ops.stubs import stubbed

ASKED = {
    "FunctionName": "quiz-dev-questions",
    "Qualifier": "live",
    "Payload": json.dumps({"source": SMOKE_SOURCE}).encode(),
}


def invoke(body: object, **error: str) -> None:
    content = json.dumps(body).encode()
    response: dict[str, Any] = {"Payload": StreamingBody(io.BytesIO(content), len(content))}
    with stubbed("lambda") as (client, stub):
        stub.add_response("invoke", {**response, **error}, ASKED)
        write_category("dev", client)


def test_the_live_version_of_the_function_writes_the_category() -> None:
    invoke({"statuses": ["UNCHANGED"]})


def test_a_function_that_fails_is_a_fault_of_the_stage() -> None:
    with pytest.raises(SmokeError, match=r"could not be written: .*UnavailableError"):
        invoke({"errorType": "UnavailableError"}, FunctionError="Unhandled")


def test_a_stage_of_an_earlier_release_is_named() -> None:
    with pytest.raises(CommandError, match=r"^Stage dev runs an earlier release"):
        invoke({"statusCode": 404, "body": "{}"})


def test_a_missing_right_is_named() -> None:
    with stubbed("lambda") as (client, stub):
        stub.add_client_error("invoke", "AccessDeniedException", "No.", expected_params=ASKED)
        named = r"invoke quiz-dev-questions.*lambda:InvokeFunction"
        with pytest.raises(CommandError, match=named):
            write_category("dev", client)
