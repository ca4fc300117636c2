"""The laptop stage as a real process."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from local.accounts.sign_in import LaptopSignIn
from local.data_folder import ROOT, DataFolder
from local.running_stage import RunningStage

TOO_LONG = 300.0


@dataclass
class StageProcess:
    """`python -m local.run`, and what it has printed so far."""

    data: DataFolder
    process: subprocess.Popen[str]
    printed: list[str] = field(default_factory=list)
    url: str = ""

    @classmethod
    def start(
        cls, data: DataFolder, *program: str, root: Path = ROOT, **variables: str
    ) -> "StageProcess":
        """Start a stage, or a program that is one with instruments, on any free port."""
        process = subprocess.Popen(
            [sys.executable, "-m", *(program or ("local.run",))],
            cwd=root,
            env=environment(data, **{"PORT": "0", **variables}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return cls(data, process)

    def await_ready(self) -> "StageProcess":
        """Read on until the stage prints that it is ready."""
        assert self.process.stdout
        with self._deadline():
            for line in self.process.stdout:
                self.printed.append(line)
                if line.startswith("Ready: "):
                    self.url = line.removeprefix("Ready: ").strip()
                if line.startswith("Ctrl-C"):
                    return self
        pytest.fail(f"the stage ended before it was ready: {self.printed} {self.errors()}")

    def end(self, how: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(how)
        return self.wait()

    def wait(self) -> int:
        """Return the exit code of a stage that ends."""
        assert self.process.stdout
        with self._deadline():
            self.printed += self.process.stdout
            return self.process.wait()

    def errors(self) -> str:
        """Return what the ended stage wrote to standard error."""
        assert self.process.stderr
        return self.process.stderr.read()

    def close(self) -> None:
        """End it if it still runs, and free what it holds."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stdout
        assert self.process.stderr
        self.process.stdout.close()
        self.process.stderr.close()

    def client(self, token: str = "") -> httpx2.Client:
        """Return a client of this stage."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=TOO_LONG)

    def token(self, user: str = "ada", groups: str = "") -> str:
        """Return a token as `make token` prints it."""
        laptop = LaptopSignIn(self.data, RunningStage.find(self.data))
        laptop.confirm_sign_up(user)
        return laptop.access_token(user, groups.split(",") if groups else ())

    def cognito_path(self) -> str:
        """Return the path of the stage's user pool, its secret included."""
        stage = json.loads(self.data.running_stage.read_text())
        return str(urlsplit(stage["environment"]["COGNITO_ENDPOINT"]).path)

    def stream_rows(self) -> list[tuple[Any, ...]]:
        """Return the rows of the engine's streams."""
        with closing(sqlite3.connect(self.data.database)) as database:
            return database.execute("SELECT * FROM _stream_records").fetchall()

    def _deadline(self) -> "_Deadline":
        return _Deadline(self.process)


class _Deadline:
    """Kills a process that hangs, which ends the wait for its output."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._timer = threading.Timer(TOO_LONG, process.kill)

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


_UNSET = ("DYNAMODB_ENDPOINT", "PORT", "STAGE")


def environment(data: DataFolder, **variables: str) -> dict[str, str]:
    """Return the environment of a program of the stage."""
    inherited = {k: v for k, v in os.environ.items() if k not in _UNSET}
    return inherited | {"QUIZ_DATA_DIR": str(data.path)} | variables


def run_program(
    command: str, data: DataFolder, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of the operator."""
    return subprocess.run(
        [sys.executable, "-m", "ops", command, *arguments],
        cwd=ROOT,
        env=environment(data),
        capture_output=True,
        text=True,
        timeout=TOO_LONG,
        check=False,
    )


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


Launch = Callable[..., StageProcess]
