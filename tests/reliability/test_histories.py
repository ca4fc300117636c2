"""Exactly once: whatever fails under many clients, the tables say what was acknowledged."""

import os
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from domain.session.state import Status
from tests.integration.stage import InvokedStage
from tests.reliability.history import World, bank_drafts
from tests.reliability.judge import Judge, rows_of

HISTORIES = int(os.environ.get("RELIABILITY_HISTORIES", "15"))
SEED = os.environ.get("RELIABILITY_SEED")


def seeds() -> Iterator[int]:
    yield from [int(SEED)] if SEED else range(HISTORIES)


def play(stage: InvokedStage, seed: int) -> tuple[World, Judge]:
    world = World(stage, seed)
    world.play()
    return world, Judge(world, rows_of(stage, world.user))


@pytest.fixture
def bank(stage: InvokedStage) -> InvokedStage:
    stage.pauses()
    stage.save(*bank_drafts())
    return stage


@pytest.mark.slow
def test_whatever_fails_each_acknowledged_answer_counts_once(
    bank: InvokedStage, record_property: Callable[[str, object], None]
) -> None:
    questions = bank.rows("questions")
    met: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for seed in seeds():
        try:
            world, judge = play(bank, seed)
            verdict = judge.judge()
        except AssertionError as error:
            raise AssertionError(f"RELIABILITY_SEED={seed}: {error}") from error
        met += world.chaos.met
        totals += Counter(
            {
                "histories": 1,
                "of them with clients really at once": world.free,
                "of them going on a month later": world.expires,
                "operations": len(world.requests),
                "requests": sum(len(each.calls) for each in world.requests),
                "calls to the database": world.chaos.calls,
                "answers that counted": verdict.answers,
                "sessions": verdict.sessions,
                "reviews": judge.reviews,
                "orders tried": verdict.orders,
            }
        )
    assert bank.rows("questions") == questions
    assert_each_start_is_counted(bank)
    for name, number in {**totals, **met}.items():
        record_property(name, number)
    if not SEED:
        assert 0.2 < met.total() / totals["calls to the database"] < 0.3


def assert_each_start_is_counted(stage: InvokedStage) -> None:
    """Users items have counts of starts alone, and no session in progress is missing from them."""
    in_progress = Counter(
        row["userId"]["S"]
        for row in stage.rows("sessions")
        if row.get("status", {}).get("S") in (Status.ACTIVE, Status.PAUSED)
    )
    counts = {row["userId"]["S"]: row for row in stage.rows("users")}
    assert in_progress.keys() <= counts.keys()
    for user, row in counts.items():
        assert row.keys() == {"userId", "starts", "startDay", "unfinished"}
        assert int(row["unfinished"]["N"]) >= in_progress[user]


def test_a_history_plays_the_same_again_from_its_seed(bank: InvokedStage) -> None:
    played = []
    for user in ("first", "second"):
        world = World(bank, seed=7, user=user)
        world.play()
        played.append(
            [
                (request.operation, request.body, [(c.now, c.status) for c in request.calls])
                for request in world.requests
            ]
        )
    assert played[0] == played[1]
