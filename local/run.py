"""Runs the laptop stage until Ctrl-C."""

import json
import logging
import os
import shlex
import signal
import socket
import sys
import threading
import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext, suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route, Router

from lambdas.contract.headers import MIN_COMPRESSED_BYTES
from lambdas.contract.routes import ROUTES
from lambdas.privacy import handler as privacy
from lambdas.signup import handler as signup
from local.accounts.token_issuer import Issuer, KeySet, TokenVerifier, load_key
from local.accounts.user_pool import PATH, UserPool, new_secret, pool_environment
from local.data_folder import DataFolder
from local.data_version import check_data_version, write_data_version
from local.database.backend import Connection, connect, enter, explained, handler_environment
from local.database.file_guard import DatabaseFile
from local.database.schema import create_tables, ensure_time_to_live, missing_tables
from local.database.stream_rows import redact
from local.database.tables import table_definitions
from local.errors import CommandError
from local.gateway.api_browser import pages
from local.gateway.app import Gateway
from local.gateway.function_processes import FunctionProcesses
from local.gateway.openapi_document import openapi_document
from local.gateway.play_page import play_page
from local.gateway.readiness import first_category
from local.gateway.server import Server, raise_file_limit
from local.gateway.throttles import Throttles
from local.invocation import InvocationContext
from local.log_lines import log_to_output
from local.running_stage import RunningStage
from local.sample_bank import load_sample_bank
from local.stage_log import StageLog
from local.stream.pump_process import PumpProcess
from local.stream.reader import stream_of, streams_client

if TYPE_CHECKING:
    from collections.abc import Sequence
    from subprocess import Popen

    from starlette.types import ASGIApp, Receive, Scope, Send

    from local.database.tables import TableDefinition


_HOST = "127.0.0.1"
_DEFAULT_PORT = "8000"
_MAX_PORT = 65_535

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Terminal:
    """The terminal that started the stage; the handlers' lines do not go there."""

    output: TextIO

    def say(self, text: str) -> None:
        """Print at once."""
        print(text, file=self.output, flush=True)


def run() -> None:
    """Run the stage until it is interrupted.

    Raises:
        CommandError: It could not start, or go on.
    """
    terminal = Terminal(os.fdopen(os.dup(sys.stdout.fileno()), "w"))
    try:
        _serve(terminal, os.environ.get("PORT") or _DEFAULT_PORT)
    except KeyboardInterrupt:
        terminal.say("\nStopped; the data is kept.")


def main() -> int:
    """Run the program."""
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    try:
        run()
    except CommandError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _serve(terminal: Terminal, port: str) -> None:
    """Start the parts, each of which ends with the stage, and serve.

    Raises:
        KeyboardInterrupt: The stage was asked to end, and did.
        CommandError: It could not start, or go on.
    """
    folder = DataFolder.from_environment()
    raise_file_limit()
    with ExitStack() as parts:
        lock = parts.enter_context(closing(folder.stage_lock()))
        if not lock.acquire():
            raise CommandError(_already_running(folder))
        folder.running_stage.unlink(missing_ok=True)
        listener = parts.enter_context(closing(_listen(port)))
        _log_to_file(folder)
        if folder.engine_log.exists() and not folder.database.exists():
            terminal.say(
                f"The database file {folder.database} is missing: the data of earlier runs is "
                "lost, and the stage starts with an empty database."
            )
        endpoint = os.environ.get("DYNAMODB_ENDPOINT") or None
        if endpoint is None:
            check_data_version(folder)
        tables = table_definitions()
        connection = parts.enter_context(connect(folder, endpoint))
        parts.callback(_ignore_signals)
        environment = handler_environment(connection, tables)
        environment |= pool_environment(_url(listener), new_secret())
        enter(environment)
        with explained(connection):
            _prepare(terminal, folder, connection, tables)
        if endpoint is None:
            write_data_version(folder)
        parts.callback(folder.running_stage.unlink, missing_ok=True)
        _answer_requests(terminal, folder, connection, listener, environment)


