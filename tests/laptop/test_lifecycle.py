"""How the stage starts, ends and starts again."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from shlex import quote

import psutil
import pytest

from local.data_folder import ROOT, DataFolder
from local.database.engine import Engine, find_binary
from tests.laptop.stage_parts import FUNCTION_PROCESSES, all_functions
from tests.support.stage_process import (
    TOO_LONG,
    Launch,
    StageProcess,
    environment,
    free_port,
    run_program,
)

pytestmark = pytest.mark.slow


def sentence(stage: StageProcess) -> str:
    """Return the one line that a stage which cannot start leaves on standard error."""
    assert stage.wait() == 1
    (line,) = stage.errors().strip().splitlines()
    return line


def start_session(stage: StageProcess) -> str:
    with stage.client(stage.token()) as client:
        response = client.post("/sessions", json={"sources": [{"category": "geography"}]})
    assert response.status_code == 201, response.text
    return str(response.json()["sessionId"])


def assert_has_session(stage: StageProcess, session_id: str) -> None:
    with stage.client(stage.token()) as client:
        assert client.get(f"/sessions/{session_id}").status_code == 200


def test_first_start_loads_the_sample_bank(stage: StageProcess) -> None:
    with stage.client(stage.token()) as client:
        categories = client.get("/questions/categories").json()["categories"]
    lines = (ROOT / "local" / "sample_bank.jsonl").read_text().splitlines()
    sample = Counter(json.loads(line)["category"] for line in lines)
    # Tests that share the stage import categories of their own.
    counts = {each["category"]: each["questionCount"] for each in categories}
    assert {category: counts[category] for category in sample} == sample


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl to paste into")
def test_what_it_prints_works_when_pasted(stage: StageProcess) -> None:
    curls = [line.strip() for line in stage.printed if line.startswith("  curl ")]
    (token,) = [line.strip() for line in stage.printed if line.startswith("  TOKEN=")]
    assert len(curls) == 3
    # `make` may not be installed where tests run, and would use another environment.
    token = token.replace(
        "make -s token USER=ada", f"{quote(sys.executable)} -m ops token --user ada"
    )
    script = "\n".join(["set -e", token, *(f"{curl} --silent --fail; echo" for curl in curls)])
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=ROOT,
        env=environment(stage.data),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    categories, session, question = done.stdout.splitlines()
    assert '"categories"' in categories
    assert '"sessionId"' in session
    assert '"nextAction":"ANSWER"' in question


def test_logs_of_the_handlers_go_to_the_file_and_not_to_the_terminal(stage: StageProcess) -> None:
    with stage.client() as client:
        request_id = client.get("/health").headers["X-Request-Id"]
    assert request_id in stage.data.stage_log.read_text()
    assert not [line for line in stage.printed if line.startswith("{")]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_second_start_finds_the_data_and_prepares_nothing_again(
    launcher: Launch, data: DataFolder, how: signal.Signals
) -> None:
    port = str(free_port())
    first = launcher(data, PORT=port).await_ready()
    session_id, token = start_session(first), first.token()
    assert first.end(how) == 0
    assert first.printed[-1] == "Stopped; the data is kept.\n"
    assert first.errors() == ""
    assert not data.running_stage.exists()

    second = launcher(data, PORT=port).await_ready()
    # Neither the bank is loaded nor the tables are read from the CDK app.
    assert second.printed[0].strip() == ""
    assert second.printed[1] == f"Ready: {second.url}\n"
    assert_has_session(second, session_id)
    with second.client(token) as client:  # the key and the issuer are the same
        assert client.get(f"/sessions/{session_id}").status_code == 200


def test_killed_it_loses_nothing_and_starts_again(launcher: Launch, data: DataFolder) -> None:
    first = launcher(data).await_ready()
    kept = [start_session(first) for _ in range(3)]
    first.end(signal.SIGKILL)
    second = launcher(data).await_ready()
    for session_id in kept:
        assert_has_session(second, session_id)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_it_ends_no_process_of_its_is_left(
    launcher: Launch, data: DataFolder, how: signal.Signals
) -> None:
    stage = launcher(data).await_ready()
    all_functions(stage)
    parts = psutil.Process(stage.process.pid).children(recursive=True)
    assert len(parts) == FUNCTION_PROCESSES + 2  # the engine and the pump
    stage.end(how)
    _, left = psutil.wait_procs(parts, timeout=TOO_LONG)
    assert left == []


def test_an_engine_that_outlived_its_stage_is_ended_first(
    launcher: Launch, data: DataFolder
) -> None:
    lock = data.engine_lock()
    assert lock.acquire()
    leftover = subprocess.Popen(
        [sys.executable, "-c", "import signal; signal.pause()"], pass_fds=(lock.descriptor,)
    )
    lock.write_process_id(leftover.pid)
    lock.close()
    launcher(data).await_ready()
    assert leftover.wait(1) == -signal.SIGKILL


def test_a_stale_process_id_harms_nobody(launcher: Launch, data: DataFolder) -> None:
    lock = data.engine_lock()
    lock.write_process_id(os.getpid())
    lock.close()
    data.running_stage.write_text(f'{{"process_id": {os.getpid()}}}')
    launcher(data).await_ready()


def test_killed_while_it_loads_the_sample_bank_the_next_start_goes_on(
    launcher: Launch, data: DataFolder
) -> None:
    first = launcher(data).await_ready()
    assert first.end(signal.SIGINT) == 0
    data.unfinished_bank.write_text("the stage's own")  # as the first start left it until the end
    second = launcher(data).await_ready()
    assert "Loading the sample bank.\n" in second.printed
    assert not data.unfinished_bank.exists()


def test_a_port_in_use_is_one_sentence(launcher: Launch, data: DataFolder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        said = sentence(launcher(data, PORT=port))
    assert said == (
        f"Port {port} is in use: end what listens there, or choose another one with PORT=."
    )


@pytest.mark.parametrize("port", ["eighty", "-1", "65536", "\uff18\uff10"])
def test_a_port_that_is_none_is_one_sentence(launcher: Launch, data: DataFolder, port: str) -> None:
    assert sentence(launcher(data, PORT=port)).startswith(f"PORT is {port}: ")


def test_two_stages_on_one_folder_are_refused(launcher: Launch, stage: StageProcess) -> None:
    said = sentence(launcher(stage.data))
    assert said == f"The stage is already running at {stage.url}."


def damage_header(file: Path) -> None:
    file.write_bytes(b"no database" * 1000)


def damage_middle(file: Path) -> None:
    with file.open("r+b") as database:
        database.seek(file.stat().st_size // 2)
        database.write(b"\xa5" * 8192)


def cut_in_half(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 8192 * 4096)


@pytest.mark.parametrize("damage", [damage_header, damage_middle, cut_in_half])
def test_a_damaged_file_is_one_sentence(
    launcher: Launch, stage: StageProcess, data: DataFolder, damage: Callable[[Path], None]
) -> None:
    copy_database(stage.data, data)
    damage(data.database)
    said = sentence(launcher(data))
    assert said.startswith(f"The database file {data.database} is damaged: ")
    assert "'make reset'" in said


def copy_database(source: DataFolder, target: DataFolder) -> None:
    with (
        closing(sqlite3.connect(f"{source.database.as_uri()}?mode=ro", uri=True)) as read,
        closing(sqlite3.connect(target.database)) as write,
    ):
        read.backup(write)


def test_after_a_reset_a_damaged_file_is_gone(launcher: Launch, data: DataFolder) -> None:
    damage_header(data.database)
    done = run_program("reset", data)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Loading the sample bank.\n" in launcher(data).await_ready().printed


def test_a_missing_engine_is_one_sentence(
    launcher: Launch, data: DataFolder, tmp_path: Path
) -> None:
    for part in (
        "app.py",
        "banks",
        "cdk.json",
        "domain",
        "infra",
        "lambdas",
        "local",
        "package.json",
    ):
        (tmp_path / part).symlink_to(ROOT / part)
    (tmp_path / "requirements").symlink_to(ROOT / "requirements")
    said = sentence(launcher(data, root=tmp_path))
    assert said.startswith("The database engine is not in node_modules/@dynoxide/")
    assert "npm install --no-save @dynoxide/" in said
    assert "DYNAMODB_ENDPOINT" in said


def test_the_stage_ends_when_its_engine_does(launcher: Launch, data: DataFolder) -> None:
    stage = launcher(data).await_ready()
    (process,) = [
        each
        for each in psutil.Process(stage.process.pid).children()
        if any(word.endswith("dynoxide") for word in each.cmdline())
    ]
    process.kill()
    assert sentence(stage) == ("The database engine ended by itself: start again with 'make run'.")


def test_reset_is_refused_while_the_stage_runs(stage: StageProcess) -> None:
    done = run_program("reset", stage.data)
    assert done.returncode == 1
    assert done.stderr == "The stage is running: end it with Ctrl-C, then reset it.\n"
    assert stage.data.database.exists()


def test_reset_empties_the_stage(launcher: Launch, data: DataFolder) -> None:
    first = launcher(data).await_ready()
    start_session(first)
    assert first.end(signal.SIGINT) == 0
    other = data.path / "mine.txt"
    other.write_text("not the stage's")
    assert run_program("reset", data).returncode == 0
    assert not data.database.exists()
    assert other.exists()
    second = launcher(data).await_ready()
    assert "Loading the sample bank.\n" in second.printed
    with second.client(second.token()) as client:
        assert client.get("/sessions").json() == {"sessions": []}


def test_another_endpoint_can_be_given(launcher: Launch, data: DataFolder, tmp_path: Path) -> None:
    elsewhere = DataFolder(tmp_path)
    with Engine(elsewhere, find_binary()) as engine:
        stage = launcher(data, DYNAMODB_ENDPOINT=engine.endpoint).await_ready()
        start_session(stage)
        assert stage.end(signal.SIGINT) == 0
    assert elsewhere.database.exists()
    assert not data.database.exists()


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("localhost:8000", "DYNAMODB_ENDPOINT is localhost:8000: it must begin with http"),
        ("http://127.0.0.1:9", "The database at http://127.0.0.1:9 does not answer."),
    ],
)
def test_an_endpoint_that_is_none_is_one_sentence(
    launcher: Launch, data: DataFolder, endpoint: str, said: str
) -> None:
    assert sentence(launcher(data, DYNAMODB_ENDPOINT=endpoint)).startswith(said)


def test_what_is_written_is_for_its_owner_alone(stage: StageProcess) -> None:
    assert stage.data.signing_key.stat().st_mode & 0o777 == 0o600
