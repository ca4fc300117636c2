"""GIFT, by the rules of Moodle's documentation."""

import pytest

from banks.lines import MAX_LINE
from banks.question import Answer
from tests.unit.banks.reading import key, messages, only, question, read, refusal, texts


def test_single_choice_with_a_title_comments_and_feedback() -> None:
    item = only(
        "// a comment\n// [id:g-1] [tag:rivers] [tag:a\\]b]\n::Q1:: Which one?{\n"
        "// inside\n=this#Well done\n~that # No\n~%-50%other\n####Because.}\n",
        "bank.gift",
    )
    assert str(item.place) == "line 3 (Q1)"
    assert item.question
    assert item.question.text == "Which one?"
    assert key(item.question) == [("this", True), ("that", False), ("other", False)]
    assert item.question.explanation == "Because."
    assert item.question.external_id == "g-1"
    assert item.question.tags == ("rivers", "a]b")
    assert item.notices == ("feedback on single answers is left out",)


def test_answers_may_stand_on_one_line_and_the_stem_goes_on_after_them() -> None:
    found = question("Grant is {~buried =entombed~living} in Grant's tomb.")
    assert found.text == "Grant is _____ in Grant's tomb."
    assert key(found) == [("buried", False), ("entombed", True), ("living", False)]


def test_colons_and_equals_signs_in_the_stem_need_no_escape() -> None:
    assert question("Note: if a = b ~ #, then: {=x ~y}").text == "Note: if a = b ~ #, then:"


def test_escapes_stand_for_the_characters_themselves() -> None:
    found = question(r"\{a\: b\}\nc \\(x_1\\) {=\= 2\~ ~\#0000ff#\}}")
    assert found.text == "{a: b}\nc \\(x_1\\)"
    assert key(found) == [("= 2~", True), ("#0000ff", False)]


@pytest.mark.parametrize(
    ("answers", "right", "notices"),
    [
        ("~%50%a ~%50%b ~c", ["a", "b"], 0),
        ("~%33.33333%a ~%33.33333%b ~%33.33333%c ~%-100%d", ["a", "b", "c"], 0),
        ("~%100%a ~b", ["a"], 0),
        ("~%60%a ~%40%b ~%-100%c", ["a", "b"], 1),
    ],
)
def test_without_an_equals_sign_each_positive_weight_is_right(
    answers: str, right: list[str], notices: int
) -> None:
    item = only(f"q{{{answers}}}", "bank.gift")
    assert item.question
    assert item.question.multiple
    assert item.type == "multichoice/multiple"
    assert [answer.text for answer in item.question.answers if answer.correct] == right
    assert len(item.notices) == notices


def test_half_credit_beside_full_credit_is_wrong_and_reported() -> None:
    item = only("q{~wrong ~%50%half =full}", "bank.gift")
    assert item.question
    assert key(item.question) == [("wrong", False), ("half", False), ("full", True)]
    assert item.notices == ("partial credit is lost: only the answer with full marks is right",)


@pytest.mark.parametrize(
    ("block", "right", "explanation"),
    [
        ("T", "True", ""),
        ("FALSE", "False", ""),
        ("false#wrong#right", "False", "right"),
        ("TRUE#wrong ####both", "True", "both"),
    ],
)
def test_true_false_is_pinned(block: str, right: str, explanation: str) -> None:
    item = only(f"q {{{block}}}", "bank.gift")
    assert item.type == "truefalse"
    assert item.question
    assert item.question.answers == (
        Answer("True", right == "True", pinned=True),
        Answer("False", right == "False", pinned=True),
    )
    assert item.question.explanation == explanation


