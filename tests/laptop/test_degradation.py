"""The stage under trouble: it refuses what it cannot do, serves the rest, and recovers."""

import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2
import psutil
import pytest

from lambdas.contract.gateway_problems import CONTENT_TYPE
from local.data_folder import DataFolder
from local.database.engine import STOP_SECONDS
from local.gateway import function_processes
from local.gateway.server import DRAIN_SECONDS
from local.stage_log import StageLog
from local.stream.pump_process import END_SECONDS, PROGRAM
from tests.laptop.stage_parts import all_functions, functions, part, until
from tests.support.stage_process import TOO_LONG, Launch, StageProcess

pytestmark = pytest.mark.slow

BODY = {"sources": [{"category": "geography"}]}


@contextmanager
def files_limited(*processes: psutil.Process) -> Iterator[None]:
    """Let no file of processes grow: their writes fail as on a full disk."""
    for process in processes:
        process.rlimit(psutil.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        for process in processes:
            process.rlimit(psutil.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


def test_with_a_full_disk_reads_work_writes_are_503_and_it_recovers(
    launcher: Launch, data: DataFolder
) -> None:
    stage = launcher(data).await_ready()
    engine, pump = part(stage, "dynoxide"), part(stage, PROGRAM)
    with stage.client(stage.token()) as client:
        session = client.post("/sessions", json=BODY).json()["sessionId"]
        with files_limited(psutil.Process(stage.process.pid), engine, pump):
            for _ in range(3):
                refused = client.post("/sessions", json=BODY)
                assert (refused.status_code, refused.json()["code"]) == (503, "UNAVAILABLE")
                assert refused.headers["Retry-After"]
                assert client.get("/health").status_code == 200
                assert client.get(f"/sessions/{session}/question").status_code == 200
        until(lambda: client.post("/sessions", json=BODY).status_code == 201)
    assert stage.end(signal.SIGINT) == 0


def test_a_pump_that_is_killed_is_started_again_and_counts(
    launcher: Launch, data: DataFolder
) -> None:
    stage = launcher(data).await_ready()
    killed = part(stage, PROGRAM)
    killed.kill()
    killed.wait(TOO_LONG)
    assert part(stage, PROGRAM).pid != killed.pid
    with stage.client(stage.token()) as client:
        session = client.post("/sessions", json=BODY).json()["sessionId"]
        question = client.get(f"/sessions/{session}/question").json()["question"]
        answer = {
            "questionId": question["questionId"],
            "selectedAnswers": [question["answers"][0]["id"]],
        }
        assert client.post(f"/sessions/{session}/answer", json=answer).status_code == 200
        until(lambda: client.get("/users/me/progress").json()["attempts"] == 1)
    assert "starting it again" in data.stage_log.read_text()
    assert stage.end(signal.SIGINT) == 0


def test_processes_of_functions_that_are_killed_are_started_again(
    launcher: Launch, data: DataFolder
) -> None:
    stage = launcher(data).await_ready()
    killed = all_functions(stage)
    with stage.client(stage.token()) as client:
        for process in killed:
            process.suspend()
        with pytest.raises(httpx2.TimeoutException):
            client.get("/sessions", timeout=0.5)
        for process in killed:
            process.kill()
        until(lambda: client.get("/sessions").status_code == 200)
        until(lambda: client.post("/sessions", json=BODY).status_code == 201)
    with stage.client(stage.token(groups="admin")) as client:
        until(lambda: client.get("/admin/imports/1").status_code == 404)
    assert not {each.pid for each in killed} & {each.pid for each in functions(stage)}
    assert data.stage_log.read_text().count("A process of functions ended") == len(killed)
    assert stage.end(signal.SIGINT) == 0


def test_what_administrators_wait_for_holds_no_learner_up(
    launcher: Launch, data: DataFolder
) -> None:
    stage = launcher(data).await_ready()
    *_, administrators = all_functions(stage)
    administrators.suspend()
    with stage.client(stage.token(groups="admin")) as client:
        with pytest.raises(httpx2.TimeoutException):
            client.get("/admin/imports/1", timeout=0.5)
        for _ in range(5):
            assert client.get("/questions/categories").status_code == 200
            assert client.post("/sessions", json=BODY).status_code == 201
    assert stage.end(signal.SIGINT) == 0


def test_a_deleted_database_refuses_writes_and_is_reported_at_the_next_start(
    launcher: Launch, data: DataFolder
) -> None:
    stage = launcher(data).await_ready()
    with stage.client(stage.token()) as client:
        session = client.post("/sessions", json=BODY).json()["sessionId"]
        for file in data.path.glob("dynamodb.db*"):
            file.unlink()
        refused = client.post("/sessions", json=BODY)
        assert (refused.status_code, refused.json()["code"]) == (503, "UNAVAILABLE")
        assert client.patch("/users/me", json={"displayName": "Ada"}).status_code == 503
        assert client.get("/health").status_code == 200
        assert client.get(f"/sessions/{session}").status_code == 200
    assert stage.end(signal.SIGINT) == 0
    again = launcher(data).await_ready()
    missing = f"The database file {data.database} is missing: "
    assert any(line.startswith(missing) for line in again.printed)
    with again.client(again.token()) as client:
        assert client.post("/sessions", json=BODY).status_code == 201
    assert again.end(signal.SIGINT) == 0
    third = launcher(data).await_ready()
    assert not any(line.startswith(missing) for line in third.printed)


def test_a_frozen_engine_does_not_keep_the_stage_from_ending(
    launcher: Launch, data: DataFolder
) -> None:
    functions_end = function_processes.END_SECONDS
    assert DRAIN_SECONDS + functions_end + END_SECONDS + STOP_SECONDS < 5
    stage = launcher(data).await_ready()
    engine = part(stage, "dynoxide")
    with stage.client(stage.token()) as client:
        engine.suspend()
        with pytest.raises(httpx2.TimeoutException):
            client.get("/sessions", timeout=0.5)
    assert stage.end(signal.SIGINT) == 0
    assert not psutil.pid_exists(engine.pid)


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process open more files than the stage."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 3_000:
        pytest.skip("the limit of open files is too low")
    resource.setrlimit(resource.RLIMIT_NOFILE, (3_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHost:"])
@pytest.mark.usefixtures("many_files")
def test_half_sent_requests_keep_nobody_out(
    launcher: Launch, data: DataFolder, sent: bytes
) -> None:
    stage = launcher(data).await_ready()
    psutil.Process(stage.process.pid).rlimit(psutil.RLIMIT_NOFILE, (1_024, 1_024))
    address = ("127.0.0.1", int(stage.url.rpartition(":")[2]))
    with ExitStack() as sockets:
        for _ in range(1_100):
            half = sockets.enter_context(socket.create_connection(address, TOO_LONG))
            half.sendall(sent)
        for _ in range(20):
            with stage.client() as client:
                assert client.get("/health").status_code == 200
        open_files = psutil.Process(stage.process.pid).num_fds()
    assert open_files < 900
    assert data.stage_log.stat().st_size < 100_000


def test_a_request_with_two_lengths_is_refused_and_the_connection_closed(
    stage: StageProcess,
) -> None:
    address = ("127.0.0.1", int(stage.url.rpartition(":")[2]))
    with socket.create_connection(address, TOO_LONG) as client:
        client.sendall(
            b"POST /sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        received = b""
        while part := client.recv(65_536):
            received += part
    assert received.startswith(b"HTTP/1.1 400 ")
    assert CONTENT_TYPE.encode() in received
    assert received.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    ("secret", "body", "code"),
    [
        ("guessed", {"UserPoolId": "us-east-1_local", "Username": "ada"}, "NotAuthorizedException"),
        ("", {"UserPoolId": "us-east-1_local", "Username": "ada"}, None),
        (None, {"UserPoolId": "us-east-1_local", "Username": "a\nb"}, "InvalidParameterException"),
        (None, {"UserPoolId": "us-east-1_local", "Username": "ü"}, "InvalidParameterException"),
        (None, {"UserPoolId": "us-east-1_local", "Username": 7}, "InvalidParameterException"),
        (None, {"UserPoolId": "us-east-1_local"}, "InvalidParameterException"),
        (None, [], "InvalidParameterException"),
        (None, {"UserPoolId": "other", "Username": "ada"}, "ResourceNotFoundException"),
    ],
    ids=str,
)
def test_the_user_pool_requires_the_secret_and_valid_input(
    stage: StageProcess, secret: str | None, body: Any, code: str | None
) -> None:
    """No account is deleted: `make token` still works."""
    path = stage.cognito_path() if secret is None else f"/_cognito/{secret}"
    before = deleted_accounts(stage)
    headers = {"X-Amz-Target": "AWSCognitoIdentityProviderService.AdminDeleteUser"}
    with stage.client() as client:
        refused = client.post(path, json=body, headers=headers)
    if code:
        assert (refused.status_code, refused.json()["__type"]) == (400, code)
    else:
        assert refused.status_code == 404
    assert stage.token("ada")
    assert deleted_accounts(stage) == before


def deleted_accounts(stage: StageProcess) -> str:
    """Return the ids of the accounts deleted on a stage, on which other tests erase some."""
    file = stage.data.deleted_accounts
    return file.read_text() if file.exists() else ""


def test_an_erased_learner_is_in_no_row_of_the_stream(launcher: Launch, data: DataFolder) -> None:
    stage = launcher(data).await_ready()
    with stage.client(stage.token("ada")) as client:
        user = client.get("/users/me").json()["userId"]
        session = client.post("/sessions", json=BODY).json()["sessionId"]
        question = client.get(f"/sessions/{session}/question").json()["question"]
        answer = {
            "questionId": question["questionId"],
            "selectedAnswers": [question["answers"][0]["id"]],
        }
        assert client.post(f"/sessions/{session}/answer", json=answer).status_code == 200
        until(lambda: client.get("/users/me/progress").json()["attempts"] == 1)
        assert user in str(stage.stream_rows())
        assert client.delete("/users/me").status_code == 204
    assert stage.stream_rows()
    assert user not in str(stage.stream_rows())


def test_the_log_is_bounded_and_an_error_loses_only_its_lines(data: DataFolder) -> None:
    log = StageLog(data.stage_log, max_bytes=1_000)
    for number in range(100):
        log.write(f"line {number} %s of thirty bytes...\n")
    files = sorted(data.path.glob("stage.log*"))
    assert [file.name for file in files] == ["stage.log", "stage.log.1"]
    assert all(file.stat().st_size <= 1_000 for file in files)
    assert files[0].read_text().splitlines()[-1] == "line 99 %s of thirty bytes..."
    elsewhere = StageLog(data.path / "missing" / "stage.log")
    elsewhere.write("lost\n")
