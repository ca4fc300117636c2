"""A circuit breaker per table and direction: a database in trouble is left alone for a while.

It knows this execution environment alone; each of them finds out, and recovers, by itself. The
pattern is Nygard's ("Release It!", chapter 5) with a failure rate beside the run of failures.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Iterable
from enum import StrEnum
from threading import Lock

FAILURES_IN_A_ROW = 5
"""Failures after which a circuit opens, whatever came before."""

WINDOW = 30.0
"""Seconds over which the share of failures is taken."""

FEWEST_CALLS = 10
"""Calls within the window below which a share is not significant."""

FAILURE_SHARE = 0.5

SHORTEST_PAUSE, LONGEST_PAUSE = 5.0, 30.0
"""Seconds a circuit stays open: at least the first, doubling with each failed probe up to the
second; drawn at random from there to twice as long, within the longest, so that environments do
not probe together."""


class Direction(StrEnum):
    """Reads and writes of a table fail apart from each other."""

    READ = "read"
    WRITE = "write"


Circuit = tuple[str, Direction]
"""A table's name and a direction."""


class CircuitOpenError(Exception):
    """No call may be made; `seconds` is when the next may."""

    def __init__(self, circuit: Circuit, seconds: float) -> None:
        """Take the circuit that is open."""
        super().__init__(f"{circuit[0]} is not {circuit[1]} now")
        self.seconds = seconds


class _State:
    def __init__(self) -> None:
        self.outcomes: deque[tuple[float, bool]] = deque()
        self.failed = 0
        self.in_a_row = 0
        self.open_until: float | None = None
        self.probing_until = 0.0
        self.probes_failed = 0


class Breaker:
    """Circuits by table and direction. Times are seconds of a clock that never steps back."""

    def __init__(
        self,
        opened: Callable[[Circuit], None],
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Take the listener to circuits that open, the clock, and the source of pauses."""
        self.opened = opened
        self.clock = clock
        self.jitter = jitter
        self._states: dict[Circuit, _State] = {}
        self._lock = Lock()

    def admit(self, circuits: Iterable[Circuit]) -> None:
        """Let a call pass that touches these circuits, or refuse it before it is made.

        An open circuit whose pause is over lets one call pass as its probe; should it never
        be heard of again, another may follow after the shortest pause.

        Raises:
            CircuitOpenError: one of them is open.
        """
        with self._lock:
            now = self.clock()
            due = []
            for circuit in circuits:
                state = self._states.get(circuit)
                if state is None or state.open_until is None:
                    continue
                closed_until = max(state.open_until, state.probing_until)
                if now < closed_until:
                    raise CircuitOpenError(circuit, closed_until - now)
                due.append(state)
            for state in due:
                state.probing_until = now + SHORTEST_PAUSE

    def succeeded(self, circuits: Iterable[Circuit]) -> None:
        """Note that the database answered: with a result, or with a refusal of the request."""
        with self._lock:
            for circuit in circuits:
                state = self._states.setdefault(circuit, _State())
                if state.open_until is not None:
                    self._states[circuit] = _State()
                    continue
                state.in_a_row = 0
                self._note(state, failed=False)

    def failed(self, circuits: Iterable[Circuit]) -> None:
        """Note that the database did not answer, or could not serve, after all retries."""
        opened = []
        with self._lock:
            for circuit in circuits:
                state = self._states.setdefault(circuit, _State())
                if state.open_until is not None:
                    # A call from before it opened brings nothing new; a probe does.
                    if state.probing_until:
                        state.probes_failed += 1
                        self._open(state)
                    continue
                state.in_a_row += 1
                self._note(state, failed=True)
                calls = len(state.outcomes)
                often = calls >= FEWEST_CALLS and state.failed >= FAILURE_SHARE * calls
                if often or state.in_a_row >= FAILURES_IN_A_ROW:
                    self._open(state)
                    opened.append(circuit)
        for circuit in opened:
            self.opened(circuit)

    def _note(self, state: _State, *, failed: bool) -> None:
        now = self.clock()
        state.outcomes.append((now, failed))
        state.failed += failed
        while state.outcomes[0][0] <= now - WINDOW:
            state.failed -= state.outcomes.popleft()[1]

    def _open(self, state: _State) -> None:
        pause = min(SHORTEST_PAUSE * 2**state.probes_failed, LONGEST_PAUSE)
        pause = self.jitter(pause, min(2 * pause, LONGEST_PAUSE))
        state.open_until = self.clock() + pause
        state.probing_until = 0.0
