"""The DynamoDB client as the functions create it: what it sends, and where to."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from socketserver import BaseRequestHandler, TCPServer
from threading import Thread
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from urllib3 import HTTPResponse

import lambdas
from lambdas.shared.settings import read_settings
from lambdas.shared.store.client import Database, database
from lambdas.shared.store.errors import StoreUnavailableError
from lambdas.shared.user_pool import cognito

TABLES = {"STAGE": "test", "CIRCUIT_BREAKER_ENABLED": "false"}
PRIVATE_IMPORT = re.compile(
    r"^\s*(from|import) (boto3|botocore|urllib3)\S*(\._| import .*\b_)", re.MULTILINE
)
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment variables that a client needs."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def requests_of(client: Any) -> list[AWSPreparedRequest]:
    """Answer the client's requests without a network; the list fills as they are sent."""
    requests: list[AWSPreparedRequest] = []

    def answer(request: AWSPreparedRequest, **_: object) -> Any:
        requests.append(request)
        body = HTTPResponse(io.BytesIO(b"{}"), preload_content=False)
        return AWSResponse(request.url, 200, HTTPHeaders(), body)

    client.meta.events.register("before-send", answer)
    return requests


class Listener(TCPServer):
    """Answers each connection's first request with an empty object."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        received = self.received

        class Connection(BaseRequestHandler):
            def handle(self) -> None:
                received.append(self.request.recv(65_536))
                self.request.sendall(REPLY)

        super().__init__(("127.0.0.1", 0), Connection)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A server beside the test."""
    with Listener() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def get(made: Database) -> None:
    made.call("get_item", TableName="sessions", Key={"userId": {"S": "ada"}})


def test_a_transaction_carries_a_token_that_makes_it_safe_to_send_again() -> None:
    made = database(read_settings(TABLES))
    requests = requests_of(made.client)
    for _ in range(2):
        made.call("transact_write_items", TransactItems=[])
    bodies = [request.body for request in requests]
    assert all(isinstance(body, bytes) for body in bodies)
    tokens = {json.loads(body)["ClientRequestToken"] for body in bodies if isinstance(body, bytes)}
    assert len(tokens) == 2


def test_the_trace_of_the_invocation_goes_on_into_the_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "quiz-test-answer")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793")
    made = database(read_settings(TABLES))
    requests = requests_of(made.client)
    get(made)
    assert requests[0].headers["X-Amzn-Trace-Id"] == b"Root=1-5759e988-bd862e3fe1be46a994272793"


def test_requests_are_signed_for_the_region_and_name_the_project() -> None:
    made = database(read_settings(TABLES))
    requests = requests_of(made.client)
    get(made)
    assert requests[0].url == "https://dynamodb.us-east-1.amazonaws.com/"
    assert "/us-east-1/dynamodb/aws4_request" in str(requests[0].headers["Authorization"])
    assert str(requests[0].headers["User-Agent"]).startswith("b'adaptive-quiz ")


def test_the_fips_endpoint_is_used_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    made = database(read_settings(TABLES))
    requests = requests_of(made.client)
    get(made)
    assert requests[0].url == "https://dynamodb-fips.us-east-1.amazonaws.com/"


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"])
def test_the_sdks_variables_name_a_custom_endpoint(
    variable: str, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, listener.url)
    get(database(read_settings(TABLES)))
    assert listener.received[0].startswith(b"POST / HTTP/1.1\r\n")
    assert b"AWS4-HMAC-SHA256 Credential=test/" in listener.received[0]


def test_the_sdks_variable_names_a_custom_endpoint_of_cognito(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", "http://127.0.0.1:1")
    assert cognito(None).meta.endpoint_url == "http://127.0.0.1:1"


def test_calls_go_through_the_proxy_of_the_environment(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", listener.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://database.example:8000")
    get(database(read_settings(TABLES)))
    assert listener.received[0].startswith(b"POST http://database.example:8000/ HTTP/1.1\r\n")


def test_a_tls_connection_is_tunneled_through_the_proxy(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", listener.url)
    made = database(read_settings(TABLES))
    # The listener is no proxy beyond the first line: the tunnel is all there is to see.
    with pytest.raises(StoreUnavailableError):
        get(made)
    assert listener.received[0].startswith(b"CONNECT dynamodb.us-east-1.amazonaws.com:443 ")


def test_the_functions_use_public_names_of_the_sdk_only() -> None:
    """The linter refuses private attributes unless a line is exempt, and no line is."""
    for folder in lambdas.__path__:
        for source in Path(folder).rglob("*.py"):
            text = source.read_text(encoding="utf-8")
            assert "SLF001" not in text, source
            assert not PRIVATE_IMPORT.search(text), source
