"""The HTTP server of the stage, which knows when it is ready and why it had to end."""

import asyncio
import socket
import uuid
from collections.abc import Callable

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from lambdas.contract.gateway_problems import CONTENT_TYPE, GATEWAY_PROBLEMS
from local.errors import CommandError

_DRAIN_SECONDS = 5
_KEEP_ALIVE_SECONDS = 65
_MAX_HEAD_BYTES = 64 * 1024
"""What the gateway refuses in the contract's form it has to see first."""


class _Protocol(H11Protocol):
    """Answers what is no HTTP in the contract's form too."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        request_id = str(uuid.uuid4())
        problem = GATEWAY_PROBLEMS["DEFAULT_4XX"]
        body = problem.template.replace("$context.requestId", request_id).encode()
        headers = {
            "Content-Type": CONTENT_TYPE,
            "Content-Length": str(len(body)),
            "X-Request-Id": request_id,
            "Connection": "close",
        }
        for event in (
            h11.Response(
                status_code=problem.status, headers=list(headers.items()), reason=problem.title
            ),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


class Server(uvicorn.Server):
    """Serves until a signal or a failure; `when_accepting` is then run beside the requests."""

    def __init__(self, application: ASGIApp, when_accepting: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                access_log=False,
                date_header=True,
                http=_Protocol,
                h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
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
        self.failure: CommandError | None = None

    def fail(self, failure: CommandError) -> None:
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
        except CommandError as failure:
            self.fail(failure)
