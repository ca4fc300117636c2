"""The synthetic monitor, against an address that answers, or does not."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from urllib3.exceptions import HTTPError

from lambdas.health.synthetic import UnhealthyError, handler
from lambdas.shared.settings import settings
from tests.support.fixed_context import FixedContext

WELL = {"status": "ok", "stage": "test", "version": "1.0.0"}


class Address(BaseHTTPRequestHandler):
    """Answers every request with what the server was given."""

    server: "Server"

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["User-Agent"]))
        status, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class Server(ThreadingHTTPServer):
    answer = (200, json.dumps(WELL).encode())

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Address)
        self.asked: list[tuple[str, str]] = []


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as running:
        monkeypatch.setenv("STAGE", "test")
        monkeypatch.setenv("API_URL", f"http://127.0.0.1:{running.server_port}/v1/")
        settings.cache_clear()
        thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()
        settings.cache_clear()


def test_a_good_answer_is_returned(server: Server) -> None:
    assert handler({}, FixedContext()) == WELL
    assert server.asked == [("/v1/health", "adaptive-quiz-synthetic")]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, b"{}"),
        (503, json.dumps(WELL).encode()),
        (302, b""),
        (200, json.dumps(WELL | {"stage": "prod"}).encode()),
        (200, json.dumps(WELL | {"status": "ill"}).encode()),
        (200, b"{}"),
    ],
)
def test_any_other_answer_is_an_error_and_is_asked_for_once(
    server: Server, status: int, body: bytes
) -> None:
    server.answer = (status, body)
    with pytest.raises(UnhealthyError):
        handler({}, FixedContext())
    assert len(server.asked) == 1


def test_an_answer_that_is_not_json_is_an_error(server: Server) -> None:
    server.answer = (200, b"<html>")
    with pytest.raises(ValueError, match="Expecting value"):
        handler({}, FixedContext())


def test_an_address_that_does_not_answer_is_an_error(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Address) as closed:
        port = closed.server_port
    monkeypatch.setenv("API_URL", f"http://127.0.0.1:{port}")
    settings.cache_clear()
    with pytest.raises(HTTPError):
        handler({}, FixedContext())
    assert server.asked == []


def test_a_missing_address_is_named(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_URL", "")
    settings.cache_clear()
    with pytest.raises(LookupError, match="API_URL"):
        handler({}, FixedContext())
    assert server.asked == []
