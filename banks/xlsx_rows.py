"""Reads Excel workbooks (.xlsx), each visible sheet as a table."""

import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any, BinaryIO
from warnings import catch_warnings, simplefilter

import openpyxl
from openpyxl.utils import get_column_letter
from openpyxl.utils.escape import unescape

from banks.question import BankFileError, Item, Place
from banks.tables import COLUMNS, Row, find_header, read_rows

MAX_UNPACKED = 512 * 1024 * 1024
"""Bytes of a workbook once unpacked: more is no question bank."""

MAX_COLUMNS = 200

_NAME = "Excel"
_EXACT = 1e15


def read_xlsx(file: BinaryIO, notices: list[str]) -> Iterator[Item]:
    """Return the questions of all visible sheets that have a header.

    Raises:
        BankFileError: It cannot be opened, or no sheet has a header.
    """
    _check_size(file)
    workbook = _opened(file)
    tables = []
    for sheet in workbook.worksheets:
        if sheet.sheet_state != "visible":
            notices.append(f"sheet '{sheet.title}' is hidden and left out")
            continue
        sheet.reset_dimensions()
        rows = _rows(sheet)
        columns, looked_at = find_header(rows)
        if columns:
            notices += [f"sheet '{sheet.title}': {notice}" for notice in columns.notices]
            tables.append((columns, rows))
        elif looked_at:
            notices.append(f"sheet '{sheet.title}' names no columns and is left out")
    if not tables:
        raise BankFileError(
            "It is a workbook, but no visible sheet names columns in its first rows. Name the "
            f"columns {COLUMNS}.",
            _NAME,
        )
    return (item for columns, rows in tables for item in read_rows(columns, rows))


def _check_size(file: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(member.file_size for member in archive.infolist())
    finally:
        file.seek(0)
    if size > MAX_UNPACKED:
        raise BankFileError(
            f"The workbook unpacks to {size // 1024**2:,} MB: split it, or save it as CSV.", _NAME
        )


def _opened(file: BinaryIO) -> Any:
    try:
        with catch_warnings():
            simplefilter("ignore")
            return openpyxl.load_workbook(file, read_only=True, data_only=True)
    except Exception as error:
        # A damaged workbook fails in openpyxl, zipfile, zlib or the XML parser.
        raise BankFileError(
            "The workbook is damaged or protected: open it in Excel and save it again as 'Excel "
            "workbook (.xlsx)'.",
            _NAME,
        ) from error


def _rows(sheet: Any) -> Iterator[Row]:
    number = 0
    cells = iter(sheet.iter_rows(max_col=MAX_COLUMNS))
    while True:
        number += 1
        place = Place(number, "row", sheet.title)
        try:
            with catch_warnings():
                simplefilter("ignore")
                row = next(cells)
                texts, errors = _texts(row)
        except StopIteration:
            return
        except Exception as error:
            reason = re.sub(r"\s+", " ", str(error))[:100]
            yield Row(
                place, (), fault=f"the sheet is damaged from here on ({reason}): save it again"
            )
            return
        yield Row(place, texts, errors=errors, cell_name=partial(_cell, number))


def _cell(row: int, column: int) -> str:
    return f"cell {get_column_letter(column + 1)}{row}"


def _texts(row: Any) -> tuple[list[str], dict[int, str]]:
    errors = {place: str(cell.value) for place, cell in enumerate(row) if cell.data_type == "e"}
    return [_text(cell) for cell in row], errors


def _text(cell: Any) -> str:
    """Return a cell's text as Excel shows it."""
    value: object = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return str(unescape(value)).replace("\r\n", "\n").replace("\r", "\n")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value, str(cell.number_format or ""))
    return _time(value)


def _time(value: object) -> str:
    """Return a date, time or duration as Excel shows it by default; True and False as they are."""
    match value:
        case timedelta():
            return _duration(value)
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)


def _number(value: float, number_format: str) -> str:
    if number_format.rstrip().endswith("%"):
        return f"{value * 100:.10g}%"
    whole = float(value).is_integer() and abs(value) < _EXACT
    return str(int(value)) if whole else f"{value:.15g}"


def _duration(value: timedelta) -> str:
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
