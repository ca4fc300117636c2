"""The processes in which the stage's functions run, as on AWS each runs in environments of its own.

Python computes on one processor at a time in a process. So learners' requests are shared out among
several processes, and administrators' have one of their own, of low priority: an import that
computes for a minute delays learners as little as it can.
"""

import asyncio
import itertools
import json
import logging
import os
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
_LOW_PRIORITY = 10
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

    def __init__(self, functions: Sequence[str], *, niceness: int = 0) -> None:
        self._functions = functions
        self._niceness = niceness
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Mapping[str, Any]]] = {}
        self._process: Process | None = None
        self._is_ready = False
        self._supervisor: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._ending = asyncio.Event()

    @property
    def is_started(self) -> bool:
        """Whether it was ever started: from then on it is started again whenever it ends."""
        return self._supervisor is not None

    @property
    def runs(self) -> bool:
        """Whether it can be given an invocation."""
        return self._process is not None and self._process.returncode is None

    @property
    def is_ready(self) -> bool:
        """Whether it has imported its functions; until then invocations wait in its input."""
        return self.runs and self._is_ready

    @property
    def invocations(self) -> int:
        """How many invocations are under way."""
        return len(self._waiting)

    async def start(self) -> None:
        """Start it, unless it was started before.

        Raises:
            OSError: The system has no room for another process.
        """
        async with self._starting:
            if not self.is_started:
                await self._start()
                self._supervisor = asyncio.create_task(self._supervise())

    async def end(self) -> None:
        """End it, with what is still under way."""
        async with self._starting:
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
        self._is_ready = False
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", PROGRAM, *self._functions),
            cwd=ROOT,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=_MAX_LINE_BYTES,
            # Out of reach of the terminal's Ctrl-C: the stage ends it, after its last request.
            # In the stage's session: Linux compares priorities within a session only.
            process_group=0,
        )
        if self._niceness:
            with suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, self._process.pid, self._niceness)

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
            await self._start_again()
            if self._ending.is_set():  # perhaps while it was started
                with suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()
                return

    async def _start_again(self) -> None:
        """Start it after a pause, as often as the system refuses to."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _RESTART_PAUSE)
                return
            try:
                await self._start()
            except OSError as error:
                _log.error("A process of functions cannot be started: %s", error)
            else:
                return

    async def _read(self, process: Process) -> None:
        """Write to the log, and hand results to those who wait for them."""
        assert process.stdout  # noqa: S101 - it is a pipe
        async for line in process.stdout:
            message = json.loads(line)
            if "log" in message:
                sys.stdout.write(message["log"])
                continue
            if "ready" in message:
                self._is_ready = True
                continue
            result = self._waiting.get(message["number"])
            if result is None or result.done():
                continue  # nobody waits for it any more
            if "result" in message:
                result.set_result(message["result"])
            else:
                result.set_exception(FunctionError())


class FunctionProcesses:
    """The processes of a stage: one from the beginning, the others once they have work."""

    def __init__(self, routes: Sequence[Route]) -> None:
        every = sorted({route.function for route in routes})
        administrators = sorted({r.function for r in routes if r.access is Access.ADMIN})
        self._administrators = [FunctionProcess(administrators, niceness=_LOW_PRIORITY)]
        self._learners = [FunctionProcess(every) for _ in range(_LEARNERS_PROCESSES)]

    @asynccontextmanager
    async def running(self, _application: object = None) -> AsyncIterator[None]:
        """Run them while the context is entered."""
        await self._learners[0].start()
        try:
            yield
        finally:
            processes = [*self._learners, *self._administrators]
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
        chosen = await _least_busy(processes)
        return await chosen.invoke(route.function, event, request_id)


async def _least_busy(processes: Sequence[FunctionProcess]) -> FunctionProcess:
    """Return the process that has the least to do, and start another one if all have something."""
    running = [process for process in processes if process.runs]
    if all(process.invocations for process in running):
        unused = next((process for process in processes if not process.is_started), None)
        if unused:
            with suppress(OSError):
                await unused.start()
            running = [process for process in processes if process.runs]
    if not running:
        raise FunctionUnavailableError
    return min(running, key=lambda process: (not process.is_ready, process.invocations))


async def _log_errors(process: Process) -> None:
    """Log what Python itself reports of a process that cannot go on."""
    assert process.stderr  # noqa: S101 - it is a pipe
    async for line in process.stderr:
        sys.stdout.write(line.decode(errors="replace"))
