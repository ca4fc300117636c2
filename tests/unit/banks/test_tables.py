"""CSV: dialects, headers, keys, and messages that name the cell and the remedy."""

import io

import pytest

from banks.encoding import Encoding
from banks.lines import MAX_LINE, Lines
from banks.question import Answer, BankFileError, Question
from banks.reading import read_bytes
from tests.unit.banks.reading import key, messages, only, question, read, refusal, texts

HEADER = "category,text,answer_1,answer_2,answer_3,correct\n"
ROW = "c,%s,x,y,,1\n"


def with_key(correct: str, *answers: str) -> str:
    names = ",".join(f"answer_{number + 1}" for number in range(len(answers)))
    return f"text,{names},correct\nt,{','.join(answers)},{correct}\n"


def test_all_columns_are_read() -> None:
    content = (
        "\ufeffText , answer_2,answer_1,answer_3,correct,pinned,category,type,explanation,"
        "language,difficulty,tags,external_id\r\n"
        '"Say ""a, b"".\r\nTwo lines.",B,A,None of the above,"1, 2",3,c,MULTIPLE_CHOICE,'
        "because,de,3,x; y z,e-1\r\n"
    )
    item = only(content, "bank.CSV")
    assert str(item.place) == "line 2"
    assert item.question == Question(
        text='Say "a, b".\nTwo lines.',
        multiple=True,
        answers=(
            Answer("A", correct=True),
            Answer("B", correct=True),
            Answer("None of the above", correct=False, pinned=True),
        ),
        category="c",
        explanation="because",
        language="de",
        difficulty=3,
        tags=("x", "y z"),
        external_id="e-1",
    )


@pytest.mark.parametrize(
    "content",
    [
        b"text;answer_1;answer_2;correct\r\nq;a;b;2\r\n",
        b"text\tanswer_1\tanswer_2\tcorrect\nq\ta\tb\t2\n",
        b"text|answer_1|answer_2|correct\nq|a|b|2\n",
        b"sep=;\r\ntext;answer_1;answer_2;correct\r\nq;a;b;2\r\n",
        b"sep=#\ntext#answer_1#answer_2#correct\nq#a#b#2\n",
        b'text, answer_1, answer_2, correct\nq, "a", b, 2\n',
        b"text,answer_1,answer_2,correct\rq,a,b,2\r",
        b"text,answer_1,answer_2,correct\nq,a,b,2,,\n",
        b"text,answer_1,answer_2,correct,,\nq,a,b,2,,\n",
        "text,answer_1,answer_2,correct\nq,a,b,2\n".encode("utf-16"),
        "text,answer_1,answer_2,correct\nq,a,b,2\n".encode("utf-16-le"),
        "text,answer_1,answer_2,correct\nq,a,b,2\n".encode("utf-16-be"),
        "text,answer_1,answer_2,correct\nq,a,b,2\n".encode("utf-32"),
        b"Question,Answer 1,Answer 2,Correct\nq,a,b,2\n",
        b"Question - max 120 characters,Option A,Option B,Correct answer(s)\nq,a,b,B\n",
        b"QUESTION TEXT,A,B,Right answer\nq,a,b,b\n",
        b"Stem;Choice 1;Choice 2;Key\nq;a;b;2.0\n",
        b'Question,"Options, separated by |",Answer\nq,a|b,B\n',
        b"My quiz,,\nMade by me,,\ntext,answer_1,answer_2,correct\nq,a,b,answer 2\n",
    ],
)
def test_dialects_and_headers(content: bytes) -> None:
    assert key(question(content)) == [("a", False), ("b", True)]


@pytest.mark.parametrize(
    ("codec", "text", "name"),
    [
        ("cp1252", "Quel café est fermé?", "Windows-1252"),
        ("cp1251", "Какая река самая длинная в мире?", "Windows-1251"),
        ("shift_jis", "世界で一番長い川はどれですか。", "Shift JIS"),
    ],
)
def test_other_encodings_are_found_and_reported(codec: str, text: str, name: str) -> None:
    bank = read_bytes(f"text,answer_1,answer_2,correct\n{text},a,b,1\n".encode(codec))
    assert [item.text for item in bank] == [text]
    (notice,) = bank.notices
    assert f"was read as {name}" in notice


def test_one_line_that_is_not_utf8_is_refused_alone() -> None:
    content = HEADER.encode() + (ROW % "naïve façade").encode() + b"c,\xff,x,y,,1\n"
    items = read(content)
    assert texts(items) == {"line 2": "naïve façade"}
    assert messages(items) == {"line 3": "line 3 is not UTF-8"}


