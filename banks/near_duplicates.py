"""Finds questions of a file that are nearly the same; they are reported, never dropped."""

import re
from hashlib import blake2b
from typing import NamedTuple

from banks.question import Place, Question


class NearDuplicate(NamedTuple):
    """Two questions that may be one.

    Attributes:
        place: Where the later one is.
        first: Where the earlier one is.
        difference: In what they differ.
    """

    place: Place
    first: Place
    difference: str

    def __str__(self) -> str:
        """Return the sentence that reports it."""
        return f"{self.place}: nearly the same as {self.first} ({self.difference})"


class NearDuplicates:
    """Compares each question with the earlier ones; keeps two hashes and a place of each."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[int, int, Place]] = {}

    def check(self, place: Place, question: Question) -> NearDuplicate | None:
        """Return what a question nearly repeats; None if it is new or exactly the same."""
        answers = sorted((answer.text, answer.correct) for answer in question.answers)
        exact = _digest(question.text, *map(repr, answers))
        loose = _digest(*sorted(_words(text) for text, _ in answers))
        key = _digest(question.category or "", _words(question.text))
        first = self._seen.setdefault(key, (exact, loose, place))
        if first[2] is place or first[0] == exact:
            return None
        same_answers = first[1] == loose
        difference = "only case or punctuation, or which answer is right"
        if not same_answers:
            difference = "same text, other choices"
        return NearDuplicate(place, first[2], difference)


def _words(text: str) -> str:
    plain = text.casefold()
    # A text of signs alone is compared as it is: 'a > b' and 'a < b' differ in nothing else.
    return " ".join(re.findall(r"\w+|[<>=+*/^%$€£-]", plain)) or plain


def _digest(*texts: str) -> int:
    content = "\0".join(texts).encode("utf-8", "replace")
    return int.from_bytes(blake2b(content, digest_size=8).digest())