def _listen(port: str) -> socket.socket:
    """Take the port before anything is started for it."""
    if not (port.isascii() and port.isdecimal()) or int(port) > _MAX_PORT:
        raise CommandError(f"PORT is {port}: it must be a number up to {_MAX_PORT}.")
    # The protocol is named because asyncio turns Nagle's delay (40 ms) off only where it is.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_HOST, int(port)))
        listener.listen()
    except PermissionError as error:
        listener.close()
        raise CommandError(f"Port {port} is reserved: choose another one with PORT=.") from error
    except OSError as error:
        listener.close()
        raise CommandError(
            f"Port {port} is in use: end what listens there, or choose another one with PORT=."
        ) from error
    return listener


def _log_to_file(folder: DataFolder) -> None:
    """Send everything that handlers print from now on to the log."""
    sys.stdout = StageLog(folder.stage_log)
    log_to_output()


def _already_running(folder: DataFolder) -> str:
    with suppress(CommandError):
        return f"The stage is already running at {RunningStage.find(folder).url}."
    return f"The stage is already running on the data in {folder.path}."


def _prepare(
    terminal: Terminal,
    folder: DataFolder,
    connection: Connection,
    tables: "Sequence[TableDefinition]",
) -> None:
    """Create what the database lacks, and load the sample bank into a new one.

    A note in the data folder outlives a stage that is killed in between, and the next start goes
    on: importing twice changes nothing.
    """
    client = connection.client()
    note = folder.unfinished_bank
    if missing := missing_tables(client, tables):
        note.write_text(connection.name)
        create_tables(client, missing)
    ensure_time_to_live(client, tables)
    if note.exists() and note.read_text() == connection.name:
        terminal.say("Loading the sample bank.")
        load_sample_bank()
        note.unlink()


def _answer_requests(
    terminal: Terminal,
    folder: DataFolder,
    connection: Connection,
    listener: socket.socket,
    environment: dict[str, str],
) -> None:
    port: int = listener.getsockname()[1]
    url = _url(listener)
    issuer = Issuer(load_key(folder), url)
    stage = RunningStage(url=url, issuer=url, process_id=os.getpid(), environment=environment)

    def announce() -> None:
        category = first_category(port, issuer.access_token("stage"))
        stage.announce(folder)
        terminal.say(_ready_text(folder, url, category or "geography"))
        _complete_erasures()

    file = DatabaseFile(folder.database) if connection.process else None
    application = _application(folder, url, file, _secret_of(environment))
    server = Server(application, announce)
    if connection.process:
        _watch(connection.process, server, "The database engine")

    def tell_lost() -> None:
        terminal.say(
            f"The database file {folder.database} was deleted or replaced while the stage was "
            "running. Writes are refused (503), and reads work until the stage ends. End it with "
            "Ctrl-C."
        )

    with (
        file.watched(tell_lost) if file else nullcontext(),
        _pump(terminal, connection, environment["PROGRESS_TABLE"]),
    ):
        server.run(sockets=[listener])
        if server.failure:
            raise server.failure


def _complete_erasures() -> None:
    """Do what the schedule does: a stage that was killed may have left an erasure unfinished."""
    event = {"source": "aws.events"}
    try:
        privacy.handler(event, InvocationContext("privacy", str(uuid.uuid4())))
    except Exception:  # the stage is ready all the same, and its next start tries again
        _log.exception("Erasures could not be completed")


def _pump(
    terminal: Terminal, connection: Connection, table: str
) -> AbstractContextManager[PumpProcess | None]:
    """Return the pump that has the answers counted while it is entered."""
    stream = stream_of(connection.client(), streams_client(connection.endpoint), table)
    if stream is None:
        terminal.say(
            f"The database at {connection.endpoint} has no streams: answers are accepted, but not "
            "counted in totals and statistics."
        )
        return nullcontext()
    return PumpProcess(stream.arn, table if connection.process else None)


