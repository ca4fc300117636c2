"""Moodle's grading: weights become right and wrong, feedback becomes the explanation."""

from collections.abc import Sequence
from dataclasses import dataclass

from banks.found import Found
from banks.markdown import Markup, explanation_to_markdown, to_markdown
from banks.question import Answer, Reason, RefusedError

FULL = 100.0
_ROUNDING = 0.01


@dataclass(frozen=True, slots=True)
class Text:
    """A text and how it is written."""

    content: str
    markup: Markup

    @property
    def blank(self) -> bool:
        """Whether there is nothing in it."""
        return not self.content.strip()


@dataclass(frozen=True, slots=True)
class Weighted:
    """A choice with its weight.

    Attributes:
        text: The choice.
        fraction: Its weight in percent; 100 is full marks.
        feedback: The text shown to learners who chose it.
        pinned: Whether it keeps its place.
    """

    text: Text
    fraction: float
    feedback: Text
    pinned: bool = False


def graded(choices: Sequence[Weighted], *, multiple: bool, found: Found) -> tuple[Answer, ...]:
    """Return the answers: all and only the right ones count; what that loses is reported.

    With one right answer, only full marks are right. With several, each positive weight is.
    """
    right = [choice.fraction for choice in choices if choice.fraction > 0]
    if multiple and right and (max(right) - min(right) > _ROUNDING):
        found.notices.append(
            "partial credit is lost: each answer with a positive weight is right, and all of them "
            "have to be chosen"
        )
    if not multiple and any(fraction < FULL - _ROUNDING for fraction in right):
        found.notices.append("partial credit is lost: only the answer with full marks is right")
    threshold = 0.0 if multiple else FULL - _ROUNDING
    return tuple(
        Answer(_answer(choice.text, number), choice.fraction > threshold, choice.pinned)
        for number, choice in enumerate(choices, 1)
    )


def _answer(text: Text, number: int) -> str:
    markdown = to_markdown(text.content, text.markup)
    if not markdown:
        raise RefusedError(
            Reason.EMPTY_ANSWER, f"answer {number} is empty: fill it in or take it out"
        )
    return markdown


def explanation_of(general: Text, choices: Sequence[Weighted], found: Found) -> str:
    """Return the general feedback, else that of the right answers; report what is left out."""
    best = max((choice.fraction for choice in choices), default=0.0)
    given = [choice for choice in choices if not choice.feedback.blank]
    used = [] if not general.blank else [c for c in given if c.fraction == best and best > 0]
    if len(used) < len(given):
        found.notices.append("feedback on single answers is left out")
    parts = [general] if not general.blank else [choice.feedback for choice in used]
    texts = [explanation_to_markdown(part.content, part.markup, found.notices) for part in parts]
    return "\n\n".join(dict.fromkeys(text for text in texts if text))
