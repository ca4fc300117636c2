"""How a question behaves: item analysis by classical test theory, kept answer by answer.

Everything is made from counts and sums of whole numbers, so that the same answers give the same
figures in any order and any division, in constant space. A learner's *first try* is the first
answer they ever gave to the question, in any session and to any version of it; an edited question
is a new version with figures of its own.

The *score* of a learner is the share of right answers among those they gave before in the same
session. It is fixed when the question is answered, so it never holds the answer it is compared
with (a rest score, which leaves the part-whole correction out: Crocker & Algina, "Introduction to
Classical and Modern Test Theory", 1986, ch. 14). It is whole per mille, rounded down, and used
when there were at least `FEWEST_BEFORE` answers.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from domain.statistics.given_answer import GivenAnswer

FEWEST_BEFORE = 5
"""Answers a score is made of at least: fewer give it hardly any levels."""

FEWEST_FIRST_TRIES = 30
"""First tries before a question is judged: at 30 the facility's standard error is below 0.1."""

FEWEST_STRONGEST = 10
"""Learners the strongest group has at least before choices are judged by it: our own bound, below
which one learner shifts a share by more than a tenth."""

STRONGEST_SHARE = 0.27
"""Share of learners in the strongest group: 27% at each end separates groups best (Kelley, "The
selection of upper and lower groups for the validation of test items", J. Educ. Psychol. 30, 1939).
Scores are kept in bands of a tenth, so the group is the fewest top bands that hold as many."""

EASY = 0.95
"""Facility from which Moodle calls a question extremely easy ("Quiz report statistics")."""

HARD = 0.20
"""Facility up to which Moodle calls a question difficult, very difficult or extremely so; blind
guessing between five choices reaches it."""

POOR_DISCRIMINATION = 0.20
"""Discrimination below which Ebel & Frisbie ("Essentials of Educational Measurement", 1991,
ch. 13) call an item poor, to be rejected or revised, and Moodle calls it very weak."""

RIVAL = 0.5
"""A wrong choice that the strongest take at least half as often as the right one rivals it: our
own reading of "chosen by many of the able" (Haladyna, "Developing and Validating Multiple-Choice
Test Items", 2004, ch. 9)."""

MONTHS = 24
"""Months of first tries kept, up to the newest one with an answer."""

_Z95 = 1.959963984540054
"""97.5% point of the normal distribution, for an interval of 95%."""

TIME_BOUNDS = tuple(round(100 * 2 ** (step / 4)) for step in range(80))
"""Where the bins of time end and the next begin, in ms: four to an octave from 0.1 s to a day. A
quantile is its bin's geometric middle, so it is off by at most 2^(1/8) - 1 = 9.1%, except
below 0.1 s."""

LAST_ATTEMPT = 8
"""From which on attempts of a learner at the question are counted together."""

DEPTH_BINS = 12
"""Bins of an answer's number in its session, each twice as wide as the one before: 1, 2, 3 to 4,
5 to 8, ..., and from 1,025 on the last."""

BANDS = 10
CHOICES = 10

# Cells: what is counted, each by a small number, so that a sum of tallies is a sum of counters.
_ANSWERS, _RIGHT, _FIRST, _FIRST_RIGHT = range(4)
_SCORED, _SCORES, _SQUARES, _SCORED_RIGHT, _SCORES_OF_RIGHT = range(4, 9)
_TIMED, _TIME = 9, 10
_REVIEWS, _REVIEWS_RIGHT = 11, 12
_TIME_BINS = 16
_TAKEN = 100
_FIRST_TAKEN = _TAKEN + CHOICES
_BAND = _FIRST_TAKEN + CHOICES
_BAND_TAKEN = _BAND + BANDS
_KEY = _BAND_TAKEN + BANDS * CHOICES
_ATTEMPT = 300
_DEPTH = 400
_MONTH = 1000


class Flag(StrEnum):
    """Faults of a question, the worst first."""

    MISLEADING = "MISLEADING"
    AMBIGUOUS = "AMBIGUOUS"
    TOO_HARD = "TOO_HARD"
    TOO_EASY = "TOO_EASY"


class Correlation(NamedTuple):
    """A correlation of `pairs`, its 95% interval where there is one."""

    value: float
    low: float | None
    high: float | None


class Month(NamedTuple):
    """First tries of one UTC month (`2026-11`)."""

    month: str
    first_tries: int
    right: int


class Attempt(NamedTuple):
    """Answers that were a learner's `number`th to the question; the last number stands for more."""

    number: int
    answers: int
    right: int

    def plus(self, other: "Attempt | None") -> "Attempt":
        """Return the sum with another of the same number."""
        if other is None:
            return self
        return Attempt(self.number, self.answers + other.answers, self.right + other.right)


