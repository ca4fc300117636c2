"""Workbooks: cells as Excel shows them, sheets, and places by cell."""

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import openpyxl
import pytest

from banks.question import BankFileError
from banks.reading import read_bytes
from banks.xlsx_rows import MAX_UNPACKED
from tests.unit.banks.reading import key, messages, question, read, refusal, texts

HEADER = ["Question", "Answer 1", "Answer 2", "Correct"]


def workbook(*rows: list[Any], change: Callable[[Any], None] | None = None) -> bytes:
    book: Any = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if change:
        change(book)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_a_sheet_is_read_by_rows() -> None:
    content = workbook(HEADER, ["q", 3, 4, 2.0], [None], ["r", "x", "x", 1])
    items = read(content)
    assert texts(items) == {"sheet 'Sheet', row 2": "q"}
    assert items[0].question
    assert key(items[0].question) == [("3", False), ("4", True)]
    assert list(messages(items)) == ["sheet 'Sheet', row 4"]


def test_a_header_below_instructions_and_numbered_empty_rows() -> None:
    rows = [[], [None, "Quiz template"], [None, "Add questions"], [None, *HEADER, "Time limit"]]
    content = workbook(*rows, [1, "q", "a", "b", "2", 20], [2], [3])
    bank = read_bytes(content)
    (item,) = bank
    assert item.question
    assert key(item.question) == [("a", False), ("b", True)]
    assert bank.notices == ["sheet 'Sheet': columns not used: Time limit"]


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (date(2021, 1, 1), "yyyy-mm-dd", "2021-01-01"),
        (datetime(2021, 1, 1, 12, 30), "yyyy-mm-dd hh:mm", "2021-01-01 12:30:00"),  # noqa: DTZ001
        (time(9, 5), "hh:mm", "09:05:00"),
        (timedelta(hours=30, minutes=5), "[hh]:mm:ss", "30:05:00"),
        (0.5, "0%", "50%"),
        (0.1, "General", "0.1"),
        (1e20, "General", "1e+20"),
        (3.0, "General", "3"),
        (True, "General", "True"),
        ("=not", "@", "=not"),
        ("a_x000D_\nb", "General", "a\nb"),
    ],
)
def test_cells_read_as_excel_shows_them(value: Any, number_format: str, shown: str) -> None:
    def change(book: Any) -> None:
        cell = book.active["B2"]
        cell.value, cell.number_format = value, number_format
        if isinstance(value, str):
            cell.data_type = "s"

    found = question(workbook(HEADER, ["q", "", "b", 1], change=change))
    assert found.answers[0].text == shown


def test_errors_and_unknown_keys_name_the_cell() -> None:
    def change(book: Any) -> None:
        book.active["B2"].value = "#DIV/0!"
        book.active["B2"].data_type = "e"

    content = workbook(HEADER, ["q", "x", "b", 1], ["r", "x", "y", 5], change=change)
    first, second = messages(read(content)).values()
    assert first == "cell B2 holds the error #DIV/0!: correct its formula"
    assert second.startswith("cell D3: there is no answer 5; write the number of the right answer")


def test_an_error_in_a_column_that_is_not_used_is_ignored() -> None:
    def change(book: Any) -> None:
        book.active["E2"].value = "#N/A"
        book.active["E2"].data_type = "e"

    assert question(workbook([*HEADER, "note"], ["q", "a", "b", 1, ""], change=change)).text == "q"


def test_hidden_sheets_and_those_without_a_header_are_left_out_and_reported() -> None:
    def change(book: Any) -> None:
        hidden = book.create_sheet("Old")
        hidden.append(HEADER)
        hidden.append(["old", "a", "b", 1])
        hidden.sheet_state = "hidden"
        book.create_sheet("Notes").append(["nothing here"])
        book.create_sheet("Blank")
        more = book.create_sheet("More")
        more.append(HEADER)
        more.append(["s", "a", "b", 1])

    bank = read_bytes(workbook(HEADER, ["q", "a", "b", 1], change=change))
    assert [item.text for item in bank] == ["q", "s"]
    assert bank.notices == [
        "sheet 'Old' is hidden and left out",
        "sheet 'Notes' names no columns and is left out",
    ]


def test_a_workbook_without_a_header_is_refused() -> None:
    with pytest.raises(BankFileError, match="no visible sheet names columns"):
        read(workbook([1, 2], [3, 4]))


def test_a_damaged_workbook_is_refused() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("xl/workbook.xml", "<broken")
    with pytest.raises(BankFileError, match="damaged or protected"):
        read(content.getvalue())


def test_a_damaged_sheet_ends_with_a_message() -> None:
    source = zipfile.ZipFile(io.BytesIO(workbook(HEADER, ["q", "a", "b", 1], ["r", "a", "b", 1])))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content = content[: content.index(b'r="3"')]
            archive.writestr(name, content)
    items = read(target.getvalue())
    assert texts(items)["sheet 'Sheet', row 2"] == "q"
    assert items[-1].message.startswith("the sheet is damaged from here on")


def test_a_workbook_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("banks.xlsx_rows.MAX_UNPACKED", 1_000)
    assert MAX_UNPACKED > 1_000_000
    with pytest.raises(BankFileError, match="unpacks to"):
        read(workbook(HEADER, ["q", "a", "b", 1]))


def test_html_and_refusals_are_those_of_csv() -> None:
    assert question(workbook(HEADER, ["<p>q</p>", "a", "b", "A"])).text == "q"
    assert refusal(workbook(HEADER, ["q", "a", "b", ""]))[1].startswith("cell D2 is empty")
