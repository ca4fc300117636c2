"""Moodle XML: types, weights, markup, and documents that are hostile or broken."""

from xml.sax.saxutils import escape

import pytest

from banks.moodle_xml import MAX_CHARACTERS, MAX_DEPTH
from banks.question import Answer
from tests.unit.banks.reading import key, messages, only, question, read, refusal, texts


def quiz(*questions: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<quiz>\n{"".join(questions)}</quiz>'


def choice(
    *answers: tuple[str, str], text: str = "q", more: str = "", kind: str = "multichoice"
) -> str:
    parts = [
        f'<answer fraction="{fraction}"><text>{escape(answer)}</text></answer>'
        for fraction, answer in answers
    ]
    return (
        f'<question type="{kind}"><name><text>The name</text></name>\n'
        f'<questiontext format="html"><text>{escape(text)}</text></questiontext>{more}'
        f"{''.join(parts)}</question>\n"
    )


AB = (("100", "a"), ("0", "b"))


def test_single_choice() -> None:
    item = only(
        quiz(
            '<question type="category"><category><text>$course$/top/Physics/Optics</text>'
            "</category></question>",
            choice(
                ("100", "<p>a &amp; b</p>"),
                ("50", "half"),
                ("0", "c"),
                text="<p>Is <b>x<sub>2</sub></b>?</p>",
                more="<generalfeedback format='plain_text'><text>*because*</text>"
                "</generalfeedback><idnumber>m-1</idnumber><tags><tag><text>one</text></tag></tags>",
            ),
        )
    )
    assert str(item.place) == "line 3 (The name)"
    assert item.type == "multichoice/single"
    assert item.question
    assert item.question.text == "Is **x₂**?"
    assert key(item.question) == [("a & b", True), ("half", False), ("c", False)]
    assert item.question.explanation == r"\*because\*"
    assert item.question.category == "physics-optics"
    assert item.question.external_id == "m-1"
    assert item.question.tags == ("one",)
    assert item.notices == (
        "partial credit is lost: only the answer with full marks is right",
        "category '$course$/top/Physics/Optics' becomes 'physics-optics'",
    )


@pytest.mark.parametrize("single", ["false", "0", "\n  0\n "])
def test_several_right_answers(single: str) -> None:
    item = only(
        quiz(
            choice(
                ("33.33333", "a"),
                ("33.33333", "b"),
                ("33.33334", "c"),
                ("-100", "d"),
                more=f"<single>{single}</single>",
            )
        )
    )
    assert item.question
    assert item.question.multiple
    assert [correct for _, correct in key(item.question)] == [True, True, True, False]
    assert not item.notices


def test_unshuffled_choices_are_pinned() -> None:
    found = question(quiz(choice(*AB, more="<shuffleanswers>\n 0 </shuffleanswers>")))
    assert found.answers == (Answer("a", correct=True, pinned=True), Answer("b", False, True))
    free = question(quiz(choice(*AB, more="<shuffleanswers>1</shuffleanswers>")))
    assert not any(answer.pinned for answer in free.answers)


def test_true_false() -> None:
    item = only(quiz(choice(("0", "true"), ("100", "false"), kind="truefalse")))
    assert item.type == "truefalse"
    assert item.question
    assert item.question.answers == (Answer("True", False, True), Answer("False", True, True))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("essay", "essay"),
        ("matching", "matching"),
        ("shortanswer", "short answer"),
        ("numerical", "numerical"),
        ("cloze", "cloze"),
        ("ddwtos", "drag and drop"),
        ("description", "description, no question"),
        ("order", "ordering"),
        ("crossword", "question type not supported"),
        ("", "question type not supported"),
    ],
)
def test_other_types_are_refused_by_name(kind: str, reason: str) -> None:
    item = only(quiz(choice(*AB, kind=kind)))
    assert (item.question, str(item.reason)) == (None, reason)
    assert item.type == (kind or "unknown")
    assert item.text == "q"