@pytest.mark.parametrize(
    ("text", "reason", "kind"),
    [
        ("q {}", "essay", "essay"),
        ("q {#3:1}", "numerical", "numerical"),
        ("q {=a -> b =c -> d}", "matching", "matching"),
        ("q {=a =b}", "short answer", "shortanswer"),
        ("q {a}", "short answer", "shortanswer"),
        ("::Title::Only text.\n\nq {T}", "description, no question", "description"),
        ("q {=a ~b} and {=c ~d}", "cloze", "cloze"),
        ("q {=a ~b =c}", "several full-mark answers in single choice", "multichoice/single"),
        ("q {=a ~#0000ff}", "empty answer", "multichoice/single"),
        ("q {=~%50%a}", "empty answer", "multichoice/single"),
        ("q {~a ~b}", "no right answer", "multichoice/multiple"),
        ("q {x =a ~b}", "malformed", "multichoice/single"),
        ("q {=a ~b", "malformed", "unknown"),
        ("q =a} ~b{", "malformed", "unknown"),
        ("q {=a {b} ~c}", "malformed", "unknown"),
        ("[html]<img src\\=x> {=a ~b}", "needs an image, sound, video or MathML", None),
        ("[markdown]![x](y) {=a ~b}", "needs an image, sound, video or MathML", None),
        ("q {=a ~a}", "answers not distinct", None),
        ("q\x02 {=a ~b}", "invalid value", None),
        ("{=a ~b}", "no question text", None),
        ("q {=<p></p> ~b}", "empty answer", None),
    ],
)
def test_other_questions_are_refused_by_name(text: str, reason: str, kind: str | None) -> None:
    item = read(text, "bank.gift")[0]
    assert (item.question, str(item.reason)) == (None, reason)
    assert item.message
    assert kind in (None, item.type)


def test_messages_name_the_remedy() -> None:
    assert r"write \#, \= and \~" in refusal("q {=a ~#0000ff}", "bank.gift")[1]
    assert r"write \= for an equals sign" in refusal("q {=a ~b = c}", "bank.gift")[1]


def test_braces_open_at_a_blank_line_do_not_swallow_the_next_question() -> None:
    items = read("first {=a\n\n~b}\n\nnext {=a ~b}\n", "bank.gift")
    assert texts(items) == {"line 5": "next"}
    assert list(messages(items)) == ["line 1", "line 3"]


def test_categories_apply_until_the_next() -> None:
    content = (
        "q {T}\n\n$CATEGORY: $course$/top/World History\n\nr {T}\n\n"
        "$CATEGORY: $course$/top\ns {T}\n\n$CATEGORY: geography\n\nt {T}"
    )
    items = read(content, "bank.gift")
    assert [item.question.category for item in items if item.question] == [
        None,
        "world-history",
        None,
        "geography",
    ]


def test_markers_tell_the_markup_of_each_text() -> None:
    found = question(
        "[html]<b>q</b>{=[moodle]a<br>b ~[plain]<i>c</i> ~[markdown]*d* ~e<sub>1</sub>####[plain]*}"
    )
    assert found.text == "**q**"
    assert [answer.text for answer in found.answers] == ["a  \nb", r"\<i>c\</i>", "*d*", "e₁"]
    assert found.explanation == r"\*"


def test_notes_of_this_banks_own_export() -> None:
    found = question("// [language:de] [difficulty:4] [pinned:2]\nq{=a ~b}")
    assert (found.language, found.difficulty) == ("de", 4)
    assert [answer.pinned for answer in found.answers] == [False, True]


def test_a_paragraph_without_end_is_refused_once() -> None:
    content = "q {=a\n" + "~b\n" * (MAX_LINE // 2) + "}\n\nnext {T}"
    items = read(content, "bank.gift")
    assert messages(items) == {"line 1": "it is too long: separate questions by blank lines"}
    assert list(texts(items).values()) == ["next"]


def test_a_line_that_is_not_utf8_is_refused_with_its_question() -> None:
    content = "é naïve {T}\n\n".encode() + b"q\xff {T}\n\nr {T}"
    assert messages(read(content, "bank.gift")) == {"line 3": "line 3 is not UTF-8"}
