"""Plays simulated learners through a course, and measures what they know afterwards."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from typing import NamedTuple

import numpy as np

from ops.lab.learners import CHOICES, DAY, GUESS, MODELS, SLIP, Learner, Person, Steady, person
from ops.lab.policies import POLICIES, Policy, ProductPlay, bank, begin, ordinal

SECONDS_AN_ANSWER = 20.0
HORIZONS = (7, 30)
"""Days after the last one at which recall is measured."""


class Course(NamedTuple):
    """How long and how much a learner plays; no `days` is one sitting to the session's end."""

    questions: int = 300
    answers_a_day: int = 30
    days: int | None = 14


class Result(NamedTuple):
    """One learner under one policy.

    Attributes:
        policy: name of the policy.
        model: name of the learner's model of memory.
        error: rate of wrong first tries of the average learner.
        seed: the learner.
        answers: answers given, wrong ones included.
        known: questions recalled at the first horizon, more than without the course.
        missed_recall: mean recall of the questions missed at least once, at each horizon.
        stranded: questions that were missed and never asked again later.
        waits: answers between a miss that was put right and the first review.
        covered: share of the bank that was asked at all.
        deepest: greatest number of pool entries.
        refills: reads of the pool beyond the head.
    """

    policy: str
    model: str
    error: float
    seed: int
    answers: int
    known: float
    missed_recall: tuple[float, ...]
    stranded: int
    waits: tuple[int, ...]
    covered: float
    deepest: int
    refills: int


class _Diary:
    """Presentations of a course: when each question was missed, and when it was asked again."""

    def __init__(self) -> None:
        self.presentations: dict[int, int] = {}
        self.waiting: dict[int, int] = {}
        self.missed: set[int] = set()
        self.waits: list[int] = []

    def asked(self, question: int, answer: int) -> int:
        """Note that a question is asked at this answer; return how often it was before."""
        since = self.waiting.pop(question, None)
        if since is not None:
            self.waits.append(answer - since)
        before = self.presentations.get(question, 0)
        self.presentations[question] = before + 1
        return before

    def put_right(self, question: int, answer: int) -> None:
        """Note that a missed question was put right at this answer."""
        self.missed.add(question)
        self.waiting[question] = answer


def times(course: Course) -> Iterator[float]:
    """Yield the time of each answer of a course, in seconds."""
    if course.days is None:
        number = 0
        while True:
            yield SECONDS_AN_ANSWER * number
            number += 1
    for day, answer in product(range(course.days), range(course.answers_a_day)):
        yield day * DAY + answer * SECONDS_AN_ANSWER


def play(policy: Policy, learner: Learner, who: Person, course: Course, seed: int) -> "_Played":
    """Play a course, presentation by presentation."""
    session = begin(policy, bank(course.questions), who.difficulty, seed)
    diary, deepest, answers, now = _Diary(), 0, 0, 0.0
    clock = iter(times(course))
    while (turn := session.session.turn) is not None and (at := next(clock, None)) is not None:
        now = at
        answers += 1
        question = ordinal(turn.question_id)
        luck = who.luck[question, diary.asked(question, answers) % who.luck.shape[1]]
        recalled = bool(luck[0] < learner.recall(question, now))
        right = bool(luck[1] >= SLIP) if recalled else bool(luck[1] < GUESS)
        session.submit(right=right, now=now)
        if not right:
            # The choices tried already are left out, so a retry is a guess among fewer.
            retries = 1 + int(luck[2] * (CHOICES - 1))
            for left in range(retries, 0, -1):
                if (at := next(clock, None)) is None:
                    break
                now, answers = at, answers + 1
                session.submit(right=left == 1, now=now)
            else:
                diary.put_right(question, answers)
        learner.learned(question, now, recalled=recalled)
        deepest = max(deepest, session.session.pool.entries)
    refills = session.refills if isinstance(session, ProductPlay) else 0
    return _Played(diary, answers, deepest, refills, now)


class _Played(NamedTuple):
    diary: _Diary
    answers: int
    deepest: int
    refills: int
    ended: float


def measure(policy: Policy, model: str, error: float, seed: int, course: Course) -> Result:
    """Play one learner through a course, and measure it."""
    who = person(seed, course.questions, error)
    learner, untaught = MODELS[model](who), MODELS[model](who)
    played = play(policy, learner, who, course, seed)
    diary = played.diary
    last_day = played.ended if course.days is None else course.days * DAY
    later = [last_day + days * DAY for days in HORIZONS]
    everything = range(course.questions)
    known = sum(learner.recall(q, later[0]) - untaught.recall(q, later[0]) for q in everything)
    recall = [float(np.mean([learner.recall(q, at) for q in diary.missed] or [0])) for at in later]
    return Result(
        policy=policy.name,
        model=model,
        error=error,
        seed=seed,
        answers=played.answers,
        known=known,
        missed_recall=tuple(recall),
        stranded=len(diary.waiting),
        waits=tuple(diary.waits),
        covered=len(diary.presentations) / course.questions,
        deepest=played.deepest,
        refills=played.refills,
    )


def measure_all(
    policies: Iterable[Policy],
    seeds: Iterable[int],
    errors: Iterable[float],
    course: Course,
    processes: int = 1,
) -> list[Result]:
    """Measure every policy on the same learners: models, error rates and seeds crossed."""
    cells = list(product(policies, MODELS, errors, seeds))
    policy, model, error, seed = zip(*cells, strict=True)
    courses = [course] * len(cells)
    if processes == 1:
        return list(map(measure, policy, model, error, seed, courses))
    with ProcessPoolExecutor(processes) as pool:
        # Policies hold functions that cannot be sent to another process: send their places.
        places = [POLICIES.index(each) for each in policy]
        return list(pool.map(_measure_place, places, model, error, seed, courses, chunksize=8))


def _measure_place(place: int, model: str, error: float, seed: int, course: Course) -> Result:
    return measure(POLICIES[place], model, error, seed, course)


class Marathon(NamedTuple):
    """A session of a large bank to its end, by a learner of constant rates.

    `depths` are (answers given, pool entries) on the way.
    """

    policy: str
    answers: int
    deepest: int
    refills: int
    wait: float
    depths: tuple[tuple[int, int], ...]


def marathon(policy: Policy, questions: int, error: float, seed: int) -> Marathon:
    """Play a large bank to its end; `wait` is the 90th percentile until a first review."""
    random = np.random.default_rng([seed, questions])
    learner = Steady(error)
    session = begin(policy, bank(questions), np.zeros(questions), seed)
    diary, deepest, answers = _Diary(), 0, 0
    depths = []
    while (turn := session.session.turn) is not None:
        answers += 1
        question = ordinal(turn.question_id)
        diary.asked(question, answers)
        right = bool(random.random() < learner.recall(question, 0.0))  # nosec B311
        learner.learned(question, 0.0, recalled=right)
        session.submit(right=right, now=SECONDS_AN_ANSWER * answers)
        if not right:
            for left in range(1 + int(random.integers(CHOICES - 1)), 0, -1):
                answers += 1
                session.submit(right=left == 1, now=SECONDS_AN_ANSWER * answers)
            diary.put_right(question, answers)
        entries = session.session.pool.entries
        deepest = max(deepest, entries)
        depths.append((answers, entries))
    refills = session.refills if isinstance(session, ProductPlay) else 0
    step = max(1, len(depths) // 400)
    wait = float(np.percentile(diary.waits, 90))
    return Marathon(policy.name, answers, deepest, refills, wait, tuple(depths[::step]))
