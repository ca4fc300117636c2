"""Runs the stream's pump in a process of its own: on AWS, too, the consumer is nobody's burden.

`python -m local.stream.pump_process STREAM_ARN`, in the environment of the handlers, pumps until
its standard input ends. The stage holds the other end, so both end together.
"""

import os
import subprocess
import sys
from datetime import timedelta
from typing import Self

from lambdas.contract.delivery import FAILED_BATCH_DAYS
from lambdas.shared.services import services
from local.data_folder import ROOT, DataFolder
from local.log_lines import log_to_output
from local.stream.failed_batches import FailedBatches, LocalDeadLetters
from local.stream.pump import END_SECONDS, Pump, load_consumer
from local.stream.reader import Stream, streams_client

PROGRAM = "local.stream.pump_process"

_LONGEST_END_SECONDS = END_SECONDS + 2


class PumpProcess:
    """The running program; what it prints goes where the stage's own lines go."""

    def __init__(self, stream_arn: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", PROGRAM, stream_arn],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Beyond the terminal's Ctrl-C: the stage ends it, after its last request.
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End it after the invocation under way."""
        try:
            self.process.communicate(timeout=_LONGEST_END_SECONDS)  # its input ends
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def main() -> int:
    """Run the program."""
    log_to_output()
    folder = DataFolder.from_environment()
    stream = Stream(streams_client(os.environ["DYNAMODB_ENDPOINT"]), sys.argv[1])
    failed = FailedBatches(folder.failed_batches)
    failed.forget_older_than(timedelta(days=FAILED_BATCH_DAYS).total_seconds())
    services().dead_letters = LocalDeadLetters(failed)
    with Pump(stream, load_consumer(), checkpoint=folder.stream_checkpoint, failed=failed):
        sys.stdin.buffer.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
