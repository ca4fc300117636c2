"""Finds the format of a file by its content; its name only decides between what it could be."""

import io
import re
import zipfile
from enum import StrEnum
from pathlib import PurePath
from typing import BinaryIO, NamedTuple

from banks.encoding import Encoding, find_encoding
from banks.question import BankFileError

_HEAD = 64 * 1024


class Format(StrEnum):
    """Formats that are read; the values appear in reports."""

    JSON_LINES = "JSON Lines"
    JSON = "JSON"
    OPEN_TRIVIA = "OpenTriviaDB"
    CSV = "CSV"
    XLSX = "Excel"
    GIFT = "GIFT"
    MOODLE_XML = "Moodle XML"
    AIKEN = "Aiken"


class Detected(NamedTuple):
    """The result of detection.

    Attributes:
        format: Its format.
        encoding: How to decode it, if it is text.
        prefix: Where a JSON document has its questions, in ijson's notation.
    """

    format: Format
    encoding: Encoding = Encoding("utf-8")
    prefix: str = "item"


_FROM_MOODLE = (
    "Import it into Moodle and export the question bank as Moodle XML or GIFT, then use that file."
)
_QTI = (
    "QTI cannot be read yet. Canvas, Blackboard and Moodle import QTI: import it there and export "
    "it as Moodle XML, GIFT or CSV, then use that file."
)
_ANKI = (
    "Anki decks cannot be read: a card has a front and a back, but no choices. Write a CSV with "
    "the columns text, answer_1, answer_2 and correct, with wrong answers added by hand."
)
_OFFICE = "Save the questions as .xlsx or CSV with one question in a row, then use that file."
_ZIP = "Unpack it and use a file of a format that can be read."
_EXCEL = "Open it in Excel and save it as 'Excel workbook (.xlsx)'."

_MEMBERS = (
    (r"collection\.anki2[1b]*", "Anki", _ANKI),
    (r"(?:.*/)?imsmanifest\.xml", "QTI package or Common Cartridge", _QTI),
    (r"xl/workbook\.bin", "Excel binary workbook", _EXCEL),
    (r"word/document\.xml", "Word document", _OFFICE),
    (r"ppt/presentation\.xml", "PowerPoint presentation", _OFFICE),
    (r"content\.xml", "OpenDocument file", _OFFICE),
    (r"(?:.*/)?questions\.xml|moodle_backup\.xml", "Moodle backup", _FROM_MOODLE),
)
_BINARY = (
    (b"\xd0\xcf\x11\xe0", "Excel 97-2003 workbook or other old Office file", _EXCEL),
    (b"SQLite format 3\0", "Anki collection or other SQLite database", _ANKI),
    (b"%PDF", "PDF", _OFFICE),
    (b"{\\rtf", "RTF", _OFFICE),
    (b"\x89PNG", "image", "Type the questions into a table and save it as .xlsx or CSV."),
    (b"\xff\xd8\xff", "image", "Type the questions into a table and save it as .xlsx or CSV."),
    (b"\x1f\x8b", "compressed archive", _ZIP),
)
_ROOTS = (
    (r"questestinterop", "QTI 1.2", _QTI),
    (r"(?:assessment\w*|manifest)", "QTI 2", _QTI),
    (r"qti-assessment[\w-]*", "QTI 3", _QTI),
    (r"html", "HTML page", _OFFICE),
)
_ROOT = re.compile(
    r"\s*(?:<\?[^>]{0,1000}\?>\s*|<!--.{0,4000}?-->\s*|<!DOCTYPE[^\[>]{0,1000}"
    r"(?:\[[^\]]{0,4000}\])?\s*>\s*){0,20}<(?:[\w.-]{1,60}:)?([\w.-]{1,60})[\s/>]",
    re.DOTALL,
)
_ANKI_NOTES = re.compile(r"#(?:separator|html|guid column|notetype|deck|tags|columns)\b.*:")
_AIKEN_KEY = re.compile(r"^[ \t]*ANSWER[ \t]*:", re.MULTILINE)
_AIKEN_CHOICE = re.compile(r"^[ \t]*[A-Z][.)]", re.MULTILINE)
_GIFT_BLOCK = re.compile(r"(?<!\\)\{(?:[^{}\\]|\\.){0,20000}\}", re.DOTALL)
_GIFT_START = re.compile(r"^(?:::|\$CATEGORY:)", re.MULTILINE)
_TEXT_NAMES = {".csv": Format.CSV, ".tsv": Format.CSV, ".gift": Format.GIFT}


def detect(file: BinaryIO, name: str) -> Detected:
    """Return the format of a file, and leave it at its start.

    Raises:
        BankFileError: The format is not read; it is named if it is known.
    """
    head = file.read(_HEAD)
    file.seek(0)
    for magic, known, remedy in _BINARY:
        if head.startswith(magic):
            raise _refusal(known, remedy)
    if head.startswith(b"PK"):
        return _detect_zip(file)
    encoding = find_encoding(file)
    text = io.TextIOWrapper(io.BytesIO(head), encoding.codec, errors="ignore").read()
    return _detect_text(text, name)._replace(encoding=encoding)


