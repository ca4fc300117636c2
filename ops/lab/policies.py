"""Policies: the two of the product, and others for comparison.

A `Play` is a session under way. The product's policies are the product's engine as it is. Under a
`Schedule` the same engine grades, shuffles, counts turns and asks missed questions again at once;
only the next question is the schedule's choice.
"""

from collections import deque
from collections.abc import Callable, Mapping
from math import exp
from typing import NamedTuple, Protocol

import numpy as np

from domain.question import Choice, Question, question_id
from domain.session.drawing import FreshDraw, RefillNeeded, next_draw, present
from domain.session.engine import answer, new_session, with_spacing
from domain.session.policy import Spacing
from domain.session.pool import Pool, PoolEntry
from domain.session.presentation import choice_order
from domain.session.replay import Replay, Submission
from domain.session.state import Session, Source, Turn
from ops.lab import fsrs6
from ops.lab.learners import CHOICES, DAY, Vector

CATEGORY = "lab"
RIGHT, WRONG = frozenset({0}), frozenset({1})
TEN_MINUTES = 600.0


class Play(Protocol):
    """A session in progress."""

    session: Session

    def submit(self, *, right: bool, now: float) -> None:
        """Answer the question on screen, and show what comes next."""


class ProductPlay:
    """A session of the product, with its whole pool in memory; counts the reads of the pool."""

    def __init__(self, session: Session, bank: Mapping[str, Question]) -> None:
        self._replay = _CountingReplay(session, bank)

    @property
    def session(self) -> Session:
        """The session as it is now."""
        return self._replay.session

    @property
    def refills(self) -> int:
        """Queries that fetched more of the pool."""
        return self._replay.reads

    def submit(self, *, right: bool, now: float) -> None:
        """Answer the question on screen, and show what comes next."""
        self._replay.submit(Submission(selected=RIGHT if right else WRONG, at=int(1000 * now)))


class _CountingReplay(Replay):
    reads = 0

    def _read_pool(self, needed: RefillNeeded) -> tuple[list[PoolEntry], bool]:
        self.reads += 1
        return super()._read_pool(needed)


class Schedule(Protocol):
    """Chooses the next question from what was answered."""

    def choose(self, now: float, last: int | None) -> int | None:
        """Return a question to ask; None for a new one, as the product draws them."""

    def answered(self, question: int, now: float, *, right: bool) -> None:
        """Take the result of a first try."""


class ScheduledPlay:
    """A session whose next question a schedule chooses."""

    def __init__(self, session: Session, bank: Mapping[str, Question], schedule: Schedule) -> None:
        self._bank, self._schedule = bank, schedule
        self.session = session
        self._show(0.0)

    def submit(self, *, right: bool, now: float) -> None:
        """Answer the question on screen, and show what comes next."""
        turn = self.session.turn
        assert turn is not None  # noqa: S101 - a schedule never ends
        question = self._bank[turn.question_id]
        graded = answer(self.session, question, RIGHT if right else WRONG, now=int(1000 * now))
        if not turn.missed:
            self._schedule.answered(ordinal(turn.question_id), now, right=right)
        # The schedule keeps what is owed: the pool stays empty.
        self.session = graded.session._replace(pool=Pool())
        if self.session.turn is None:
            self._show(now)

    def _show(self, now: float) -> None:
        session, done = self.session, self.session.processed
        chosen = self._schedule.choose(now, ordinal(done.question_id) if done else None)
        if chosen is None:
            draw = next_draw(session)
            assert isinstance(draw, FreshDraw)  # noqa: S101 - a schedule counts what is new
            self.session = present(session, draw, self._bank[draw.question_id])
            return
        question = self._bank[question_id(CATEGORY, chosen)]
        turns = session.turns + 1
        order = choice_order(question.choices, session.seed, turns)
        turn = Turn(question.question_id, question.version, order)
        self.session = session._replace(turns=turns, turn=turn)


