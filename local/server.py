"""The HTTP server of the stage, which knows when it is ready and why it had to end."""

import asyncio
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from local.errors import StageError

_DRAIN_SECONDS = 5
_KEEP_ALIVE_SECONDS = 65


class Server(uvicorn.Server):
    """Serves until a signal or a failure; `when_accepting` is then run beside the requests."""

    def __init__(self, application: ASGIApp, when_accepting: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                access_log=False,
                date_header=True,
                http="h11",
                lifespan="off",
                log_config=None,
                server_header=False,
                timeout_graceful_shutdown=_DRAIN_SECONDS,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                ws="none",
            )
        )
        self._when_accepting = when_accepting
        self._announcement: asyncio.Task[None] | None = None
        self.failure: StageError | None = None

    def fail(self, failure: StageError) -> None:
        """End the server; may be called by any thread."""
        self.failure = failure
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept, then run what waited for it."""
        await super().startup(sockets=sockets)
        self._announcement = asyncio.create_task(self._announce())

    async def _announce(self) -> None:
        try:
            await asyncio.to_thread(self._when_accepting)
        except StageError as failure:
            self.fail(failure)
