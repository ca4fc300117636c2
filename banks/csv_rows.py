"""Reads CSV in the dialects that spreadsheets write."""

import csv
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice

from banks.lines import MAX_LINE, Line, Lines
from banks.question import BankFileError, Item, Place, Reason, RefusedError
from banks.tables import (
    COLUMNS,
    HEADER_WITHIN,
    Row,
    columns_of,
    find_header,
    read_rows,
    refuse_rows,
)

_DELIMITERS = ",;\t|"
_TOO_LONG = "it is too long for one question: a closing quote is missing"


def read_csv(lines: Lines, notices: list[str]) -> Iterator[Item]:
    """Return the questions of a CSV file; the header is among its first rows.

    Raises:
        BankFileError: Its first rows name no columns.
    """
    rows = _rows(lines, _delimiter(lines))
    columns, first = find_header(rows)
    if columns:
        notices += columns.notices
        return read_rows(columns, rows)
    if not first:
        return iter(())
    header, *others = first
    if header.fault or sum(bool(cell.strip()) for cell in header.cells) < 2:
        raise BankFileError(
            "It is not a question bank that can be read: as CSV, its first lines name no columns. "
            f"Name the columns {COLUMNS}."
        )
    return refuse_rows(header.cells, chain(others, rows))


def _delimiter(lines: Lines) -> str:
    """Return what separates the fields; a line that names it for Excel is taken away."""
    head = list(islice(lines, HEADER_WITHIN))
    first = next((line for line in head if not line.blank), None)
    named = re.fullmatch(r"sep=(.)\s*", first.text, re.IGNORECASE) if first else None
    if named and first:
        head.remove(first)
    lines.put_back(head)
    return named[1] if named else _guessed(head)


def _guessed(head: list[Line]) -> str:
    scores = {delimiter: _score(head, delimiter) for delimiter in _DELIMITERS}
    best = max(scores, key=lambda delimiter: scores[delimiter])
    if scores[best]:
        return best
    with suppress(csv.Error):
        sample = "".join(line.text for line in head)[:8_000]
        return csv.Sniffer().sniff(sample, _DELIMITERS).delimiter
    return ","


def _score(head: list[Line], delimiter: str) -> int:
    """Return how many columns the best of the first lines names with a delimiter."""
    best = 0
    for line in head:
        with suppress(csv.Error, StopIteration, BankFileError):
            fields = next(csv.reader([line.text], delimiter=delimiter, skipinitialspace=True))
            best = max(best, columns_of(fields).known if len(fields) > 1 else 0)
    return best


class _Record:
    """Feeds one record's lines to the CSV parser, and remembers them."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._size = 0
        self.taken: list[Line] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.taken.append(line)
        if line.fault and len(self.taken) > 1:
            raise RefusedError(
                Reason.MALFORMED, f"it runs into line {line.number}, which {line.fault}"
            )
        line.raise_fault()
        self._size += len(line.text)
        if self._size > MAX_LINE:
            raise RefusedError(Reason.MALFORMED, _TOO_LONG)
        return line.text


def _rows(lines: Lines, delimiter: str) -> Iterator[Row]:
    while True:
        record = _Record(lines)
        reader = csv.reader(record, delimiter=delimiter, skipinitialspace=True, strict=True)
        try:
            fields = next(reader)
        except StopIteration:
            return
        except (RefusedError, csv.Error) as error:
            first, *others = record.taken
            # A stray quote swallows the lines after it: they are read again, without it.
            lines.put_back(others)
            yield Row(Place(first.number), (), fault=_fault(error))
        else:
            yield Row(Place(record.taken[0].number), [field.rstrip("\n") for field in fields])


def _fault(error: Exception) -> str:
    if isinstance(error, RefusedError):
        return error.message
    if "field limit" in str(error):
        return _TOO_LONG
    return (
        f"it is not CSV ({error}): put a text that holds quotes in quotes, and double those in it"
    )