class _ByDueTime:
    """Due questions first, the most overdue one of them; else a new one; else the next due."""

    def __init__(self, questions: int) -> None:
        self._new = questions
        self._due: dict[int, float] = {}

    def choose(self, now: float, last: int | None) -> int | None:
        first = min((at, each) for each, at in {**self._due, -1: now}.items() if each != last)[1]
        if first != -1:
            return first
        if self._new:
            self._new -= 1
            return None
        return min((at, each) for each, at in self._due.items() if each != last)[1]


class Leitner(_ByDueTime):
    """Five boxes, reviewed after 10 minutes and 1, 2, 4 and 8 days; a miss leads to the first."""

    INTERVALS = (TEN_MINUTES, DAY, 2 * DAY, 4 * DAY, 8 * DAY)

    def __init__(self, questions: int) -> None:
        super().__init__(questions)
        self._box: dict[int, int] = {}

    def answered(self, question: int, now: float, *, right: bool) -> None:
        box = min(self._box.get(question, 0) + 1, len(self.INTERVALS) - 1) if right else 0
        self._box[question], self._due[question] = box, now + self.INTERVALS[box]


class SM2(_ByDueTime):
    """SuperMemo 2: intervals of 1 and 6 days, then by an ease factor; a miss after 10 minutes."""

    def __init__(self, questions: int) -> None:
        super().__init__(questions)
        self._state: dict[int, tuple[int, float, float]] = {}

    def answered(self, question: int, now: float, *, right: bool) -> None:
        repetitions, ease, days = self._state.get(question, (0, 2.5, 0.0))
        quality = 4 if right else 2
        ease = max(1.3, ease + 0.1 - (5 - quality) * (0.08 + (5 - quality) * 0.02))
        if not right:
            self._state[question] = (0, ease, 0.0)
            self._due[question] = now + TEN_MINUTES
            return
        days = (1.0, 6.0)[repetitions] if repetitions < 2 else days * ease
        self._state[question] = (repetitions + 1, ease, days)
        self._due[question] = now + days * DAY


class FSRSOnEverything(_ByDueTime):
    """FSRS-6 with its default parameters for every question, at a retention of 0.9."""

    RETENTION = 0.9

    def __init__(self, questions: int) -> None:
        super().__init__(questions)
        self._memory: dict[int, tuple[fsrs6.Memory, float]] = {}

    def answered(self, question: int, now: float, *, right: bool) -> None:
        rating = fsrs6.GOOD if right else fsrs6.AGAIN
        if question in self._memory:
            before, last = self._memory[question]
            memory = fsrs6.reviewed(before, rating, (now - last) / DAY)
        else:
            memory = fsrs6.first_memory(rating)
        self._memory[question] = memory, now
        days = fsrs6.interval(memory.stability, self.RETENTION)
        self._due[question] = now + (max(days, 1.0) * DAY if right else TEN_MINUTES)


class _OldestMissed:
    """The pool of the seed's rule in 20% of draws: missed questions, two right answers each."""

    SHARE = 0.2

    def __init__(self, questions: int) -> None:
        self._unseen = set(range(questions))
        self._pool: deque[int] = deque()
        self._tries: dict[int, int] = {}
        self._random = np.random.default_rng(questions)

    def review(self, last: int | None) -> int | None:
        """Return a missed question in 20% of calls, and always when nothing is new."""
        if self._unseen and self._random.random() >= self.SHARE:
            return None
        return next((each for each in self._pool if each != last), None)

    def answered(self, question: int, now: float, *, right: bool) -> None:
        del now
        self._unseen.discard(question)
        if right and question in self._tries:
            self._tries[question] -= 1
        if question in self._tries and (not right or not self._tries[question]):
            del self._tries[question]
            self._pool.remove(question)
        if not right:
            self._tries[question] = 2
            self._pool.append(question)


