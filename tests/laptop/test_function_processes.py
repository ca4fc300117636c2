"""The processes that run functions: what comes back from them, and what happens when they end."""

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import psutil
import pytest
from starlette.routing import Router

from lambdas.contract.route import Access
from lambdas.contract.routes import ROUTES
from local.gateway import function_processes
from local.gateway.function_processes import (
    FunctionError,
    FunctionProcess,
    FunctionProcesses,
    FunctionUnavailableError,
)
from local.gateway.server import Server
from tests.laptop.stage_parts import function_processes_of
from tests.support.stage_process import TOO_LONG

HEALTH = {"resource": "/health", "httpMethod": "GET", "requestContext": {"requestId": "1"}}
LEARNERS = next(each for each in ROUTES if each.function == "health")
ADMINISTRATORS = LEARNERS._replace(access=Access.ADMIN)
Play = Callable[[FunctionProcess], Coroutine[Any, Any, None]]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE", "local")
    monkeypatch.setenv("CORS_ORIGINS", "*")


def children() -> list[psutil.Process]:
    return function_processes_of(psutil.Process())


def run(play: Play) -> None:
    """Play with a process of the function `health`, and end it."""

    async def whole() -> None:
        process = FunctionProcess(["health"])
        await process.start()
        try:
            async with asyncio.timeout(TOO_LONG):
                await play(process)
        finally:
            await process.end()
        assert not process.runs

    asyncio.run(whole())


async def healthy(process: FunctionProcess) -> Mapping[str, Any]:
    return await process.invoke("health", HEALTH, "1")


def test_results_come_back_to_those_who_wait_for_them(capsys: pytest.CaptureFixture[str]) -> None:
    async def play(process: FunctionProcess) -> None:
        answers = [healthy(process) for _ in range(20)]
        assert {each["statusCode"] for each in await asyncio.gather(*answers)} == {200}
        assert process.invocations == 0

    run(play)
    assert capsys.readouterr().out.count('"Operation":"getHealth"') == 20


def test_a_function_that_raises_leaves_the_process_as_it_is() -> None:
    async def play(process: FunctionProcess) -> None:
        with pytest.raises(FunctionError):
            await process.invoke("nothing", {}, "1")
        assert (await healthy(process))["statusCode"] == 200

    run(play)


def test_a_process_that_breaks_off_in_a_result_is_started_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(function_processes, "PROGRAM", "tests.laptop.program_that_breaks_off")
    monkeypatch.setattr(function_processes, "_RESTART_PAUSE", 0)
    monkeypatch.setenv("BROKE_OFF", str(tmp_path / "mark"))

    async def play(process: FunctionProcess) -> None:
        with pytest.raises(FunctionUnavailableError):
            await healthy(process)
        while not process.runs:
            with pytest.raises(FunctionUnavailableError):
                await healthy(process)
            await asyncio.sleep(0)
        assert (await healthy(process))["statusCode"] == 200

    run(play)


def test_learners_get_another_process_once_the_first_is_busy_and_administrators_theirs() -> None:
    async def play(processes: FunctionProcesses) -> None:
        async with processes.running():
            assert len(children()) == 1
            await processes.invoke(LEARNERS, HEALTH, "1")
            assert len(children()) == 1
            requests = [processes.invoke(LEARNERS, HEALTH, str(n)) for n in range(20)]
            assert {each["statusCode"] for each in await asyncio.gather(*requests)} == {200}
            assert len(children()) == 2
            requests = [processes.invoke(ADMINISTRATORS, HEALTH, str(n)) for n in range(20)]
            assert {each["statusCode"] for each in await asyncio.gather(*requests)} == {200}
            assert len(children()) == 3
        assert not children()

    asyncio.run(play(FunctionProcesses([LEARNERS, ADMINISTRATORS])))


def test_learners_go_before_administrators_where_processors_are_short() -> None:
    async def play(processes: FunctionProcesses) -> None:
        async with processes.running():
            (learners,) = children()
            await processes.invoke(ADMINISTRATORS, HEALTH, "1")
            (administrators,) = set(children()) - {learners}
            assert learners.nice() == psutil.Process().nice() < administrators.nice()
            # Linux compares priorities within a session only.
            assert {os.getsid(each.pid) for each in (learners, administrators)} == {os.getsid(0)}

    asyncio.run(play(FunctionProcesses([LEARNERS, ADMINISTRATORS])))


def test_a_process_that_cannot_be_started_is_unavailable_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play(processes: FunctionProcesses) -> None:
        async with processes.running():
            with monkeypatch.context() as patched:
                patched.setattr(sys, "executable", "/nowhere")
                with pytest.raises(FunctionUnavailableError):
                    await processes.invoke(ADMINISTRATORS, HEALTH, "1")
                assert (await processes.invoke(LEARNERS, HEALTH, "1"))["statusCode"] == 200
            assert (await processes.invoke(ADMINISTRATORS, HEALTH, "1"))["statusCode"] == 200

    asyncio.run(play(FunctionProcesses([LEARNERS, ADMINISTRATORS])))


def test_a_process_that_cannot_be_started_again_at_once_is_tried_until_it_can(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    interpreter = tmp_path / "python"
    interpreter.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    interpreter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(interpreter))
    monkeypatch.setattr(function_processes, "_RESTART_PAUSE", 0)

    async def play(process: FunctionProcess) -> None:
        assert (await healthy(process))["statusCode"] == 200
        away = interpreter.rename(tmp_path / "away")
        (running,) = children()
        running.kill()
        while caplog.text.count("cannot be started") < 3:
            await asyncio.sleep(0)
        away.rename(interpreter)
        while not process.runs:
            await asyncio.sleep(0)
        assert (await healthy(process))["statusCode"] == 200

    run(play)


def test_a_stage_that_ends_while_a_process_is_started_again_leaves_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(function_processes, "_RESTART_PAUSE", 0)
    starting = asyncio.create_subprocess_exec

    async def play() -> None:
        process, is_starting = FunctionProcess(["health"]), asyncio.Event()

        async def start(*command: Any, **options: Any) -> Any:
            is_starting.set()
            return await starting(*command, **options)

        await process.start()
        monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
        children()[0].kill()
        await is_starting.wait()
        await process.end()
        assert not process.runs

    asyncio.run(play())
    assert not children()


def test_a_process_that_was_never_started_is_unavailable_and_ends() -> None:
    async def play() -> None:
        process = FunctionProcess(["health"])
        with pytest.raises(FunctionUnavailableError):
            await healthy(process)
        await process.end()

    asyncio.run(play())


def test_a_stage_whose_functions_cannot_be_started_ends_with_a_sentence() -> None:
    class Failing(AbstractAsyncContextManager[None]):
        def __init__(self, _application: object) -> None:
            """Take the application."""

        async def __aenter__(self) -> None:
            raise OSError

        async def __aexit__(self, *_: object) -> None:
            pytest.fail("it was not entered")

    server = Server(Router(lifespan=Failing), lambda: pytest.fail("it is not ready"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.run(sockets=[listener])
    assert str(server.failure) == "The stage could not start its parts: see its log."
