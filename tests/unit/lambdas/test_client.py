"""The client as it is made: what of botocore's own handling of requests it keeps."""

import json
from socketserver import BaseRequestHandler, TCPServer
from threading import Thread
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.httpsession import URLLib3Session
from botocore.parsers import JSONParser
from botocore.regions import EndpointRulesetResolver
from botocore.serialize import JSONSerializer

from lambdas.shared.settings import read_settings
from lambdas.shared.store.client import Database, database
from lambdas.shared.store.connections import Content

TABLES = {"STAGE": "test", "CIRCUIT_BREAKER_ENABLED": "false"}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a client needs of its surroundings."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture
def sent() -> tuple[Database, list[AWSPreparedRequest]]:
    """A client that sends nothing, and what it would have sent."""
    requests: list[AWSPreparedRequest] = []

    def answer(request: AWSPreparedRequest, **_: object) -> Any:
        requests.append(request)
        return AWSResponse(request.url, 200, HTTPHeaders(), Content(b"{}"))

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


def test_nothing_general_of_the_sdk_is_on_a_calls_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def general(*_: object, **__: object) -> None:
        raise AssertionError

    for owner, piece in (
        (JSONSerializer, "serialize_to_request"),
        (EndpointRulesetResolver, "construct_endpoint"),
        (SigV4Auth, "add_auth"),
        (URLLib3Session, "send"),
        (JSONParser, "_handle_structure"),
    ):
        monkeypatch.setattr(owner, piece, general)
    told: list[bytes] = []

    class Session(BaseRequestHandler):
        def handle(self) -> None:
            told.append(self.request.recv(65_536))
            self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with TCPServer(("127.0.0.1", 0), Session) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        made = database(read_settings({**TABLES, "DYNAMODB_ENDPOINT": endpoint}))
        assert made.call("get_item", TableName="sessions", Key={})
        made.client.close()
        thread.join()
    assert b"AWS4-HMAC-SHA256 Credential=test/" in told[0]
