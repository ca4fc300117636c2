"""The share of a processor at which cold starts are measured."""

import signal
import sys
from typing import Any

import pytest

from tests.performance.cold_seconds import SLICE, measure, pace


class Recorded:
    """A process that notes its signals, between the pauses of who sends them."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def send_signal(self, number: int) -> None:
        self.events.append(signal.Signals(number))


@pytest.fixture
def process() -> Any:
    return Recorded()


def test_a_process_ahead_of_its_share_is_stopped_until_its_time_is_due(process: Any) -> None:
    pace(process, 0.25, process.events.append)
    assert process.events[:3] == [signal.SIGSTOP, 0.25, signal.SIGCONT]
    assert len(process.events) == 4


def test_a_process_behind_its_share_runs_on(process: Any) -> None:
    pace(process, -0.1, process.events.append)
    assert process.events == [SLICE]


def test_the_processor_time_of_a_program_is_measured() -> None:
    seconds, used = measure([sys.executable, "-S", "-c", "sum(range(3_000_000))"], {}, 0.5)
    assert 0 < used < seconds


def test_a_program_that_fails_is_not_measured() -> None:
    with pytest.raises(SystemExit, match="failed with exit code 3"):
        measure([sys.executable, "-S", "-c", "raise SystemExit(3)"], {}, 1.0)
