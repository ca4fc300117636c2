"""Choices that refer to others, found by their text: shuffled, they would not say the same.

English only; in other languages a choice is pinned by the file.
"""

import re
from collections.abc import Sequence

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


def pinned_places(choices: Sequence[str]) -> frozenset[int]:
    """Return the places of the choices that have to keep them.

    "None of the above" keeps its own. Where one says "both A and B", naming choices before it by
    letter, all choices keep theirs.
    """
    texts = [_words(choice) for choice in choices]
    if any(_names_places(text, before=place) for place, text in enumerate(texts)):
        return frozenset(range(len(choices)))
    return frozenset(place for place, text in enumerate(texts) if _OTHERS.fullmatch(text))


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
