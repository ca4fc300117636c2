"""Records the data of a release: plays sessions on its laptop stage, then copies all items.

    python -m tests.laptop.record_data CHECKOUT RELEASE

CHECKOUT is a working copy of the release with its node_modules; see recorded/README.md.
"""

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

import httpx2

from local.data_folder import DataFolder
from local.database.engine import Engine, find_binary
from tests.laptop.learner import Learner, answer_key, get_question, play_turn
from tests.laptop.recorded_data import FOLDER, client_of, written
from tests.support.stage_process import TOO_LONG, StageProcess, environment

CATEGORY = "geography"
DEEP = {"policy": "SPACED", "spacing": {"firstLag": 1_000, "secondLag": 1_000}}


class Recorder:
    """Plays sessions on a running stage and keeps what has to be true of them afterwards."""

    def __init__(self, stage: StageProcess, root: Path) -> None:
        self.stage, self.root = stage, root
        self.key = answer_key(root / "local" / "sample_bank.jsonl")
        self.sessions: list[dict[str, Any]] = []
        self.answers: dict[str, int] = {}

    def client(self, user: str, groups: str = "") -> httpx2.Client:
        """Return the client of a user."""
        command = [sys.executable, "-m", "ops", "token", "--user", user, "--groups", groups]
        done = subprocess.run(
            command,
            cwd=self.root,
            env=environment(self.stage.data),
            capture_output=True,
            text=True,
            check=True,
        )
        return self.stage.client(done.stdout.strip())

    def play(self, name: str, user: str, pattern: str, **settings: Any) -> str:
        """Play a session of 18 questions by a pattern of `r` and `w`; return its id."""
        learner = Learner(self.key, errors=0, random=Random(name), questions=18)
        with self.client(user) as client:
            body = {"sources": [{"category": CATEGORY}], "settings": settings, "name": name}
            started = client.post("/sessions", json=body)
            assert started.status_code == 201, started.text
            session_id = str(started.json()["sessionId"])
            shown = get_question(client, session_id)
            for each in pattern:
                learner.errors = float(each == "w")
                shown = play_turn(client, session_id, learner, shown["question"])
        self.answers[user] = self.answers.get(user, 0) + len(pattern)
        self.sessions.append(
            {
                "name": name,
                "user": user,
                "session_id": session_id,
                "body": shown,
                "books": {
                    "questions": 18,
                    "missed": sorted(learner.missed),
                    "pool": learner.pool,
                    "putRight": sorted(learner.put_right),
                    "mastered": sorted(learner.mastered),
                    "right": learner.right,
                    "wrong": learner.wrong,
                },
            }
        )
        return session_id

    def pause(self, user: str, session_id: str) -> None:
        """Pause a session."""
        with self.client(user) as client:
            version = client.get(f"/sessions/{session_id}").json()["version"]
            body = {"version": version, "status": "PAUSED"}
            paused = client.patch(f"/sessions/{session_id}", json=body)
            assert paused.is_success, paused.text

    def abandon(self, user: str, session_id: str) -> None:
        """Abandon a session."""
        with self.client(user) as client:
            assert client.delete(f"/sessions/{session_id}").is_success

    def stage_import(self) -> str:
        """Open an import and send a part of it; return its id."""
        with self.client("root", "admin") as client:
            opened = client.post("/admin/imports", json={"categories": ["rivers"]}).json()
            answers = [{"text": "yes", "correct": True}, {"text": "no", "correct": False}]
            question = {"category": "rivers", "type": "SINGLE_CHOICE", "answers": answers}
            questions = [{**question, "text": f"River {n}?"} for n in range(3)]
            address = f"/admin/imports/{opened['importId']}/questions"
            sent = client.post(address, json={"part": 1, "questions": questions})
            assert sent.is_success, sent.text
        return str(opened["importId"])

    def totals(self) -> dict[str, Any]:
        """Return each learner's totals, once all is counted."""
        found = {}
        for user, answers in self.answers.items():
            deadline = time.monotonic() + TOO_LONG
            with self.client(user) as client:
                while (totals := client.get("/users/me/progress").json())["attempts"] < answers:
                    assert time.monotonic() < deadline, totals
            found[user] = totals
        return found


def record(root: Path, release: str) -> Path:
    """Record a release's data; return the file."""
    with tempfile.TemporaryDirectory() as name:
        data = DataFolder(Path(name))
        stage = StageProcess.start(data, root=root).await_ready()
        recorder = Recorder(stage, root)
        recorder.play("missed on screen", "ada", "wrrwrrwrrrw")
        recorder.play("deep pool", "ada", "wr" * 17 + "r", **DEEP)
        paused = recorder.play("paused", "ada", "rwr", wrongAnswerPercentage=50)
        recorder.pause("ada", paused)
        left = recorder.play("abandoned", "ben", "wrwrwrwr")
        recorder.abandon("ben", left)
        recorder.play("completed", "ben", "r" * 18)
        import_id = recorder.stage_import()
        totals, at = recorder.totals(), time.time_ns() // 1_000_000
        stage.end(signal.SIGINT)
        stage.close()
        tables = json.loads((root / "local" / "database" / "tables.json").read_text())
        with Engine(data, find_binary()) as engine:
            client = client_of(engine.endpoint)
            names = [each["create"]["TableName"] for each in tables]
            items = {each: client.scan(TableName=each)["Items"] for each in names}
    file = FOLDER / f"{release}.json"
    file.parent.mkdir(exist_ok=True)
    content = {
        "release": release,
        "at": at,
        "importId": import_id,
        "totals": totals,
        "sessions": recorder.sessions,
        "tables": tables,
        "items": items,
    }
    file.write_text(written(content), encoding="utf-8")
    return file


if __name__ == "__main__":
    sys.stdout.write(f"{record(Path(sys.argv[1]).absolute(), sys.argv[2])}\n")
