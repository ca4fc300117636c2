"""Reads question banks: JSON Lines in two forms, and CSV.

JSON Lines, UTF-8, one question a line. Each line by itself is of one form:

- the contract's, with `answers`, as `POST /admin/questions` takes it;
- with `text`, `choices` (list of strings) and `correct` (list of indexes into `choices`, from 0),
  `id` becoming the external id. Several right choices make it `MULTIPLE_CHOICE`, one
  `SINGLE_CHOICE`, whatever the text says. Any other field is as in the contract.

CSV, UTF-8, fields separated by commas, quoted with `"` where they hold commas, quotes or line
breaks. The first line names the columns, in any order:

- `text`, `answer_1`, `answer_2`, `correct`: required. `correct` has the numbers of the right
  answers, from 1, separated by `;` or `,`;
- `answer_3` to `answer_10`: empty where a question has fewer;
- `category`: unless one is given for the whole file;
- `type`: `SINGLE_CHOICE` or `MULTIPLE_CHOICE`; when empty, by the number of right answers;
- `pinned`: numbers of the answers that keep their place, separated like `correct`;
- `explanation`, `language`, `difficulty` (1 to 5), `tags` (separated by `;`), `external_id`.
"""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO
from unicodedata import normalize

from lambdas.contract.errors import MalformedBodyError
from lambdas.shared.http.json_body import parse_json

MAX_LINE = 256 * 1024
"""Bytes of a line, and of a CSV record of several lines."""

_ANSWERS = tuple(f"answer_{number}" for number in range(1, 11))
_REQUIRED = ("text", *_ANSWERS[:2], "correct")
_OPTIONAL = (
    *_ANSWERS[2:],
    *("category", "type", "pinned", "explanation", "language", "difficulty", "tags", "external_id"),
)
_JSON_NAMES = (".jsonl", ".ndjson", ".json")


class BankFileError(Exception):
    """A file is no question bank; the message is one sentence for whoever gave it."""


class _Fault(Exception):  # noqa: N818 - of a line, caught where the line is known
    """What is wrong with a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a line holds: a question in the contract's form, not checked yet, or a fault."""

    line: int
    question: dict[str, Any] | None = None
    fault: str | None = None


def read_bank(file: BinaryIO, name: str) -> Iterator[Entry]:
    """Return the questions of a file one by one, each with the number of the line it begins at.

    The name's ending tells the format; without a known one, the first line does. Empty lines are
    passed over.

    Raises:
        BankFileError: it is no question bank at all.
    """
    lines = _Lines(file)
    first = lines.peek()
    start = first.text.lstrip() if first else ""
    is_csv = name.lower().endswith(".csv")
    if not is_csv and start.startswith("["):
        raise BankFileError("It is one JSON array: write each question on a line of its own.")
    if not is_csv and (name.lower().endswith(_JSON_NAMES) or start.startswith("{")):
        return map(_json_entry, (line for line in lines if line.fault or line.text.strip()))
    if first is None:
        return iter(())
    return _csv_entries(lines)


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str
    fault: str | None = None

    def raise_fault(self) -> None:
        if self.fault:
            raise _Fault(self.fault)


class _Lines:
    """The lines of a file, never more of it in memory than a record needs; can be put back."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._number = 0
        self._again: deque[_Line] = deque()

    def __iter__(self) -> Iterator[_Line]:
        return self

    def __next__(self) -> _Line:
        if self._again:
            return self._again.popleft()
        raw = self._file.readline(MAX_LINE + 1)
        if not raw:
            raise StopIteration
        self._number += 1
        rest = raw
        while len(rest) > MAX_LINE and not rest.endswith(b"\n"):
            rest = self._file.readline(MAX_LINE + 1)
        return self._line(raw)

    def peek(self) -> _Line | None:
        """Return the first line that is not empty, without taking any."""
        taken = []
        for line in self:
            taken.append(line)
            if line.fault or line.text.strip():
                break
            taken = []
        self.put_back(taken)
        return taken[-1] if taken else None

    def put_back(self, lines: Iterable[_Line]) -> None:
        """Let these lines come again."""
        self._again.extendleft(reversed(list(lines)))

    def _line(self, raw: bytes) -> _Line:
        if len(raw) > MAX_LINE and not raw.endswith(b"\n"):
            return _Line(self._number, "", f"is longer than {MAX_LINE // 1024} KB")
        if self._number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if b"\0" in raw:
            return _Line(self._number, "", "holds a NUL character")
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            return _Line(self._number, "", "is not UTF-8")
        return _Line(self._number, text.removesuffix("\n").removesuffix("\r") + "\n")


def _json_entry(line: _Line) -> Entry:
    try:
        line.raise_fault()
        value = parse_json(line.text)
        if not isinstance(value, dict):
            raise _Fault("is no JSON object")
        return Entry(line=line.number, question=_in_contract_form(value))
    except MalformedBodyError as error:
        reason = error.detail.removeprefix("The body ").replace("line 1 ", "").removesuffix(".")
        return Entry(line=line.number, fault=reason)
    except _Fault as fault:
        return Entry(line=line.number, fault=str(fault))


def _in_contract_form(value: dict[str, Any]) -> dict[str, Any]:
    if "answers" in value or not {"choices", "correct"} & value.keys():
        return value
    choices, correct = value.pop("choices", None), value.pop("correct", None)
    if not isinstance(choices, list):
        raise _Fault("choices: has to be a list of texts")
    if not isinstance(correct, list) or any(type(each) is not int for each in correct):
        raise _Fault("correct: has to be a list of indexes into choices")
    if "id" in value:
        if "externalId" in value:
            raise _Fault("id: stands beside externalId")
        value["externalId"] = value.pop("id")
    right = _places(correct, range(len(choices)), "correct")
    answers = [{"text": text, "correct": place in right} for place, text in enumerate(choices)]
    return {"type": _type_of(right), **value, "answers": answers}


def _places(numbers: list[int], known: Iterable[int], field: str) -> frozenset[int]:
    allowed = frozenset(known)
    for number in numbers:
        if number not in allowed:
            raise _Fault(f"{field}: there is no choice {number}")
    if len(set(numbers)) < len(numbers):
        raise _Fault(f"{field}: names a choice twice")
    return frozenset(numbers)


def _type_of(right: frozenset[int]) -> str:
    return "MULTIPLE_CHOICE" if len(right) > 1 else "SINGLE_CHOICE"


class _Record:
    """Feeds one record's lines to the CSV parser, and remembers them."""

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines
        self._size = 0
        self.taken: list[_Line] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.taken.append(line)
        if line.fault and len(self.taken) > 1:
            raise _Fault(f"runs into line {line.number}, which {line.fault}")
        line.raise_fault()
        self._size += len(line.text.encode())
        if self._size > MAX_LINE:
            raise _Fault(f"is longer than {MAX_LINE // 1024} KB: is a quote missing?")
        return normalize("NFC", line.text)


