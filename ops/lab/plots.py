"""Plots for teachers, as SVG files for docs/learning.md."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from ops.lab.policies import RATIO
from ops.lab.report import Value, average, difference, known, missed_recall
from ops.lab.run import Marathon, Result

_SETTINGS: dict[Any, object] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "lab",
    "font.size": 11,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
}
_COLOURS = (
    *("#52606d", "#0b7285", "#c2410c", "#3556b8", "#7048a8", "#2f7d32", "#946200", "#ad1457"),
    "#4e342e",
)


def write_plots(course: Sequence[Result], runs: Sequence[Marathon], folder: Path) -> None:
    """Write every plot into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(_SETTINGS):
        _write(_what_is_kept(course), folder / "lab-kept-and-known.svg")
        _write(_waits(course), folder / "lab-first-review.svg")
        if runs:
            _write(_depths(runs), folder / "lab-pool-depth.svg")


def _write(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def _what_is_kept(course: Sequence[Result]) -> Figure:
    figure = Figure(figsize=(9, 4))
    axes = figure.subplots(1, 2, sharey=True)
    names = [n for n in dict.fromkeys(each.policy for each in course) if n != RATIO.name]
    titles = ("Recall of missed questions", "Questions known")
    values: tuple[Value, Value] = (missed_recall, known)
    for axis, title, value in zip(axes, titles, values, strict=True):
        base = average(course, RATIO.name, value)
        for place, name in enumerate(names):
            found = difference(course, name, value)
            axis.errorbar(
                found.mean, place, xerr=found.half, fmt="o", capsize=4, color=_COLOURS[place + 1]
            )
        axis.axvline(0, color=_COLOURS[0], linestyle="--", linewidth=1)
        axis.set_title(f"{title}\n7 days after the course", fontsize=12)
        axis.set_xlabel(f"difference from RATIO, which has {base:.3g}")
        axis.grid(axis="x", alpha=0.3)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    return figure


def _waits(course: Sequence[Result]) -> Figure:
    figure = Figure(figsize=(8, 4.5))
    axis = figure.subplots()
    for place, name in enumerate(n for n in _names(course) if n.startswith(("RATIO", "SPACED"))):
        waits = np.sort([wait for each in course if each.policy == name for wait in each.waits])
        share = np.arange(1, len(waits) + 1) / len(waits)
        axis.plot(waits, share, label=name, color=_COLOURS[place], linewidth=2)
    axis.set_xscale("log")
    axis.set_xticks([2, 5, 10, 20, 50, 100, 200], ["2", "5", "10", "20", "50", "100", "200"])
    axis.set_title("How soon a missed question is asked again", fontsize=12)
    axis.set_xlabel("answers until the first review")
    axis.set_ylabel("share of the questions reviewed")
    axis.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axis.grid(alpha=0.3)
    _legend(figure)
    return figure


def _depths(runs: Sequence[Marathon]) -> Figure:
    figure = Figure(figsize=(8, 4.5))
    axis = figure.subplots()
    first: dict[str, Marathon] = {}
    for each in runs:
        first.setdefault(each.policy, each)
    for place, (name, run) in enumerate(first.items()):
        at, entries = zip(*run.depths, strict=True)
        axis.plot(at, entries, label=f"{name}: at most {run.deepest:,}", color=_COLOURS[place])
    axis.set_title("Missed questions that wait, in a session of a large bank", fontsize=12)
    axis.set_xlabel("answers given")
    axis.set_ylabel("missed questions waiting")
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(lambda number, _: f"{number:,.0f}")
    axis.grid(alpha=0.3)
    _legend(figure)
    return figure


def _legend(figure: Figure) -> None:
    """Name the lines below the plot, where no line can cross the names."""
    figure.legend(frameon=False, loc="outside lower center", ncols=2)


def _names(course: Iterable[Result]) -> list[str]:
    return list(dict.fromkeys(each.policy for each in course))
