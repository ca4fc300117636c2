"""JSON Lines, arrays and OpenTriviaDB: what is read, and the messages of what is refused."""

import json
from typing import Any

import pytest

from banks.lines import MAX_LINE
from banks.question import Answer, BankFileError, Question
from banks.reading import read_bytes
from tests.unit.banks.reading import key, messages, only, question, read, refusal, texts

CHOICES = {"id": "7", "text": "t", "choices": ["x", "y"], "correct": [0]}


def line(**fields: Any) -> str:
    return json.dumps(fields)


def test_the_contracts_form_is_read() -> None:
    assert question(
        line(
            category="rivers",
            text=" t ",
            type="MULTIPLE_CHOICE",
            answers=[
                {"text": "x", "correct": True, "pinned": True},
                {"text": "y", "correct": False},
            ],
            explanation="because",
            language="de",
            difficulty=3,
            tags=["one"],
            externalId="e-1",
        )
    ) == Question(
        category="rivers",
        text="t",
        multiple=True,
        answers=(Answer("x", correct=True, pinned=True), Answer("y", correct=False)),
        explanation="because",
        language="de",
        difficulty=3,
        tags=("one",),
        external_id="e-1",
    )


@pytest.mark.parametrize(
    ("fields", "multiple", "right"),
    [
        ({"correct": [1]}, False, ["y"]),
        ({"correct": 1}, False, ["y"]),
        ({"correct": [0, 2], "choices": ["x", "y", "z"]}, True, ["x", "z"]),
        ({"correct": [0], "type": "MULTIPLE_CHOICE"}, True, ["x"]),
        ({"correct": [1], "choices": [7, 8.5]}, False, ["8.5"]),
        ({"correct": [0], "explanation": None, "category": None}, False, ["x"]),
    ],
)
def test_indexes_name_the_right_choices(
    fields: dict[str, Any], multiple: bool, right: list[str]
) -> None:
    found = question(json.dumps(CHOICES | fields))
    assert found.multiple is multiple
    assert [answer.text for answer in found.answers if answer.correct] == right
    assert found.external_id == "7"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"correct": [2]}, "correct: there is no choice 2; indexes count from 0 to 1"),
        ({"correct": [-1]}, "correct: there is no choice -1; indexes count from 0 to 1"),
        ({"correct": [0, 0]}, "correct: names a choice twice"),
        ({"correct": [True]}, "correct: has to be a list of indexes into choices, counted from 0"),
        ({"correct": ["0"]}, "correct: has to be a list of indexes into choices, counted from 0"),
        ({"correct": []}, "no answer is marked as right: mark one"),
        ({"choices": "xy"}, "choices: has to be a list of texts"),
        ({"choices": ["x", None]}, "choices: number 2 has to be a text, not NoneType"),
        ({"externalId": "8"}, "id and externalId mean the same: keep one"),
        ({"id": [1]}, "id: has to be a text, not list"),
        ({"text": 5}, "text: has to be a text, not 5"),
        ({"text": " \u200b"}, "the question has no text"),
        ({"type": "ESSAY"}, "type: 'ESSAY' is neither SINGLE_CHOICE nor MULTIPLE_CHOICE"),
        ({"type": []}, "type: list is neither SINGLE_CHOICE nor MULTIPLE_CHOICE"),
        ({"difficulty": 6}, "difficulty: has to be a whole number from 1 to 5, not 6"),
        ({"tags": "x"}, "tags: has to be a list of texts"),
        ({"tags": ["x"] * 21}, "tags: at most 20, not 21"),
        ({"tags": ["a\nb"]}, "tag 'a\nb' holds a line break or an invisible mark"),
        ({"language": "English"}, "language: 'English' is no language tag such as en or pt-BR"),
        ({"colour": "red"}, "colour: not a field of a question; those are category, choices"),
        ({"text": "a\x01b"}, "text holds the control character U+0001: remove it"),
        ({"text": "x" * 4_001}, "text has 4,001 characters: 4,000 at most"),
        ({"choices": ["x" * 1_001, "y"]}, "answer 1 has 1,001 characters: 1,000 at most"),
        ({"choices": ["x", "x "]}, "answers 1 and 2 look the same ('x'): change one"),
        ({"choices": ["x", " "]}, "answer 2 is empty: fill it in or take it out"),
        ({"choices": ["x"]}, "there is one answer to choose from: 2 are needed"),
        ({"choices": list("abcdefghijk")}, "there are 11 answers: 10 at most"),
        ({"correct": [0, 1]}, "all answers are right: add a wrong one"),
        ({"correct": [0, 1], "type": "SINGLE_CHOICE"}, "2 answers are right on their own"),
    ],
)
def test_a_faulty_question_is_refused_with_the_remedy(fields: dict[str, Any], reason: str) -> None:
    assert refusal(json.dumps(CHOICES | fields))[1].startswith(reason)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ("x", "answers: has to be a list of answers"),
        ([{"text": "x", "correct": 1}], "answers: number 1: correct and pinned have to be true or"),
        ([{"text": "x", "right": True}], "answers: number 1 has to be an object of text, correct"),
        (["x"], "answers: number 1 has to be an object of text, correct and pinned"),
    ],
)
def test_faulty_answers_are_refused_by_number(answers: Any, reason: str) -> None:
    assert refusal(line(text="t", answers=answers))[1].startswith(reason)


