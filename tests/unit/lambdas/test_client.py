"""The client as it is made: what of botocore's own handling of requests it keeps."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from lambdas.shared.settings import read_settings
from lambdas.shared.store.client import Database, database

TABLES = {"STAGE": "test", "CIRCUIT_BREAKER_ENABLED": "false"}


class Empty:
    """The body of a response that tells nothing."""

    def stream(self) -> Iterator[bytes]:
        yield b"{}"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> tuple[Database, list[AWSPreparedRequest]]:
    """A client that sends nothing, and what it would have sent."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    requests: list[AWSPreparedRequest] = []

    def answer(request: AWSPreparedRequest, **_: object) -> Any:
        requests.append(request)
        return AWSResponse(request.url, 200, HTTPHeaders(), Empty())

    made = database(read_settings(TABLES))
    made.client.meta.events.register("before-send.dynamodb", answer)
    return made, requests


def test_a_transaction_carries_a_token_that_makes_it_safe_to_send_again(
    sent: tuple[Database, list[AWSPreparedRequest]],
) -> None:
    made, requests = sent
    for _ in range(2):
        made.call("transact_write_items", TransactItems=[])
    bodies = [request.body for request in requests]
    assert all(isinstance(body, bytes) for body in bodies)
    tokens = {json.loads(body)["ClientRequestToken"] for body in bodies if isinstance(body, bytes)}
    assert len(tokens) == 2


def test_the_trace_of_the_invocation_goes_on_into_the_database(
    sent: tuple[Database, list[AWSPreparedRequest]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "quiz-test-answer")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793")
    made, requests = sent
    made.call("get_item", TableName="sessions", Key={})
    assert requests[0].headers["X-Amzn-Trace-Id"] == b"Root=1-5759e988-bd862e3fe1be46a994272793"


def test_requests_are_signed_for_the_region(
    sent: tuple[Database, list[AWSPreparedRequest]],
) -> None:
    made, requests = sent
    made.call("get_item", TableName="sessions", Key={})
    assert requests[0].url == "https://dynamodb.us-east-1.amazonaws.com/"
    assert "/us-east-1/dynamodb/aws4_request" in str(requests[0].headers["Authorization"])
