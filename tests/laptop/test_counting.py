"""The running stage counts what is answered, through kills, and where nothing streams."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest

from local.data_folder import ROOT, DataFolder
from local.database.engine import Engine, find_binary
from tests.laptop.learner import Learner, answer_key, get_question, play_turn
from tests.support.stage_process import TOO_LONG, Launch, StageProcess, run_program

pytestmark = pytest.mark.slow

SAMPLE_BANK = ROOT / "local" / "sample_bank.jsonl"


def answer(client: httpx2.Client, turns: int) -> tuple[int, int]:
    """Answer some questions of a new session; return how many answers were right and wrong."""
    learner = Learner(answer_key(SAMPLE_BANK), errors=0.4, random=Random(turns), questions=36)
    sources = [{"category": "science"}, {"category": "python"}]
    session = client.post("/sessions", json={"sources": sources}).json()["sessionId"]
    body = get_question(client, session)
    for _ in range(turns):
        body = play_turn(client, session, learner, body["question"])
    return learner.right, learner.wrong


def totals(client: httpx2.Client, attempts: int) -> Any:
    """Return the totals once they hold so many answers; more would be counted twice."""
    deadline = time.monotonic() + TOO_LONG
    while (told := client.get("/users/me/progress").json())["attempts"] < attempts:
        assert time.monotonic() < deadline, told
    return told


def test_totals_follow_by_themselves(stage: StageProcess) -> None:
    with stage.client(stage.token("counted")) as client:
        right, wrong = answer(client, 12)
        told = totals(client, 12)
    assert (told["attempts"], told["correct"], told["wrong"]) == (12, right, wrong)


def test_killed_after_its_last_answer_it_counts_that_one_too_and_none_twice(
    launcher: Launch, data: DataFolder
) -> None:
    running, given = launcher(data).await_ready(), [0, 0]
    token = running.token("counted")
    for turns in (9, 14):
        with running.client(token) as client:
            right, wrong = answer(client, turns)
            given = [given[0] + right, given[1] + wrong]
        running.end(signal.SIGKILL)
        running = launcher(data, PORT=running.url.rpartition(":")[2]).await_ready()
    with running.client(token) as client:
        right, wrong = answer(client, 3)  # behind all that was sent again
        told = totals(client, sum(given) + 3)
    assert (told["correct"], told["wrong"]) == (given[0] + right, given[1] + wrong)
    assert not data.failed_batches.exists()
    assert running.end(signal.SIGINT) == 0


def test_a_stage_that_is_stopped_can_be_redriven(launcher: Launch, data: DataFolder) -> None:
    running = launcher(data).await_ready()
    assert running.end(signal.SIGINT) == 0
    spoiled = data.failed_batches / "aws" / "lambda" / "spoiled"
    spoiled.parent.mkdir(parents=True)
    spoiled.write_text("{")
    done = run_program("redrive", data, "--stage", "local")
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[1].startswith("  aws/lambda/spoiled: is no failed batch: ")
    assert run_program("reset", data).returncode == 0
    assert not data.failed_batches.exists()
    assert not data.stream_checkpoint.exists()


class WithoutStreams(BaseHTTPRequestHandler):
    """Hands requests on to a database, but for those to its streams."""

    endpoint = ""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["X-Amz-Target"].startswith("DynamoDBStreams"):
            self._answer(400, b'{"__type": "com.amazon.coral.service#UnknownOperationException"}')
            return
        headers = {name: self.headers[name] for name in self.headers if name.lower() != "host"}
        response = httpx2.post(self.endpoint, content=body, headers=headers, timeout=TOO_LONG)
        self._answer(response.status_code, response.content)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def without_streams(endpoint: str) -> Iterator[str]:
    handler = type("Handler", (WithoutStreams,), {"endpoint": endpoint})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_database_without_streams_is_told_once_and_played_on(
    launcher: Launch, data: DataFolder, tmp_path: Path
) -> None:
    with (
        Engine(DataFolder(tmp_path), find_binary()) as engine,
        without_streams(engine.endpoint) as endpoint,
    ):
        stage = launcher(data, DYNAMODB_ENDPOINT=endpoint).await_ready()
        with stage.client(stage.token()) as client:
            answer(client, 3)
            assert client.get("/users/me/progress").json()["attempts"] == 0
        assert stage.end(signal.SIGINT) == 0
    (said,) = [line for line in stage.printed if "streams" in line]
    assert said == (
        f"The database at {endpoint} has no streams: answers are accepted, but not counted in "
        "totals and statistics.\n"
    )
