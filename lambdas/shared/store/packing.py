"""Encodes tallies as bytes: a few hundred where DynamoDB's own maps would take thousands.

All values are whole numbers, seven bits per byte, lowest first (LEB128, as in DWARF and protocol
buffers). A string is its length and its characters; a number that may be negative is zigzag coded;
ascending numbers are written as differences.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import TypeVar

from domain.statistics.item import ItemTally
from domain.statistics.learner import CategoryTally, LearnerTally, Ledger
from domain.statistics.streaks import DayStreak, Run, Span

Unpacked = TypeVar("Unpacked")


class DamagedTallyError(ValueError):
    """The bytes are not those of a packed tally: the item was edited by hand."""


def _checked(unpack: Callable[[bytes], Unpacked]) -> Callable[[bytes], Unpacked]:
    """Raise DamagedTallyError for bytes that end early or hold impossible values."""

    @wraps(unpack)
    def checked(packed: bytes) -> Unpacked:
        try:
            return unpack(packed)
        # A generator that runs out of numbers raises RuntimeError in place of StopIteration.
        except (StopIteration, RuntimeError, ValueError, OverflowError, TypeError) as error:
            raise DamagedTallyError(f"not a packed tally: {error}") from error

    return checked


def packed_learner(tally: LearnerTally) -> bytes:
    """Return a learner's totals as bytes."""
    numbers = [tally.as_of, tally.time_spent, tally.closed_through + 1, *tally.before]
    numbers += [tally.days_before.last + 1, tally.days_before.run, tally.days_before.best]
    numbers.append(len(tally.categories))
    for name, each in sorted(tally.categories.items()):
        numbers += [len(name), *map(ord, name)]
        numbers += [each.questions, each.correct, each.wrong, _zigzag(each.mastered)]
    last = 0
    for day, run in sorted(tally.days.items()):
        numbers += [day - last, *run]
        last = day
    return _bytes(numbers)


@_checked
def unpacked_learner(packed: bytes) -> LearnerTally:
    """Return the totals `packed_learner` wrote."""
    numbers = _numbers(packed)
    as_of, time_spent, closed = next(numbers), next(numbers), next(numbers) - 1
    before = _run(numbers)
    days_before = DayStreak(next(numbers) - 1, next(numbers), next(numbers))
    categories = {}
    for _ in range(next(numbers)):
        name = "".join(chr(next(numbers)) for _ in range(next(numbers)))
        categories[name] = CategoryTally(
            next(numbers), next(numbers), next(numbers), _unzigzag(next(numbers))
        )
    days, day = {}, 0
    for difference in numbers:
        day += difference
        days[day] = _run(numbers)
    return LearnerTally(
        as_of=as_of,
        time_spent=time_spent,
        categories=categories,
        days=days,
        closed_through=closed,
        before=before,
        days_before=days_before,
    )


def packed_ledger(ledger: Ledger) -> bytes:
    """Return a day's ledger as bytes; session ids are hexadecimal."""
    numbers = []
    for session_id, spans in sorted(ledger.items()):
        numbers += [int(session_id, 16), len(spans)]
        end = 0
        for span in spans:
            numbers += [span.first - end, *span.run]
            end = span.end
    return _bytes(numbers)


@_checked
def unpacked_ledger(packed: bytes) -> Ledger:
    """Return the ledger `packed_ledger` wrote."""
    numbers = _numbers(packed)
    sessions = {}
    for session_id in numbers:
        spans: list[Span] = []
        end = 0
        for _ in range(next(numbers)):
            spans.append(Span(end + next(numbers), _run(numbers)))
            end = spans[-1].end
        sessions[f"{session_id:027x}"] = tuple(spans)
    return sessions


def packed_item(tally: ItemTally) -> bytes:
    """Return what was counted of a question as bytes."""
    numbers = [tally.as_of]
    last = 0
    for cell, count in sorted(tally.cells.items()):
        numbers += [cell - last, count]
        last = cell
    return _bytes(numbers)


@_checked
def unpacked_item(packed: bytes) -> ItemTally:
    """Return the tally `packed_item` wrote."""
    numbers = _numbers(packed)
    as_of = next(numbers)
    cells, cell = {}, 0
    for difference in numbers:
        cell += difference
        cells[cell] = next(numbers)
    return ItemTally(cells, as_of)


def _run(numbers: Iterator[int]) -> Run:
    return Run(next(numbers), next(numbers), next(numbers), next(numbers), next(numbers))


def _zigzag(number: int) -> int:
    return 2 * number if number >= 0 else -2 * number - 1


def _unzigzag(number: int) -> int:
    return -(number + 1) // 2 if number % 2 else number // 2


def _bytes(numbers: Iterable[int]) -> bytes:
    packed = bytearray()
    for number in numbers:
        rest = number
        while rest > 0x7F:
            packed.append(rest & 0x7F | 0x80)
            rest >>= 7
        packed.append(rest)
    return bytes(packed)


def _numbers(packed: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        if byte > 0x7F:
            shift += 7
        else:
            yield number
            number = shift = 0
