"""How a question's choices are shown on a turn: in which order, under which ids."""

from collections.abc import Sequence
from functools import lru_cache
from math import factorial

from domain.errors import UnknownChoiceError
from domain.question import Choice
from domain.session.randomness import below, digest

# RFC 4648 base32hex in lower case: no separators, safe in URLs and logs.
ALPHABET = "0123456789abcdefghijklmnopqrstuv"
KEY_CHARACTERS = 7
"""Pseudorandom characters at the head of a choice id: 35 bits, so that an id guessed for another
turn or another version of the question is right about once in 3 * 10**9."""
KEY_MASK = 32**KEY_CHARACTERS - 1
KEY_SHIFTS = tuple(range(0, 512 - 35, 35))
"""A 512-bit digest holds 14 keys for at most 10 choices: room to pass over equal ones."""


def choice_order(
    choices: Sequence[Choice], seed: bytes, turn: int, previous: Sequence[int] | None = None
) -> tuple[int, ...]:
    """Return the indexes of `choices` in the order they are shown on `turn`.

    Uniform over all orders that leave pinned choices in place; with `previous`, the order shown
    before, uniform over all but that one (when more than one choice can move).
    """
    start = tuple(range(len(choices))) if previous is None else tuple(previous)
    places = [place for place, index in enumerate(start) if not choices[index].pinned]
    orders = factorial(len(places))
    if orders == 1:
        return start
    # Order number 0 is the identity, so leaving it out leaves out `previous`.
    number = (
        below(orders, seed, b"order", turn)
        if previous is None
        else 1 + below(orders - 1, seed, b"order", turn)
    )
    remaining = [start[place] for place in places]
    order = list(start)
    for place in places:
        number, pick = divmod(number, len(remaining))
        order[place] = remaining.pop(pick)
    return tuple(order)


def choices_move(choices: Sequence[Choice]) -> bool:
    """Whether more than one choice can move, so that a turn's order is shuffled at all."""
    return sum(not choice.pinned for choice in choices) > 1


@lru_cache(maxsize=256)
def choice_ids(seed: bytes, turn: int, version: int, count: int) -> tuple[str, ...]:
    """Return the id of each choice by its index: 7 characters of keyed hash, then the turn.

    The turn is public; it separates an answer from a stale one without more state.
    """
    stream = int.from_bytes(digest(seed, b"choice", b"%d|%d" % (turn, version)))
    keys: dict[int, None] = {}
    for shift in KEY_SHIFTS:
        if len(keys) == count:
            break
        keys[stream >> shift & KEY_MASK] = None
    suffix = _base32(turn)
    return tuple([_key_text(key) + suffix for key in keys])


def turn_of(identifier: str) -> int:
    """Return the turn a choice id was made for.

    Raises:
        UnknownChoiceError: no turn ever made such an id.
    """
    suffix = identifier[KEY_CHARACTERS:]
    if not 1 <= len(suffix) <= KEY_CHARACTERS or not set(identifier) <= set(ALPHABET):
        raise UnknownChoiceError(identifier)
    return int(suffix, 32)


_PAIRS = tuple([first + second for first in ALPHABET for second in ALPHABET])


def _key_text(key: int) -> str:
    """Return a key in `KEY_CHARACTERS`."""
    head = _PAIRS[key >> 25] + _PAIRS[key >> 15 & 1023]
    return head + _PAIRS[key >> 5 & 1023] + ALPHABET[key & 31]


def _base32(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 32)
        digits = ALPHABET[digit] + digits
    return digits or "0"
