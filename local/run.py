"""Runs the laptop stage until Ctrl-C."""

import json
import os
import shlex
import signal
import socket
import sys
import threading
import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from starlette.routing import Route, Router

from lambdas.contract.routes import ROUTES
from lambdas.signup import handler as signup
from local.accounts.token_issuer import Issuer, KeySet, TokenVerifier, load_key
from local.accounts.user_pool import PATH, UserPool, pool_environment
from local.data_folder import ROOT, DataFolder
from local.database.backend import Connection, connect, enter, explained, handler_environment
from local.database.schema import create_tables, ensure_time_to_live, missing_tables
from local.database.tables import table_definitions
from local.errors import CommandError
from local.gateway.api_browser import pages
from local.gateway.app import Gateway, Handler, load_handlers
from local.gateway.openapi_document import openapi_document
from local.gateway.play_page import play_page
from local.gateway.readiness import first_category
from local.gateway.server import Server
from local.import_bank import import_bank
from local.invocation import InvocationContext
from local.log_lines import log_to_output
from local.running_stage import RunningStage
from local.stream.pump_process import PumpProcess
from local.stream.reader import stream_of, streams_client

if TYPE_CHECKING:
    from collections.abc import Sequence
    from subprocess import Popen

    from local.database.tables import TableDefinition

_HOST = "127.0.0.1"
_DEFAULT_PORT = "8000"
_MAX_PORT = 65_535
_MAX_LOG_BYTES = 10_000_000
_SAMPLE_BANK = ROOT / "local" / "sample_bank.jsonl"


@dataclass(frozen=True, slots=True)
class Terminal:
    """Whoever started the stage; the handlers' lines do not go there."""

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
    with ExitStack() as parts:
        lock = parts.enter_context(closing(folder.stage_lock()))
        if not lock.acquire():
            raise CommandError(f"The stage is already running on the data in {folder.path}.")
        folder.running_stage.unlink(missing_ok=True)
        listener = parts.enter_context(closing(_listen(port)))
        _log_to_file(folder)
        tables = table_definitions()
        connection = parts.enter_context(
            connect(folder, os.environ.get("DYNAMODB_ENDPOINT") or None)
        )
        parts.callback(_ignore_signals)
        environment = handler_environment(connection, tables) | pool_environment(_url(listener))
        enter(environment)
        with explained(connection):
            _prepare(terminal, folder, connection, tables)
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
    """Send everything that is printed from now on, by the handlers that is, to the log."""
    log = folder.stage_log
    if log.exists() and log.stat().st_size > _MAX_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with log.open("a") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
    log_to_output()


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
        import_bank(_SAMPLE_BANK)
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
    handlers = load_handlers(ROUTES)
    issuer = Issuer(load_key(folder), url)
    stage = RunningStage(url=url, issuer=url, process_id=os.getpid(), environment=environment)

    def announce() -> None:
        category = first_category(port, issuer.access_token("stage"))
        stage.announce(folder)
        terminal.say(_ready_text(folder, url, category or "geography"))
        # As the schedule does: a stage that was killed may have left an erasure unfinished.
        event = {"source": "aws.events"}
        handlers["privacy"](event, InvocationContext("privacy", str(uuid.uuid4())))

    server = Server(_application(folder, url, handlers), announce)
    if connection.process:
        _watch(connection.process, server, "The database engine")
    with _pump(terminal, connection, environment["PROGRESS_TABLE"]) as pump:
        if pump:
            _watch(pump.process, server, "The counting of answers")
        server.run(sockets=[listener])
        if server.failure:
            raise server.failure


def _pump(
    terminal: Terminal, connection: Connection, table: str
) -> AbstractContextManager[PumpProcess | None]:
    """Return what counts the answers, while it is entered."""
    stream = stream_of(connection.client(), streams_client(connection.endpoint), table)
    if stream is None:
        terminal.say(
            f"The database at {connection.endpoint} has no streams: answers are taken, but totals "
            "and statistics do not count them."
        )
        return nullcontext()
    return PumpProcess(stream.arn)


def _url(listener: socket.socket) -> str:
    return f"http://{_HOST}:{listener.getsockname()[1]}"


def _application(folder: DataFolder, url: str, handlers: Mapping[str, Handler]) -> Router:
    def key_set() -> dict[str, Any]:
        return Issuer(load_key(folder), url).key_set()

    def post_confirmation(event: Mapping[str, Any]) -> Mapping[str, Any]:
        return signup.handler(event, InvocationContext("signup", str(uuid.uuid4())))

    pool = UserPool(folder.deleted_accounts, post_confirmation)

    def learner_token(name: str) -> str:
        pool.confirm_sign_up(name)
        return Issuer(load_key(folder), url, pool.user_id).access_token(name)

    gateway = Gateway(ROUTES, handlers, TokenVerifier(KeySet(key_set), url))
    # Not mounted: no pattern of a mount matches an address with a line break in it.
    return Router(
        [
            *play_page(learner_token, url, folder.report("local")),
            *pages(openapi_document(laptop=url), key_set),
            Route(PATH, pool.serve, methods=["POST"]),
        ],
        default=gateway,
        redirect_slashes=False,
    )


def _watch(process: "Popen[bytes]", server: Server, part: str) -> None:
    """End the stage when a process of its ends first."""

    def wait() -> None:
        process.wait()
        server.fail(CommandError(f"{part} ended by itself: start again with 'make run'."))

    threading.Thread(target=wait, daemon=True).start()


def _ignore_signals() -> None:
    """Let the stage finish ending, however often it is told to."""
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
