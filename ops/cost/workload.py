"""Learners' activity in a month, and the demand on each service: counts, no prices."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from domain.session.pool import HEAD_CAPACITY
from lambdas.contract.delivery import DELIVERY
from ops.cost.budgets import (
    FRESH_AND_RIGHT,
    GET_QUESTION,
    POOL_CHANGES,
    POOL_ENTRY_STARTS_AGAIN,
    QUESTIONS_NOT_IN_MEMORY,
    REFILLED,
    REPEATED_ANSWER,
    ROUTE_BUDGETS,
    START_SESSION_WITH_KEY,
    WRONG,
)

MONTH_SECONDS = 30.4 * 24 * 3600

PLATFORM_LOG_BYTES = 265
"""START, END and REPORT, which Lambda adds to each invocation."""

TRACED_LOG_BYTES = 95
"""Bytes that REPORT adds where X-Ray samples a call."""

ACCESS_LOG_BYTES = 300
"""The gateway's line, by its format."""

AUDIT_BYTES = 290
"""The audit record of a request of play, or of a list."""

COUNTING_LOG_BYTES = 2_000
"""The line of a batch: up to 100 samples each of two figures."""

LOG_EVENTS = 6
"""Log events of a request: its line, its audit record, the gateway's, and three of Lambda's."""

RESPONSE_BYTES = ROUTE_BUDGETS["submitAnswer"].response_bytes + 300
"""The largest body of play, and headers."""

PROGRESS_ITEM_BYTES = 300
POOL_ENTRY_BYTES = 300
SESSION_ITEM_BYTES = 900
"""With DynamoDB's 100 bytes an item."""

LIST = "listSessions"
"""The dearest of a learner's lists stands for all."""


class AnswerMix(NamedTuple):
    """Answers for each fresh question, by what they cost."""

    fresh_right: float
    wrong: float
    pool: float
    again: float

    @property
    def answers(self) -> float:
        """All of them."""
        return sum(self)


