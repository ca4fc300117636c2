"""Shows an import on a terminal: a bar with rate and time left, and the final report."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

from rich import progress
from rich.console import Console

from ops.bank.files import printable
from ops.bank.importer import Fate, Outcome, Progress


class _Rate(progress.ProgressColumn):
    """Questions a second."""

    def render(self, task: progress.Task) -> str:
        """Return the rate, once it is known."""
        return f"{task.speed:,.0f}/s" if task.speed else ""


class TerminalProgress(Progress):
    """Shows the bar on standard error if that is a terminal, and sentences in any case."""

    def __init__(self, name: str, questions: int) -> None:
        self._console = Console(stderr=True)
        self._progress = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            _Rate(),
            progress.TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task(printable(name), total=questions)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def staged(self, questions: int) -> None:
        """Move the bar."""
        if questions:
            self._progress.advance(self._task, questions)
        else:
            self._progress.reset(self._task)

    def publishing(self, updates_left: int) -> None:
        """Name the phase."""
        left = f", {updates_left:,} updates left" if updates_left else ""
        self._progress.update(self._task, description=f"Publishing{left}")

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)


def table(counts: Mapping[str, Counter[Outcome]]) -> str:
    """Return a table of outcomes by category."""
    rows = [(category or "(not sent)", count) for category, count in sorted(counts.items())]
    if len(rows) > 1:
        rows.append(("all", sum(counts.values(), Counter[Outcome]())))
    width = max(len(name) for name, _ in rows)
    head = f"{'':{width}}  " + "  ".join(f"{outcome:>10}" for outcome in Outcome)
    lines = (
        f"{name:{width}}  " + "  ".join(f"{count[outcome]:>10,}" for outcome in Outcome)
        for name, count in rows
    )
    return "\n".join((head, *lines))


def write_report(file: Path, bank: Path, fates: Iterable[Fate]) -> Counter[str]:
    """Write the fate of each question as CSV; return how many were refused for each reason."""
    refused: Counter[str] = Counter()
    with file.open("w", encoding="utf-8-sig", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(("file", "place", "outcome", "question_id", "reason", "message"))
        for fate in fates:
            if fate.outcome is Outcome.REFUSED:
                refused[fate.reason] += 1
            place, outcome = fate.entry.place, fate.outcome.value
            writer.writerow(
                (bank.name, place, outcome, fate.question_id, fate.reason, fate.message)
            )
    return refused
