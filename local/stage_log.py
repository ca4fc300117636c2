"""The stage's log file: bounded in size, and never the reason for a request to fail."""

import io
import logging
import logging.handlers
from pathlib import Path

MAX_BYTES = 10_000_000
"""Size at which the file is renamed to `stage.log.1`, which replaces the one before."""


class _Lines(logging.handlers.RotatingFileHandler):
    """Writes text as it comes. An error, such as a full disk, loses the text and nothing else."""

    terminator = ""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - overrides
        """Ignore it: there is no other place to report it to."""


class StageLog(io.TextIOBase):
    """A text stream that takes the place of standard output; any thread may write to it."""

    def __init__(self, file: Path, max_bytes: int = MAX_BYTES) -> None:
        self._lines = _Lines(
            file, maxBytes=max_bytes, backupCount=1, encoding="utf-8", errors="replace", delay=True
        )

    def write(self, text: str) -> int:
        """Append text to the file."""
        self._lines.handle(logging.LogRecord("", logging.INFO, "", 0, text, None, None))
        return len(text)

    def close(self) -> None:
        """Close the file."""
        self._lines.close()
        super().close()
