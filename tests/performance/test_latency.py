"""How long a learner waits for the laptop stage: HTTP in, HTTP out, one request at a time.

The goal is a median below 10 ms for both (docs/limits.md, "Budgets" counts what they do).
"""

from collections.abc import Iterator
from random import Random
from typing import Any

import httpx2
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from local.data_folder import ROOT
from tests.laptop.learner import Learner, answer_key, get_question
from tests.support.stage_process import StageProcess

pytestmark = pytest.mark.benchmark
ROUNDS = 500


@pytest.fixture
def client(stage: StageProcess) -> Iterator[httpx2.Client]:
    with stage.client(stage.token("bench")) as client:
        yield client


def start(client: httpx2.Client) -> str:
    categories = client.get("/questions/categories").json()["categories"]
    sources = [{"category": each["category"]} for each in categories]
    return str(client.post("/sessions", json={"sources": sources}).json()["sessionId"])


def test_get_question(benchmark: BenchmarkFixture, client: httpx2.Client) -> None:
    session_id = start(client)
    benchmark.group = "GET question, over HTTP"
    body = benchmark.pedantic(get_question, args=(client, session_id), rounds=ROUNDS)
    assert body["question"]["turn"] == 1


def test_post_answer(benchmark: BenchmarkFixture, client: httpx2.Client) -> None:
    benchmark.group = "POST answer, over HTTP"
    # Sessions of 72 questions, one after the other; a third of the answers wrong.
    playing: dict[str, Any] = {"body": None}
    learner = Learner(
        answer_key(ROOT / "local" / "sample_bank.jsonl"), errors=0.3, random=Random(1), questions=72
    )

    def next_turn() -> tuple[tuple[Any, ...], dict[str, Any]]:
        if playing["body"] is None or playing["body"]["question"] is None:
            playing["session"] = start(client)
            playing["body"] = get_question(client, playing["session"])
        question = playing["body"]["question"]
        return (question, learner.submission(question)), {}

    def submit(_question: Any, submission: Any) -> Any:
        path = f"/sessions/{playing['session']}/answer"
        response = client.post(path, json=submission)
        playing["body"] = response.json()
        return response.status_code

    assert benchmark.pedantic(submit, setup=next_turn, rounds=ROUNDS) == 200
