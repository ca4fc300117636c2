"""Formats are found by content; others are refused by name, with a way out."""

import io
import zipfile

import pytest

from banks.question import BankFileError
from banks.reading import read_bytes


def archive(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "format"),
    [
        ('\n{"text": "t"}', "bank", "JSON Lines"),
        ("{broken", "bank.jsonl", None),
        ('{"broken', "bank", "JSON Lines"),
        ("[]", "bank", "JSON"),
        ('[{"question": "q", "incorrect_answers": []}]', "bank", "OpenTriviaDB"),
        ('{"questions": []}', "bank", "JSON"),
        ('{"results": []}', "bank", "OpenTriviaDB"),
        ("text,answer_1,answer_2,correct", "bank", "CSV"),
        ("sep=;", "bank", "CSV"),
        ("a;b", "bank", "CSV"),
        ("q {T}", "bank.txt", "GIFT"),
        ("{=Asia} is large.", "bank.txt", "GIFT"),
        ("[html]q, r, {=a ~b}", "bank.txt", "GIFT"),
        ("::t:: no answers", "bank.txt", "GIFT"),
        ("anything", "bank.gift", "GIFT"),
        ("q\nA. a\nB. b\nANSWER: A", "bank.txt", "Aiken"),
        ("q, r\nA. a\nB. b\nANSWER: A {T}", "bank.txt", "Aiken"),
        ("q?\nA. a\nB. b", "bank.txt", "Aiken"),
        ("<quiz></quiz>", "bank", "Moodle XML"),
        ("<?xml version='1.0'?><!-- x --><!DOCTYPE quiz><quiz/>", "bank", "Moodle XML"),
        ("<p>q</p> {=a ~b}", "bank", "GIFT"),
        ("", "bank.csv", "CSV"),
        ("", "bank", "JSON Lines"),
    ],
)
def test_formats_are_found(content: str, name: str, format: str | None) -> None:  # noqa: A002
    try:
        found = read_bytes(content.encode(), name).format
    except BankFileError:
        found = None
    assert found == format


@pytest.mark.parametrize(
    ("content", "format", "remedy"),
    [
        (b"<questestinterop/>", "QTI 1.2", "export it as Moodle XML"),
        (b"<x:assessmentItem xmlns:x='y'/>", "QTI 2", "export it as Moodle XML"),
        (b"<qti-assessment-item/>", "QTI 3", "export it as Moodle XML"),
        (b"<html><body/></html>", "HTML page", "Save the questions as .xlsx"),
        (b"<?xml version='1.0'?><rss/>", "XML", "its first element is not <quiz>"),
        (archive("imsmanifest.xml", "a.xml"), "QTI package", "export it as Moodle XML"),
        (archive("collection.anki2", "media"), "Anki", "Write a CSV"),
        (archive("collection.anki21b"), "Anki", "Write a CSV"),
        (archive("word/document.xml"), "Word document", "Save the questions as .xlsx"),
        (archive("xl/workbook.bin"), "Excel binary workbook", "save it as 'Excel workbook"),
        (archive("content.xml", "mimetype"), "OpenDocument file", "Save the questions as"),
        (archive("readme.txt"), "ZIP archive", "Unpack it"),
        (archive("../etc/passwd", "imsmanifest.xml"), "ZIP", "unsafe path, '../etc/passwd'"),
        (archive("/etc/passwd"), "ZIP", "unsafe path"),
        (b"PK\x03\x04broken", "", "damaged ZIP archive"),
        (b"\xd0\xcf\x11\xe0rest", "Excel 97-2003", "save it as 'Excel workbook"),
        (b"SQLite format 3\0", "Anki collection", "Write a CSV"),
        (b"%PDF-1.7", "PDF", "Save the questions as"),
        (b"\x89PNG\r\n\x1a\n", "image", "Type the questions into a table"),
        (b"#separator:tab\n#html:true\nfront\tback", "Anki notes", "Write a CSV"),
        (b'{"__type__": "Deck", "notes": []}', "CrowdAnki export", "Write a CSV"),
        (b"Dear all\nthis is a letter.\n", "", "Its format is not known. These can be read"),
    ],
)
def test_other_formats_are_refused_by_name(content: bytes, format: str, remedy: str) -> None:  # noqa: A002
    with pytest.raises(BankFileError) as refused:
        read_bytes(content)
    assert refused.value.format.startswith(format)
    assert remedy in str(refused.value)
