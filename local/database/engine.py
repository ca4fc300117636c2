"""The database engine: finds it, runs it on the stage's file, and ends it with the stage."""

import contextlib
import ctypes
import json
import os
import platform
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from local.data_folder import ROOT, DataFolder, FileLock
from local.errors import CommandError

_START_SECONDS = 10.0
STOP_SECONDS = 1.0
"""How long the engine may take to end. It loses nothing when it is killed."""
_LEFTOVER_SECONDS = 5.0
_LEFTOVER_GRACE_SECONDS = 1.0
_CHECK_SECONDS = 1.5
_PR_SET_PDEATHSIG = 1
_STREAM_INDEX = """\
CREATE INDEX IF NOT EXISTS stage_stream_order ON _stream_records
    (table_name, CAST(sequence_number AS INTEGER), shard_id, sequence_number)"""
"""The engine looks for a stream's last record at each write to its table, and for the next ones at
each read, without an index: at 20,000 records a write took six times as long as at the first."""
_OTHER_NAMES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}


def package(root: Path = ROOT) -> str:
    """Return the npm package that holds the engine for this machine, with its pinned version."""
    machine = platform.machine().lower()
    name = f"@dynoxide/{sys.platform}-{_OTHER_NAMES.get(machine, machine)}"
    declared = json.loads((root / "package.json").read_text())["optionalDependencies"]
    (version,) = {v for each, v in declared.items() if each.startswith("@dynoxide/")}
    return f"{name}@{version}"


def find_binary(root: Path = ROOT) -> Path:
    """Return the engine's binary.

    Raises:
        CommandError: It is not installed.
    """
    wanted = package(root)
    binary = root / "node_modules" / wanted.rpartition("@")[0] / "dynoxide"
    if binary.is_file():
        return binary
    raise CommandError(
        f"The database engine is not in {binary.parent.relative_to(root)}: install it with "
        f"'.venv/bin/npm install --no-save {wanted}', or set DYNAMODB_ENDPOINT to the address of "
        "another DynamoDB-compatible engine, such as AWS's DynamoDB Local."
    )


def main() -> int:
    """Print the package to install where the engine is missing; nothing where it is there."""
    try:
        find_binary()
    except CommandError:
        print(package())
    return 0


class Engine:
    """The engine, running on the data folder's file and on a free port of this machine.

    The process inherits a lock on the folder. After a stage was killed, the next one finds its
    engine by this lock and ends it: two engines never run on one file.

    Attributes:
        database: The file.
        endpoint: Address of the engine.
        process: The engine's process.
    """

    def __init__(self, folder: DataFolder, binary: Path) -> None:
        self._folder = folder
        self.database = folder.database
        self._lock = folder.engine_lock()
        end_leftover(self._lock)
        _refuse_damaged(folder)
        self.endpoint, self.process = self._start(binary)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process; what it acknowledged is in its file."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._lock.close()

    def _start(self, binary: Path) -> tuple[str, subprocess.Popen[bytes]]:
        port = _free_port()
        command = [str(binary), "--host", "127.0.0.1", "--port", str(port)]
        with self._folder.engine_log.open("wb") as log:
            try:
                process = subprocess.Popen(
                    [*command, "--db-path", str(self._folder.database)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(self._lock.descriptor,),
                    preexec_fn=_child_setup(self._lock),  # noqa: PLW1509 - no threads run yet
                    # Out of reach of the terminal's Ctrl-C: the stage ends it, after its last
                    # request.
                    start_new_session=True,
                    # A limit on the size of files is an error of the write, not a signal that
                    # ends the engine: Python ignores SIGXFSZ, and so does the engine then.
                    restore_signals=False,
                )
            except OSError as error:
                raise CommandError(
                    f"The database engine {binary} cannot be run: {error.strerror}."
                ) from error
        try:
            self._await_answer(process, port)
            _index_stream(self._folder)
        except BaseException:
            process.kill()
            process.wait()
            raise
        return f"http://127.0.0.1:{port}", process

    def _await_answer(self, process: subprocess.Popen[bytes], port: int) -> None:
        pause, deadline = 0.002, time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                said = self._folder.engine_log.read_text(errors="replace").strip()
                if any(sign in said for sign in ("malformed", "not a valid", "not a database")):
                    raise _damaged(self._folder)
                reason = said.splitlines()[-1] if said else f"exit code {process.returncode}"
                raise CommandError(f"The database engine did not start ({reason}).")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(pause)
            pause = min(pause * 2, 0.1)
        raise CommandError(
            f"The database engine did not answer in {_START_SECONDS:.0f} seconds: see "
            f"{self._folder.engine_log}."
        )


def _child_setup(lock: FileLock) -> Callable[[], None]:
    """Return what the engine's process does before it becomes the engine."""
    stage_process_id = os.getpid()
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def set_up() -> None:
        lock.write_process_id(os.getpid())
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != stage_process_id:  # killed before the line above
                os._exit(1)

    return set_up


def end_leftover(lock: FileLock) -> None:
    """Take the engine's lock, ending an engine whose stage was killed."""
    started = time.monotonic()
    killed = False
    while not lock.acquire():
        waited = time.monotonic() - started
        process_id = lock.read_process_id()
        if waited > _LEFTOVER_SECONDS:
            raise CommandError(
                f"Another database engine (process {process_id}) uses the data folder and does not "
                "end: end it, then start again."
            )
        if process_id and not killed and waited > _LEFTOVER_GRACE_SECONDS:
            # Safe: the lock is held, so the process that wrote its id is still this one.
            with contextlib.suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
            killed = True
        time.sleep(0.02)


def _refuse_damaged(folder: DataFolder) -> None:
    """Look for damage which the engine itself would only meet at some request.

    Bounded in time: of a very large file, only a part is looked at.
    """
    if not folder.database.exists():
        return
    deadline = time.monotonic() + _CHECK_SECONDS
    try:
        with contextlib.closing(
            sqlite3.connect(f"{folder.database.as_uri()}?mode=ro", uri=True)
        ) as database:
            database.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
            (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return
        raise CommandError(
            f"The database file {folder.database} cannot be read: {error}."
        ) from error
    except sqlite3.DatabaseError as error:
        raise _damaged(folder) from error
    if verdict != "ok":
        raise _damaged(folder)


def _index_stream(folder: DataFolder) -> None:
    """Give the engine's file the index that its stream lacks; the engine keeps it up."""
    try:
        with contextlib.closing(sqlite3.connect(folder.database)) as database:
            database.execute(_STREAM_INDEX)
    except sqlite3.DatabaseError as error:
        raise CommandError(f"The database file {folder.database} is refused: {error}.") from error


def _damaged(folder: DataFolder) -> CommandError:
    return CommandError(
        f"The database file {folder.database} is damaged: put a copy of it back, or start afresh "
        "with 'make reset'."
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
