"""Questions that are nearly the same are reported with both places."""

from dataclasses import replace

import pytest

from banks.near_duplicates import NearDuplicates
from banks.question import Answer, Place, Question

FIRST = Question(text="Which one?", answers=(Answer("Yes", True), Answer("No", False)))


def with_answers(*answers: tuple[str, bool]) -> Question:
    return replace(FIRST, answers=tuple(Answer(text, correct) for text, correct in answers))


@pytest.mark.parametrize(
    ("later", "difference"),
    [
        (FIRST, None),
        (replace(FIRST, explanation="other"), None),
        (with_answers(("No", False), ("Yes", True)), None),
        (replace(FIRST, category="other"), None),
        (replace(FIRST, text="Which two?"), None),
        (replace(FIRST, text="which one"), "only case or punctuation, or which answer is right"),
        (with_answers(("yes!", True), ("No", False)), "only case or punctuation"),
        (with_answers(("Yes", False), ("No", True)), "or which answer is right"),
        (with_answers(("Yes", True), ("Maybe", False)), "same text, other choices"),
        (with_answers(("<", True), (">", False)), "same text, other choices"),
    ],
)
def test_near_duplicates(later: Question, difference: str | None) -> None:
    near = NearDuplicates()
    assert near.check(Place(1), FIRST) is None
    found = near.check(Place(9), later)
    if difference is None:
        assert found is None
    else:
        assert found
        assert str(found).startswith("line 9: nearly the same as line 1 (")
        assert difference in found.difference
