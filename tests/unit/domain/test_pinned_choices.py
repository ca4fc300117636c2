"""Choices that keep their places because they refer to others."""

import pytest

from domain.pinned_choices import pinned_places

PINNED = [
    "All of the above",
    "All of the above.",
    "all  of the ABOVE!",
    "**All of the above**",
    "All the above",
    "None of the above",
    "Both of the above",
    "Neither of the above",
    "Any of the above",
    "Two of the above",
    "More than one of the above",
    "None of the above is correct",
    "All of the above are true.",
    "All of these",
    "none of these.",
    "Both of these",
    "Neither of these",
    "All of the these",
    "None these",
    "All of them",
    "None of the following",
    "All of the other answers",
    "All answers are correct",
    "none of these  three answers is  correct",
    "None of the options",
    "All statements are true.",
    "<p>All of the above</p>",
    "<span class='x'>None of the above</span><br/>",
    "All&nbsp;of&nbsp;the&#32;above",
    "D. All of the above",
    "(d) All of the above",
    "d) None of these",
    "4. None of the above",
    "D: <b>All of the above</b>",
    r"\text{All of the above}",
    r"$\text{None of these}$",
    r"\textbf {None of the above}",
    "All\u200b of the above\u00a0",
    "I and II only",
    "I, II and III",
    "I, II, and III",
    "II only",
    "Only III",
    "Neither I nor II",
    "Both I and III",
    "Statements I and II are correct",
]
FREE = [
    "All of these reasons",
    "none of these, nobody knows his first name",
    "All of these - he was a music teacher",
    "All of these are fluids.",
    "It could be any or all of these.",
    "None of them has accepted the Euro currency.",
    "All",
    "None",
    "Both",
    "Neither",
    "Below",
    "Above Heaven",
    "All 10",
    "All My Children",
    "None of the emperors",
    "Both avoirdupois and British",
    "These",
    "I",
    "I and you",
    "Elizabeth I",
    "Henry IV and Henry V",
    "A. Weaving",
    r"\text{All}",
    "<p>All</p>",
    "",
    "!",
]


@pytest.mark.parametrize("text", PINNED)
@pytest.mark.parametrize("place", [0, 2])
def test_a_choice_that_refers_to_the_others_keeps_its_place(text: str, place: int) -> None:
    choices = ["red", "green", "blue"]
    choices[place] = text
    assert pinned_places(choices) == {place}


@pytest.mark.parametrize("text", FREE)
def test_a_choice_that_only_looks_alike_moves(text: str) -> None:
    assert pinned_places(["red", "green", text]) == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "Both A and B",
        "A and B",
        "a & b only",
        "(A) and (B)",
        "D. Both A and B",
        "<p>(d) Both A and B</p>",
        r"\text{Both A and B}",
        "A&nbsp;and&nbsp;B",
        "Only A and C",
        "A, B and C",
        "A, B, and C are correct",
        "Either B or C",
        "Neither A nor B",
        "Answers A and C",
        "All of the above except C",
        "All but B",
    ],
)
def test_letters_of_choices_before_it_keep_all_places(text: str) -> None:
    assert pinned_places(["red", "green", "blue", text]) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    "choices",
    [
        ["A and B", "B and C", "O", "none"],
        ["red", "Both A and B"],
        ["red", "green", "B and B"],
        ["red", "green", "blue", "A&E"],
        ["red", "green", "blue", "R&B"],
        ["4, 2, 3, 1", "1, 4, 2, 3", "3, 2, 4, 1", "1 and 2"],
    ],
)
def test_letters_that_name_no_choice_before_them_keep_none(choices: list[str]) -> None:
    assert pinned_places(choices) == frozenset()
