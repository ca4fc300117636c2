"""Runs the stream's pump in a process of its own, as the consumer on AWS is a function of its own.

`python -m local.stream.pump_process STREAM_ARN [TABLE]`, in the environment of the handlers, pumps
until its standard input ends. The stage holds the other end, so both end together. With TABLE, the
engine is the stage's own, and the table's stream is trimmed after a day as DynamoDB trims it.
"""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Self

from lambdas.contract.delivery import FAILED_BATCH_DAYS
from lambdas.shared.services import services
from local.data_folder import ROOT, DataFolder
from local.database.stream_rows import trim
from local.log_lines import log_to_output
from local.stream.failed_batches import FailedBatches, LocalDeadLetters
from local.stream.pump import Pump, load_consumer
from local.stream.reader import Stream, streams_client

PROGRAM = "local.stream.pump_process"

END_SECONDS = 1.0
"""How long the program may take to end. Killed, it delivers again at the next start what was not
settled, and nothing is counted twice."""

_RESTART_PAUSE = 1.0
_LONGEST_PAUSE = 30.0

_log = logging.getLogger(__name__)


class PumpProcess:
    """The program, started again whenever it ends; its output goes to standard output."""

    def __init__(self, stream_arn: str, trimmed_table: str | None = None) -> None:
        self._command = [sys.executable, "-m", PROGRAM, stream_arn]
        if trimmed_table:
            self._command.append(trimmed_table)
        self._ending = threading.Event()
        self._process = self._start()
        self._thread = threading.Thread(target=self._supervise, name="pump", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it after the invocation under way, if that ends soon."""
        self._ending.set()
        process = self._process
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._thread.join(END_SECONDS)

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self._command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Out of reach of the terminal's Ctrl-C: the stage ends it, after its last request.
            start_new_session=True,
        )

    def _supervise(self) -> None:
        pause = _RESTART_PAUSE
        while True:
            if self._process.stdout:
                for line in self._process.stdout:
                    sys.stdout.write(line.decode(errors="replace"))
            code = self._process.wait()
            if self._ending.is_set():
                return
            _log.error("The pump of the stream ended (exit code %d); starting it again", code)
            if self._ending.wait(pause):
                return
            pause = min(2 * pause, _LONGEST_PAUSE)
            self._process = self._start()


def main() -> int:
    """Run the program."""
    log_to_output()
    folder = DataFolder.from_environment()
    stream = Stream(streams_client(os.environ["DYNAMODB_ENDPOINT"]), sys.argv[1])
    failed = FailedBatches(folder.failed_batches)
    failed.forget_older_than(timedelta(days=FAILED_BATCH_DAYS).total_seconds())
    services().dead_letters = LocalDeadLetters(failed)
    trimmer = _trimmer(folder, sys.argv[2]) if len(sys.argv) > 2 else None
    with Pump(
        stream,
        load_consumer(),
        checkpoint=folder.stream_checkpoint,
        failed=failed,
        trim=trimmer,
    ):
        sys.stdin.buffer.read()
    return 0


def _trimmer(folder: DataFolder, table: str) -> Callable[[int], object]:
    return lambda settled: trim(folder.database, table, settled)


if __name__ == "__main__":
    sys.exit(main())
