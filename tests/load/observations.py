"""Measurements during a load: latencies by route, CPU and memory by process."""

import json
import math
import statistics
import time
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from local.stream.pump_process import PROGRAM

MEASURED = "tests.load.measured_stage"
"""The program of the stage, and of the processes that run its functions."""

MINIMUM_FOR_A_TREND = 600.0
"""Seconds: below, caches that fill look like a leak."""

WARM_UP_SHARE = 1 / 3
TOLERATED_GROWTH = 0.05
"""Share of the memory in use that a trend may reach over the whole run and count as flat."""


@dataclass
class Latencies:
    """Response times by route in milliseconds, and the reasons of failed attempts."""

    by_route: dict[str, list[float]] = field(default_factory=dict)
    failures: dict[str, list[str]] = field(default_factory=dict)

    def add(self, route: str, milliseconds: float, failure: str = "") -> None:
        """Take one attempt, and why it failed if it did."""
        self.by_route.setdefault(route, []).append(milliseconds)
        if failure:
            self.failures.setdefault(route, []).append(failure)

    def clear(self) -> None:
        """Begin anew: what came before was warming up."""
        self.by_route.clear()
        self.failures.clear()

    def copy(self) -> "Latencies":
        """Return what was taken so far."""
        return Latencies(deepcopy(self.by_route), deepcopy(self.failures))

    @property
    def total(self) -> int:
        """Attempts."""
        return sum(map(len, self.by_route.values()))

    @property
    def failed(self) -> int:
        """Failed attempts."""
        return sum(map(len, self.failures.values()))

    @property
    def all(self) -> list[float]:
        """The response times of all routes."""
        return [each for some in self.by_route.values() for each in some]


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all stay at or below: nearest rank, nothing interpolated.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("nothing was observed")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True)
class Sample:
    """A moment: seconds on the monotonic clock, megabytes in use, CPU seconds spent so far."""

    at: float
    stage_megabytes: float
    engine_megabytes: float
    pump_megabytes: float
    stage_seconds: float
    engine_seconds: float
    pump_seconds: float
    own_seconds: float


class Processes:
    """The stage with its functions' processes, its engine, the pump, and this very process."""

    def __init__(self, stage: int) -> None:
        gateway = psutil.Process(stage)
        parts = {child: child.cmdline() for child in gateway.children()}
        functions = [child for child, line in parts.items() if MEASURED in line]
        self._stage = [gateway, *functions]
        self._pump = [child for child, line in parts.items() if PROGRAM in line]
        self._engine = [child for child in parts if child not in (*functions, *self._pump)]
        self._own = [psutil.Process()]

    def sample(self) -> Sample:
        """Look at them."""
        return Sample(
            time.monotonic(),
            _megabytes(self._stage),
            _megabytes(self._engine),
            _megabytes(self._pump),
            _cpu_seconds(self._stage),
            _cpu_seconds(self._engine),
            _cpu_seconds(self._pump),
            _cpu_seconds(self._own),
        )


def _megabytes(processes: Sequence[psutil.Process]) -> float:
    return sum(float(process.memory_info().rss) for process in processes) / 1e6


def _cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return sum(float(each.user + each.system) for each in times)


@dataclass(frozen=True)
class HandlerTime:
    """CPU seconds and calls of handlers, as the stage's meters have them."""

    seconds: float
    calls: int

    @classmethod
    def read(cls, folder: Path) -> "HandlerTime":
        """Read the meters of all processes."""
        told = [json.loads(file.read_text()) for file in folder.glob("*.json")]
        return cls(
            sum(sum(each["seconds"].values()) for each in told),
            sum(sum(each["calls"].values()) for each in told),
        )

    def since(self, earlier: "HandlerTime") -> "HandlerTime":
        """Return what was added."""
        return HandlerTime(self.seconds - earlier.seconds, self.calls - earlier.calls)


@dataclass(frozen=True)
class Trend:
    """A straight line through memory over time, its warm-up left out: megabytes, and an hour's."""

    mean: float
    hourly: float
    seconds: float

    @property
    def growth(self) -> float:
        """Share of the memory in use by which it grew meanwhile."""
        return self.hourly * self.seconds / 3600 / self.mean

    @property
    def flat(self) -> bool | None:
        """Whether it is flat within the tolerance; None if the run was too short."""
        if self.seconds < MINIMUM_FOR_A_TREND * (1 - WARM_UP_SHARE):
            return None
        return self.growth <= TOLERATED_GROWTH


def trend(points: Iterable[tuple[float, float]]) -> Trend:
    """Fit a line by least squares through (seconds, megabytes).

    Raises:
        StatisticsError: there are fewer than two points after the warm-up.
    """
    every = sorted(points)
    begin = every[0][0] + (every[-1][0] - every[0][0]) * WARM_UP_SHARE
    kept = [(at, size) for at, size in every if at >= begin]
    slope, _ = statistics.linear_regression(*zip(*kept, strict=True))
    mean = statistics.fmean(size for _, size in kept)
    return Trend(mean, slope * 3600, kept[-1][0] - kept[0][0])


@dataclass(frozen=True)
class Window:
    """Measurements between two moments."""

    first: Sample
    last: Sample
    handlers: HandlerTime
    latencies: Latencies

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.last.at - self.first.at

    @property
    def rate(self) -> float:
        """Answered requests a second."""
        return (self.latencies.total - self.latencies.failed) / self.seconds

    @property
    def stage_cpu(self) -> float:
        """Cores the stage used."""
        return (self.last.stage_seconds - self.first.stage_seconds) / self.seconds

    @property
    def engine_cpu(self) -> float:
        """Cores the engine used."""
        return (self.last.engine_seconds - self.first.engine_seconds) / self.seconds

    @property
    def pump_cpu(self) -> float:
        """Cores the pump used, the consumer's part included."""
        return (self.last.pump_seconds - self.first.pump_seconds) / self.seconds

    @property
    def own_cpu(self) -> float:
        """Cores the load test used."""
        return (self.last.own_seconds - self.first.own_seconds) / self.seconds

    @property
    def all_cpu(self) -> float:
        """Cores all of them used."""
        return self.stage_cpu + self.engine_cpu + self.pump_cpu + self.own_cpu

    @property
    def handler_milliseconds(self) -> float:
        """CPU time of a request in its handler, the SDK's part included."""
        return 1000 * self.handlers.seconds / max(1, self.handlers.calls)

    @property
    def handler_share(self) -> float:
        """Share of a core that handlers had.

        Python runs one thread at a time: 1 would be a stage that does nothing but handle.
        """
        return self.handlers.seconds / self.seconds
