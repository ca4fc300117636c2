"""Lines of every format, good and bad, and the numbers they are refused by."""

import io
import json
from typing import Any

import pytest

from banks.files import MAX_LINE, BankFileError, Entry, read_bank

HEADER = b"category,text,answer_1,answer_2,answer_3,correct\n"
ROW = b"c,%s,x,y,,1\n"


def read(content: bytes, name: str = "bank.jsonl") -> list[Entry]:
    return list(read_bank(io.BytesIO(content), name))


def faults(content: bytes, name: str = "bank.jsonl") -> dict[int, str]:
    return {entry.line: entry.fault for entry in read(content, name) if entry.fault}


def texts(content: bytes, name: str) -> dict[int, str]:
    return {entry.line: entry.question["text"] for entry in read(content, name) if entry.question}


def one(line: dict[str, Any]) -> Entry:
    (entry,) = read(json.dumps(line).encode())
    return entry


def test_the_contracts_form_passes_as_it_is() -> None:
    line = {"category": "c", "text": "t", "answers": [{"text": "x", "correct": True}], "tags": [1]}
    assert one(line) == Entry(line=1, question=line)


def test_indexes_become_right_answers() -> None:
    entry = one({"id": "7", "category": "c", "text": "t", "choices": ["x", "y"], "correct": [1]})
    assert entry.question == {
        "category": "c",
        "text": "t",
        "type": "SINGLE_CHOICE",
        "answers": [{"text": "x", "correct": False}, {"text": "y", "correct": True}],
        "externalId": "7",
    }


@pytest.mark.parametrize(("correct", "kind"), [([0], "SINGLE_CHOICE"), ([0, 2], "MULTIPLE_CHOICE")])
def test_the_number_of_right_choices_tells_the_type(correct: list[int], kind: str) -> None:
    entry = one({"text": "Choose two.", "choices": ["x", "y", "z"], "correct": correct})
    assert entry.question
    assert entry.question["type"] == kind


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"correct": [2]}, "correct: there is no choice 2"),
        ({"correct": [-1]}, "correct: there is no choice -1"),
        ({"correct": [0, 0]}, "correct: names a choice twice"),
        ({"correct": [True]}, "correct: has to be a list of indexes into choices"),
        ({"correct": ["0"]}, "correct: has to be a list of indexes into choices"),
        ({"correct": 0}, "correct: has to be a list of indexes into choices"),
        ({"choices": "xy"}, "choices: has to be a list of texts"),
        ({"externalId": "8"}, "id: stands beside externalId"),
    ],
)
def test_wrong_indexes_are_a_fault(fields: dict[str, Any], reason: str) -> None:
    line = {"id": "7", "text": "t", "choices": ["x", "y"], "correct": [0]}
    assert one(line | fields) == Entry(line=1, fault=reason)


def test_bad_lines_of_json_are_faults_and_the_rest_is_read() -> None:
    good = b'{"text": "%d"}'
    lines = [
        b"\xef\xbb\xbf" + good % 1,
        b"{broken",
        b"",
        b"   \r",
        good % 5 + b"\r",
        b'{"text": "\xff"}',
        b'{"text": "\0"}',
        b"[1]",
        b'{"text": 1, "text": 2}',
        b'{"text": NaN}',
        b'{"text": "\\ud800"}',
        b'{"text": "' + b"x" * MAX_LINE + b'"}',
        b"[" * 100_000,
        good % 14,
    ]
    content = b"\n".join(lines)
    assert texts(content, "bank.jsonl") == {1: "1", 5: "5", 14: "14"}
    found = faults(content)
    assert list(found) == [2, 6, 7, 8, 9, 10, 11, 12, 13]
    assert "column 2" in found[2]
    assert found[6] == "is not UTF-8"
    assert found[7] == "holds a NUL character"
    assert found[8] == "is no JSON object"
    assert found[9] == "is not JSON: an object in it has a key twice"
    assert found[12] == "is longer than 256 KB"


def test_a_line_of_exactly_the_limit_is_read() -> None:
    line = b'{"text": "a"}'.ljust(MAX_LINE)
    assert not faults(line + b"\n" + line)
    assert faults(line + b" \n" + line) == {1: "is longer than 256 KB"}


