"""A question of the bank, as the engine sees it."""

from typing import NamedTuple

from domain.errors import InvalidValueError

MIN_CHOICES = 2
MAX_CHOICES = 10

SMOKE_CATEGORY = "quiz-smoke-test"
"""Category of the smoke test, reserved for it: never listed, edited by nobody, counted nowhere."""


class Choice(NamedTuple):
    """One choice. A pinned one ("all of the above") keeps its place when choices are shuffled."""

    text: str
    correct: bool
    pinned: bool = False


class Question(NamedTuple):
    """A question with its answer key; `version` counts its edits from 1.

    A retired question is no longer drawn, but can still be asked by a session that holds it.
    """

    question_id: str
    version: int
    text: str
    choices: tuple[Choice, ...]
    multiple: bool = False
    explanation: str = ""
    language: str = "en"
    retired: bool = False

    @property
    def correct_choices(self) -> frozenset[int]:
        """Indexes of all right choices."""
        return frozenset(i for i, choice in enumerate(self.choices) if choice.correct)


def question_id(category: str, ordinal: int) -> str:
    """Return the id of a category's question: `geography:000123`."""
    return f"{category}:{ordinal:06d}"


def category_and_ordinal(identifier: str) -> tuple[str, int]:
    """Split a question id.

    Raises:
        InvalidValueError: it is not `<category>:<ordinal>`.
    """
    category, _, ordinal = identifier.rpartition(":")
    if not category or not (ordinal.isascii() and ordinal.isdigit()):
        raise InvalidValueError(f"{identifier!r} is not a question id")
    return category, int(ordinal)


def is_smoke_question(identifier: str) -> bool:
    """Return whether a question id is one of the smoke test's category."""
    return identifier.startswith(f"{SMOKE_CATEGORY}:")
