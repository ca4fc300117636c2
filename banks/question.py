"""The neutral form: a question, its place in the file, and the reason for a refusal."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class BankFileError(Exception):
    """The file as a whole cannot be read; the message is for the person who chose it.

    Attributes:
        format: The format that was recognized, or an empty string.
    """

    def __init__(self, message: str, format: str = "") -> None:  # noqa: A002 - the inspection's key
        super().__init__(message)
        self.format = format


class Reason(StrEnum):
    """Why a question is refused. The values appear in reports."""

    ANSWERS_ALIKE = "answers not distinct"
    CATEGORY = "no category"
    CLOZE = "cloze"
    DESCRIPTION = "description, no question"
    DRAG_AND_DROP = "drag and drop"
    EMPTY_ANSWER = "empty answer"
    ESSAY = "essay"
    KEY = "right answer not recognized"
    MALFORMED = "malformed"
    MATCHING = "matching"
    MEDIA = "needs an image, sound, video or MathML"
    NO_CHOICES = "no choices"
    NO_RIGHT = "no right answer"
    NO_TEXT = "no question text"
    NO_WRONG = "no wrong answer"
    NUMERICAL = "numerical"
    ORDER = "ordering"
    SEVERAL_RIGHT = "several full-mark answers in single choice"
    SHORT_ANSWER = "short answer"
    TOO_FEW = "fewer than 2 answers"
    TOO_LONG = "too long"
    TOO_MANY = "more than 10 answers"
    TYPE = "question type not supported"
    VALUE = "invalid value"


class RefusedError(Exception):
    """One question is refused.

    Attributes:
        reason: The kind of fault, for counting.
        message: The fault and its remedy.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Place:
    """Where a question is in its file: `line 12`, `item 3`, `sheet 'Quiz', row 9`.

    Attributes:
        number: Counted from 1.
        unit: The thing that is counted.
        sheet: The sheet of a workbook.
        name: The question's own name in the file.
    """

    number: int
    unit: str = "line"
    sheet: str = ""
    name: str = ""

    def __str__(self) -> str:
        """Return the place as a report shows it."""
        sheet = f"sheet '{self.sheet}', " if self.sheet else ""
        name = f" ({self.name})" if self.name else ""
        return f"{sheet}{self.unit} {self.number}{name}"


@dataclass(frozen=True, slots=True)
class Answer:
    """One choice of a question; a pinned one keeps its place when choices are shuffled."""

    text: str
    correct: bool
    pinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question in the neutral form. Texts are Markdown.

    Attributes:
        text: The question itself.
        answers: The choices, in the file's order.
        multiple: Whether several choices may be right (`MULTIPLE_CHOICE`).
        category: The bank's name of the category, None if the file gives none.
        explanation: Shown once the question was answered right.
        language: A language tag, None if the file gives none.
        difficulty: 1 to 5.
        tags: Free words.
        external_id: The file's own id of the question.
    """

    text: str
    answers: tuple[Answer, ...]
    multiple: bool = False
    category: str | None = None
    explanation: str = ""
    language: str | None = None
    difficulty: int | None = None
    tags: tuple[str, ...] = ()
    external_id: str | None = None

    def body(self) -> dict[str, Any]:
        """Return the question as the HTTP contract and JSON Lines have it."""
        body: dict[str, Any] = {
            "category": self.category,
            "text": self.text,
            "type": "MULTIPLE_CHOICE" if self.multiple else "SINGLE_CHOICE",
            "answers": [_answer_body(answer) for answer in self.answers],
            "explanation": self.explanation,
            "language": self.language,
            "difficulty": self.difficulty,
            "tags": list(self.tags),
            "externalId": self.external_id,
        }
        return {name: value for name, value in body.items() if value not in (None, "", [])}


def _answer_body(answer: Answer) -> dict[str, Any]:
    body: dict[str, Any] = {"text": answer.text, "correct": answer.correct}
    return body | {"pinned": True} if answer.pinned else body


SINGLE = "multichoice/single"
MULTIPLE = "multichoice/multiple"
TRUE_FALSE = "truefalse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question of a file: taken or refused.

    Attributes:
        place: Where it is.
        type: Its type in the vocabulary of the file's format (`multichoice/single`, `essay`).
        text: Its text as far as it could be read.
        question: The question, None if it is refused.
        reason: Why it is refused.
        message: The fault and its remedy, empty if it is taken.
        notices: Simplifications to report.
    """

    place: Place
    type: str
    text: str
    question: Question | None = None
    reason: Reason | None = None
    message: str = ""
    notices: tuple[str, ...] = ()
