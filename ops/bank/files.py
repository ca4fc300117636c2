"""Opens question banks and describes them on a terminal."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, NoReturn

from banks.inspection import Summary
from banks.question import BankFileError
from banks.reading import Bank, read_bank
from local.errors import CommandError

USAGE_ERROR = 2
MOST_SHOWN = 20
"""Refused questions, notices and near duplicates of one kind that a terminal shows."""

_MOST_CHARACTERS = 300


@contextmanager
def opened(file: Path) -> Iterator[Bank]:
    """Open a question bank.

    Raises:
        CommandError: It cannot be opened, or is no bank that can be read.
    """
    try:
        with file.open("rb") as content:
            yield read_bank(content, file.name)
    except BankFileError as error:
        _refuse(file, f"is not imported. {error}")
    except OSError as error:
        _refuse(file, f"cannot be read: {error.strerror}.")


def _refuse(file: Path, reason: str) -> NoReturn:
    raise CommandError(f"{printable(str(file))} {printable(reason)}", USAGE_ERROR)


def printable(text: str) -> str:
    """Return a text of a file so that it cannot control the terminal, nor fill it."""
    shown = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for character in text.replace("\n", " ")
    )
    return shown if len(shown) <= _MOST_CHARACTERS else f"{shown[:_MOST_CHARACTERS]}…"


def described(file: Path, bank: Bank, summary: Summary) -> Iterator[str]:
    """Return the lines that describe a bank, without its refused questions."""
    yield f"{printable(file.name)}: {bank.format}, {summary.questions:,} questions"
    yield from (f"  {count:>7,}  {kind}" for kind, count in summary.by_type.most_common())
    yield f"{summary.importable:,} can be imported:"
    for category, count in sorted(summary.categories.items()):
        yield f"  {count:>7,}  {category or '(no category: give CATEGORY=)'}"
    yield from _listed("Notices", (printable(notice) for notice in bank.notices))
    first = (f"{place}: {printable(notice)}" for notice, place in summary.notices.items())
    yield from _listed("Simplified, each with its first place", first)
    near = (printable(str(each)) for each in summary.near_duplicates)
    yield from _listed("Nearly the same, imported as they are", near)


class Refused(NamedTuple):
    """A refused question: its place, the reason, and the fault with its remedy."""

    place: str
    reason: str
    message: str


def refusals(refused: Iterable[Refused], counts: Counter[str]) -> Iterator[str]:
    """Return the lines that name refused questions, by reason."""
    if not counts:
        return
    yield f"{counts.total():,} refused:"
    found: dict[str, list[str]] = {reason: [] for reason in counts}
    for place, reason, message in refused:
        if len(found[reason]) < MOST_SHOWN:
            found[reason].append(f"    {printable(f'{place}: {message}')}")
    for reason, count in counts.most_common():
        yield f"  {count:>7,}  {reason}"
        yield from found[reason]
        if count > len(found[reason]):
            yield f"    and {count - len(found[reason]):,} more"


def _listed(title: str, lines: Iterable[str]) -> Iterator[str]:
    every = list(lines)
    if every:
        yield f"{title}:"
        yield from (f"  {line}" for line in every[:MOST_SHOWN])
    if len(every) > MOST_SHOWN:
        yield f"  and {len(every) - MOST_SHOWN:,} more"
