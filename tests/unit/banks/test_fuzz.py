"""Mutated files: no crash, bounded work, and a message for each refusal.

FUZZED_FILES sets the number of files of each format.
"""

import io
import os
import random
import signal
import string
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from banks.detection import Format
from banks.question import Answer, BankFileError, Question
from banks.reading import read_bank
from banks.writing import WRITERS
from tests.unit.banks.test_xlsx import HEADER, workbook

pytestmark = pytest.mark.slow

FILES = int(os.environ.get("FUZZED_FILES", "500"))
MOST_PROCESSOR_SECONDS = 5

BANK = [
    Question(
        text=f"Which {number}? <b>x</b> \\(a_{number}\\)",
        answers=(
            Answer("yes", number % 2 == 0),
            Answer("no; 'x'", number % 2 == 1),
            Answer("é", False),
        ),
        category="World History",
        explanation="Because,\n\nreally.",
        tags=("one", "two"),
        external_id=str(number),
    )
    for number in range(6)
]
AIKEN = "What is it?\nA. one\nB) two\nANSWER: B\n\n" * 5
ENTRY = (
    '{"type":"multiple","difficulty":"easy","category":"A: B","question":"W&quot;?",'
    '"correct_answer":"x","incorrect_answers":["y","z"]}'
)
TRIVIA = f'{{"response_code":0,"results":[{",".join([ENTRY] * 4)}]}}'
ARRAY = f'[{",".join(["""{"text":"q","choices":["a","b"],"correct":[0]}"""] * 5)}]'


def text(name: str) -> bytes:
    return "".join(WRITERS[name](BANK)).encode()


SEEDS: dict[Format, bytes] = {
    Format.JSON_LINES: text("jsonl"),
    Format.CSV: text("csv"),
    Format.GIFT: text("gift"),
    Format.MOODLE_XML: text("moodle-xml"),
    Format.AIKEN: AIKEN.encode(),
    Format.JSON: ARRAY.encode(),
    Format.OPEN_TRIVIA: TRIVIA.encode(),
    Format.XLSX: workbook(HEADER, ["q", "a", "b", 1], ["<p>r</p>", 2, 3.5, "A"]),
}
TOKENS = [
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\r", b"\n\n", b"\n", b'"', b"'", b",", b";", b"\t"),
    *(b"{", b"}", b"[", b"]", b"~", b"=", b"#", b"####", b"::", b"\\", b"%", b"%%", b"->"),
    *(b"<", b">", b"</", b"<b>" * 50, b"&amp;", b"&x;", b"<!--", b"]]>", b"<![CDATA["),
    *(b"ANSWER: ", b"A. ", b"$CATEGORY:", b"//", b"[html]", b"\\(", b"$$", b"1e999", b"null"),
    *(b"-1", b"9" * 40, b"\xe2\x80\xae", "\u00e9".encode("cp1252"), b"<img src=x>", b'{"text":'),
]


def flipped(content: bytearray, chance: random.Random) -> None:
    if content:
        content[chance.randrange(len(content))] = chance.randrange(256)


def removed(content: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(content) + 1)
    del content[start : start + chance.randrange(40)]


def inserted(content: bytearray, chance: random.Random) -> None:
    place = chance.randrange(len(content) + 1)
    content[place:place] = chance.choice(TOKENS) * chance.choice((1, 1, 1, 2, 200))


def repeated(content: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(content) + 1)
    piece = content[start : start + chance.randrange(60)]
    place = chance.randrange(len(content) + 1)
    content[place:place] = piece * chance.choice((1, 2, 50))


def cut(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(len(content) + 1) :]


def garbled(content: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(content) + 1)
    for place in range(start, min(start + 20, len(content))):
        content[place] = ord(chance.choice(string.printable))


MUTATIONS: list[Callable[[bytearray, random.Random], None]] = [
    *(flipped, removed, inserted, inserted, repeated, garbled, cut)
]


def mutated(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        chance.choice(MUTATIONS)(changed, chance)
    return bytes(changed)


def mutated_workbook(content: bytes, chance: random.Random) -> bytes:
    """Mutate the archive, or members inside an archive that stays sound."""
    if chance.random() < 0.3:
        return mutated(content, chance)
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w") as archive:
        chosen = chance.choice(source.namelist())
        for name in source.namelist():
            member = source.read(name)
            archive.writestr(name, mutated(member, chance) if name == chosen else member)
    return target.getvalue()


class Counted(io.BytesIO):
    """A file that counts the bytes read of it."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.bytes_read = 0

    def _counted(self, content: bytes) -> bytes:
        self.bytes_read += len(content)
        return content

    def read(self, *arguments: Any) -> bytes:
        return self._counted(super().read(*arguments))

    def read1(self, *arguments: Any) -> bytes:
        return self._counted(super().read1(*arguments))

    def readline(self, *arguments: Any) -> bytes:
        return self._counted(super().readline(*arguments))


@contextmanager
def stopped_if_it_hangs() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError(f"It took more than {MOST_PROCESSOR_SECONDS} s of processor time.")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_PROCESSOR_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize("format", SEEDS)
def test_mutated_files(format: Format) -> None:  # noqa: A002
    change = mutated_workbook if format is Format.XLSX else mutated
    questions = 0
    for number in range(FILES):
        chance = random.Random(f"{format} {number}")
        content = change(SEEDS[format], chance)
        file = Counted(content)
        try:
            with stopped_if_it_hangs():
                questions += _read(file, chance.choice(("bank", "bank.csv", "x.gift")))
            # A workbook's archive is read in the order of its directory, others in passes.
            assert format is Format.XLSX or file.bytes_read <= 8 * len(content) + 1024
        except Exception as error:
            error.add_note(f"file {number} of {format}: {content[:2_000]!r}")
            raise
    assert questions > FILES // 2


def _read(file: Counted, name: str) -> int:
    """Read a file and return how many questions it has; each refusal has to have a message."""
    try:
        items = list(read_bank(file, name))
    except BankFileError as error:
        return 0 if str(error).endswith(".") else -FILES
    refused = [item for item in items if item.question is None]
    assert all(item.message and item.reason and str(item.place) for item in refused)
    return len(items) - len(refused)
