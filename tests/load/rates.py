"""The highest rate that is served: up in steps, then between the last two."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.load.observations import Window, quantile

GOAL_P95 = 200.0
"""Milliseconds, of all requests: slower does not count as served. Prod's alarm has this limit."""

SERVED = 0.97
"""Share of the offered rate that has to be answered for it to count as served."""

STEP_UP = 1.4
BISECTIONS = 3
STEP_DOWN = 0.9


@dataclass(frozen=True)
class Step:
    """A rate offered, and what came of it."""

    offered: float
    window: Window

    @property
    def p95(self) -> float:
        """Percentile of all requests, in milliseconds."""
        return quantile(self.window.latencies.all, 0.95)

    @property
    def served(self) -> bool:
        """Whether it was kept up with, in time and without error."""
        return (
            self.window.rate >= SERVED * self.offered
            and self.p95 <= GOAL_P95
            and not self.window.latencies.failed
        )


def highest(first: float, served: Callable[[float], bool]) -> float:
    """Return the highest rate that is served; 0 where not even the first is.

    A rate that is not served is tried again before it counts: one hiccup of the machine would end
    the search where it has hardly begun. Only a rate that holds counts, and that is not helped.
    """

    def served_in_two_tries(rate: float) -> bool:
        return served(rate) or served(rate)

    low, high = 0.0, first
    while served_in_two_tries(high):
        low, high = high, high * STEP_UP
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if served_in_two_tries(middle) else (low, middle)
    return low


def holding(rate: float, lowest: float, held: Callable[[float], bool]) -> float:
    """Return the highest rate, from this one down, that is held for longer.

    Raises:
        ValueError: not even the lowest is.
    """
    while rate >= lowest:
        if held(rate):
            return rate
        rate *= STEP_DOWN
    raise ValueError(f"not even {lowest:.0f} requests a second are served")
