"""Texts that look alike: comparison by what a reader sees.

Invisible characters and kinds of space are no difference, nor are the two ways in which Unicode
composes a letter with its accents.
"""

import re
from unicodedata import normalize

_JOINERS = "\u200c\u200d"
"""Zero-width joiners: they change how Arabic and Indic letters and emoji look, Latin ones not."""

_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
"""Soft hyphens, zero-width spaces, marks of direction, fillers, variation selectors, tags."""

_UNSEEN = re.compile(f"[{_INVISIBLE}]|(?<![^\x00-\u024f])[{_JOINERS}]+(?![^\x00-\u024f])")
_BLANK = re.compile(f"[\\s{_INVISIBLE}{_JOINERS}\u2800]*")


def as_seen(text: str) -> str:
    r"""Return a text as a reader sees it: two texts look alike if this is the same for both.

    >>> as_seen("New\u00a0 Ald\u200bmoor ")
    'New Aldmoor'
    """
    return normalize("NFC", " ".join(_UNSEEN.sub("", text).split()))


def is_blank(text: str) -> bool:
    """Whether there is nothing to see in a text."""
    return _BLANK.fullmatch(text) is not None
