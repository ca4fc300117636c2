"""Reads a question bank of any format, one question at a time."""

import io
import re
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from banks.aiken import read_aiken
from banks.csv_rows import read_csv
from banks.detection import Detected, Format, detect
from banks.gift import read_gift
from banks.json_items import read_json_document, read_json_lines
from banks.lines import Lines
from banks.moodle_xml import read_moodle_xml
from banks.question import BankFileError, Item

_BY_LINES: Mapping[Format, Callable[[Lines], Iterator[Item]]] = {
    Format.JSON_LINES: read_json_lines,
    Format.GIFT: read_gift,
    Format.AIKEN: read_aiken,
}
_HEAD = 4_096


class Bank:
    """A question bank that is being read.

    Attributes:
        format: The name of its format.
        notices: Sentences to report about the file as a whole.
    """

    def __init__(self, file: BinaryIO, detected: Detected) -> None:
        self.format = str(detected.format)
        self.notices = [detected.encoding.notice] if detected.encoding.notice else []
        self._items = self._reader(file, detected)

    def __iter__(self) -> Iterator[Item]:
        """Return the questions, taken and refused, in the file's order; once only."""
        return self._items

    def _reader(self, file: BinaryIO, detected: Detected) -> Iterator[Item]:
        match detected.format:
            case Format.XLSX:
                # Loading openpyxl takes longer than reading most files of the other formats.
                from banks.xlsx_rows import read_xlsx  # noqa: PLC0415

                return read_xlsx(file, self.notices)
            case Format.MOODLE_XML:
                return read_moodle_xml(file)
            case Format.JSON | Format.OPEN_TRIVIA:
                self._check_trivia(file, detected)
                return read_json_document(file, detected)
            case Format.CSV:
                return read_csv(Lines(file, detected.encoding), self.notices)
            case Format.JSON_LINES | Format.GIFT | Format.AIKEN as text:
                return _BY_LINES[text](Lines(file, detected.encoding))

    def _check_trivia(self, file: BinaryIO, detected: Detected) -> None:
        """Explain an answer of OpenTriviaDB that has no questions."""
        if detected.prefix != "results.item":
            return
        head = file.read(_HEAD)
        file.seek(0)
        code = re.match(rb'\s*\{\s*"response_code"\s*:\s*([1-9])', head)
        if code:
            self.notices.append(f"OpenTriviaDB answered with code {code[1].decode()}: no results")
        elif b'"results"' not in head:
            raise BankFileError(
                "It is an answer of OpenTriviaDB without results: ask its api.php for questions.",
                self.format,
            )


def read_bank(file: BinaryIO, name: str) -> Bank:
    """Start to read a question bank.

    Args:
        file: A file that can seek, open for reading bytes.
        name: Its name, whose ending decides where the content leaves it open.

    Raises:
        BankFileError: It is no question bank that can be read.
    """
    return Bank(file, detect(file, name))


def read_bytes(content: bytes, name: str = "bank") -> Bank:
    """Start to read a question bank from memory."""
    return read_bank(io.BytesIO(content), name)
