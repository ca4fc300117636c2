"""Choices that refer to others, found by their text: shuffled, they would mean something else.

English only; in other languages the author pins a choice. Markup, entities, LaTeX and a label in
front ("D.", "(d)") make no difference.
"""

import html
import re
from collections.abc import Sequence

from domain.look_alikes import as_seen

_QUANTITY = (
    r"(?:all|any|both|each|either|neither|none|some|two|three|one or more|more than one"
    r"|a combination)"
)
_CHOICES = r"(?:answers?|choices?|options?)"
_VERDICT = r"(?: (?:(?:are|is)(?: all| both)? (?:correct|false|incorrect|right|true|wrong)|apply))?"

_OTHERS = re.compile(
    rf"{_QUANTITY}(?: of)?(?: the)? (?:above|below|following|preceding|these|those|them)"
    rf"(?: {_CHOICES})?{_VERDICT}"
    rf"|{_QUANTITY}(?: of)?(?: the| these)?(?: other| two| three| four)? {_CHOICES}"
    rf"(?: above| below| given| listed)?{_VERDICT}"
    rf"|{_QUANTITY}(?: of the| of these| the| these)? statements(?: above)?{_VERDICT}"
)
_LETTERS = re.compile(
    rf"(?:(?:all|both|either|neither|only|{_CHOICES}) )*"
    rf"(?P<several>(?:[a-j] )*[a-j] (?:and|nor|or) [a-j])(?: only)?{_VERDICT}"
    rf"|(?:all|any)(?: of the above)? (?:but|except) (?P<one>[a-j])"
)


_NUMERAL = "(?:i|ii|iii|iv|v|vi|vii|viii)"
_STATEMENTS = re.compile(
    rf"(?:(?:both|either|neither|only|statements?) )*"
    rf"(?:(?:{_NUMERAL} )+(?:and|nor|or) {_NUMERAL}(?: only)?|{_NUMERAL} only|only {_NUMERAL})"
    rf"{_VERDICT}"
)
_MARKUP = re.compile(r"</?[a-z][^<>]*>|\\(?:text|math|mbox)[a-z]*(?=\s*\{)", re.IGNORECASE)
_LABEL = re.compile(r"\s*(?:\([a-j1-9]\)|[a-j1-9][.):])(?=\s|$)", re.IGNORECASE)


def pinned_places(choices: Sequence[str]) -> frozenset[int]:
    """Return the places of the choices that have to keep them.

    "None of the above" keeps its place, and so does "I and II only". If a choice names earlier ones
    by letter, as "both A and B" does, all choices keep theirs.

    >>> sorted(pinned_places(["red", "blue", "<p>None of the above</p>"]))
    [2]
    """
    readings = [_readings(choice) for choice in choices]
    for place, texts in enumerate(readings):
        if any(_names_places(text, before=place) for text in texts):
            return frozenset(range(len(choices)))
    return frozenset(
        place
        for place, texts in enumerate(readings)
        if any(_OTHERS.fullmatch(text) or _STATEMENTS.fullmatch(text) for text in texts)
    )


def _readings(choice: str) -> tuple[str, str]:
    """Return the words of a choice, and those after a label in front of it."""
    plain = as_seen(_MARKUP.sub(" ", html.unescape(choice)))
    return _words(plain), _words(_LABEL.sub("", plain, count=1))


def _words(text: str) -> str:
    plain = text.casefold().replace("&", " and ").replace("+", " and ")
    return " ".join(re.findall(r"[^\W_]+", plain))


def _names_places(text: str, *, before: int) -> bool:
    found = _LETTERS.fullmatch(text)
    if not found:
        return False
    letters = [word for word in (found["several"] or found["one"]).split() if len(word) == 1]
    # Blood groups and musical notes are letters too, but rarely those of the choices before them.
    return len(set(letters)) == len(letters) and all(
        "abcdefghij".index(x) < before for x in letters
    )
