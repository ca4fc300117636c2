"""Whole sessions played over HTTP, while the stage is killed and started again."""

import json
import signal
from collections.abc import Callable
from random import Random
from time import monotonic
from typing import Any

import httpx2
import pytest

from local.data_folder import ROOT, DataFolder
from tests.laptop.learner import Learner, answer_key, get_question, play_turn
from tests.support.stage_process import Launch, StageProcess, run_program

pytestmark = pytest.mark.slow

SAMPLE_BANK = ROOT / "local" / "sample_bank.jsonl"


def counted(client: httpx2.Client, answers: int, seconds: float = 30) -> Any:
    """Return the caller's totals once so many answers are counted: they lag a little."""
    gives_up = monotonic() + seconds
    while True:
        totals = client.get("/users/me/progress").json()
        if totals["attempts"] == answers or monotonic() > gives_up:
            return totals


def test_a_session_of_all_samples_ends_as_an_independent_recount_says(
    stage: StageProcess,
) -> None:
    learner = Learner(answer_key(SAMPLE_BANK), errors=0.2, random=Random(1), questions=72)
    with stage.client(stage.token("whole")) as client:
        categories = client.get("/questions/categories").json()["categories"]
        sources = [{"category": each["category"]} for each in categories]
        session = client.post("/sessions", json={"sources": sources}).json()
        body = get_question(client, session["sessionId"])
        while body["question"]:
            body = play_turn(client, session["sessionId"], learner, body["question"])

        assert body["nextAction"] == "SESSION_COMPLETED"
        assert learner.wrong > 0
        assert learner.mastered == learner.put_right
        totals = counted(client, learner.right + learner.wrong)
        ended = client.get(f"/sessions/{session['sessionId']}").json()
    assert ended["status"] == "COMPLETED"
    assert (totals["correct"], totals["wrong"]) == (learner.right, learner.wrong)
    assert (totals["mastered"], totals["wrongPoolSize"]) == (72, 0)


def test_nothing_acknowledged_is_lost_when_the_stage_is_killed(
    launcher: Launch, data: DataFolder
) -> None:
    learner = Learner(answer_key(SAMPLE_BANK), errors=0.3, random=Random(2), questions=36)
    running = launcher(data).await_ready()
    token = running.token()
    with running.client(token) as client:
        sources = [{"category": "science"}, {"category": "python"}]
        session_id = client.post("/sessions", json={"sources": sources}).json()["sessionId"]
        body = get_question(client, session_id)
    for turns in (7, 11, 23):
        with running.client(token) as client:
            for _ in range(turns):
                body = play_turn(client, session_id, learner, body["question"])
        running.process.send_signal(signal.SIGKILL)
        running.wait()
        running = launcher(data, PORT=running.url.rpartition(":")[2]).await_ready()
        with running.client(token) as client:
            shown = get_question(client, session_id)
        assert shown["question"] == body["question"]
        assert shown["progress"] == learner.recount
    running.end(signal.SIGINT)


def test_a_bank_imported_while_the_stage_runs_can_be_played(
    stage: StageProcess, new_data: Callable[[], DataFolder]
) -> None:
    bank = new_data().path / "bank.jsonl"
    lines = [
        {
            "category": "rivers",
            "text": f"River {n}?",
            "choices": ["a", "b", "c"],
            "correct": [n % 3],
        }
        for n in range(40)
    ]
    bank.write_text("\n".join(map(json.dumps, lines)))
    done = run_program("import", stage.data, str(bank))
    assert done.returncode == 0, done.stderr

    learner = Learner(answer_key(bank), errors=0.2, random=Random(3), questions=40)
    with stage.client(stage.token("rower")) as client:
        started = client.post("/sessions", json={"sources": [{"category": "rivers"}]})
        session_id = started.json()["sessionId"]
        body = get_question(client, session_id)
        while body["question"]:
            body = play_turn(client, session_id, learner, body["question"])
    assert len(learner.mastered) == 40
