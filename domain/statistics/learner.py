"""A learner's lifetime totals, updated answer by answer.

A ledger per UTC day records which answers were counted, so that an answer counts once although its
record is delivered twice, late or out of order. Streaks order answers by day, then by session (ids
are in order of their start), then by number in the session. A day stays open while an answer of it
may still arrive; then its figures are folded into those of the days before, and its ledger expires.
So the space is bounded: about 60 days, `MAX_CATEGORIES` categories and `MAX_SPANS` spans a day,
however long a learner stays.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from domain.statistics.given_answer import DAY, GivenAnswer
from domain.statistics.streaks import NO_DAYS, NO_RUN, DayStreak, Run, Spans, joined, with_answer

OLDEST = 60 * DAY
"""Age in ms at which an answer is no longer counted. A stream keeps a record for a day, a failed
batch is kept for 30: this is nearly twice what both take."""

LEDGER_LIFE = OLDEST + DAY
"""Time in ms from a day's end until its ledger may go; a day more than any answer of it, for
clocks that differ."""

WEST = 12 * 3600 * 1000
"""Time in ms by which a day ends later than in UTC, at most: at UTC-12."""

DAYS_SHOWN = 30

MAX_SPANS = 2_500
"""Spans in the ledger of one day. A learner may start 1,000 sessions per UTC day and leave 200
unfinished, so at most 1,200 sessions receive answers on a day, with one span each as long as no
record is missing. The rest is room for records that arrive out of order. Packed, a session and its
span take 22 bytes, so 1,200 sessions 26 KB; the limit is at most 90 of the 400 KB of an item."""

MAX_CATEGORIES = 500
"""Categories with figures of their own per learner: 30 KB. Answers in further categories count
under `OTHER_CATEGORIES`."""

OTHER_CATEGORIES = ""
"""Key of the figures of all categories beyond `MAX_CATEGORIES`; not a valid category name."""

Ledger = Mapping[str, Spans]
"""By session, which of its answers of one day were counted."""


class CategoryTally(NamedTuple):
    """A learner's figures in one category."""

    questions: int = 0
    correct: int = 0
    wrong: int = 0
    mastered: int = 0

    def plus(self, answer: GivenAnswer) -> "CategoryTally":
        """Return the figures with one answer more."""
        return CategoryTally(
            self.questions + answer.first_try,
            self.correct + answer.correct,
            self.wrong + (not answer.correct),
            self.mastered + answer.mastered,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnerTally:
    """Totals of a learner.

    `as_of` is the time of the newest answer counted, 0 before the first; `days` has the open days
    on which there was an answer; `closed_through` is the last day folded, -1 before there is one,
    and `before` and `days_before` are the streaks up to and with it. Times are in milliseconds.
    """

    as_of: int = 0
    time_spent: int = 0
    categories: Mapping[str, CategoryTally] = field(default_factory=dict)
    days: Mapping[int, Run] = field(default_factory=dict)
    closed_through: int = -1
    before: Run = NO_RUN
    days_before: DayStreak = NO_DAYS

    @property
    def overall(self) -> CategoryTally:
        """The figures of all categories together."""
        return CategoryTally(*map(sum, zip((0, 0, 0, 0), *self.categories.values(), strict=True)))

    @property
    def answers(self) -> Run:
        """All answers: `suffix` is the current streak, `best` the longest."""
        return joined([self.before, *(self.days[day] for day in sorted(self.days))])

    @property
    def active_days(self) -> DayStreak:
        """The streak of days."""
        streak = self.days_before
        for day in sorted(self.days):
            streak = streak.then(day)
        return streak


class Counted(NamedTuple):
    """Result of counting.

    Attributes:
        tally: The totals after it.
        ledgers: The ledgers that changed, by day.
        fresh: Answers counted now.
        refused: Answers not counted because the ledger of their day is full.
        duplicates: Number of answers that were counted before.
        too_old: Number of answers older than any ledger.
    """

    tally: LearnerTally
    ledgers: Mapping[int, Ledger]
    fresh: tuple[GivenAnswer, ...]
    refused: tuple[GivenAnswer, ...]
    duplicates: int
    too_old: int


def count(
    tally: LearnerTally,
    ledgers: Mapping[int, Ledger],
    answers: Iterable[GivenAnswer],
    now: int,
) -> Counted:
    """Count answers of one learner; `ledgers` are those of the answers' days, where there are any.

    The result is the same for any order of the answers, any division into calls, and any
    repetition, as long as none is older than `OLDEST` and no limit is reached.
    """
    kept = {day: dict(ledger) for day, ledger in ledgers.items()}
    sizes = Counter({day: sum(map(len, ledger.values())) for day, ledger in kept.items()})
    fresh: list[GivenAnswer] = []
    refused: list[GivenAnswer] = []
    duplicates = too_old = 0
    for answer in answers:
        if answer.at < now - OLDEST or answer.day <= tally.closed_through:
            too_old += 1
            continue
        ledger = kept.setdefault(answer.day, {})
        before = ledger.get(answer.session_id, ())
        spans = with_answer(before, answer.number, correct=answer.correct)
        if spans is None:
            duplicates += 1
            continue
        size = sizes[answer.day] + len(spans) - len(before)
        if size > max(MAX_SPANS, sizes[answer.day]):
            refused.append(answer)
            continue
        sizes[answer.day] = size
        ledger[answer.session_id] = spans
        fresh.append(answer)
    touched = {answer.day: kept[answer.day] for answer in fresh}
    after = _added(tally, touched, fresh) if fresh else tally
    return Counted(_closed(after, now), touched, tuple(fresh), tuple(refused), duplicates, too_old)


def _added(
    tally: LearnerTally, ledgers: Mapping[int, Ledger], fresh: Iterable[GivenAnswer]
) -> LearnerTally:
    categories = dict(tally.categories)
    as_of, time_spent = tally.as_of, tally.time_spent
    for answer in fresh:
        category = answer.category
        if category not in categories and len(categories) >= MAX_CATEGORIES:
            category = OTHER_CATEGORIES
        categories[category] = categories.get(category, CategoryTally()).plus(answer)
        as_of = max(as_of, answer.at)
        time_spent += answer.time_spent
    summed = {
        day: joined(span.run for session in sorted(ledger) for span in ledger[session])
        for day, ledger in ledgers.items()
    }
    return replace(
        tally,
        as_of=as_of,
        time_spent=time_spent,
        categories=categories,
        days={**tally.days, **summed},
    )


def _closed(tally: LearnerTally, now: int) -> LearnerTally:
    """Fold the days of which every answer is too old by now."""
    over = sorted(day for day in tally.days if (day + 1) * DAY + WEST <= now - OLDEST)
    if not over:
        return tally
    streak = tally.days_before
    for day in over:
        streak = streak.then(day)
    return replace(
        tally,
        days={day: run for day, run in tally.days.items() if day > over[-1]},
        closed_through=over[-1],
        before=joined([tally.before, *(tally.days[day] for day in over)]),
        days_before=streak,
    )
