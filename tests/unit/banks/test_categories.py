"""Names and paths of categories become names of the bank."""

import pytest

from banks.categories import MAX_CATEGORY, category_name
from tests.unit.banks.reading import refusal


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("geography", "geography"),
        (" geography ", "geography"),
        ("a--b-", "a--b-"),
        ("World History", "world-history"),
        ("Entertainment: Music", "entertainment-music"),
        ("Köln & Straße", "koln-strasse"),
        ("$course$/top/geography", "geography"),
        ("$course$/top/top", "top"),
        ("$module$/Default for Unit 1: Topic", "default-for-unit-1-topic"),
        ("$course$/top/Physics/Optics", "physics-optics"),
        ("$system$/top/a//b", "a-b"),
        ("$course$/top", None),
        ("$course$", None),
        ("", None),
        (" / ", None),
    ],
)
def test_names(given: str, name: str | None) -> None:
    notices: list[str] = []
    assert category_name(given, notices) == name
    assert bool(notices) is (name not in (None, given.strip().rsplit("/", 1)[-1]))


def test_long_names_stay_apart() -> None:
    first, second = (category_name(f"{'x' * 60} {end}", []) for end in "ab")
    assert first
    assert second
    assert first != second
    assert len(first) == len(second) == MAX_CATEGORY


def test_a_name_of_which_nothing_is_left_is_no_category() -> None:
    notices: list[str] = []
    assert category_name("地理", notices) is None
    assert notices == ["category '地理' has no Latin letter or digit and is left out"]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (
            '{"category": "quiz-smoke-test", "text": "q", "choices": ["a", "b"], "correct": [0]}',
            "bank.jsonl",
        ),
        ("text,answer_1,answer_2,correct,category\nq,a,b,1,Quiz smoke test\n", "bank.csv"),
        ("$CATEGORY: Quiz/Smoke test\n\nq { =a ~b }\n", "bank.gift"),
        (
            """<quiz>
<question type="category"><category><text>$course$/top/Quiz smoke test</text></category></question>
<question type="multichoice"><name><text>n</text></name><questiontext><text>q</text></questiontext>
<single>true</single><answer fraction="100"><text>a</text></answer>
<answer fraction="0"><text>b</text></answer></question></quiz>""",
            "bank.xml",
        ),
    ],
    ids=["jsonl", "csv", "gift", "moodle-xml"],
)
def test_the_category_of_the_smoke_test_is_refused(content: str, name: str) -> None:
    assert refusal(content, name) == (
        "invalid value",
        "category: 'quiz-smoke-test' is reserved for the smoke test: choose another name",
    )
