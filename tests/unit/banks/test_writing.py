"""A bank that is written reads back as the same bank, in every format."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banks.question import Answer, Question
from banks.writing import WRITERS
from tests.unit.banks.questions import questions
from tests.unit.banks.reading import read

SUFFIXES = {"jsonl": "bank.jsonl", "csv": "bank.csv", "gift": "bank.gift", "moodle-xml": "bank.xml"}


def written(format: str, *bank: Question) -> str:  # noqa: A002 - as the user's option is called
    return "".join(WRITERS[format](bank))


@pytest.mark.slow
@pytest.mark.parametrize("format", WRITERS)
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(bank=st.lists(questions(), max_size=2))
def test_what_was_written_reads_back_as_the_same_bank(format: str, bank: list[Question]) -> None:  # noqa: A002
    items = read(written(format, *bank), SUFFIXES[format])
    assert [item.message for item in items if item.message] == []
    assert [item.question for item in items] == bank


QUESTION = Question(
    text="Which?",
    answers=(Answer("a", correct=True), Answer("%50%b", correct=False, pinned=True)),
    category="rivers",
    explanation="Because.\nReally.",
)


def test_gift_is_what_moodle_reads() -> None:
    assert written("gift", QUESTION, QUESTION) == (
        "$CATEGORY: $course$/top/rivers\n\n"
        + 2
        * ("// [pinned:2]\n[markdown]Which? {\n\t=a\n\t~%0%%50%b\n\t####Because.\\nReally.\n}\n\n")
    )


def test_moodle_xml_is_what_moodle_reads() -> None:
    content = written("moodle-xml", QUESTION)
    assert '<answer fraction="100" format="markdown"><text>a</text>' in content
    assert "<single>true</single><shuffleanswers>1</shuffleanswers>" in content
    assert "<text>$course$/top/rivers</text>" in content


def test_three_right_answers_share_the_marks() -> None:
    answers = tuple(Answer(text, correct=text != "d") for text in "abcd")
    bank = Question(text="Which?", answers=answers, multiple=True)
    assert written("gift", bank).count("~%33.33333%") == 3
    assert written("moodle-xml", bank).count('fraction="33.33333"') == 3
    assert written("moodle-xml", bank).count('fraction="-100"') == 1


@pytest.mark.parametrize("format", WRITERS)
def test_an_empty_bank_is_an_empty_file(format: str) -> None:  # noqa: A002
    assert read(written(format), SUFFIXES[format]) == []
