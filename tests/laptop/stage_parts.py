"""The processes of a running stage, and waiting for what it does."""

import time
from collections.abc import Callable
from contextlib import suppress

import httpx2
import psutil

from local.gateway import function_processes
from tests.support.stage_process import TOO_LONG, StageProcess

FUNCTION_PROCESSES = 3
"""Two for learners and one for administrators, once a stage has needed all of them."""


def until(condition: Callable[[], object]) -> None:
    """Ask the stage again until it answers so; each request waits for the stage by itself."""
    deadline = time.monotonic() + TOO_LONG
    while not condition():
        assert time.monotonic() < deadline


def part(stage: StageProcess, program: str) -> psutil.Process:
    """Return the stage's child process that runs a program."""
    deadline = time.monotonic() + TOO_LONG
    while True:
        for each in psutil.Process(stage.process.pid).children():
            if any(word.endswith(program) for word in each.cmdline()):
                return each
        assert time.monotonic() < deadline, f"no process runs {program}"


def function_processes_of(parent: psutil.Process) -> list[psutil.Process]:
    """Return the child processes that run functions, those of administrators last."""
    found = {}
    for each in parent.children():
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile
            found[each] = each.cmdline()
    running = [each for each in found if function_processes.PROGRAM in found[each]]
    return sorted(running, key=lambda each: len(found[each]), reverse=True)


def functions(stage: StageProcess) -> list[psutil.Process]:
    """Return the processes of a stage that run functions, the administrators' one last."""
    return function_processes_of(psutil.Process(stage.process.pid))


def all_functions(stage: StageProcess) -> list[psutil.Process]:
    """Give the stage work for all its processes of functions; return them."""
    (first,) = functions(stage)
    with stage.client(stage.token(groups="admin")) as client:
        assert client.get("/admin/imports/1").status_code == 404
        first.suspend()

        def asked() -> bool:
            with suppress(httpx2.TimeoutException):
                client.get("/questions/categories", timeout=0.5)
            return len(functions(stage)) == FUNCTION_PROCESSES

        until(asked)
        first.resume()
        # The second one of learners is given work once it has imported the functions.
        until(lambda: client.get("/questions/categories").status_code == 200)
    return functions(stage)
