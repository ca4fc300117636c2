"""Aiken: questions end with their key, and lines of one never join another."""

import pytest

from tests.unit.banks.reading import key, messages, question, read, texts

GOOD = "Which?\nA. one\nB. two\nANSWER: B\n"


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        "Which?\r\nA) one\r\nB) two\r\nANSWER: B",
        "Which?\n\nA. one\n\nB. two\n\nANSWER:B\n",
        "\n\n  Which?\n  A.  one\n  B.\ttwo\n  ANSWER : B  \n",
    ],
)
def test_a_question(content: str) -> None:
    found = question(content)
    assert found.text == "Which?"
    assert key(found) == [("one", False), ("two", True)]


def test_lines_of_a_stem_are_joined_and_questions_need_no_blank_line() -> None:
    items = read(f"First line\nsecond line\nA. one\nB. two\nANSWER: A\n{GOOD}")
    assert texts(items) == {"line 1": "First line\nsecond line", "line 6": "Which?"}


def test_text_that_is_not_a_choice_is_text() -> None:
    assert question(f"A continuous\nA.D. 1000?\n{GOOD}").text == "A continuous\nA.D. 1000?\nWhich?"


@pytest.mark.parametrize(
    ("content", "reason", "message"),
    [
        ("Which?\nA. one\nB. two\n", "no right answer", "'ANSWER:' is missing"),
        ("Which?\nA. one\nB. two\nANSWER: C\n", "right answer not", "'ANSWER: C' is not one of"),
        ("Which?\nA. one\nB. two\nANSWER: A, B\n", "right answer not", "'ANSWER: A, B' is not"),
        ("Which?\nA. one\nC. two\nANSWER: A\n", "malformed", "its choices are lettered A, C"),
        ("Which?\nANSWER: A\n", "no choices", "no choices follow"),
        ("A. one\nB. two\nANSWER: A\n", "no question text", "the question has no text"),
        ("Which?\nA. one\nand more\nB. two\nANSWER: A\n", "malformed", "line 3 is neither"),
        ("Which?\nA. one\nB. two\nAnswer: A\nANSWER: A\n", "malformed", "line 4: it is in an ext"),
        ("essay\nWhich?\nA. one\nB. two\nANSWER: A\n", "malformed", "line 1: it is in an extended"),
        ("Which?\nA.\nB. two\nANSWER: B\n", "empty answer", "answer 1 is empty"),
        ("Which?\n\0\nA. one\nB. two\nANSWER: A\n", "malformed", "line 2 holds a NUL"),
    ],
)
def test_a_faulty_question_is_refused_and_the_next_is_read(
    content: str, reason: str, message: str
) -> None:
    first, second = read(f"{content}\n{GOOD}", "bank.txt")
    assert first.question is None
    assert str(first.reason).startswith(reason)
    assert first.message.startswith(message)
    assert second.question


def test_a_blank_line_ends_a_question_without_choices() -> None:
    items = read(f"Only text\n\n{GOOD}\nMore text\n")
    assert texts(items) == {"line 3": "Which?"}
    assert list(messages(items)) == ["line 1", "line 8"]


def test_plain_text_is_escaped_for_markdown() -> None:
    found = question(GOOD.replace("one", "<b> __x__").replace("Which?", "5 * 4 = *?"))
    assert found.text == "5 * 4 = \\*?"
    assert found.answers[0].text == r"\<b> \_\_x\_\_"


def test_a_question_without_end_is_refused_once_and_not_kept() -> None:
    content = f"{GOOD}Which?\n" + f"{'x' * 1_000}\n" * 300 + f"ANSWER: A\n{GOOD}"
    items = read(content)
    assert len(texts(items)) == 2
    assert messages(items) == {"line 5": "it is too long: 'ANSWER:' is missing"}
