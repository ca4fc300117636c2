"""The processes that run functions: what comes back from them, and what happens when they end."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Router

from local.gateway import function_processes
from local.gateway.function_processes import (
    FunctionError,
    FunctionProcess,
    FunctionUnavailableError,
)
from local.gateway.server import Server
from tests.support.stage_process import TOO_LONG

HEALTH = {"resource": "/health", "httpMethod": "GET", "requestContext": {"requestId": "1"}}
Play = Callable[[FunctionProcess], Coroutine[Any, Any, None]]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE", "local")
    monkeypatch.setenv("CORS_ORIGINS", "*")


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