def _url(listener: socket.socket) -> str:
    return f"http://{_HOST}:{listener.getsockname()[1]}"


def _secret_of(environment: Mapping[str, str]) -> str:
    return environment["COGNITO_ENDPOINT"].rpartition("/")[2]


def _application(
    folder: DataFolder,
    url: str,
    file: DatabaseFile | None,
    secret: str,
) -> "ASGIApp":
    def key_set() -> dict[str, Any]:
        return Issuer(load_key(folder), url).key_set()

    def post_confirmation(event: dict[str, Any]) -> dict[str, Any]:
        return signup.handler(event, InvocationContext("signup", str(uuid.uuid4())))

    def forget_stream_records(user_id: str) -> None:
        if file and not file.lost:
            redact(file.path, user_id)

    pool = UserPool(
        folder.deleted_accounts,
        post_confirmation,
        secret=secret,
        before_delete=forget_stream_records,
    )

    def learner_token(name: str) -> str:
        pool.confirm_sign_up(name)
        return Issuer(load_key(folder), url, pool.user_id).access_token(name)

    processes = FunctionProcesses(ROUTES)
    gateway = Gateway(
        ROUTES,
        processes.invoke,
        TokenVerifier(KeySet(key_set), url),
        throttles=Throttles() if os.environ.get("THROTTLE") == "1" else None,
        refuses_writes=lambda: file is not None and file.lost,
    )
    # Not mounted: no pattern of a mount matches an address with a line break in it.
    router = _Pages(
        [
            *play_page(learner_token, url, folder.report("local")),
            # Made once somebody asks for it: most starts are of a stage that nobody browses.
            *pages(cache(lambda: openapi_document(laptop=url)), key_set),
            Route(PATH, pool.serve, methods=["POST"]),
        ],
        default=gateway,
        redirect_slashes=False,
        lifespan=processes.running,
    )
    return GZipMiddleware(router, minimum_size=MIN_COMPRESSED_BYTES)


class _Pages(Router):
    """The stage's own pages, before the API.

    A pattern of a route ends with `$`, which matches before a final line break too: no page has
    such an address.
    """

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer a request."""
        named = not scope.get("path", "").endswith("\n")
        await (super().__call__ if named else self.default)(scope, receive, send)


def _watch(process: "Popen[bytes]", server: Server, part: str) -> None:
    """End the stage when a process of its ends first."""

    def wait() -> None:
        process.wait()
        server.fail(CommandError(f"{part} ended by itself: start again with 'make run'."))

    threading.Thread(target=wait, daemon=True).start()


def _ignore_signals() -> None:
    """Ignore further signals while the stage ends."""
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.SIG_IGN)


def _ready_text(folder: DataFolder, url: str, category: str) -> str:
    where = "" if folder.is_default else f"QUIZ_DATA_DIR={shlex.quote(str(folder.path))} "
    bearer = '-H "Authorization: Bearer $TOKEN"'
    start = json.dumps({"sources": [{"category": category}]})
    newest = "import json, sys; print(json.load(sys.stdin)['sessions'][0]['sessionId'])"
    newest_id = f"$(curl -s {bearer} '{url}/sessions?limit=1' | python3 -c \"{newest}\")"
    return f"""
Ready: {url}
  play             {url}
  browse the API   {url}/docs
  log              {folder.stage_log}

Paste a token, then list the categories, start a session and see its question:
  TOKEN=$({where}make -s token USER=ada)
  curl {bearer} {url}/questions/categories
  curl {bearer} -H 'Content-Type: application/json' -d '{start}' {url}/sessions
  curl {bearer} {url}/sessions/{newest_id}/question

Ctrl-C ends it."""


if __name__ == "__main__":
    sys.exit(main())
