"""How far what was found is from what chance would give."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from math import sqrt
from typing import TypeVar

Cell = TypeVar("Cell", bound=Hashable)

ONE_IN_TEN_THOUSAND = 3.719016
"""Standard deviations that a normal variable passes with probability 1/10,000."""


def limit(freedom: int) -> float:
    """Return about the chi-square value passed once in 10,000 (Wilson and Hilferty, 1931)."""
    ninth = 2 / (9 * freedom)
    return freedom * (1 - ninth + ONE_IN_TEN_THOUSAND * sqrt(ninth)) ** 3


def chi_square(found: Iterable[Cell], weights: Mapping[Cell, int]) -> float:
    """Return the statistic of what was found over cells of these weights.

    Raises:
        ValueError: something is in no cell, or a cell is expected to hold fewer than 5.
    """
    seen = Counter(found)
    share = seen.total() / sum(weights.values())
    if not set(seen) <= set(weights) or share * min(weights.values()) < 5:
        raise ValueError("cells that cannot be, or too few samples for chi-square")
    return sum(
        (seen[cell] - share * weight) ** 2 / (share * weight) for cell, weight in weights.items()
    )
