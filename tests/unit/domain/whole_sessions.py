"""Whole sessions on random banks, played to their end: what the property tests look at."""

from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import strategies as st

from domain.question import Question, question_id
from domain.session.engine import Graded
from domain.session.policy import MAX_LAG, MAX_PENDING_LIMIT, MIN_PENDING_LIMIT, Spacing
from domain.session.pool import PoolEntry
from domain.session.replay import Replay, Submission
from domain.session.state import Session, Turn
from tests.unit.domain.builders import (
    START,
    question,
    right_choices,
    session,
    source,
    wrong_choices,
)

CATEGORIES = ("art", "geo", "aws")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A session and the learner who takes it.

    `sources` are (size, asked) of each category. Every time a question comes up anew, the next of
    `misses` is how often it is missed before it is put right; later ones are right at once.
    `steps` are what the clock does between answers, over and over; it may go backwards.
    """

    seed: bytes
    percentage: int
    sources: tuple[tuple[int, int], ...]
    shapes: tuple[Question, ...]
    misses: tuple[int, ...]
    steps: tuple[int, ...]
    spacing: Spacing | None = None
    retired: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()

    @property
    def begun(self) -> Session:
        """The session before its first draw."""
        named = zip(CATEGORIES, self.sources, strict=False)
        return session(
            *(source(category, size, asked) for category, (size, asked) in named),
            percentage=self.percentage,
            seed=self.seed,
            spacing=self.spacing,
        )

    @property
    def bank(self) -> dict[str, Question]:
        """The questions that exist, shaped by turns as `shapes` say."""
        questions = {}
        for category, (size, _) in zip(CATEGORIES, self.sources, strict=False):
            for ordinal in range(size):
                identifier = question_id(category, ordinal)
                shape = self.shapes[ordinal % len(self.shapes)]
                questions[identifier] = question(
                    identifier,
                    count=len(shape.choices),
                    right=shape.correct_choices,
                    pinned=[at for at, choice in enumerate(shape.choices) if choice.pinned],
                    retired=identifier in self.retired,
                )
        return {key: value for key, value in questions.items() if key not in self.missing}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One answer: the state it met, the question on screen, and what it left."""

    before: Session
    question: Question
    submission: Submission
    answered: Graded
    after: Session
    entries: tuple[PoolEntry, ...]

    @property
    def turn(self) -> Turn:
        """The presentation that was answered."""
        assert self.before.turn is not None
        return self.before.turn

    @property
    def fresh(self) -> bool:
        """Whether this was the first presentation of its question."""
        return not self.turn.from_pool and not self.turn.missed


def steps(plan: Plan) -> Iterator[Step]:
    """Play the plan to the session's end."""
    playing = Replay(plan.begun, plan.bank)
    misses, now, owed, count = list(plan.misses), START, 0, 0
    while (asked := playing.question) is not None:
        before = playing.session
        assert before.turn is not None
        if not before.turn.missed:
            owed = misses.pop(0) if misses else 0
        selected = wrong_choices(asked, which=count) if owed else right_choices(asked)
        submission = Submission(selected=selected, at=now)
        answered = playing.submit(submission)
        yield Step(
            before=before,
            question=asked,
            submission=submission,
            answered=answered,
            after=playing.session,
            entries=playing.entries,
        )
        owed = max(0, owed - 1)
        now += plan.steps[count % len(plan.steps)]
        count += 1


def play(plan: Plan) -> list[Step]:
    """Return all steps of the plan's session."""
    return list(steps(plan))


@st.composite
def shapes(draw: st.DrawFn) -> Question:
    """Questions of two to six choices, one or several of them right, any of them pinned."""
    count = draw(st.integers(2, 6))
    indexes = st.integers(0, count - 1)
    right = draw(st.sets(indexes, min_size=1, max_size=count - 1))
    return question(count=count, right=right, pinned=draw(st.sets(indexes)))


LAGS = st.sampled_from((1, 2, 3, 5, 16, 48, MAX_LAG))

SPACINGS = st.builds(
    Spacing,
    first_lag=LAGS,
    second_lag=LAGS,
    share=st.sampled_from((1, 20, 50, 99, 100)),
    pending_limit=st.none() | st.integers(MIN_PENDING_LIMIT, MAX_PENDING_LIMIT),
)
"""The whole range of every setting of `SPACED`."""


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Sessions of one to three sources and either policy.

    Pools are shallow or deep, clocks steady or erratic.
    """
    deep = draw(st.booleans())
    sizes = st.sampled_from((30, 64, 90) if deep else (1, 2, 3, 8, 30, 64, 90))
    asks = st.integers(17, 24) if deep else st.integers(1, 12)
    return Plan(
        seed=draw(st.binary(min_size=16, max_size=16)),
        percentage=draw(st.sampled_from((0, 5, 10, 20) if deep else (0, 1, 20, 50, 99, 100))),
        sources=tuple(
            (size, min(size, ask))
            for size, ask in draw(
                st.lists(st.tuples(sizes, asks), min_size=1, max_size=2 if deep else 3)
            )
        ),
        shapes=tuple(draw(st.lists(shapes(), min_size=1, max_size=4))),
        misses=(1,) * draw(st.integers(17, 60))
        if deep
        else tuple(draw(st.lists(st.integers(0, 3), max_size=30))),
        steps=tuple(draw(st.lists(st.integers(-5_000, 5_000), min_size=1, max_size=6))),
        spacing=draw(st.none() | SPACINGS),
    )


@st.composite
def plans_with_gaps(draw: st.DrawFn) -> Plan:
    """Sessions some of whose questions are retired, or not there at all."""
    plan = draw(plans())
    named = zip(CATEGORIES, plan.sources, strict=False)
    identifiers = [question_id(name, n) for name, (size, _) in named for n in range(size)]
    gone = st.sets(st.sampled_from(identifiers))
    return Plan(
        seed=plan.seed,
        percentage=plan.percentage,
        sources=plan.sources,
        shapes=plan.shapes,
        misses=plan.misses,
        steps=plan.steps,
        spacing=plan.spacing,
        retired=frozenset(draw(gone)),
        missing=frozenset(draw(gone)),
    )