def other_than(last: int | None, questions: int, random: np.random.Generator) -> int:
    """Return a question other than the last one, with equal probability."""
    if last is None:
        return int(random.integers(questions))
    return int(last + 1 + random.integers(questions - 1)) % questions


class EloTargeted(_OldestMissed):
    """New questions of a difficulty that the learner gets right in 85% of cases, by Elo rating."""

    TARGET, STEP = 0.85, 0.4

    def __init__(self, questions: int, difficulty: Vector) -> None:
        super().__init__(questions)
        self._difficulty, self._ability = difficulty, 1.0

    def _expected(self, question: int) -> float:
        return float(1 / (1 + exp(self._difficulty[question] - self._ability)))

    def choose(self, now: float, last: int | None) -> int:
        del now
        owed = self.review(last)
        if owed is not None:
            return owed
        if self._unseen:
            return min(self._unseen, key=lambda each: abs(self._expected(each) - self.TARGET))
        return other_than(last, len(self._difficulty), self._random)

    def answered(self, question: int, now: float, *, right: bool) -> None:
        if question in self._unseen:
            self._ability += self.STEP * (right - self._expected(question))
        super().answered(question, now, right=right)


class Uniform:
    """Any question of the bank, with equal probability."""

    def __init__(self, questions: int) -> None:
        self._questions, self._random = questions, np.random.default_rng(questions)

    def choose(self, now: float, last: int | None) -> int:
        del now
        return other_than(last, self._questions, self._random)

    def answered(self, question: int, now: float, *, right: bool) -> None:
        """Learn nothing from it."""


class Policy(NamedTuple):
    """A policy by name; a `schedule` is made from the number of questions and difficulties."""

    name: str
    spacing: Spacing | None = None
    schedule: Callable[[int, Vector], Schedule] | None = None


RATIO = Policy("RATIO 20")
SPACED = Policy("SPACED 50", Spacing())
LIMITED = Policy("SPACED 50, limit 16", Spacing(pending_limit=16))
SOON = Policy(
    "SPACED 50, limit 16, lags 8 and 100",
    Spacing(first_lag=8, second_lag=100, pending_limit=16),
)
"""A sooner first review and a later second one, chosen on seeds 400 to 409."""
PRODUCT = (RATIO, SPACED, LIMITED, SOON)
OTHERS = (
    Policy("Leitner", schedule=lambda questions, _: Leitner(questions)),
    Policy("SM-2", schedule=lambda questions, _: SM2(questions)),
    Policy("FSRS-6 on everything", schedule=lambda questions, _: FSRSOnEverything(questions)),
    Policy("Difficulty at 85%", schedule=EloTargeted),
    Policy("Random", schedule=lambda questions, _: Uniform(questions)),
)
POLICIES = (*PRODUCT, *OTHERS)
"""All of them, the product's first."""


def ordinal(identifier: str) -> int:
    """Return the number of a question of the laboratory's bank."""
    return int(identifier.rpartition(":")[2])


def bank(questions: int) -> dict[str, Question]:
    """Return a bank of questions with four choices, the first of them right."""
    choices = tuple(Choice(str(each), correct=each == 0) for each in range(CHOICES))
    ids = (question_id(CATEGORY, each) for each in range(questions))
    return {each: Question(question_id=each, version=1, text="", choices=choices) for each in ids}


def begin(
    policy: Policy, questions: Mapping[str, Question], difficulty: Vector, seed: int
) -> ProductPlay | ScheduledPlay:
    """Start a session of a policy over the whole bank."""
    size = len(questions)
    session = new_session(
        user_id="learner",
        session_id="0" * 27,
        name="",
        seed=seed.to_bytes(16),
        sources=[Source(category=CATEGORY, question_count=size, size=size, left=size)],
        wrong_answer_percentage=20,
        now=0,
    )
    if policy.schedule:
        return ScheduledPlay(session, questions, policy.schedule(size, difficulty))
    return ProductPlay(with_spacing(session, policy.spacing), questions)
