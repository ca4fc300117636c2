"""How an import looks in a terminal: a progress bar, the refused lines, and a table at the end."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from typing import Self

_MAX_REASON = 500


@dataclass(slots=True)
class Fate:
    """What became of the lines of a category: how many of them.

    `unchanged` were in the bank already, `duplicates` came earlier in the same file.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    refused: int = 0


class Observer:
    """Is told how an import goes; this one does not listen."""

    def waiting(self, milliseconds: int) -> None:
        """Another writer holds the bank, for so long unless it goes on writing."""

    def refused(self, line: int, reason: str) -> None:
        """A line was refused."""

    def read(self, position: int) -> None:
        """So many bytes of the file were read."""


class ImportTerminal(Observer):
    """Shows the bar on standard error when that is a terminal, and what is refused in any case."""

    def __init__(self, name: str, size: int) -> None:
        # The stage imports this module too, and rich takes longer to load than its engine.
        from rich import progress  # noqa: PLC0415
        from rich.console import Console  # noqa: PLC0415

        self._console = Console(stderr=True)
        self._progress = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task(_printable(name), total=size)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)

    def waiting(self, milliseconds: int) -> None:
        """Tell how long it may take."""
        self.say(
            "The bank is being written, or was by an import that died: waiting "
            f"{milliseconds / 1000:.0f} s for it to be free."
        )

    def refused(self, line: int, reason: str) -> None:
        """Name the line."""
        self.say(f"line {line}: {_printable(reason)}")

    def read(self, position: int) -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=position)


def report(fates: Mapping[str, Fate]) -> str:
    """Return a table of what became of the lines."""
    if not fates:
        return "The file holds no question."
    names = [each.name for each in fields(Fate)]
    rows = [(category or "(no category)", *astuple(fate)) for category, fate in fates.items()]
    rows.sort()
    if len(rows) > 1:
        columns = list(zip(*rows, strict=True))[1:]
        rows.append(("all", *(sum(column) for column in columns)))
    width = max(len(str(row[0])) for row in rows)
    head = f"{'':{width}}  " + "  ".join(f"{name:>10}" for name in names)
    lines = (f"{row[0]:{width}}  " + "  ".join(f"{n:>10,}" for n in row[1:]) for row in rows)
    return "\n".join((head, *lines))


def _printable(text: str) -> str:
    """Return a text of the file so that it cannot command the terminal, nor fill it."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return shown if len(shown) <= _MAX_REASON else f"{shown[:_MAX_REASON]}…"
