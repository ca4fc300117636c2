"""A learner's totals: the same from any order, any division and any repetition of the answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.statistics.given_answer import DAY, GivenAnswer
from domain.statistics.learner import (
    MAX_CATEGORIES,
    MAX_SPANS,
    OLDEST,
    OTHER_CATEGORIES,
    LearnerTally,
    Ledger,
    count,
)
from domain.statistics.streaks import NO_DAYS, NO_RUN, Run, Span, joined, with_answer
from tests.support import recount

START = 20_000 * DAY


def an_answer(
    session: int = 1, number: int = 1, *, right: bool = True, **other: Any
) -> GivenAnswer:
    values: dict[str, Any] = {
        "user_id": "ada",
        "session_id": f"{session:027x}",
        "number": number,
        "right_before": 0,
        "pool_entries": 0,
        "question_id": "geography:000001",
        "version": 1,
        "correct": right,
        "attempt": 1,
        "mastered": int(right),
        "selected": (0,),
        "time_spent": 1500,
        "at": START,
        **other,
    }
    return GivenAnswer(**values)


def counted(
    answers: Iterable[Sequence[GivenAnswer]],
    tally: LearnerTally | None = None,
    ledgers: dict[int, Ledger] | None = None,
    now: int = START,
) -> tuple[LearnerTally, dict[int, Ledger]]:
    """Count batches one after the other, as the consumer does."""
    tally, kept = tally or LearnerTally(), ledgers if ledgers is not None else {}
    for batch in answers:
        days = {each.day for each in batch}
        known: Mapping[int, Ledger] = {day: kept[day] for day in days if day in kept}
        result = count(tally, known, batch, now)
        tally = result.tally
        kept |= result.ledgers
    return tally, kept


def told(tally: LearnerTally, today: int) -> dict[str, Any]:
    """Figures that a recount has too."""
    overall, answers, days = tally.overall, tally.answers, tally.active_days
    return {
        "questionsAttempted": overall.questions,
        "correct": overall.correct,
        "wrong": overall.wrong,
        "mastered": overall.mastered,
        "timeSpent": tally.time_spent / 1000,
        "streaks": {
            "currentDays": days.current(today),
            "bestDays": days.best,
            "currentAnswers": answers.suffix,
            "bestAnswers": answers.best,
        },
    }


@st.composite
def histories(draw: st.DrawFn) -> list[GivenAnswer]:
    """Answers of one learner: sessions interleaved over days, each numbered without a gap."""
    random = Random(draw(st.integers(0, 2**32)))
    numbers: dict[int, int] = {}
    tries: dict[str, int] = {}
    mastered: dict[str, bool] = {}
    answers, at = [], START
    for _ in range(draw(st.integers(1, 60))):
        session = random.randrange(1, 5)
        numbers[session] = numbers.get(session, 0) + 1
        question = f"{random.choice(('geography', 'history'))}:{random.randrange(8):06d}"
        tries[question] = tries.get(question, 0) + 1
        right = random.random() < 0.7
        now_mastered = random.random() < 0.5 if right else False
        answers.append(
            an_answer(
                session,
                numbers[session],
                right=right,
                question_id=question,
                attempt=tries[question],
                mastered=now_mastered - mastered.get(question, False),
                time_spent=random.randrange(90_000),
                at=at,
            )
        )
        mastered[question] = now_mastered
        # Clocks differ a little, and some days have no answer.
        at += random.choice((0, 1000, -500, DAY // 3, 2 * DAY))
    return answers


@settings(max_examples=150, deadline=None)
@given(answers=histories(), seed=st.integers(0, 2**32))
def test_any_order_division_and_repetition_gives_the_recounted_totals(
    answers: list[GivenAnswer], seed: int
) -> None:
    random = Random(seed)
    arriving = answers + random.sample(answers, len(answers) // 3)
    random.shuffle(arriving)
    cuts = sorted(random.sample(range(len(arriving) + 1), min(3, len(arriving))))
    batches = [arriving[a:b] for a, b in zip([0, *cuts], [*cuts, len(arriving)], strict=True)]
    today = max(each.day for each in answers)
    now = (today + 1) * DAY
    # Nothing here is too old: what that does is another test's.
    batches = [[each for each in batch if each.at >= now - OLDEST] for batch in batches]
    kept = [each for batch in batches for each in batch]

    tally, ledgers = counted(batches, now=now)

    expected = recount.learner_totals(kept, today)
    for name, value in told(tally, today).items():
        if name != "questionsAttempted":
            assert value == expected[name], name
    assert tally.overall.questions == len({e.question_id for e in kept if e.attempt == 1})
    assert (tally, ledgers) == counted([sorted(set(kept), key=lambda e: e.number)], now=now)


def test_the_figures_of_each_category_and_day_are_those_recounted() -> None:
    answers = [
        an_answer(1, 1, question_id="history:000001"),
        an_answer(1, 2, right=False),
        an_answer(1, 3, attempt=2, at=START + DAY),
    ]
    tally, _ = counted([answers])
    expected = recount.learner_totals(answers, 20_001)
    assert {name: each._asdict() for name, each in tally.categories.items()} == {
        each["category"]: {
            "questions": each["questionsAttempted"],
            **{name: each[name] for name in ("correct", "wrong", "mastered")},
        }
        for each in expected["categories"]
    }
    days = [(run.right, run.length - run.right) for _, run in sorted(tally.days.items())]
    assert days == [(day["correct"], day["wrong"]) for day in expected["days"]]
    assert tally.as_of == START + DAY


def test_a_duplicate_is_told_apart_from_a_late_answer() -> None:
    late = an_answer(1, 2)
    tally, ledgers = counted([[an_answer(1, 1), an_answer(1, 3)]])
    again = count(tally, ledgers, [an_answer(1, 3), late, late], START)
    assert again.fresh == (late,)
    assert again.duplicates == 2
    assert again.tally.answers == (3, 3, 3, 3, 3)


def test_a_day_is_folded_when_its_answers_are_too_old_and_streaks_stay() -> None:
    tally, ledgers = counted([[an_answer(1, 1, at=START), an_answer(1, 2, at=START + DAY)]])
    later = START + OLDEST + 3 * DAY
    fresh = an_answer(2, 1, at=later)
    tally, _ = counted([[fresh]], tally, ledgers, now=later)
    assert set(tally.days) == {later // DAY}
    assert tally.before == (2, 2, 2, 2, 2)
    assert tally.answers.best == 3
    assert tally.active_days == (later // DAY, 1, 2)


def test_an_answer_of_a_closed_day_is_never_counted_though_a_clock_lags() -> None:
    later = START + OLDEST + 3 * DAY
    tally, ledgers = counted([[an_answer(1, 1, at=START)], [an_answer(2, 1, at=later)]], now=START)
    tally, ledgers = counted([[an_answer(2, 2, at=later)]], tally, ledgers, now=later)
    repeated = count(tally, {}, [an_answer(1, 1, at=START)], START)
    assert (repeated.fresh, repeated.too_old) == ((), 1)


@pytest.mark.parametrize(("age", "counts"), [(OLDEST, True), (OLDEST + 1, False)])
def test_an_answer_is_counted_until_it_is_sixty_days_old(age: int, counts: bool) -> None:
    result = count(LearnerTally(), {}, [an_answer(at=START)], START + age)
    assert (len(result.fresh), result.too_old) == (counts, not counts)


def test_space_is_bounded_by_the_days_that_are_open() -> None:
    tally, ledgers = LearnerTally(), dict[int, Ledger]()
    for day in range(200):
        at = START + day * DAY
        tally, ledgers = counted([[an_answer(day + 1, 1, at=at)]], tally, ledgers, now=at)
        assert len(tally.days) <= 62
    assert tally.active_days == (20_199, 200, 200)
    assert tally.answers == (200, 200, 200, 200, 200)


def test_a_streak_of_days_is_current_until_a_whole_day_is_missed() -> None:
    streak = NO_DAYS.then(5).then(6)
    assert [streak.current(today) for today in (6, 7, 8)] == [2, 2, 0]
    assert NO_DAYS.current(0) == 0
    assert NO_DAYS.then(0) == (0, 1, 1)


@given(st.permutations(range(1, 9)), st.lists(st.booleans(), min_size=8, max_size=8))
def test_the_spans_of_a_session_merge_to_one_in_any_order(
    order: list[int], right: list[bool]
) -> None:
    spans: Any = ()
    for number in order:
        spans = with_answer(spans, number, correct=right[number - 1])
        assert with_answer(spans, number, correct=True) is None
    (span,) = spans
    assert (span.first, span.end) == (1, 9)
    given_ = [an_answer(1, n, right=right[n - 1]) for n in range(1, 9)]
    streaks = recount.learner_totals(given_, START // DAY)["streaks"]
    assert (span.run.suffix, span.run.best) == (
        streaks["currentAnswers"],
        streaks["bestAnswers"],
    )


@given(st.lists(st.integers(1, 40), unique=True))
def test_spans_never_touch_and_hold_all_that_was_seen(numbers: list[int]) -> None:
    spans: Any = ()
    for number in numbers:
        spans = with_answer(spans, number, correct=True)
    seen = [n for span in spans for n in range(span.first, span.end)]
    assert seen == sorted(numbers)
    assert all(a.end < b.first for a, b in pairwise(spans))


@given(st.lists(st.booleans(), max_size=12), st.integers(0, 12))
def test_runs_may_be_joined_at_any_place(right: list[bool], cut: int) -> None:
    def run_of(answers: list[bool]) -> Any:
        spans: Any = ()
        for number, each in enumerate(answers):
            spans = with_answer(spans, number, correct=each)
        return spans[0].run if spans else NO_RUN

    assert run_of(right[:cut]).then(run_of(right[cut:])) == run_of(right)
    assert joined(run_of([each]) for each in right) == run_of(right)


def test_nothing_counted_is_nothing_told() -> None:
    tally = LearnerTally()
    assert tally.overall == (0, 0, 0, 0)
    assert tally.answers == NO_RUN
    assert count(tally, {}, [replace(an_answer(), at=0)], START).fresh == ()


def test_a_full_ledger_refuses_new_sessions_and_takes_answers_of_known_ones() -> None:
    full: Ledger = {f"{n:027x}": (Span(1, Run(1, 1, 1, 1, 1)),) for n in range(MAX_SPANS)}
    answers = [an_answer(session=5, number=2), an_answer(session=MAX_SPANS)]
    result = count(LearnerTally(), {START // DAY: full}, answers, START)
    assert result.fresh == (answers[0],)
    assert result.refused == (answers[1],)
    assert result.ledgers[START // DAY].keys() == full.keys()


def test_an_answer_that_closes_a_gap_fits_in_a_full_ledger() -> None:
    one = Run(1, 1, 1, 1, 1)
    sessions: dict[str, tuple[Span, ...]] = {
        f"{n:027x}": (Span(1, one),) for n in range(MAX_SPANS - 2)
    }
    gap = f"{MAX_SPANS:027x}"
    full: Ledger = {**sessions, gap: (Span(1, one), Span(3, one))}
    result = count(
        LearnerTally(), {START // DAY: full}, [an_answer(session=MAX_SPANS, number=2)], START
    )
    assert result.refused == ()
    assert [span.first for span in result.ledgers[START // DAY][gap]] == [1]


def test_categories_beyond_the_limit_count_in_the_totals_alone() -> None:
    answers = [
        an_answer(number=n + 1, question_id=f"category-{n}:000001")
        for n in range(MAX_CATEGORIES + 3)
    ]
    tally = count(LearnerTally(), {}, answers, START).tally
    assert len(tally.categories) == MAX_CATEGORIES + 1
    assert tally.categories[OTHER_CATEGORIES].correct == 3
    assert tally.overall.correct == len(answers)
