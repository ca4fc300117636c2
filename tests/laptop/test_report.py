"""The report of the running stage, from what was answered."""

import re
import time
from pathlib import Path
from random import Random
from subprocess import CompletedProcess
from typing import Any

import httpx2
import pytest

from local.data_folder import ROOT, DataFolder
from tests.laptop.learner import Learner, answer_key, get_question, play_turn
from tests.support.stage_process import TOO_LONG, StageProcess, run_program

pytestmark = pytest.mark.slow

TURNS = 15


def report_and_statistics(
    stage: StageProcess, client: httpx2.Client
) -> tuple[dict[str, Any], CompletedProcess[str]]:
    """Return the statistics of geography, and the report made while they stood still.

    Other tests have played on this stage, and their answers may still be on their way.
    """
    path = "/admin/categories/geography/statistics"
    deadline = time.monotonic() + TOO_LONG
    told: dict[str, Any] = {"attempts": 0}
    while True:
        assert time.monotonic() < deadline, told
        before = told
        done = run_program("report", stage.data, "--stage", "local", "--category", "geography")
        told = client.get(path).json()
        if told["attempts"] >= TURNS and told == before:
            return told, done


def test_the_page_tells_what_was_answered(stage: StageProcess) -> None:
    key = answer_key(ROOT / "local" / "sample_bank.jsonl")
    with stage.client(stage.token("reported")) as client:
        learner = Learner(key, errors=0.4, random=Random(1), questions=18)
        body = {"sources": [{"category": "geography"}]}
        session = client.post("/sessions", json=body).json()["sessionId"]
        shown = get_question(client, session)
        for _ in range(TURNS):
            shown = play_turn(client, session, learner, shown["question"])
    with stage.client(stage.token("teacher", "admin")) as client:
        told, done = report_and_statistics(stage, client)
    assert (done.returncode, done.stderr) == (0, "")
    file = stage.data.path / "report-local.html"
    assert done.stdout == f"file://{file}\n"
    assert file.stat().st_mode & 0o077 == 0
    page = file.read_text()
    tiles = dict(re.findall(r"<dt>([a-z ]+)</dt><dd>([\d,%]+)</dd>", page))
    assert tiles["answers"] == f"{told['attempts']:,}"
    assert tiles["first tries"] == f"{told['firstTries']:,}"
    assert tiles["questions in use"] == "18"
    for plot in ("The map of", "How hard the", "How learners learn", "What is owed over"):
        assert f"<h3>{plot}" in page


def test_an_unknown_category_and_a_stage_that_does_not_run_are_told(
    stage: StageProcess, tmp_path: Path
) -> None:
    done = run_program("report", stage.data, "--stage", "local", "--category", "alchemy")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "The stage has no category alchemy.\n"
    done = run_program("report", DataFolder(tmp_path), "--stage", "local")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "The stage is not running: start it with 'make run'.\n"
