"""Log lines of the laptop stage's own parts, in the form of the handlers' lines."""

import io
import json
import logging
import sys
import traceback

_PLACES = 8


class JsonLines(logging.Formatter):
    """Writes an event as one line of JSON; of an exception its type and places, not its message.

    A message may hold what a learner sent, and a traceback takes many lines.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of an event."""
        line: dict[str, object] = {
            "level": record.levelname,
            "event": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            frames = traceback.extract_tb(error.__traceback__)[-_PLACES:]
            line["error"] = type(error).__name__
            line["where"] = [
                "/".join(frame.filename.split("/")[-2:]) + f":{frame.lineno}" for frame in frames
            ]
        return json.dumps(line, separators=(",", ":"))


def log_to_output() -> None:
    """Write warnings, and what is worse, to standard output, line by line."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    lines = logging.StreamHandler(sys.stdout)
    lines.setFormatter(JsonLines())
    logging.basicConfig(handlers=[lines], level=logging.WARNING)
