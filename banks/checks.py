"""The bank's limits, checked while the line at fault is still known.

The HTTP contract checks the same again; a test keeps the two in step.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from unicodedata import normalize

from banks.question import Answer, Question, Reason, RefusedError
from domain.question import SMOKE_CATEGORY

MIN_ANSWERS = 2
MAX_ANSWERS = 10
MAX_TEXT = 4_000
MAX_ANSWER = 1_000
MAX_TAGS = 20
MAX_TAG = 50
MAX_EXTERNAL_ID = 128

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_NOT_ONE_LINE = re.compile("[\t\n\u2028-\u202e\u2066-\u2069\ufffd]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def checked(question: Question) -> Question:
    """Return the question with tidied texts.

    Raises:
        RefusedError: The bank cannot take it.
    """
    answers = tuple(
        replace(answer, text=_prose(answer.text, f"answer {number}", MAX_ANSWER))
        for number, answer in enumerate(question.answers, 1)
    )
    tidy = replace(
        question,
        text=_prose(question.text, "text", MAX_TEXT),
        explanation=_prose(question.explanation, "explanation", MAX_TEXT),
        tags=tuple(_one_line(tag, "tag", MAX_TAG) for tag in question.tags if tag.strip()),
        external_id=_one_line(question.external_id or "", "id", MAX_EXTERNAL_ID) or None,
        answers=answers,
    )
    if not visible(tidy.text):
        raise RefusedError(Reason.NO_TEXT, "the question has no text")
    if len(tidy.tags) > MAX_TAGS:
        raise RefusedError(Reason.TOO_LONG, f"tags: at most {MAX_TAGS}, not {len(tidy.tags)}")
    if tidy.language and (len(tidy.language) > 35 or not _LANGUAGE.fullmatch(tidy.language)):
        raise RefusedError(
            Reason.VALUE, f"language: '{tidy.language[:40]}' is no language tag such as en or pt-BR"
        )
    if tidy.category == SMOKE_CATEGORY:
        raise RefusedError(
            Reason.VALUE,
            f"category: '{SMOKE_CATEGORY}' is reserved for the smoke test: choose another name",
        )
    _check_answers(answers)
    _check_key(answers, multiple=tidy.multiple)
    return tidy


def visible(text: str) -> str:
    """Return what a reader sees of a text: used to compare answers."""
    return " ".join(_INVISIBLE.sub("", normalize("NFC", text)).split())


def _check_answers(answers: Sequence[Answer]) -> None:
    for number, answer in enumerate(answers, 1):
        if not visible(answer.text):
            raise RefusedError(
                Reason.EMPTY_ANSWER, f"answer {number} is empty: fill it in or take it out"
            )
    if len(answers) < MIN_ANSWERS:
        raise RefusedError(
            Reason.TOO_FEW if answers else Reason.NO_CHOICES,
            f"there {'is one answer' if answers else 'are no answers'} to choose from: "
            f"{MIN_ANSWERS} are needed",
        )
    if len(answers) > MAX_ANSWERS:
        raise RefusedError(
            Reason.TOO_MANY, f"there are {len(answers)} answers: {MAX_ANSWERS} at most"
        )
    seen: dict[str, int] = {}
    for number, answer in enumerate(answers, 1):
        first = seen.setdefault(visible(answer.text), number)
        if first != number:
            raise RefusedError(
                Reason.ANSWERS_ALIKE,
                f"answers {first} and {number} look the same ('{answer.text[:60]}'): change one",
            )


def _check_key(answers: Sequence[Answer], *, multiple: bool) -> None:
    right = sum(answer.correct for answer in answers)
    if not right:
        raise RefusedError(Reason.NO_RIGHT, "no answer is marked as right: mark one")
    if right > 1 and not multiple:
        raise RefusedError(
            Reason.SEVERAL_RIGHT,
            f"{right} answers are right on their own, which a question with one right answer "
            "cannot have: keep one, or make it a question with several right answers",
        )
    if right == len(answers):
        raise RefusedError(Reason.NO_WRONG, "all answers are right: add a wrong one")


def _prose(text: str, field: str, limit: int) -> str:
    tidy = normalize("NFC", re.sub("\r\n?|\x0b|\x0c", "\n", text)).strip()
    if len(tidy) > limit:
        raise RefusedError(
            Reason.TOO_LONG, f"{field} has {len(tidy):,} characters: {limit:,} at most"
        )
    if found := _CONTROL.search(tidy):
        raise RefusedError(
            Reason.VALUE, f"{field} holds the control character U+{ord(found[0]):04X}: remove it"
        )
    return tidy


def _one_line(text: str, field: str, limit: int) -> str:
    tidy = _prose(text, field, limit)
    if _NOT_ONE_LINE.search(tidy):
        raise RefusedError(
            Reason.VALUE, f"{field} '{tidy[:40]}' holds a line break or an invisible mark"
        )
    return tidy