@pytest.mark.parametrize(
    ("element", "reason"),
    [
        (choice(("100", "a"), ("100", "b")), "several full-mark answers in single choice"),
        (choice(("50", "a"), ("0", "b")), "no right answer"),
        (choice(("x", "a"), ("0", "b")), "invalid value"),
        (choice(("100", "<p> </p>"), ("0", "b")), "empty answer"),
        (choice(*AB, text='<img src="data:image/png;base64,AAAA"/>'), "needs an image"),
        (choice(("100", "@@PLUGINFILE@@/x.png <br>"), ("0", "b")), "needs an image"),
        (choice(*AB, text="<math><mi>x</mi></math>"), "needs an image"),
        (choice(*AB, text="<b>" * 2_001), "too long"),
        (choice(*AB, text="<b>" * 1_500), "malformed"),
        (choice(*AB, text="x" * 70_000), "too long"),
        (choice(*AB, text="x" * (MAX_CHARACTERS + 1)), "too long"),
        (choice(), "no choices"),
    ],
)
def test_what_the_bank_cannot_hold_is_refused(element: str, reason: str) -> None:
    assert refusal(quiz(element))[0].startswith(reason)


def test_embedded_files_are_passed_over_and_images_left_out_of_the_explanation() -> None:
    item = only(
        quiz(
            choice(
                *AB,
                more="<generalfeedback format='html'><text>&lt;p&gt;See&lt;img src='@@PLUGINFILE@@"
                "/x.png'&gt;&lt;/p&gt;</text><file name='x.png'>"
                + "A" * (MAX_CHARACTERS + 1)
                + "</file></generalfeedback>",
            )
        )
    )
    assert item.question
    assert item.question.explanation == "See"
    assert item.notices == ("an image or another medium in the explanation is left out",)


def test_feedback_of_the_right_answer_is_the_explanation_without_a_general_one() -> None:
    element = choice(*AB).replace(
        "<text>a</text>", "<text>a</text><feedback format='html'><text>Yes</text></feedback>"
    )
    boilerplate = "<correctfeedback><text>Your answer is correct.</text></correctfeedback>"
    assert question(quiz(element)).explanation == "Yes"
    assert not question(quiz(choice(*AB, more=boilerplate))).explanation


def test_auto_format_is_html_only_where_it_has_elements() -> None:
    plain = choice(("100", "<html>"), ("0", "a_b_ &eacute;"), text="x").replace('format="html"', "")
    assert [answer.text for answer in question(quiz(plain)).answers] == [r"\<html>", r"a_b\_ é"]


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        ('<!DOCTYPE quiz [<!ENTITY a "b">]>', "it defines or uses entities, which are refused"),
        (
            '<!DOCTYPE quiz [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
            "it defines or uses entities",
        ),
    ],
)
def test_entities_are_refused(head: str, problem: str) -> None:
    item = only(f"{head}<quiz>{choice(*AB, text='&a;')}</quiz>")
    assert item.message.startswith(problem)


def test_a_harmless_doctype_is_fine() -> None:
    assert question(f"<!DOCTYPE quiz>\n<quiz>{choice(*AB)}</quiz>").text == "q"


def test_a_document_that_breaks_off_keeps_what_came_before() -> None:
    items = read(quiz(choice(*AB), "<question type='essay'><na", choice(*AB)))
    assert texts(items) == {"line 3 (The name)": "q"}
    ((place, message),) = messages(items).items()
    assert place.startswith("line ")
    assert message.startswith("its XML is broken (not well-formed")


def test_deep_nesting_is_refused() -> None:
    content = "<quiz>" + "<question>" + "<x>" * 100_000
    assert only(content).message.startswith(f"elements are nested more than {MAX_DEPTH} deep")


def test_an_unknown_encoding_is_refused() -> None:
    content = b'<?xml version="1.0" encoding="klingon"?><quiz></quiz>'
    assert "encoding" in only(content).message


def test_questions_that_are_broken_or_without_texts_are_refused() -> None:
    assert refusal("<quiz><question type='multichoice'/></quiz>")[0] == "no question text"
