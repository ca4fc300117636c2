"""Reads Aiken: a question on a line, choices behind letters, `ANSWER:` and the right letter."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import NamedTuple

from banks.found import Found
from banks.lines import MAX_LINE, Line, Lines
from banks.markdown import Markup, to_markdown
from banks.question import SINGLE, Answer, Item, Place, Question, Reason, RefusedError

_CHOICE = re.compile(r"([A-Z])[.)](?:\s+|$)(.*)", re.DOTALL)
_KEY = re.compile(r"ANSWER\s*:\s*(.*)", re.DOTALL)
_LOOSE_KEY = re.compile(r"(?:answer|correct|feedback)\s*:|gfeed\.", re.IGNORECASE)
_TYPES = frozenset(
    [
        "category",
        "multichoice",
        "multiplechoice",
        "essay",
        "shortanswer",
        "truefalse",
        "description",
        "cloze",
        "numerical",
        "order",
        "matching",
    ]
)
_DIALECT = (
    "it is in an extended dialect of Aiken: use plain Aiken (question, A. to Z., 'ANSWER: A' in "
    "capitals), or Moodle XML"
)


class _Choice(NamedTuple):
    letter: str
    text: str


@dataclass(slots=True)
class _Draft:
    """One question while its lines are read.

    Attributes:
        line: The number of its first line.
        stem: The lines of its text.
        choices: Its choices.
        key: The text after `ANSWER:`, None without such a line.
        size: Characters so far.
        problem: The first thing wrong with it, or an empty string.
    """

    line: int
    stem: list[str] = field(default_factory=list)
    choices: list[_Choice] = field(default_factory=list)
    key: str | None = None
    size: int = 0
    problem: str = ""

    def add(self, line: Line) -> None:
        """Take a line that is not blank."""
        text = line.text.strip()
        self.size += len(text)
        choice = _CHOICE.fullmatch(text)
        if line.fault:
            self._fault(f"line {line.number} {line.fault}")
        elif key := _KEY.fullmatch(text):
            self.key = key[1].strip()
        elif self.size > MAX_LINE:
            self._fault("it is too long: 'ANSWER:' is missing")
        elif _LOOSE_KEY.match(text) or text.lower() in _TYPES:
            self._fault(f"line {line.number}: {_DIALECT}")
        elif choice:
            self.choices.append(_Choice(choice[1], choice[2]))
        elif self.choices:
            self._fault(
                f"line {line.number} is neither a choice (A. or A)) nor 'ANSWER:': write each "
                "choice on one line"
            )
        else:
            self.stem.append(text)

    def _fault(self, problem: str) -> None:
        self.problem = self.problem or problem

    def item(self) -> Item:
        """Return the question, or its refusal."""
        return Found(Place(self.line), SINGLE, "\n".join(self.stem)).resolve(self._question)

    def _question(self, found: Found) -> Question:
        if self.problem:
            raise RefusedError(Reason.MALFORMED, self.problem)
        if not self.choices:
            raise RefusedError(
                Reason.NO_CHOICES, "no choices follow: begin each with a letter, as in 'A. Paris'"
            )
        letters = "".join(choice.letter for choice in self.choices)
        if letters != ascii_uppercase[: len(letters)]:
            raise RefusedError(
                Reason.MALFORMED,
                f"its choices are lettered {', '.join(letters)}: use A, B, C and so on",
            )
        if self.key is None:
            raise RefusedError(
                Reason.NO_RIGHT,
                "'ANSWER:' is missing: end the question with 'ANSWER:' and the right letter",
            )
        if len(self.key) != 1 or self.key not in letters:
            raise RefusedError(
                Reason.KEY,
                f"'ANSWER: {self.key[:40]}' is not one of the letters {', '.join(letters)}",
            )
        return Question(
            text=to_markdown(found.text, Markup.MOODLE),
            answers=tuple(
                Answer(to_markdown(choice.text, Markup.MOODLE), choice.letter == self.key)
                for choice in self.choices
            ),
        )


def read_aiken(lines: Lines) -> Iterator[Item]:
    """Return the questions of an Aiken file.

    A question ends with its key. A blank line ends it as well, unless a choice or the key follows:
    no text of another question is ever joined to it.
    """
    draft: _Draft | None = None
    gap = False
    for line in lines:
        if line.blank:
            gap = True
            continue
        if draft and gap and not _continues(line.text.strip()):
            yield draft.item()
            draft = None
        gap = False
        draft = draft or _Draft(line.number)
        draft.add(line)
        if draft.key is not None:
            yield draft.item()
            draft = None
    if draft:
        yield draft.item()


def _continues(text: str) -> bool:
    return bool(_CHOICE.fullmatch(text) or _KEY.fullmatch(text))
