"""The penalty indicator's words (rule 6)."""

import pytest

from domain.session.penalty import penalty_indicator


@pytest.mark.parametrize(
    ("questions", "tries", "words"),
    [
        (0, 0, ""),
        (1, 1, "(+1 Question @ 1 Try)"),
        (1, 2, "(+1 Question @ 2 Tries)"),
        (2, 2, "(+2 Questions @ 2 Tries)"),
        (2, 3, "(+2 Questions @ 3 Tries)"),
        (5000, 9999, "(+5000 Questions @ 9999 Tries)"),
    ],
)
def test_the_indicator_says_what_is_owed(questions: int, tries: int, words: str) -> None:
    assert penalty_indicator(questions, tries) == words
