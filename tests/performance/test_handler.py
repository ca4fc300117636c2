"""Whole handlers, from proxy event to proxy response, ours beside the naive quiz's.

With 10,000 questions and 50 pending corrections. On the engine each round is a new turn; without
latency, one request is repeated, its calls answered with what the engine answered at first.
"""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.integration.stage import InvokedStage
from tests.performance.contenders import (
    Contender,
    Naive,
    Ours,
    Tape,
)

pytestmark = pytest.mark.benchmark
POOL = 10_000
PENDING = 50
ROUNDS = 60
CONTENDERS: dict[str, Callable[[InvokedStage], Contender]] = {"ours": Ours, "naive": Naive}


@pytest.fixture(params=CONTENDERS)
def contender(request: pytest.FixtureRequest, here: InvokedStage) -> Contender:
    contender = CONTENDERS[request.param](here)
    contender.begin(POOL, PENDING)
    return contender


def test_question_on_the_engine(benchmark: BenchmarkFixture, contender: Contender) -> None:
    benchmark.group = "GET question, on the engine"
    event = contender.showing()
    result = benchmark.pedantic(contender.show, args=(event,), rounds=ROUNDS)
    assert result["statusCode"] == 200


def test_answer_on_the_engine(benchmark: BenchmarkFixture, contender: Contender) -> None:
    benchmark.group = "POST answer, on the engine"
    turns = iter(range(ROUNDS + 1))

    def next_turn() -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (contender.answering(right=next(turns) % 5 != 3),), {}

    def answer(event: Any) -> Any:
        result = contender.answer(event)
        contender.go_on(result)
        return result

    result = benchmark.pedantic(answer, setup=next_turn, rounds=ROUNDS)
    assert result["statusCode"] == 200


def test_question_without_latency(benchmark: BenchmarkFixture, contender: Contender) -> None:
    benchmark.group = "GET question, without latency"
    again(benchmark, contender.client, contender.show, contender.showing())


def test_answer_without_latency(benchmark: BenchmarkFixture, contender: Contender) -> None:
    benchmark.group = "POST answer, without latency"
    # A wrong one: it comes to the same calls each time, whatever is drawn.
    again(benchmark, contender.client, contender.answer, contender.answering(right=False))


def again(benchmark: BenchmarkFixture, client: Any, handle: Any, event: Any) -> None:
    tape = Tape(client)
    with tape.recording():
        handle(event)
    with tape.playing():
        result = benchmark.pedantic(handle, args=(event,), rounds=ROUNDS, warmup_rounds=2)
    assert result["statusCode"] == 200