def test_bad_lines_are_refused_and_the_rest_is_read() -> None:
    good = b'{"text": "%d", "choices": ["x", "y"], "correct": [0]}'
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
        b'{"text": ' + b"1" * 5_000 + b"}",
        good % 15,
    ]
    items = read(b"\n".join(lines), "bank.jsonl")
    assert texts(items) == {"line 1": "1", "line 5": "5", "line 15": "15"}
    found = messages(items)
    assert list(found) == [f"line {number}" for number in (2, 6, 7, 8, 9, 10, 11, 12, 13, 14)]
    assert found["line 2"].endswith("at column 2")
    assert found["line 6"] == "line 6 is not UTF-8"
    assert found["line 7"] == "line 7 holds a NUL character"
    assert found["line 8"] == "it is not a JSON object"
    assert found["line 9"] == "an object has a key twice: keep one"
    assert found["line 10"] == "NaN is not JSON"
    assert "surrogate" in found["line 11"]
    assert found["line 12"] == "line 12 is longer than 256 K characters"


def test_a_line_of_exactly_the_limit_is_read() -> None:
    full = json.dumps(CHOICES).ljust(MAX_LINE)
    assert len(texts(read(f"{full}\n{full}"))) == 2
    assert list(texts(read(f"{full} \n{full}"))) == ["line 2"]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([CHOICES, CHOICES]),
        json.dumps({"questions": [CHOICES, CHOICES]}, indent=2),
        "\ufeff" + json.dumps([CHOICES, CHOICES]),
    ],
)
@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_documents_are_read_item_by_item(content: str, codec: str) -> None:
    items = read(content.removeprefix("\ufeff").encode(codec) if codec != "utf-8" else content)
    assert texts(items) == {"item 1": "t", "item 2": "t"}


def test_a_document_that_breaks_off_keeps_what_came_before() -> None:
    items = read(json.dumps([CHOICES, CHOICES])[:-20])
    assert texts(items) == {"item 1": "t"}
    assert messages(items)["item 2"].startswith("the JSON is broken here, and nothing after it")


def test_open_trivia_is_decoded_once_and_escaped() -> None:
    content = {
        "response_code": 0,
        "results": [
            {
                "type": "multiple",
                "difficulty": "hard",
                "category": "Entertainment: Music",
                "question": "Which &quot;_x_&quot; &amp;amp; band&#039;s?",
                "correct_answer": "&eacute;",
                "incorrect_answers": ["<b>", "c"],
            },
            {
                "type": "boolean",
                "question": "q",
                "correct_answer": "False",
                "incorrect_answers": [],
            },
        ],
    }
    first, second = read(json.dumps(content))
    assert first.question
    assert first.question.text == r'Which "\_x\_" \&amp; band' + "'s?"
    assert key(first.question) == [("é", True), (r"\<b>", False), ("c", False)]
    assert (first.question.category, first.question.difficulty) == ("entertainment-music", 5)
    assert first.notices == ("category 'Entertainment: Music' becomes 'entertainment-music'",)
    assert (first.type, second.type) == ("multiple", "boolean")
    assert str(second.reason) == "fewer than 2 answers"


def test_answers_of_open_trivia_without_results_are_explained() -> None:
    bank = read_bytes(b'{"response_code": 1, "results": []}')
    assert list(bank) == []
    assert bank.notices == ["OpenTriviaDB answered with code 1: no results"]
    with pytest.raises(BankFileError, match="without results"):
        read('{"response_code":0,"token":"x"}')


def test_an_empty_file_holds_nothing() -> None:
    assert read(b"", "bank.jsonl") == read(b"\n \n") == []


def test_the_place_of_an_item_is_its_line() -> None:
    assert str(only("\n\n" + json.dumps(CHOICES)).place) == "line 3"
