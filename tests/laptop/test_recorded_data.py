"""Data of the release before is upgraded in place: today's stage plays on with it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from local.data_folder import DataFolder
from local.data_version import DATA_VERSION, check_data_version, write_data_version
from local.errors import CommandError
from tests.laptop.learner import Learner, get_question, play_turn
from tests.laptop.recorded_data import FOLDER, RecordedData, RecordedSession
from tests.support.stage_process import TOO_LONG, Launch, StageProcess, run_program

pytestmark = pytest.mark.slow

(RECORDED,) = FOLDER.glob("*.json")
"""The data of the release before."""

MINUTE = 60_000


@pytest.fixture(scope="module")
def recorded() -> RecordedData:
    return RecordedData.read(RECORDED)


@pytest.fixture(scope="module")
def upgraded(
    recorded: RecordedData, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StageProcess]:
    """Today's stage on the recorded data, a minute after it was recorded."""
    data = DataFolder(tmp_path_factory.mktemp("recorded"))
    recorded.load(data)
    offset = recorded.at + MINUTE - time.time_ns() // 1_000_000
    stage = StageProcess.start(data, "tests.laptop.stage_of_a_day", CLOCK_OFFSET=str(offset))
    yield stage.await_ready()
    stage.close()


def play_on(client: httpx2.Client, session: RecordedSession, learner: Learner) -> int:
    """Play a session to its end, as the learner's books require; return the number of answers."""
    address = f"/sessions/{session.session_id}"
    state = client.get(address).json()
    if state["status"] == "PAUSED":
        body = {"version": state["version"], "status": "ACTIVE"}
        assert client.patch(address, json=body).status_code == 200
    before = learner.right + learner.wrong
    shown = get_question(client, session.session_id)
    assert shown["question"] == session.body["question"]
    assert shown["progress"] == session.body["progress"] == learner.recount
    while shown["question"]:
        shown = play_turn(client, session.session_id, learner, shown["question"])
    assert client.get(address).json()["status"] == "COMPLETED"
    assert len(learner.mastered) == learner.questions
    return learner.right + learner.wrong - before


def counted(client: httpx2.Client, answers: int) -> Any:
    """Return the caller's totals once they hold so many answers."""
    deadline = time.monotonic() + TOO_LONG
    while (totals := client.get("/users/me/progress").json())["attempts"] < answers:
        assert time.monotonic() < deadline, totals
    return totals


def test_every_session_is_played_on_and_each_answer_is_counted_once(
    recorded: RecordedData, upgraded: StageProcess
) -> None:
    unfinished = [each for each in recorded.sessions if each.user == "ada"]
    assert {each.name for each in unfinished} == {"missed on screen", "deep pool", "paused"}
    before = recorded.totals["ada"]
    with upgraded.client(upgraded.token("ada")) as client:
        learners = [each.learner(recorded.answer_key, errors=0.3) for each in unfinished]
        wrong_before = sum(each.wrong for each in learners)
        answers = sum(map(play_on, [client] * 3, unfinished, learners))
        totals = counted(client, before["attempts"] + answers)
    assert totals["attempts"] == before["attempts"] + answers
    assert totals["wrong"] == before["wrong"] + sum(e.wrong for e in learners) - wrong_before
    assert (totals["mastered"], totals["wrongPoolSize"]) == (18, 0)


def test_a_review_takes_up_what_an_abandoned_session_left(
    recorded: RecordedData, upgraded: StageProcess
) -> None:
    (abandoned,) = [each for each in recorded.sessions if each.name == "abandoned"]
    learner = abandoned.learner(recorded.answer_key, errors=0)
    with upgraded.client(upgraded.token("ben")) as client:
        started = client.post("/sessions", json={"review": {}}).json()
        assert started["progress"]["wrongPoolSize"] == len(abandoned.books["pool"]) == 4
        shown = get_question(client, started["sessionId"])
        answers = 0
        while shown["question"]:
            address = f"/sessions/{started['sessionId']}/answer"
            shown = client.post(address, json=learner.submission(shown["question"])).json()
            answers += 1
        totals = counted(client, recorded.totals["ben"]["attempts"] + answers)
    assert answers == abandoned.body["progress"]["remainingTries"]
    assert totals["wrongPoolSize"] == 0


def test_a_staged_import_is_published(recorded: RecordedData, upgraded: StageProcess) -> None:
    with upgraded.client(upgraded.token("root", "admin")) as client:
        published = client.post(f"/admin/imports/{recorded.import_id}/publish")
        assert published.status_code == 202, published.text
        categories = client.get("/questions/categories").json()["categories"]
    counts = {each["category"]: each["questionCount"] for each in categories}
    assert counts == {"geography": 18, "rivers": 3, "science": 18}


def test_the_upgraded_folder_has_the_version_of_today(upgraded: StageProcess) -> None:
    assert upgraded.data.data_version.read_text() == f"{DATA_VERSION}\n"


def test_data_of_another_version_is_refused_in_one_sentence(
    launcher: Launch, data: DataFolder
) -> None:
    data.database.touch()
    data.data_version.write_text("999\n")
    stage = launcher(data)
    assert stage.wait() == 1
    (line,) = stage.errors().splitlines()
    assert "version '999'" in line
    assert "'make reset'" in line
    assert run_program("reset", data).returncode == 0
    assert not data.data_version.exists()


@pytest.mark.parametrize("text", ["0", "", "one"])
def test_any_other_version_is_refused(tmp_path: Path, text: str) -> None:
    folder = DataFolder(tmp_path)
    check_data_version(folder)
    folder.database.touch()
    check_data_version(folder)
    write_data_version(folder)
    check_data_version(folder)
    folder.data_version.write_text(text)
    with pytest.raises(CommandError, match=f"reads version {DATA_VERSION}"):
        check_data_version(folder)
