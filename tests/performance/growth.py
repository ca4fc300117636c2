"""How an answer's cost grows with the bank and with what is pending: measured and plotted.

Both quizzes play the same turns on the same engine in this process. Capacity units and calls are
exact, times are medians.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from botocore.exceptions import ClientError
from matplotlib import pyplot as plt
from matplotlib.ticker import NullFormatter

from local.data_folder import ROOT
from ops.record import table
from tests.integration.stage import InvokedStage
from tests.performance.contenders import Contender, Naive, Ours, UnitMeter

SIZES = (10, 100, 1_000, 10_000, 100_000)
PENDING_BESIDE = 50
POOL_BESIDE = 1_000
PATTERN = "rrwrr"
"""Right and wrong answers of a measurement: few, for the naive quiz reads all that is pending."""

IMAGES = ROOT / "docs" / "img"
OURS, NAIVE = "this system", "naive"
COLOURS = {OURS: "#1f6f8b", NAIVE: "#c8553d"}
MAKERS: dict[str, Callable[[InvokedStage], Contender]] = {OURS: Ours, NAIVE: Naive}


@dataclass(frozen=True)
class Point:
    """The cost of an answer at a size: median milliseconds, mean capacity units and calls."""

    size: int
    milliseconds: float
    units: float
    calls: float


def measure(stage: InvokedStage, name: str, *, pool: int, pending: int, size: int) -> Point | None:
    """Play the pattern; None where the item of the session grows beyond what a table takes."""
    contender = MAKERS[name](stage)
    try:
        contender.begin(pool, pending)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        return None
    meter, times = UnitMeter(contender.client), []
    for each in PATTERN:
        event = contender.answering(right=each == "r")
        began = time.perf_counter()
        result: Any = contender.answer(event)
        times.append(1000 * (time.perf_counter() - began))
        contender.go_on(result)
    turns = len(PATTERN)
    return Point(size, statistics.median(times), meter.units / turns, meter.calls / turns)


Series = dict[str, list[Point | None]]


def with_the_bank(stage: InvokedStage) -> Series:
    """Measure banks of all sizes, with some pending."""
    return {
        name: [measure(stage, name, pool=size, pending=PENDING_BESIDE, size=size) for size in SIZES]
        for name in MAKERS
    }


def with_the_pending(stage: InvokedStage) -> Series:
    """Measure pools of wrong answers of all sizes, with a middling bank."""
    return {
        name: [measure(stage, name, pool=POOL_BESIDE, pending=size, size=size) for size in SIZES]
        for name in MAKERS
    }


def plot(series: Series, what: str, file: str) -> None:
    """Draw time and capacity units over size, both axes logarithmic."""
    mpl.rcParams.update({"svg.hashsalt": "adaptive-quiz", "font.size": 9, "svg.fonttype": "none"})
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 2.9), layout="constrained")
    for axis, unit in zip(axes, ("milliseconds", "units"), strict=True):
        for name, points in series.items():
            known = [point for point in points if point]
            axis.plot(
                [point.size for point in known],
                [getattr(point, unit) for point in known],
                marker="o",
                markersize=4,
                color=COLOURS[name],
                label=name,
            )
        axis.set(xscale="log", yscale="log", xlabel=what)
        axis.set_ylim(1, axis.get_ylim()[1] * 1.5)
        for each in (axis.xaxis, axis.yaxis):
            each.set_major_formatter("{x:,.0f}")
            each.set_minor_formatter(NullFormatter())
        axis.grid(visible=True, color="#dddddd", linewidth=0.5)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("ms an answer")
    axes[1].set_ylabel("capacity units an answer")
    axes[0].legend(frameon=False)
    figure.suptitle(f"Cost of an answer by {what}, ours beside a naive implementation")
    IMAGES.mkdir(exist_ok=True)
    figure.savefig(IMAGES / file, metadata={"Date": None, "Creator": None})
    plt.close(figure)


def growth_table(series: Series, what: str) -> str:
    """Return milliseconds, capacity units and calls of an answer by size."""
    head = [what]
    for name in MAKERS:
        head += [f"{name}, ms", "units", "calls"]
    rows = [
        [f"{size:,}", *(cell for name in MAKERS for cell in _cells(series[name][place]))]
        for place, size in enumerate(SIZES)
    ]
    return table(head, rows)


def _cells(point: Point | None) -> Sequence[str]:
    if point is None:
        return "item too large", "", ""
    return f"{point.milliseconds:.1f}", f"{point.units:.1f}", f"{point.calls:.1f}"
