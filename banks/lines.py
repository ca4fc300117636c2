"""The numbered lines of a text file, never more of it in memory than one question needs."""

import io
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from banks.encoding import Encoding
from banks.question import Reason, RefusedError

MAX_LINE = 256 * 1024
"""Characters of a line, and of a question of several lines."""


@dataclass(frozen=True, slots=True)
class Line:
    r"""One line.

    Attributes:
        number: Counted from 1.
        text: Its text, with `\n` at the end.
        fault: Why its text cannot be used, or an empty string.
    """

    number: int
    text: str
    fault: str = ""

    @property
    def blank(self) -> bool:
        """Whether there is nothing in it."""
        return not self.fault and not self.text.strip()

    def raise_fault(self) -> None:
        """Refuse the question on this line if it cannot be used."""
        if self.fault:
            raise RefusedError(Reason.MALFORMED, f"line {self.number} {self.fault}")


class Lines:
    """Reads lines with any line ending; lines can be put back."""

    def __init__(self, file: BinaryIO, encoding: Encoding) -> None:
        self._utf8 = encoding.codec.startswith("utf-8")
        self._text = io.TextIOWrapper(
            file,
            encoding=encoding.codec,
            errors="surrogateescape" if self._utf8 else "replace",
            newline=None,
        )
        self._ended = False
        self._number = 0
        self._again: deque[Line] = deque()

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        if self._again:
            return self._again.popleft()
        text = "" if self._ended else self._text.readline(MAX_LINE + 1)
        if not text:
            self._end()
            raise StopIteration
        self._number += 1
        rest = text
        while len(rest) > MAX_LINE and not rest.endswith("\n"):
            rest = self._text.readline(MAX_LINE + 1)
        return self._line(text)

    def put_back(self, lines: Iterable[Line]) -> None:
        """Let these lines come again."""
        self._again.extendleft(reversed(list(lines)))

    def _end(self) -> None:
        """Let go of the file, which belongs to the caller: the wrapper would close it."""
        if not self._ended:
            self._ended = True
            self._text.detach()

    def _line(self, text: str) -> Line:
        fault = ""
        if len(text) > MAX_LINE and not text.endswith("\n"):
            fault = f"is longer than {MAX_LINE // 1024} K characters"
        elif "\0" in text:
            fault = "holds a NUL character"
        elif self._utf8 and not text.isascii() and _has_surrogate(text):
            fault = "is not UTF-8"
        elif not self._utf8 and "\ufffd" in text:
            fault = "holds bytes that are no character in the file's encoding"
        return Line(self._number, "" if fault else text.removesuffix("\n") + "\n", fault)


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
