"""The laptop stage with a clock that is set: its handlers, and its consumer, live on another day.

CLOCK_OFFSET is what their clock adds to the machine's, in milliseconds.
"""

import os
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import patch

from local import run
from local.gateway import function_program
from local.stream import pump_process

if TYPE_CHECKING:
    from collections.abc import Iterator


_THIS = "tests.laptop.stage_of_a_day"


@contextmanager
def _another_time() -> "Iterator[None]":
    offset = 1_000_000 * int(os.environ["CLOCK_OFFSET"])
    clock = SimpleNamespace(time_ns=lambda: time.time_ns() + offset)
    with patch("lambdas.shared.services.time", clock):
        yield


def main(program: list[str]) -> int:
    """Run the stage or, with their arguments, its consumer or its functions."""
    with _another_time():
        if program and program[0].startswith("arn:"):
            return pump_process.main()
        if program:
            return function_program.main(program)
        with (
            patch("local.stream.pump_process.PROGRAM", _THIS),
            patch("local.gateway.function_processes.PROGRAM", _THIS),
        ):
            return run.main()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