def _refusal(known: str, remedy: str) -> BankFileError:
    article = "an" if known[0] in "AEIO" else "a"
    noun = "" if known.endswith(("page", "file", "workbook", "database", "image")) else " file"
    return BankFileError(f"It is {article} {known}{noun}. {remedy}", known)


def _detect_zip(file: BinaryIO) -> Detected:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()[:10_000]
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        raise BankFileError(
            "It is a damaged ZIP archive or workbook: copy or save it again."
        ) from None
    finally:
        file.seek(0)
    if "xl/workbook.xml" in names or any(name.startswith("xl/worksheets/") for name in names):
        return Detected(Format.XLSX)
    if unsafe := next((name for name in names if _leaves(name)), None):
        raise BankFileError(
            f"It is an archive with an unsafe path, '{unsafe[:60]}', and is not opened.", "ZIP"
        )
    for pattern, known, remedy in _MEMBERS:
        if any(re.fullmatch(pattern, name) for name in names):
            raise _refusal(known, remedy)
    raise _refusal("ZIP archive", _ZIP)


def _leaves(name: str) -> bool:
    """Whether a member's path leads out of the folder in which it is unpacked."""
    parts = name.replace("\\", "/").split("/")
    return not parts[0] or ".." in parts or ":" in parts[0]


def _detect_text(text: str, name: str) -> Detected:
    start = text.lstrip()
    if not start:
        return Detected(_TEXT_NAMES.get(PurePath(name).suffix.lower(), Format.JSON_LINES))
    if start[0] == "<" and (found := _detect_xml(start)):
        return found
    if re.match(r'\[\s*(?:[{\]"\[0-9]|$)', start) or re.match(r'\{\s*(?:["}]|$)', start):
        return _detect_json(start)
    if _ANKI_NOTES.match(start):
        raise _refusal("Anki notes", _ANKI)
    return _detect_lines(start, name)


def _detect_xml(start: str) -> Detected | None:
    root = _ROOT.match(start)
    if root and root[1] == "quiz":
        return Detected(Format.MOODLE_XML)
    for pattern, known, remedy in _ROOTS:
        if root and re.fullmatch(pattern, root[1]):
            raise _refusal(known, remedy)
    if start.startswith("<?xml"):
        raise BankFileError(
            "It is XML, but no Moodle question bank: its first element is not <quiz>.", "XML"
        )
    return None


def _detect_json(start: str) -> Detected:
    if start[0] == "[":
        is_trivia = '"incorrect_answers"' in start
        return Detected(Format.OPEN_TRIVIA if is_trivia else Format.JSON)
    if re.search(r'"__type__"\s*:\s*"(?:Deck|Note)', start):
        raise _refusal("CrowdAnki export", _ANKI)
    if re.match(r'\{\s*"response_code"', start) or re.match(r'\{\s*"results"\s*:\s*\[', start):
        return Detected(Format.OPEN_TRIVIA, prefix="results.item")
    if re.match(r'\{\s*"questions"\s*:\s*\[', start):
        return Detected(Format.JSON, prefix="questions.item")
    return Detected(Format.JSON_LINES)


def _detect_lines(start: str, name: str) -> Detected:
    by_name = _TEXT_NAMES.get(PurePath(name).suffix.lower())
    if by_name:
        return Detected(by_name)
    if _AIKEN_KEY.search(start) and _AIKEN_CHOICE.search(start):
        return Detected(Format.AIKEN)
    first = start.split("\n", 1)[0]
    if re.match(r"sep=", first, re.IGNORECASE) or _is_header(first):
        return Detected(Format.CSV)
    if _GIFT_START.search(start) or _GIFT_BLOCK.search(start):
        return Detected(Format.GIFT)
    if _AIKEN_CHOICE.search(start) and len(_AIKEN_CHOICE.findall(start)) > 1:
        return Detected(Format.AIKEN)
    if re.search(r"[;\t|]", first) or (first.count(",") and not first.rstrip().endswith(".")):
        return Detected(Format.CSV)
    raise BankFileError(
        "Its format is not known. These can be read: JSON Lines, JSON, CSV, Excel (.xlsx), GIFT, "
        "Moodle XML and Aiken."
    )


def _is_header(first: str) -> bool:
    """Whether a line names columns rather than being prose."""
    cells = re.split(r"[,;\t|]", first)
    words = [cell.strip().strip('"').lower() for cell in cells]
    return len(words) > 2 and any(
        re.fullmatch(r"(?:text|question\w*|.*answer.*|option.*|correct.*)", word) for word in words
    )
