"""Writes question banks as JSON Lines, CSV, GIFT and Moodle XML.

Every file reads back as the same questions. Values that a format does not have are written where
other programs ignore them: pins, language and difficulty in comments of GIFT, and in
elements of Moodle XML that Moodle does not know.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from xml.etree.ElementTree import Element, SubElement, tostring  # nosec B405 - writes only

from banks.checks import MAX_ANSWERS
from banks.question import Question

Writer = Callable[[Iterable[Question]], Iterator[str]]
"""Returns the pieces of a file in UTF-8 for questions, in their order."""

_ANSWER_COLUMNS = tuple(f"answer_{number}" for number in range(1, MAX_ANSWERS + 1))
CSV_COLUMNS = (
    *("category", "text", *_ANSWER_COLUMNS, "correct", "type", "pinned", "explanation"),
    *("language", "difficulty", "tags", "external_id", "markup"),
)
_ROOT = "$course$/top"
_GIFT_SPECIAL = re.compile(r"[\\~=#{}:]")
_GIFT_MARKER = re.compile(r"\s*\[(?:html|moodle|plain|markdown)\]")


def write_json_lines(questions: Iterable[Question]) -> Iterator[str]:
    """Write each question on a line, as the HTTP contract has it."""
    for question in questions:
        yield json.dumps(question.body(), ensure_ascii=False) + "\n"


def write_csv(questions: Iterable[Question]) -> Iterator[str]:
    """Write a table with all columns; a byte order mark makes Excel read it as UTF-8."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    yield "\ufeff"
    writer.writerow(CSV_COLUMNS)
    for question in questions:
        writer.writerow(_csv_row(question))
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _csv_row(question: Question) -> list[str]:
    texts = [answer.text for answer in question.answers]
    return [
        question.category or "",
        question.text,
        *texts,
        *[""] * (MAX_ANSWERS - len(texts)),
        ";".join(_numbers(question, lambda place: question.answers[place].correct)),
        "MULTIPLE_CHOICE" if question.multiple else "SINGLE_CHOICE",
        ";".join(_numbers(question, lambda place: question.answers[place].pinned)),
        question.explanation,
        question.language or "",
        str(question.difficulty or ""),
        _csv_tags(question.tags),
        question.external_id or "",
        "markdown",
    ]


def _csv_tags(tags: tuple[str, ...]) -> str:
    if any(";" in tag or tag.startswith("[") for tag in tags):
        return json.dumps(tags, ensure_ascii=False)
    return "; ".join(tags)


def _numbers(question: Question, chosen: Callable[[int], bool]) -> list[str]:
    return [str(place + 1) for place in range(len(question.answers)) if chosen(place)]


def write_gift(questions: Iterable[Question]) -> Iterator[str]:
    """Write GIFT; texts are marked as Markdown."""
    category: str | None = None
    for question in questions:
        if question.category != category:
            category = question.category
            yield f"$CATEGORY: {_ROOT}{f'/{category}' if category else ''}\n\n"
        yield _gift_question(question)


def _gift_question(question: Question) -> str:
    lines = [f"// {note}" for note in _gift_notes(question)]
    lines.append(f"[markdown]{_gift(question.text)} {{")
    share = f"{100 / max(1, sum(answer.correct for answer in question.answers)):.5f}"
    for answer in question.answers:
        text = _gift_text(answer.text)
        if question.multiple:
            lines.append(f"\t~%{share if answer.correct else '-100'}%{text}")
        else:
            weight = ("%100%" if answer.correct else "%0%") if text.startswith("%") else ""
            lines.append(f"\t{'=' if answer.correct else '~'}{weight}{text}")
    if question.explanation:
        lines.append(f"\t####{_gift_text(question.explanation)}")
    return "\n".join((*lines, "}\n\n"))


def _gift_notes(question: Question) -> Iterator[str]:
    notes = [("id", question.external_id or ""), *(("tag", tag) for tag in question.tags)]
    pinned = " ".join(_numbers(question, lambda place: question.answers[place].pinned))
    notes += [("language", question.language or ""), ("pinned", pinned)]
    notes.append(("difficulty", str(question.difficulty or "")))
    for name, value in notes:
        if value:
            escaped = re.sub(r"([\\\]])", r"\\\1", value)
            yield f"[{name}:{escaped}]"


def _gift(text: str) -> str:
    return _GIFT_SPECIAL.sub(r"\\\g<0>", text).replace("\n", "\\n")


def _gift_text(text: str) -> str:
    """Return an answer or explanation; one that begins like a marker gets one before it."""
    return f"[markdown]{_gift(text)}" if _GIFT_MARKER.match(text) else _gift(text)


def write_moodle_xml(questions: Iterable[Question]) -> Iterator[str]:
    """Write Moodle XML; texts are marked as Markdown."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<quiz>\n'
    category: str | None = None
    for question in questions:
        if question.category != category:
            category = question.category
            yield _serialized(_category_element(f"{_ROOT}/{category}" if category else _ROOT))
        yield _serialized(_question_element(question))
    yield "</quiz>\n"


def _serialized(element: Element) -> str:
    return tostring(element, encoding="unicode") + "\n"


def _category_element(path: str) -> Element:
    element = Element("question", type="category")
    _text_in(SubElement(element, "category"), path)
    return element


def _question_element(question: Question) -> Element:
    element = Element("question", type="multichoice")
    name = " ".join(question.text.split())[:60] or "-"
    _text_in(SubElement(element, "name"), name)
    _text_in(SubElement(element, "questiontext", format="markdown"), question.text)
    _text_in(SubElement(element, "generalfeedback", format="markdown"), question.explanation)
    pinned = _numbers(question, lambda place: question.answers[place].pinned)
    all_pinned = len(pinned) == len(question.answers)
    values = {
        "defaultgrade": "1",
        "idnumber": question.external_id or "",
        "single": "false" if question.multiple else "true",
        "shuffleanswers": "0" if all_pinned else "1",
        "answernumbering": "abc",
        "pinned": "" if all_pinned else " ".join(pinned),
        "language": question.language or "",
        "difficulty": str(question.difficulty or ""),
    }
    for tag, value in values.items():
        if value:
            SubElement(element, tag).text = value
    _add_answers(element, question)
    if question.tags:
        tags = SubElement(element, "tags")
        for each in question.tags:
            _text_in(SubElement(tags, "tag"), each)
    return element


def _add_answers(element: Element, question: Question) -> None:
    right = max(1, sum(answer.correct for answer in question.answers))
    wrong = "-100" if question.multiple else "0"
    for answer in question.answers:
        fraction = f"{100 / right:.5f}".rstrip("0").rstrip(".") if answer.correct else wrong
        child = SubElement(element, "answer", fraction=fraction, format="markdown")
        _text_in(child, answer.text)
        _text_in(SubElement(child, "feedback", format="markdown"), "")


def _text_in(element: Element, text: str) -> None:
    SubElement(element, "text").text = text


WRITERS: Mapping[str, Writer] = {
    "jsonl": write_json_lines,
    "csv": write_csv,
    "gift": write_gift,
    "moodle-xml": write_moodle_xml,
}
"""Writers by the name that a user gives."""
