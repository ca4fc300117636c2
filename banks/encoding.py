"""The character encoding of a text file: from its mark, else by its content."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from charset_normalizer import from_bytes

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LEGACY = ["cp1252", "cp1251", "cp1253", "shift_jis", "gb18030", "mac_roman"]
"""Encodings to choose from. Other Western ones cannot be distinguished from Windows-1252."""

_NAMES = {
    "cp1252": "Windows-1252 (Western European)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "cp1253": "Windows-1253 (Greek)",
    "shift_jis": "Shift JIS (Japanese)",
    "gb18030": "GB 18030 (Chinese)",
    "mac_roman": "Mac OS Roman",
}
_SAMPLE = 64 * 1024
_CHUNK = 1024 * 1024


class Encoding(NamedTuple):
    """How to decode a file.

    Attributes:
        codec: Python's name of the encoding.
        notice: The sentence to report, empty for Unicode.
    """

    codec: str
    notice: str = ""


def find_encoding(file: BinaryIO) -> Encoding:
    """Return the encoding of a file, and leave it at its start."""
    head = file.read(_SAMPLE)
    file.seek(0)
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return Encoding(codec)
    if wide := _without_mark(head):
        return Encoding(wide)
    try:
        return _by_content(file)
    finally:
        file.seek(0)


def _without_mark(head: bytes) -> str | None:
    """Return UTF-16 of either order where every other byte of Latin text is zero."""
    pairs = len(head) // 2
    if pairs >= 2 and b"\0" in head:
        if head[1::2].count(0) > 0.8 * pairs and not head[::2].count(0):
            return "utf-16-le"
        if head[::2].count(0) > 0.8 * pairs and not head[1::2].count(0):
            return "utf-16-be"
    return None


def _by_content(file: BinaryIO) -> Encoding:
    good, bad = 0, bytearray()
    for line in _lines(file):
        if line.isascii():
            continue
        try:
            line.decode()
        except UnicodeDecodeError:
            if len(bad) < _SAMPLE:
                bad += line
        else:
            good += len(line)
    # A single line that is not UTF-8 among others that are is a fault of that line alone.
    if not bad or good >= len(bad):
        return Encoding("utf-8")
    best = from_bytes(bytes(bad), cp_isolation=_LEGACY).best()
    codec = "cp1252" if best is None or "cp1252" in best.could_be_from_charset else best.encoding
    return Encoding(
        codec,
        f"the file is not UTF-8 and was read as {_NAMES.get(codec, codec)}: if letters with "
        "accents look wrong, save it as UTF-8",
    )


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Return lines, or pieces of those that are very long."""
    while line := file.readline(_CHUNK):
        yield line
