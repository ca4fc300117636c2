"""The laptop stage, with a meter on its handlers and, if asked, DynamoDB at a distance.

`python -m tests.load.measured_stage` is `python -m local.run` otherwise; with `QUIZ_DISTANT` set,
DynamoDB is at a distance. The meter reports the CPU time spent in handlers, the work left without a
gateway. Nothing of this is part of what ships.
"""

import json
import math
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambdas.shared.services import services
from local import run
from local.data_folder import DataFolder
from local.gateway import function_processes, function_program
from local.gateway.function_program import HANDLER_THREADS, Handler, load_handlers
from local.invocation import InvocationContext

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MEDIAN_SECONDS = 0.005
P99_SECONDS = 0.015
_Z99 = 2.3263
"""The 99th percentile of the standard normal distribution."""

DISTANT = "QUIZ_DISTANT"
"""Name of the environment variable that puts DynamoDB at a distance."""

_WRITE_SECONDS = 0.25


class HandlerMeter:
    """Adds up the CPU seconds and the calls of each function, and writes them to a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}
        self._calls: dict[str, int] = {}
        threading.Thread(target=self._write_on, daemon=True).start()

    def around(self, function: str, handler: Handler) -> Handler:
        """Return the handler with the meter on."""

        def measured(event: Mapping[str, Any], context: InvocationContext) -> Mapping[str, Any]:
            began = time.thread_time()
            try:
                return handler(event, context)
            finally:
                spent = time.thread_time() - began
                with self._lock:
                    self._seconds[function] = self._seconds.get(function, 0.0) + spent
                    self._calls[function] = self._calls.get(function, 0) + 1

        return measured

    def _write_on(self) -> None:
        draft = self._file.with_suffix(".draft")
        while True:
            time.sleep(_WRITE_SECONDS)
            with self._lock:
                text = json.dumps({"seconds": self._seconds, "calls": self._calls})
            draft.write_text(text)
            draft.replace(self._file)


def meter_files(folder: DataFolder) -> Path:
    """Return the folder in which each process of a stage writes its meter."""
    path = folder.path / "handler-meters"
    path.mkdir(exist_ok=True)
    return path


def delay_of_a_call(source: random.Random) -> float:
    """Return seconds: log-normal, with the two quantiles above."""
    sigma = math.log(P99_SECONDS / MEDIAN_SECONDS) / _Z99
    return source.lognormvariate(math.log(MEDIAN_SECONDS), sigma)


def put_at_a_distance(
    client: "DynamoDBClient", pause: Callable[[float], None] = time.sleep
) -> None:
    """Delay each attempt at a call that a handler makes by this client."""
    source = random.Random(1)

    def delay(**_: object) -> None:
        if threading.current_thread().name.startswith(HANDLER_THREADS):
            pause(delay_of_a_call(source))

    client.meta.events.register("before-send.dynamodb", delay)


def main(functions: list[str]) -> int:
    """Run the stage or, with their names, functions of its."""
    if not functions:
        vars(function_processes)["PROGRAM"] = "tests.load.measured_stage"
        return run.main()
    meter = HandlerMeter(meter_files(DataFolder.from_environment()) / f"{os.getpid()}.json")

    def load_measured(names: Iterable[str]) -> dict[str, Handler]:
        if DISTANT in os.environ:
            put_at_a_distance(services().database.client)
        handlers = load_handlers(names)
        return {name: meter.around(name, handler) for name, handler in handlers.items()}

    vars(function_program)["load_handlers"] = load_measured
    return function_program.main(functions)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