def test_csv_columns_become_a_question() -> None:
    content = (
        "\ufeffText , answer_2,answer_1,answer_3,correct,pinned,category,type,explanation,"
        "language,difficulty,tags,external_id\r\n"
        '"Say ""a, b"".\r\nTwo lines.",B,A,None of the above,"1, 2",3,c,MULTIPLE_CHOICE,'
        "because,de,3,x; y z,e-1\r\n".encode()
    )
    (entry,) = read(content, "bank.CSV")
    assert entry.line == 2
    assert entry.question == {
        "category": "c",
        "text": 'Say "a, b".\nTwo lines.',
        "type": "MULTIPLE_CHOICE",
        "answers": [
            {"text": "A", "correct": True, "pinned": False},
            {"text": "B", "correct": True, "pinned": False},
            {"text": "None of the above", "correct": False, "pinned": True},
        ],
        "explanation": "because",
        "language": "de",
        "difficulty": 3,
        "tags": ["x", "y z"],
        "externalId": "e-1",
    }


def test_csv_leaves_out_what_is_empty() -> None:
    (entry,) = read(HEADER + b"c,t,x,y,,2\n", "bank.csv")
    assert entry.question == {
        "category": "c",
        "text": "t",
        "type": "SINGLE_CHOICE",
        "answers": [
            {"text": "x", "correct": False, "pinned": False},
            {"text": "y", "correct": True, "pinned": False},
        ],
    }


def test_csv_numbers_a_record_by_the_line_it_begins_at() -> None:
    content = HEADER + b'c,"one\n\nthree",x,y,,1\n\n,,,,,\n' + ROW % b"seven"
    assert texts(content, "bank.csv") == {2: "one\n\nthree", 7: "seven"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"c,t,x,y,,3", "correct: there is no choice 3"),
        (b"c,t,x,y,,0", "correct: there is no choice 0"),
        (b"c,t,x,y,,one", "correct: one is no number"),
        (b"c,t,x,y,,1,2", "has 7 fields instead of 6"),
        (b'c,"t"u,x,y,,1', "is not CSV: ',' expected after '\"'"),
        (b"c,\xff,x,y,,1", "is not UTF-8"),
        (b"c,\0,x,y,,1", "holds a NUL character"),
        (b"c," + b"x" * MAX_LINE + b",x,y,,1", "is longer than 256 KB"),
        (b'c,"runs on,x,y,,1', "is not CSV"),
    ],
)
def test_a_bad_line_of_csv_is_a_fault_and_the_next_is_read(row: bytes, reason: str) -> None:
    content = HEADER + ROW % b"two" + row + b"\n" + ROW % b"four" + ROW % b'"five"'
    assert texts(content, "bank.csv") == {2: "two", 4: "four", 5: "five"}
    found = faults(content, "bank.csv")
    assert list(found) == [3]
    assert found[3].startswith(reason)


def test_a_missing_quote_does_not_swallow_a_large_file() -> None:
    rows = b"".join(ROW % (b"%06d" % number * 20) for number in range(5_000))
    content = HEADER + b'c,"no end,x,y,,1\n' + rows
    assert len(texts(content, "bank.csv")) == 5_000
    assert list(faults(content, "bank.csv")) == [2]


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b'[{"text": "t"}]', "bank.json", "JSON array"),
        (b"category,text\n", "bank.csv", "no column answer_1, answer_2, correct"),
        (b"text,answer_1,answer_2,correct,colour\n", "bank.csv", "not known: colour"),
        (b"text,text,answer_1,answer_2,correct\n", "bank.csv", "twice"),
        (b"\xff\xfet\0e\0", "bank.csv", "neither"),
        (b"\x89PNG\r\n\x1a\n\0\0", "bank.png", "neither"),
        (b"hello\n", "bank.txt", "no column text"),
    ],
)
def test_a_file_that_is_no_bank_is_refused_whole(content: bytes, name: str, reason: str) -> None:
    with pytest.raises(BankFileError, match=reason):
        read(content, name)


def test_without_a_known_ending_the_content_tells_the_format() -> None:
    assert texts(b'\n{"text": "t"}\n', "bank") == {2: "t"}
    assert texts(HEADER + ROW % b"t", "bank.txt") == {2: "t"}


@pytest.mark.parametrize("name", ["bank.jsonl", "bank.csv", "bank"])
def test_an_empty_file_holds_nothing(name: str) -> None:
    assert read(b"", name) == []
    assert read(b"\n \n", name) == []
