"""A learner's lifetime totals, kept answer by answer.

The totals and a ledger per UTC day say together what was counted, so that an answer counts once
though it is told twice, late, or before an earlier one. An answer's place in time, for streaks,
is its day, then its session (ids are in order of their start), then its number in the session.
A day stays open while an answer of it may still arrive; then its figures are folded into what
came before it, and its ledger is not needed any more. So the space taken is bounded: some 60
days, however long a learner stays.
"""

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

DAYS_SHOWN = 30

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
    """What counting came to: `fresh` answers counted now, `duplicates` and `too_old` left out."""

    tally: LearnerTally
    ledgers: Mapping[int, Ledger]
    fresh: tuple[GivenAnswer, ...]
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
    repetition, as long as none is older than `OLDEST`; only the ledgers that changed are in it.
    """
    kept = {day: dict(ledger) for day, ledger in ledgers.items()}
    fresh: list[GivenAnswer] = []
    duplicates = too_old = 0
    for answer in answers:
        if answer.at < now - OLDEST or answer.day <= tally.closed_through:
            too_old += 1
            continue
        ledger = kept.setdefault(answer.day, {})
        spans = with_answer(
            ledger.get(answer.session_id, ()), answer.number, correct=answer.correct
        )
        if spans is None:
            duplicates += 1
            continue
        ledger[answer.session_id] = spans
        fresh.append(answer)
    touched = {answer.day: kept[answer.day] for answer in fresh}
    after = _added(tally, touched, fresh) if fresh else tally
    return Counted(_closed(after, now), touched, tuple(fresh), duplicates, too_old)


def _added(
    tally: LearnerTally, ledgers: Mapping[int, Ledger], fresh: Iterable[GivenAnswer]
) -> LearnerTally:
    categories = dict(tally.categories)
    as_of, time_spent = tally.as_of, tally.time_spent
    for answer in fresh:
        known = categories.get(answer.category, CategoryTally())
        categories[answer.category] = known.plus(answer)
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
    over = sorted(day for day in tally.days if (day + 1) * DAY <= now - OLDEST)
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
