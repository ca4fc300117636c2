"""The HTTP server of the stage: limits its clients, reports when it is ready and why it ended."""

import asyncio
import resource
import socket
import uuid
from collections.abc import Callable

import h11
import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from lambdas.contract.gateway_problems import CONTENT_TYPE, GATEWAY_PROBLEMS
from local.errors import CommandError

DRAIN_SECONDS = 2
"""How long requests under way may take once the stage is asked to end."""

REQUEST_SECONDS = 20
"""How long a client may take to send a request, from its first byte or the connection's start."""

KEEP_ALIVE_SECONDS = 300
"""How long a connection may be idle. A request that is sent while its connection is being closed
fails, so it is longer than most pauses of a learner who thinks."""

_MAX_CONNECTIONS = 4_096
_BACKLOG = 256
"""Connections that the event loop accepts before it looks at any of them."""
_OTHER_FILES = 256
"""Descriptors left for other uses: logs, the database, the pump."""

_MAX_HEAD_BYTES = 64 * 1024
"""Larger than the gateway's limit, so that the gateway refuses in the contract's form."""


def max_connections() -> int:
    """Return how many connections fit in this process's limit of open files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, min(_MAX_CONNECTIONS, soft - _BACKLOG - _OTHER_FILES, soft // 2))


def raise_file_limit() -> None:
    """Let this process open as many files as the connections need, where the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_CONNECTIONS * 2
    if soft < wanted and (hard == resource.RLIM_INFINITY or hard > soft):
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class Protocol(H11Protocol):
    """Speaks HTTP with one client.

    uvicorn bounds neither the time that a request takes to arrive nor the number of connections.
    Here a request must arrive within `REQUEST_SECONDS`, and when there are too many connections,
    the one that has waited longest for its client makes room for the new one: half-sent requests
    cannot keep others out.
    """

    _waiting: "dict[Protocol, None]" = {}  # noqa: RUF012 - of all connections, oldest first

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection, and close another one if there are too many."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._timer: asyncio.TimerHandle | None = None
        if len(self.connections) > max_connections():
            oldest = next(iter(self._waiting), self)
            oldest.transport.abort()
            self._waiting.pop(oldest, None)
        self._waiting[self] = None
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Take bytes; the request is waited for until it has arrived as a whole."""
        if self._timer is None and self in self._waiting:
            self._start_timer()  # of a further request on this connection
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self._waiting[self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        self._waiting.pop(self, None)
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Answer what is not HTTP with a problem document."""
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


class OneLength:
    """Refuses requests with both `Content-Length` and `Transfer-Encoding`, and closes.

    Two servers may disagree on where such a request ends (RFC 9112, section 6.1).
    """

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        names = {name for name, _ in scope.get("headers", ())}
        if not {b"content-length", b"transfer-encoding"} <= names:
            await self._application(scope, receive, send)
            return
        problem = GATEWAY_PROBLEMS["DEFAULT_4XX"]
        request_id = str(uuid.uuid4())
        response = Response(
            problem.template.replace("$context.requestId", request_id),
            problem.status,
            {"X-Request-Id": request_id, "Connection": "close"},
            CONTENT_TYPE,
        )
        await response(scope, receive, send)


class Server(uvicorn.Server):
    """Serves until a signal or a failure; runs `when_accepting` once it accepts requests.

    The application's lifespan starts before that, and ends after the last response.
    """

    def __init__(self, application: ASGIApp, when_accepting: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                OneLength(application),
                access_log=False,
                backlog=_BACKLOG,
                date_header=True,
                http=Protocol,
                h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
                lifespan="on",
                log_config=None,
                server_header=False,
                timeout_graceful_shutdown=DRAIN_SECONDS,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
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
        try:
            await super().startup(sockets=sockets)
        except SystemExit:  # how uvicorn ends where the application's lifespan does not start
            self.fail(CommandError("The stage could not start its parts: see its log."))
            return
        self._announcement = asyncio.create_task(self._announce())

    async def _announce(self) -> None:
        try:
            await asyncio.to_thread(self._when_accepting)
        except CommandError as failure:
            self.fail(failure)