def test_bytes_that_the_encoding_lacks_are_refused() -> None:
    lines = Lines(io.BytesIO(b"caf\xe9\n\x81\n"), Encoding("cp1252"))
    assert [(line.text, line.fault) for line in lines] == [
        ("café\n", ""),
        ("", "holds bytes that are no character in the file's encoding"),
    ]


@pytest.mark.parametrize(
    ("correct", "answers", "right"),
    [
        ("2", ["a", "b", "c"], ["b"]),
        ("2.0", ["a", "b", "c"], ["b"]),
        ("b", ["x", "y", "z"], ["y"]),
        ("(C)", ["x", "y", "z"], ["z"]),
        ("Option B", ["x", "y"], ["y"]),
        ("YES", ["Yes", "No"], ["Yes"]),
        ("1;3", ["a", "b", "c"], ["a", "c"]),
        ('"1,3"', ["a", "b", "c"], ["a", "c"]),
        ("1 3", ["a", "b", "c"], ["a", "c"]),
        ("A|C", ["x", "y", "z"], ["x", "z"]),
        ('"Paris, France; Rome"', ['"Paris, France"', "Rome", "Bonn"], ["Paris, France", "Rome"]),
        ("TRUE", ["True", "False"], ["True"]),
    ],
)
def test_the_right_answer_is_a_number_letter_or_text(
    correct: str, answers: list[str], right: list[str]
) -> None:
    found = question(with_key(correct, *answers))
    assert [answer.text for answer in found.answers if answer.correct] == right
    assert found.multiple is (len(right) > 1)


def test_a_number_that_is_also_a_text_is_reported() -> None:
    number = only(with_key("2", "2", "3"))
    assert number.question
    assert key(number.question) == [("2", False), ("3", True)]
    assert number.notices == (
        "column 'correct': '2' is taken as the number of the answer ('3'), not as its text",
    )
    text = only(with_key("7", "6", "7"))
    assert text.question
    assert key(text.question) == [("6", False), ("7", True)]
    assert text.notices == ("column 'correct': '7' is taken as the text of answer 2",)


@pytest.mark.parametrize(
    ("correct", "problem"),
    [
        ("0", "there is no answer 0"),
        ("4", "there is no answer 4"),
        ("E", "there is no answer E"),
        ("blue", "'blue' is neither the number, letter nor text of an answer"),
        ("1;9", "there is no answer 9"),
    ],
)
def test_an_unknown_right_answer_is_refused_with_the_remedy(correct: str, problem: str) -> None:
    reason, message = refusal(with_key(correct, "x", "y", "z"))
    assert reason == "right answer not recognized"
    remedy = "write the number of the right answer (1, 2, 3; the first is 1)"
    assert message == f"column 'correct': {problem}; {remedy}"


def test_a_letter_that_is_another_answers_text_is_refused() -> None:
    assert (
        "is the letter of one answer and the text of another"
        in refusal(with_key("A", "B", "A", "O"))[1]
    )
    assert key(question(with_key("O", "B", "A", "O")))[2] == ("O", True)


def test_an_empty_right_answer_is_refused() -> None:
    assert refusal(with_key(" ", "x", "y")) == (
        "no right answer",
        "column 'correct' is empty: write the number of the right answer",
    )


def test_an_empty_answer_between_others_is_left_out_and_reported() -> None:
    item = only(HEADER + "c,q,x,,z,3\n")
    assert item.question
    assert key(item.question) == [("x", False), ("z", True)]
    assert item.notices == ("answer 2 is empty and left out",)


def test_unknown_columns_are_reported_and_ignored() -> None:
    bank = read_bytes(b"text,answer_1,answer_2,correct,author\nq,a,b,1,me\n")
    assert len(list(bank)) == 1
    assert bank.notices == ["columns not used: author"]


def test_a_record_is_numbered_by_the_line_it_begins_at() -> None:
    content = HEADER + 'c,"one\n\nthree",x,y,,1\n\n,,,,,\n' + ROW % "seven"
    assert texts(read(content)) == {"line 2": "one\n\nthree", "line 7": "seven"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("c,t,x,y,,1,2", "it has 7 cells, the header has 6: quote a text that holds the separator"),
        ('c,"t"u,x,y,,1', "it is not CSV (',' expected after '\"'): put a text that holds quotes"),
        ("c,\0,x,y,,1", "line 3 holds a NUL character"),
        (f"c,{'x' * MAX_LINE},x,y,,1", "line 3 is longer than 256 K characters"),
        ('c,"runs on,x,y,,1', "it is not CSV"),
        (
            'c,"' + "x" * (MAX_LINE - 8),
            "it is too long for one question: a closing quote is missing",
        ),
        ('c,"' + ("x" * 40 + "\n") * 7_000, "it is too long for one question: a closing quote"),
        ('c,"runs on\n\0', "it runs into line 4, which holds a NUL character"),
    ],
)
def test_a_bad_record_is_refused_and_the_next_is_read(row: str, reason: str) -> None:
    content = HEADER + ROW % "two" + row + "\n" + ROW % "four" + ROW % '"five"'
    items = read(content)
    assert list(texts(items).values()) == ["two", "four", "five"]
    assert messages(items)["line 3"].startswith(reason)