def answer_mix(error_rate: float) -> AnswerMix:
    """Return what a session that is played to its end comes to, each answer wrong at one rate.

    An entry of the pool with two tries is left by a right answer to one, with one to none; a wrong
    answer, once it is put right, brings it back to two. So entries are shown 1/(1-e)^2 times at two
    tries and 1/(1-e) times at one, and a miss takes 1/(1-e) wrong answers.

    Raises:
        ValueError: nobody who is always wrong comes to an end.
    """
    if not 0 <= error_rate < 1:
        raise ValueError(f"an error rate of {error_rate}")
    right = 1 - error_rate
    shown = 1 / right + 1 / right**2
    missed = 1 + error_rate * shown
    return AnswerMix(
        fresh_right=right,
        wrong=error_rate * missed / right,
        pool=error_rate * (1 + right * shown),
        again=error_rate * error_rate * shown,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A learner's month.

    `seconds_per_answer` is within a session; `peak` how many times the mean rate the busiest hour
    has; `cached` the share of questions found in memory.
    """

    answers: float = 1_500
    error_rate: float = 0.2
    sessions: float = 30
    reloads: float = 45
    lists: float = 120
    repeats: float = 15
    seconds_per_answer: float = 20
    cached: float = 0.9
    peak: float = 5
    months_kept: float = 12
    bank: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A month of all learners together; `by_operation` are their requests."""

    learners: int
    by_operation: Mapping[str, float]
    answers: float
    sessions: float
    read_units: float
    write_units: float
    counting_write_units: float
    counting_calls: float
    stored_bytes: float
    profile: Profile

    @property
    def requests(self) -> float:
        """All of them."""
        return sum(self.by_operation.values())

    @property
    def peak_requests(self) -> float:
        """A second, in the busiest hour."""
        return self.profile.peak * self.requests / MONTH_SECONDS

    @property
    def peak_answers(self) -> float:
        """A second, in the busiest hour."""
        return self.profile.peak * self.answers / MONTH_SECONDS

    @property
    def active_at_once(self) -> float:
        """Learners in a session, in the busiest hour."""
        return self.peak_answers * self.profile.seconds_per_answer


class MeanCost(NamedTuple):
    """As CallCost, in the mean of many calls."""

    round_trips: float
    read_units: float
    write_units: float


def answer_cost(profile: Profile) -> MeanCost:
    """Return the mean cost of an answer, refills and questions not in memory included."""
    mix = answer_mix(profile.error_rate)
    each = (
        (mix.fresh_right, FRESH_AND_RIGHT),
        (mix.wrong, WRONG),
        (mix.pool * (1 - 1 / HEAD_CAPACITY), POOL_CHANGES),
        (mix.pool / HEAD_CAPACITY, REFILLED),
        (mix.again, POOL_ENTRY_STARTS_AGAIN),
    )
    trips, reads, writes = (
        sum(share * cost[place] for share, cost in each) / mix.answers for place in range(3)
    )
    missing = 1 - profile.cached
    return MeanCost(
        trips + missing * QUESTIONS_NOT_IN_MEMORY.round_trips,
        reads + missing * QUESTIONS_NOT_IN_MEMORY.read_units,
        writes,
    )


SHARDS = 4
"""Shards of a new table's stream: a partition each."""


class Counting(NamedTuple):
    """Work of the stream's consumer for an answer; `batch` is its answers a call."""

    batch: float
    items: float

    @property
    def write_units(self) -> float:
        """A transaction's write of an item of up to 1 KB is two."""
        return 2 * self.items

    @property
    def read_units(self) -> float:
        """Each item is read before, strongly consistent."""
        return self.items


def counting(profile: Profile, answers_a_second: float, window: float) -> Counting:
    """Return the mean cost of counting an answer, at a rate in the hours learners are there.

    A batch holds what came of one shard since a first answer opened its window, which ends early
    when the batch is full. It touches one item for each learner in it, totals and the day's ledger
    together, and one for each question. With learners in a session at moments that do not
    depend on the others' (a Poisson process), a share has answered by then. An answer after a wrong
    one is to the same question.
    """
    of_shard = answers_a_second / SHARDS
    batch = min(float(DELIVERY.batch_size), 1 + of_shard * window)
    waited = (batch - 1) / of_shard if of_shard else 0.0
    others = max(0.0, of_shard * profile.seconds_per_answer - 1)
    learners = 1 - others * math.expm1(-waited / profile.seconds_per_answer)
    again = (batch - learners) * profile.error_rate
    questions = profile.bank * (1 - (1 - 1 / profile.bank) ** (batch - again))
    return Counting(batch, (learners + questions) / batch)


def demand(learners: int, profile: Profile, window: float = DELIVERY.window_seconds) -> Demand:
    """Return what that many learners ask of the system in a month."""
    answer = answer_cost(profile)
    # Most answers are given in hours busier than the mean.
    rate = learners * profile.answers / MONTH_SECONDS * profile.peak / 2
    counted = counting(profile, rate, window)
    others = (
        ("startSession", profile.sessions, START_SESSION_WITH_KEY),
        ("getQuestion", profile.reloads + profile.sessions, GET_QUESTION),
        ("submitAnswer", profile.repeats, REPEATED_ANSWER),
        (LIST, profile.lists, ROUTE_BUDGETS[LIST].cost),
    )
    answers = learners * profile.answers
    by_operation = {operation: learners * number for operation, number, _ in others}
    by_operation["submitAnswer"] += answers
    learned = profile.answers / answer_mix(profile.error_rate).answers
    return Demand(
        learners=learners,
        by_operation=by_operation,
        answers=answers,
        sessions=learners * profile.sessions,
        read_units=answers * (answer.read_units + counted.read_units)
        + learners * sum(number * cost.read_units for _, number, cost in others),
        write_units=answers * answer.write_units
        + learners * sum(number * cost.write_units for _, number, cost in others),
        # A session is on a day of its own, whose ledger is put away when the next one begins.
        counting_write_units=answers * counted.write_units + 2 * learners * profile.sessions,
        counting_calls=answers / counted.batch,
        stored_bytes=learners
        * profile.months_kept
        * (learned * PROGRESS_ITEM_BYTES + profile.sessions * SESSION_ITEM_BYTES),
        profile=profile,
    )


def logged_bytes(month: Demand) -> float:
    """Return bytes of logs: of functions, their audit, the gateway. Traces add to them."""
    lines = sum(
        number * ROUTE_BUDGETS[operation].log_bytes
        for operation, number in month.by_operation.items()
    )
    beside = AUDIT_BYTES + ACCESS_LOG_BYTES + PLATFORM_LOG_BYTES
    counted = COUNTING_LOG_BYTES + PLATFORM_LOG_BYTES
    return lines + month.requests * beside + month.counting_calls * counted
