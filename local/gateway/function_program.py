"""Runs functions in a process of its own: `python -m local.gateway.function_program FUNCTION...`.

Each line of standard input is an invocation, `{"number", "function", "event", "requestId"}`. A line
of standard output is a result, `{"number", "result"}`, without the latter if the function raised;
what a function printed, `{"log"}`; or `{"ready"}`, once the functions are imported. The program
ends with its input.
"""

import importlib
import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

from local.invocation import InvocationContext
from local.log_lines import log_to_output

Handler = Callable[[Mapping[str, Any], InvocationContext], Mapping[str, Any]]

HANDLER_THREADS = "handler"
"""Prefix of the names of the threads that run handlers."""

_THREADS = 4
"""A function mostly computes, so more of them at once would only delay one another."""

_log = logging.getLogger(__name__)


def load_handlers(functions: Iterable[str]) -> dict[str, Handler]:
    """Return the handlers of these functions, imported."""
    return {
        function: importlib.import_module(f"lambdas.{function}.handler").handler
        for function in functions
    }


class Output:
    """Writes lines to the stage; any thread may."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = threading.Lock()

    def send(self, **line: Any) -> None:
        """Write a line."""
        text = json.dumps(line).encode() + b"\n"
        with self._lock:
            self._file.write(text)
            self._file.flush()


class PrintedText(io.TextIOBase):
    """Takes the place of standard output, so that the log has a line before its response leaves."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def write(self, text: str) -> int:
        """Send text that a function printed."""
        self._output.send(log=text)
        return len(text)


def run(handlers: Mapping[str, Handler], line: bytes, output: Output) -> None:
    """Run an invocation and send its result."""
    invocation = json.loads(line)
    function, request_id = invocation["function"], invocation["requestId"]
    try:
        result = handlers[function](invocation["event"], InvocationContext(function, request_id))
        int(result["statusCode"])
        output.send(number=invocation["number"], result=result)
    except Exception:
        _log.exception("The handler of %s failed (request %s)", function, request_id)
        output.send(number=invocation["number"])


def main(functions: Iterable[str]) -> int:
    """Run the program."""
    output = Output(sys.stdout.buffer)
    sys.stdout = PrintedText(output)
    log_to_output()
    handlers = load_handlers(functions)
    output.send(ready=True)
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix=HANDLER_THREADS)
    for line in sys.stdin.buffer:
        threads.submit(run, handlers, line, output)
    threads.shutdown(wait=False, cancel_futures=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