@pytest.mark.slow
def test_a_missing_quote_does_not_swallow_a_large_file() -> None:
    rows = "".join(ROW % (f"{number:06d}" * 20) for number in range(5_000))
    items = read(HEADER + 'c,"no end,x,y,,1\n' + rows)
    assert len(texts(items)) == 5_000
    assert list(messages(items)) == ["line 2"]


@pytest.mark.parametrize(
    ("column", "value", "reason", "message"),
    [
        ("type", "essay", "essay", "column 'type': 'essay' questions cannot be imported"),
        ("type", "Short answer", "short answer", "column 'type': 'Short answer' questions"),
        ("type", "SINGLE_CHOICE", "several full-mark answers in single choice", "2 answers are"),
        ("difficulty", "6", "invalid value", "column 'difficulty': '6' is not a number from 1"),
        ("pinned", "4", "invalid value", "column 'pinned': '4' is not the number of an answer"),
    ],
)
def test_faulty_cells_are_named(column: str, value: str, reason: str, message: str) -> None:
    found = refusal(f"text,answer_1,answer_2,correct,{column}\nq,a,b,1;2,{value}\n")
    assert found[0] == reason
    assert found[1].startswith(message)


@pytest.mark.parametrize(("given", "level"), [("easy", 1), ("Hard", 5), ("2.0", 2), ("", None)])
def test_difficulty_is_a_number_or_a_word(given: str, level: int | None) -> None:
    found = question(f"text,answer_1,answer_2,correct,level\nq,a,b,1,{given}\n")
    assert found.difficulty == level


def test_html_in_cells_becomes_markdown_and_plain_text_stays() -> None:
    content = (
        "text,answer_1,answer_2,correct,explanation\n"
        '<p>Is <b>x<sub>1</sub></b> &lt; 2?</p>,a<br>b,*c* <html>,1,"<p>y</p><img src=z>"\n'
    )
    item = only(content)
    assert item.question
    assert item.question.text == "Is **x₁** < 2?"
    assert [answer.text for answer in item.question.answers] == ["a  \nb", "*c* <html>"]
    assert item.question.explanation == "y"
    assert item.notices == ("an image or another medium in the explanation is left out",)


def test_the_markup_column_says_how_texts_are_written() -> None:
    rows = ["q,<b>x</b>,*y*,1,markdown", "q,<b>x</b>,*y*,1,html", "q,<b>x</b>,*y*,1,plain"]
    items = read("text,answer_1,answer_2,correct,markup\n" + "\n".join(rows))
    assert [[a.text for a in item.question.answers] for item in items if item.question] == [
        ["<b>x</b>", "*y*"],
        ["**x**", r"\*y\*"],
        [r"\<b>x\</b>", r"\*y\*"],
    ]


def test_an_image_is_refused() -> None:
    reason, message = refusal('text,answer_1,answer_2,correct\n"<img src=""x.png"">?",a,b,1\n')
    assert reason == "needs an image, sound, video or MathML"
    assert "describe it in words or LaTeX" in message


def test_tables_without_wrong_answers_are_refused_row_by_row() -> None:
    reason, message = refusal("Question,Answer\nWhat?,That\n")
    assert reason == "no wrong answer"
    assert message.startswith("only the right answer is given: add wrong ones")
    reason, message = refusal("Word,Meaning,Tags\na,b,c\n")
    assert reason == "no choices"
    assert message.startswith("the table has no columns of answers, only: Word, Meaning, Tags")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("text,answer_1,answer_2\nq,a,b\n", "no column correct"),
        ("answer_1,answer_2,correct\na,b,1\n", "no column text"),
        ("answer_1,answer_2,x\na,b,1\n", "no column text and no column correct"),
        ("text,text,answer_1,answer_2,correct\n", "two columns for the same: 'text' and 'text'"),
        ("Answer 1,answer_1,text,correct\n", "two columns for the same: 'Answer 1' and 'answer_1'"),
        ("hello\n", "its first lines name no columns"),
        ('"x\n', "its first lines name no columns"),
    ],
)
def test_a_table_without_a_usable_header_is_refused_whole(content: str, reason: str) -> None:
    with pytest.raises(BankFileError, match=reason):
        read(content, "bank.csv")


def test_an_empty_table_holds_nothing() -> None:
    assert read("", "bank.csv") == read("\n , \n", "bank.csv") == read(HEADER) == []
