"""Tells what `make bench` measured: ours beside the naive quiz, and beside what was claimed.

Reads the report of pytest-benchmark. Times of two contenders are of one process and one engine, so
their ratio holds where the times do not.
"""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ops.record import table, write_section
from tests.load.observations import quantile

OURS, NAIVE = "ours", "naive"


@dataclass(frozen=True)
class Claim:
    """A time that was claimed, mean and p95 in milliseconds, and the benchmark that answers it."""

    what: str
    mean: float | None
    p95: float
    group: str


CLAIMS = (
    Claim("question selection", 50, 100, "GET question, on the engine"),
    Claim("answer processing", 75, 150, "POST answer, on the engine"),
    Claim(
        "session update", 25, 50, "updating a session of 10,000 questions, its writes on the engine"
    ),
    Claim("wrong-pool query", 30, 60, "reading on in a wrong-answer pool of 500"),
    Claim("the API, over HTTP", None, 200, "POST answer, over HTTP"),
)

Measured = Mapping[str, Mapping[str, Sequence[float]]]
"""Seconds of each round, by group and contender."""


def measured(report: Mapping[str, Any]) -> Measured:
    """Return what a report of pytest-benchmark holds."""
    found: dict[str, dict[str, Sequence[float]]] = {}
    for each in report["benchmarks"]:
        contender = NAIVE if NAIVE in each["name"] else OURS
        found.setdefault(each["group"], {})[contender] = each["stats"]["data"]
    return found


def ratio_table(found: Measured) -> str:
    """Return medians of both, and how many times ours the naive one takes."""
    rows = []
    for group, times in found.items():
        ours = statistics.median(times[OURS])
        naive = statistics.median(times[NAIVE]) if NAIVE in times else None
        ratio = f"{naive / ours:.3g}x" if naive else ""
        rows.append([group, shown(ours), shown(naive) if naive else "", ratio])
    return table(["median of", OURS, NAIVE, "ratio"], rows)


def claim_table(found: Measured) -> str:
    """Return claims beside our means and 95th percentiles."""
    rows = []
    for claim in CLAIMS:
        if claim.group not in found:
            continue
        ours = found[claim.group][OURS]
        mean, p95 = 1000 * statistics.fmean(ours), 1000 * quantile(ours, 0.95)
        claimed = f"{claim.mean:.0f} / {claim.p95:.0f}" if claim.mean else f"- / {claim.p95:.0f}"
        rows.append([claim.what, claimed, f"{mean:.1f} / {p95:.1f}", f"{claim.p95 / p95:.1f}x"])
    return table(["mean / p95, ms", "claimed", "measured", "claim ÷ ours, p95"], rows)


def shown(seconds: float) -> str:
    """Return a time in a unit that suits it."""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


@click.command(help=__doc__)
@click.argument("report", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--record", is_flag=True, help="Write docs/performance.md.")
def main(report: Path, record: bool) -> None:
    """Run the program."""
    found = measured(json.loads(report.read_text()))
    sections = {"bench": ratio_table(found), "claims": claim_table(found)}
    for name, text in sections.items():
        print(f"\n{text}")
        if record:
            write_section(name, text)


if __name__ == "__main__":
    main()
