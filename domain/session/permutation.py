"""A keyed permutation of 0..size-1 that is computed value by value and never stored.

Drawing without replacement is then a cursor: the i-th draw is the i-th value.
"""

from functools import lru_cache
from hashlib import blake2b, shake_256
from math import isqrt

from domain.errors import InvalidValueError

ROUNDS = 8
"""Feistel rounds. Six still fail a chi-square test over pairs of values below about 65; eight
pass from 33 on (docs/decisions/0003-drawing-without-replacement.md)."""

_ROUND_MESSAGES = tuple(
    (b"|%d|%%d" % number, b"|%d|%%d" % (number + 1)) for number in range(0, ROUNDS, 2)
)
"""Input of a round's hash, completed by the half it does not change: two rounds at a time."""

SHUFFLED_BELOW = 65
"""Pools smaller than this are shuffled outright: exact, and a small domain is where a Feistel
network is weakest."""


def permuted(index: int, size: int, key: bytes, label: bytes) -> int:
    """Return the value at `index` of the permutation of 0..size-1 that `key` and `label` choose.

    A Feistel network over Z_rows x Z_columns (Black and Rogaway, "Ciphers with Arbitrary Finite
    Domains", 2002, section 5) with cycle walking: rows * columns exceeds `size` by at most one
    row, so a walk is rare at any size.

    Raises:
        InvalidValueError: `index` is outside 0..size-1.
    """
    if not 0 <= index < size:
        raise InvalidValueError(f"index {index} is not within a pool of {size}")
    if size < SHUFFLED_BELOW:
        return _shuffle(size, key, label)[index]
    rows = isqrt(size - 1) + 1
    columns = -(-size // rows)
    keyed = blake2b(label, key=key, digest_size=8).copy
    while True:
        left, right = divmod(index, columns)
        for even, odd in _ROUND_MESSAGES:
            mix = keyed()
            mix.update(even % right)
            left = (left + int.from_bytes(mix.digest())) % rows
            mix = keyed()
            mix.update(odd % left)
            right = (right + int.from_bytes(mix.digest())) % columns
        index = left * columns + right
        if index < size:
            return index


@lru_cache(maxsize=64)
def _shuffle(size: int, key: bytes, label: bytes) -> tuple[int, ...]:
    """Fisher and Yates, fed by 64 bits of SHAKE-256 a step."""
    stream = shake_256(key + label).digest(8 * size)
    values = list(range(size))
    for last in range(size - 1, 0, -1):
        other = int.from_bytes(stream[8 * last : 8 * last + 8]) % (last + 1)
        values[last], values[other] = values[other], values[last]
    return tuple(values)