def _csv_entries(lines: _Lines) -> Iterator[Entry]:
    columns = _header(lines)
    return _csv_records(lines, columns)


def _header(lines: _Lines) -> list[str]:
    fields: list[str] = []
    while not any(fields):
        try:
            fields = next(csv.reader(_Record(lines), strict=True))
        except (_Fault, csv.Error, StopIteration):
            raise BankFileError(
                "It is neither JSON Lines nor CSV: its first line can be read as neither."
            ) from None
    columns = [field.strip().lower() for field in fields]
    if missing := [name for name in _REQUIRED if name not in columns]:
        raise BankFileError(f"Its first line names no column {', '.join(missing)}.")
    if unknown := [name for name in columns if name not in _REQUIRED + _OPTIONAL]:
        raise BankFileError(f"Its first line names columns not known: {', '.join(unknown)}.")
    if len(set(columns)) < len(columns):
        raise BankFileError("Its first line names a column twice.")
    return columns


def _csv_records(lines: _Lines, columns: list[str]) -> Iterator[Entry]:
    while True:
        record = _Record(lines)
        try:
            fields = next(csv.reader(record, strict=True))
            if len(fields) > len(columns):
                raise _Fault(f"has {len(fields)} fields instead of {len(columns)}")
        except StopIteration:
            return
        except (_Fault, csv.Error) as error:
            first, *others = record.taken
            # A stray quote swallows the lines after it: they are read again, without it.
            lines.put_back(others)
            yield Entry(line=first.number, fault=_csv_reason(error))
            continue
        if any(field.strip() for field in fields):
            yield _csv_entry(record.taken[0].number, dict(zip(columns, fields, strict=False)))


def _csv_reason(error: Exception) -> str:
    return str(error) if isinstance(error, _Fault) else f"is not CSV: {error}"


def _csv_entry(line: int, fields: dict[str, str]) -> Entry:
    try:
        return Entry(line=line, question=_from_fields(fields))
    except _Fault as fault:
        return Entry(line=line, fault=str(fault))


def _from_fields(fields: dict[str, str]) -> dict[str, Any]:
    texts = [fields.get(column, "") for column in _ANSWERS]
    while texts and not texts[-1].strip():
        texts.pop()
    numbers = range(1, len(texts) + 1)
    right = _places(_numbers(fields, "correct"), numbers, "correct")
    pinned = _places(_numbers(fields, "pinned"), numbers, "pinned")
    question: dict[str, Any] = {
        "text": fields.get("text", ""),
        "type": _type_of(right),
        "answers": [
            {"text": text, "correct": number in right, "pinned": number in pinned}
            for number, text in zip(numbers, texts, strict=True)
        ],
    }
    if fields.get("explanation"):
        question["explanation"] = fields["explanation"]
    return question | _rest(fields)


def _rest(fields: dict[str, str]) -> dict[str, Any]:
    rest: dict[str, Any] = {}
    for column in ("category", "type", "language", "external_id"):
        if text := fields.get(column, "").strip():
            rest["externalId" if column == "external_id" else column] = text
    if tags := [tag.strip() for tag in fields.get("tags", "").split(";") if tag.strip()]:
        rest["tags"] = tags
    if difficulty := _numbers(fields, "difficulty"):
        if len(difficulty) > 1:
            raise _Fault("difficulty: is more than one number")
        rest["difficulty"] = difficulty[0]
    return rest


def _numbers(fields: dict[str, str], column: str) -> list[int]:
    parts = re.split(r"[;,]", fields.get(column, ""))
    texts = [part.strip() for part in parts if part.strip()]
    if wrong := [text for text in texts if not re.fullmatch("[0-9]{1,4}", text)]:
        raise _Fault(f"{column}: {wrong[0][:40]} is no number")
    return [int(text) for text in texts]