class Depth(NamedTuple):
    """Answers numbered `first` to `last` in their sessions (None for no end).

    `entries` is the sum of what the wrong-answer pools of those sessions held after them.
    """

    first: int
    last: int | None
    answers: int
    entries: int

    def plus(self, other: "Depth | None") -> "Depth":
        """Return the sum with another of the same bin."""
        if other is None:
            return self
        added = self.answers + other.answers, self.entries + other.entries
        return Depth(self.first, self.last, *added)


class Strongest(NamedTuple):
    """The strongest group: learners, lowest score of it (0 to 1), how many took each choice."""

    learners: int
    score: float
    taken: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ItemTally:
    """Counts of one version of a question; times in milliseconds.

    `cells` are counts and sums by number; `as_of` is the time of the newest answer, 0 before the
    first.
    """

    cells: Mapping[int, int] = field(default_factory=dict)
    as_of: int = 0

    def _cell(self, number: int) -> int:
        return self.cells.get(number, 0)

    @property
    def answers(self) -> int:
        """Answers counted."""
        return self._cell(_ANSWERS)

    @property
    def right(self) -> int:
        """Right answers."""
        return self._cell(_RIGHT)

    @property
    def first_tries(self) -> int:
        """Learners who tried it."""
        return self._cell(_FIRST)

    @property
    def first_right(self) -> int:
        """Learners whose first try was right."""
        return self._cell(_FIRST_RIGHT)

    @property
    def reviews(self) -> int:
        """First tries at the question as one drawn from a pool."""
        return self._cell(_REVIEWS)

    @property
    def reviews_right(self) -> int:
        """Those of them that were right."""
        return self._cell(_REVIEWS_RIGHT)

    @property
    def facility(self) -> float | None:
        """Share of first tries that were right: the facility index."""
        return self.first_right / self.first_tries if self.first_tries else None

    @property
    def scored(self) -> int:
        """First tries of learners with a score."""
        return self._cell(_SCORED)

    @property
    def discrimination(self) -> Correlation | None:
        """Correlation of a right first try with the learner's score: the point-biserial.

        None where all scores or all outcomes are the same. The interval is Fisher's (z = atanh r,
        standard error 1/sqrt(n - 3)); outcomes being two-valued, it is approximate. It is of first
        tries with a score alone.
        """
        count, ones = self.scored, self._cell(_SCORED_RIGHT)
        scores = self._cell(_SCORES)
        spread = (count * self._cell(_SQUARES) - scores**2) * (count * ones - ones**2)
        if spread <= 0:
            return None
        value = (count * self._cell(_SCORES_OF_RIGHT) - scores * ones) / math.sqrt(spread)
        value = max(-1.0, min(value, 1.0))
        if count <= 3 or abs(value) == 1:
            return Correlation(value, None, None)
        middle, width = math.atanh(value), _Z95 / math.sqrt(count - 3)
        return Correlation(value, math.tanh(middle - width), math.tanh(middle + width))

    @property
    def timed(self) -> int:
        """Answers with a time."""
        return self._cell(_TIMED)

    @property
    def mean_time(self) -> float | None:
        """Mean time of the answers with a time, in ms."""
        return self._cell(_TIME) / self.timed if self.timed else None

    def time_quantile(self, share: float) -> float | None:
        """Return the smallest time that `share` of the answers do not exceed, in ms.

        Within 9.1% of the time itself from 0.1 s on (`TIME_BOUNDS`); below, 50 ms stands for all.
        """
        if not self.timed:
            return None
        wanted, seen, bin_number = max(1, math.ceil(share * self.timed)), 0, -1
        while seen < wanted:
            bin_number += 1
            seen += self._cell(_TIME_BINS + bin_number)
        if bin_number == 0:
            return TIME_BOUNDS[0] / 2
        return TIME_BOUNDS[bin_number - 1] * 2 ** (1 / 8)

    def taken(self, choices: int) -> tuple[int, ...]:
        """Return how often each choice was selected, in all answers."""
        return tuple(self._cell(_TAKEN + choice) for choice in range(choices))

    def first_taken(self, choices: int) -> tuple[int, ...]:
        """Return how often each choice was selected at first tries."""
        return tuple(self._cell(_FIRST_TAKEN + choice) for choice in range(choices))

    def strongest(self, choices: int) -> Strongest:
        """Return the strongest group and what it took at first tries."""
        learners, band = 0, BANDS
        while band and learners < STRONGEST_SHARE * self.scored:
            band -= 1
            learners += self._cell(_BAND + band)
        taken = tuple(
            sum(self._cell(_BAND_TAKEN + CHOICES * each + choice) for each in range(band, BANDS))
            for choice in range(choices)
        )
        return Strongest(learners, band / BANDS, taken)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Answers by how often the learner had answered the question: the learning curve."""
        cells = (
            (number, self._cell(_ATTEMPT + 2 * number), self._cell(_ATTEMPT + 2 * number + 1))
            for number in range(1, LAST_ATTEMPT + 1)
        )
        return tuple(Attempt(*each) for each in cells if each[1])

    @property
    def depths(self) -> tuple[Depth, ...]:
        """How deep pools were, by how far into its session an answer was."""
        return tuple(
            Depth(
                2 ** (step - 1) + 1 if step else 1,
                2**step if step < DEPTH_BINS - 1 else None,
                answers,
                self._cell(_DEPTH + 2 * step + 1),
            )
            for step in range(DEPTH_BINS)
            if (answers := self._cell(_DEPTH + 2 * step))
        )

    @property
    def months(self) -> tuple[Month, ...]:
        """First tries by month, the oldest first; months without any are left out."""
        numbers = sorted({(cell - _MONTH) // 2 for cell in self.cells if cell >= _MONTH})
        return tuple(
            Month(
                f"{number // 12}-{number % 12 + 1:02d}",
                self._cell(_MONTH + 2 * number),
                self._cell(_MONTH + 2 * number + 1),
            )
            for number in numbers
        )

    @property
    def flags(self) -> tuple[Flag, ...]:
        """Faults of the question: none before `FEWEST_FIRST_TRIES`.

        Misleading: of the strongest, more took some wrong choice than took some right one.
        Ambiguous: a wrong choice rivals a right one among them, and the question sorts them poorly
        from the weak. The right choices are those of right answers: without one, all are wrong.
        """
        if self.first_tries < FEWEST_FIRST_TRIES or self.facility is None:
            return ()
        found = set()
        if self.facility >= EASY:
            found.add(Flag.TOO_EASY)
        if self.facility <= HARD:
            found.add(Flag.TOO_HARD)
        strongest = self.strongest(CHOICES)
        if strongest.learners >= FEWEST_STRONGEST:
            taken: dict[bool, list[int]] = {True: [], False: []}
            for choice, count in enumerate(strongest.taken):
                taken[_KEY + choice in self.cells].append(count)
            key, rival = min(taken[True], default=0), max(taken[False], default=0)
            telling = self.discrimination
            if rival > key:
                found.add(Flag.MISLEADING)
            elif rival >= RIVAL * key and telling and telling.value < POOR_DISCRIMINATION:
                found.add(Flag.AMBIGUOUS)
        return tuple(flag for flag in Flag if flag in found)


def tally_of(answers: Iterable[GivenAnswer]) -> ItemTally:
    """Return the tally of answers to one version of a question."""
    cells: Counter[int] = Counter()
    as_of = 0
    for answer in answers:
        as_of = max(as_of, answer.at)
        cells.update(_cells_of(answer))
    return ItemTally(_recent(cells), as_of)


def together(one: ItemTally, other: ItemTally) -> ItemTally:
    """Return the tally of the answers of both."""
    cells = Counter(one.cells)
    cells.update(other.cells)
    return ItemTally(_recent(cells), max(one.as_of, other.as_of))


def _cells_of(answer: GivenAnswer) -> Counter[int]:
    right = int(answer.correct)
    cells = Counter({_ANSWERS: 1, _RIGHT: right})
    if answer.time_spent:
        cells[_TIMED] = 1
        cells[_TIME] = answer.time_spent
        cells[_TIME_BINS + bisect_right(TIME_BOUNDS, answer.time_spent)] = 1
    if answer.review:
        cells.update({_REVIEWS: 1, _REVIEWS_RIGHT: right})
    attempt = _ATTEMPT + 2 * min(answer.attempt, LAST_ATTEMPT)
    cells.update({attempt: 1, attempt + 1: right})
    depth = _DEPTH + 2 * min((answer.number - 1).bit_length(), DEPTH_BINS - 1)
    cells.update({depth: 1, depth + 1: answer.pool_entries})
    cells.update(_TAKEN + choice for choice in answer.selected)
    if answer.correct:
        cells.update(_KEY + choice for choice in answer.selected)
    if not answer.first_try:
        return cells
    cells.update({_FIRST: 1, _FIRST_RIGHT: right})
    cells.update(_FIRST_TAKEN + choice for choice in answer.selected)
    given = datetime.fromtimestamp(answer.at // 1000, UTC)
    month = _MONTH + 2 * (12 * given.year + given.month - 1)
    cells.update({month: 1, month + 1: right})
    before = answer.number - 1
    if before >= FEWEST_BEFORE:
        score = 1000 * answer.right_before // before
        band = min(score * BANDS // 1000, BANDS - 1)
        cells.update(
            {
                _SCORED: 1,
                _SCORES: score,
                _SQUARES: score * score,
                _SCORED_RIGHT: right,
                _SCORES_OF_RIGHT: score * right,
                _BAND + band: 1,
            }
        )
        cells.update(_BAND_TAKEN + CHOICES * band + choice for choice in answer.selected)
    return cells


def _recent(cells: Mapping[int, int]) -> Mapping[int, int]:
    """Drop cells that hold nothing, and months that are too old: the same in any order."""
    newest = max((cell for cell in cells if cell >= _MONTH), default=_MONTH)
    return {
        cell: count
        for cell, count in cells.items()
        if count and (cell < _MONTH or (newest - _MONTH) // 2 - (cell - _MONTH) // 2 < MONTHS)
    }
