"""Reads GIFT by Moodle's rules (docs.moodle.org, GIFT format).

Questions are separated by blank lines. Escaped characters are replaced by control characters, which
no question may hold, while a question is taken apart.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from banks.categories import category_name
from banks.found import Found
from banks.grading import FULL, Text, Weighted, explanation_of, graded
from banks.lines import MAX_LINE, Line, Lines
from banks.markdown import Markup, to_markdown
from banks.question import (
    MULTIPLE,
    SINGLE,
    TRUE_FALSE,
    Answer,
    Item,
    Place,
    Question,
    Reason,
    RefusedError,
)

_SPECIAL = "\\~=#{}:n"
_HIDDEN = {character: chr(place) for place, character in enumerate(_SPECIAL, 1)}
_SHOWN = str.maketrans({hidden: "\n" if c == "n" else c for c, hidden in _HIDDEN.items()})
_ESCAPE = re.compile(r"\\([\\~=#{}:n])")
_CONTROL = re.compile("[\x01-\x08]")
_NOTE = re.compile(r"\[(id|tag|language|difficulty|pinned):((?:\\.|[^\]\\]){1,300})\]")
_UNESCAPE = re.compile(r"\\(.)")
_MARKUP = re.compile(r"\s*\[(html|moodle|plain|markdown)\]")
_WEIGHT = re.compile(r"\s*%\s*(-?\d{1,3}(?:\.\d{0,10})?)\s*%")
_TRUTH = {"T": True, "TRUE": True, "F": False, "FALSE": False}
_NOTHING = Text("", Markup.PLAIN)


@dataclass(slots=True)
class _Paragraph:
    """The lines of one question.

    Attributes:
        line: The number of its first line.
        texts: Its lines, without comments.
        notes: Notes in its comments, such as `// [tag:rivers]`, by name.
        category: The category it belongs to, as the file names it.
        size: Characters so far.
        problem: The first thing wrong with it, or an empty string.
    """

    category: str
    line: int = 0
    texts: list[str] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    size: int = 0
    problem: str = ""

    def add(self, line: Line) -> None:
        """Take a line that is not blank."""
        text = line.text.rstrip("\n")
        if text.lstrip().startswith("//"):
            self.notes += [
                (name, _UNESCAPE.sub(r"\1", value)) for name, value in _NOTE.findall(text)
            ]
            return
        self.line = self.line or line.number
        self.size += len(text)
        if line.fault:
            self.problem = self.problem or f"line {line.number} {line.fault}"
        elif self.size > MAX_LINE:
            self.problem = self.problem or "it is too long: separate questions by blank lines"
        else:
            self.texts.append(text)

    def item(self) -> Item:
        """Return the question, or its refusal."""
        return Found(Place(self.line)).resolve(self._question)

    def _question(self, found: Found) -> Question:
        if self.problem:
            raise RefusedError(Reason.MALFORMED, self.problem)
        text = "\n".join(self.texts)
        if _CONTROL.search(text):
            raise RefusedError(Reason.VALUE, "it holds a control character: remove it")
        return _Reader(_ESCAPE.sub(lambda e: _HIDDEN[e[1]], text), self, found).question()

    def noted(self, name: str) -> list[str]:
        """Return the values of a note."""
        return [value.strip() for given, value in self.notes if given == name]


def read_gift(lines: Lines) -> Iterator[Item]:
    """Return the questions of a GIFT file."""
    paragraph = _Paragraph("")
    for line in lines:
        if line.blank:
            if paragraph.line:
                yield paragraph.item()
                paragraph = _Paragraph(paragraph.category)
        elif not paragraph.line and line.text.lstrip().startswith("$CATEGORY:"):
            paragraph = _Paragraph(line.text.split(":", 1)[1].strip())
        else:
            paragraph.add(line)
    if paragraph.line:
        yield paragraph.item()


@dataclass(slots=True)
class _Reader:
    """Takes one question apart."""

    text: str
    paragraph: _Paragraph
    found: Found

    def question(self) -> Question:
        """Return the question."""
        before, block, after = self._parts()
        stem = self._stem(before, after)
        self.found.text = stem.content
        block, _, general = block.partition("####")
        block = block.strip()
        self._refuse_type(block)
        if "~" in block:
            return self._choice(stem, block, self._text(general, stem.markup))
        return self._true_false(stem, block, self._text(general, stem.markup))

    def _parts(self) -> tuple[str, str, str]:
        """Return what is before, in and after the braces; keep the title as the place's name."""
        text = self.text.strip()
        if text.startswith("::") and (end := text.find("::", 2)) > 0:
            name = _shown(text[2:end]).strip()
            self.found.place = Place(self.paragraph.line, name=" ".join(name.split())[:60])
            text = text[end + 2 :]
        start, end = text.find("{"), text.find("}")
        if start < 0 and end < 0:
            self.found.text = _shown(text).strip()
            self.found.type = "description"
            raise RefusedError(
                Reason.DESCRIPTION,
                "it has no answers in braces: a text alone is no question (a blank line ends a "
                "question)",
            )
        self.found.text = _shown(text[: max(start, 0)]).strip()
        if start < 0 or end < start or "{" in text[start + 1 : end]:
            raise RefusedError(
                Reason.MALFORMED,
                "its braces do not match: close the answers before the next blank line, and write "
                r"\{ and \} for braces in a text",
            )
        after = text[end + 1 :]
        if "{" in after or "}" in after:
            self.found.type = "cloze"
            raise RefusedError(Reason.CLOZE, "it has answers in two places: make it two questions")
        return text[:start], text[start + 1 : end].strip(), after

    def _stem(self, before: str, after: str) -> Text:
        found = _MARKUP.match(before)
        markup = Markup(found[1]) if found else Markup.MOODLE
        before = before[found.end() :] if found else before
        if after.strip():
            gap = r"\_\_\_\_\_" if markup is Markup.MARKDOWN else "_____"
            return Text(_shown(f"{before}{gap}{after}").strip(), markup)
        return Text(_shown(before).strip(), markup)

    def _text(self, text: str, markup: Markup) -> Text:
        found = _MARKUP.match(text)
        if found:
            return Text(_shown(text[found.end() :]).strip(), Markup(found[1]))
        return Text(_shown(text).strip(), markup)

    def _refuse_type(self, block: str) -> None:
        word = block.partition("#")[0].strip().upper()
        if not block:
            self._refuse(Reason.ESSAY, "essay", "an essay cannot be graded by choices")
        elif block.startswith("#"):
            self._refuse(Reason.NUMERICAL, "numerical", "a number to type is no choice")
        elif "~" in block:
            self.found.type = SINGLE if "=" in block else MULTIPLE
        elif "=" in block and "->" in block:
            self._refuse(Reason.MATCHING, "matching", "pairs to match are no choice")
        elif word not in _TRUTH:
            self._refuse(
                Reason.SHORT_ANSWER, "shortanswer", "it has no wrong answers: add some with ~"
            )

    def _refuse(self, reason: Reason, kind: str, message: str) -> None:
        self.found.type = kind
        raise RefusedError(reason, message)

    def _choice(self, stem: Text, block: str, general: Text) -> Question:
        if block[0] not in "~=":
            raise RefusedError(
                Reason.MALFORMED, "a text stands before the first answer: begin answers with = or ~"
            )
        parts = re.findall(r"([~=])([^~=]*)", block)
        choices = [
            self._weighted(mark, part, stem.markup, number)
            for number, (mark, part) in enumerate(parts, 1)
        ]
        multiple = "=" not in block
        if not multiple and sum(mark == "=" for mark, _ in parts) > 1:
            self._refuse_several(choices)
        return self._finished(
            stem,
            graded(choices, multiple=multiple, found=self.found),
            explanation_of(general, choices, self.found),
            multiple=multiple,
        )

    def _refuse_several(self, choices: list[Weighted]) -> None:
        if sum(choice.fraction >= FULL for choice in choices) > 1:
            raise RefusedError(
                Reason.SEVERAL_RIGHT,
                "several answers begin with = and any one of them is right, which the bank cannot "
                r"express: keep one; write \= for an equals sign in a text",
            )

    def _weighted(self, mark: str, part: str, markup: Markup, number: int) -> Weighted:
        fraction = FULL if mark == "=" else 0.0
        if weight := _WEIGHT.match(part):
            fraction = float(weight[1])
            part = part[weight.end() :]
        text, _, feedback = part.partition("#")
        if not text.strip():
            raise RefusedError(
                Reason.EMPTY_ANSWER,
                rf"answer {number} is empty: # begins feedback and = or ~ an answer; write \#, \= "
                r"and \~ for these characters in a text",
            )
        pinned = str(number) in " ".join(self.paragraph.noted("pinned")).split()
        return Weighted(self._text(text, markup), fraction, self._text(feedback, markup), pinned)

    def _true_false(self, stem: Text, block: str, general: Text) -> Question:
        self.found.type = TRUE_FALSE
        word, wrong, right = (*block.split("#", 2), "", "")[:3]
        truth = _TRUTH[word.strip().upper()]
        choices = [
            Weighted(_NOTHING, FULL, self._text(right, stem.markup)),
            Weighted(_NOTHING, 0.0, self._text(wrong, stem.markup)),
        ]
        answers = (Answer("True", truth, pinned=True), Answer("False", not truth, pinned=True))
        return self._finished(stem, answers, explanation_of(general, choices, self.found))

    def _finished(
        self, stem: Text, answers: tuple[Answer, ...], explanation: str, *, multiple: bool = False
    ) -> Question:
        noted = self.paragraph.noted
        category = self.paragraph.category
        difficulty = next(iter(noted("difficulty")), "")
        return Question(
            text=to_markdown(stem.content, stem.markup),
            answers=answers,
            multiple=multiple,
            category=category_name(category, self.found.notices) if category else None,
            explanation=explanation,
            language=next(iter(noted("language")), None),
            difficulty=int(difficulty) if re.fullmatch("[1-5]", difficulty) else None,
            tags=tuple(noted("tag")),
            external_id=next(iter(noted("id")), None),
        )


def _shown(text: str) -> str:
    """Return a text with its escaped characters as they are meant."""
    return text.translate(_SHOWN)
