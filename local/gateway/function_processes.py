"""The processes in which the stage's functions run, as on AWS each runs in environments of its own.

Python computes on one processor at a time in a process. So learners' requests are shared out among
several processes, and administrators' have one of their own: an import that computes for a minute
delays no learner.
"""

import asyncio
import itertools
import json
import logging
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from lambdas.contract.route import Access, Route
from local.data_folder import ROOT

PROGRAM = "local.gateway.function_program"

END_SECONDS = 0.5
"""How long the program may take to end before it is killed: no request waits for it any more."""

_LEARNERS_PROCESSES = 2
_RESTART_PAUSE = 0.5
_MAX_LINE_BYTES = 32_000_000
"""More than any result: Lambda's are at most 6 MB."""

_log = logging.getLogger(__name__)


class FunctionError(Exception):
    """The function raised; its log has the reason."""


class FunctionUnavailableError(Exception):
    """The function's process ended, or has not started again yet."""


class FunctionProcess:
    """A process that runs functions, started again whenever it ends."""

    def __init__(self, functions: Sequence[str]) -> None:
        self._functions = functions
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Mapping[str, Any]]] = {}
        self._process: Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()

    @property
    def runs(self) -> bool:
        """Whether it can be given an invocation."""
        return self._process is not None and self._process.returncode is None

    @property
    def invocations(self) -> int:
        """How many invocations are under way."""
        return len(self._waiting)

    async def start(self) -> None:
        """Start it. Invocations wait in its input until it has imported the functions."""
        await self._start()
        self._supervisor = asyncio.create_task(self._supervise())

    async def end(self) -> None:
        """End it, with what is still under way."""
        self._ending.set()
        process, supervisor = self._process, self._supervisor
        if process is None or supervisor is None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            async with asyncio.timeout(END_SECONDS):
                await asyncio.shield(supervisor)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await supervisor

    async def invoke(
        self, function: str, event: Mapping[str, Any], request_id: str
    ) -> Mapping[str, Any]:
        """Return a function's result.

        Raises:
            FunctionError: The function raised.
            FunctionUnavailableError: The process ended meanwhile.
        """
        if not (self.runs and self._process and self._process.stdin):
            raise FunctionUnavailableError
        number = next(self._numbers)
        line = json.dumps(
            {"number": number, "function": function, "event": event, "requestId": request_id}
        )
        result: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = result
        try:
            self._process.stdin.write(line.encode() + b"\n")
            return await result
        finally:
            del self._waiting[number]

    async def _start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", PROGRAM, *self._functions),
            cwd=ROOT,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=_MAX_LINE_BYTES,
            # Out of reach of the terminal's Ctrl-C: the stage ends it, after its last request.
            start_new_session=True,
        )

    async def _supervise(self) -> None:
        while process := self._process:
            try:
                await asyncio.gather(self._read(process), _log_errors(process))
            except ValueError:  # no whole line of JSON: it broke off, or something else wrote there
                with suppress(ProcessLookupError):
                    process.kill()
            code = await process.wait()
            for result in self._waiting.values():
                if not result.done():
                    result.set_exception(FunctionUnavailableError())
            if self._ending.is_set():
                return
            _log.error("A process of functions ended (exit code %d); starting it again", code)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _RESTART_PAUSE)
                return
            await self._start()

    async def _read(self, process: Process) -> None:
        """Write to the log, and hand results to those who wait for them."""
        assert process.stdout  # noqa: S101 - it is a pipe
        async for line in process.stdout:
            message = json.loads(line)
            if "log" in message:
                sys.stdout.write(message["log"])
                continue
            result = self._waiting.get(message["number"])
            if result is None or result.done():
                continue  # nobody waits for it any more
            if "result" in message:
                result.set_result(message["result"])
            else:
                result.set_exception(FunctionError())


class FunctionProcesses:
    """The processes of a stage."""

    def __init__(self, routes: Sequence[Route]) -> None:
        every = sorted({route.function for route in routes})
        administrators = sorted({r.function for r in routes if r.access is Access.ADMIN})
        self._administrators = [FunctionProcess(administrators)]
        self._learners = [FunctionProcess(every) for _ in range(_LEARNERS_PROCESSES)]

    @asynccontextmanager
    async def running(self, _application: object = None) -> AsyncIterator[None]:
        """Run them while the context is entered."""
        processes = [*self._learners, *self._administrators]
        await asyncio.gather(*(process.start() for process in processes))
        try:
            yield
        finally:
            await asyncio.gather(*(process.end() for process in processes))

    async def invoke(
        self, route: Route, event: Mapping[str, Any], request_id: str
    ) -> Mapping[str, Any]:
        """Return the result of a route's function, of the process that has the least to do.

        Raises:
            FunctionError: The function raised.
            FunctionUnavailableError: No process runs it now.
        """
        processes = self._administrators if route.access is Access.ADMIN else self._learners
        running = [process for process in processes if process.runs]
        if not running:
            raise FunctionUnavailableError
        chosen = min(running, key=lambda process: process.invocations)
        return await chosen.invoke(route.function, event, request_id)


async def _log_errors(process: Process) -> None:
    """Log what Python itself reports of a process that cannot go on."""
    assert process.stderr  # noqa: S101 - it is a pipe
    async for line in process.stderr:
        sys.stdout.write(line.decode(errors="replace"))
