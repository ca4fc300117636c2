"""The parts of a turn, ours beside the naive quiz's. In a group of two, the ratio counts.

On their own, some parts of ours cost more than the naive ones: choice ids are made from the seed
and an order is a number, so that neither has to be kept. test_handler.py measures the gain.
"""

from collections.abc import Callable
from itertools import cycle
from random import Random
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from pytest_benchmark.fixture import BenchmarkFixture

from domain.question import Choice, Question, question_id
from domain.session.drawing import FreshDraw, RefillNeeded, advance, next_draw
from domain.session.effects import EntrySaved, ProgressChange
from domain.session.permutation import permuted
from domain.session.pool import HEAD_CAPACITY, PoolEntry
from domain.session.presentation import choice_ids, choice_order
from domain.session.state import Session
from domain.session.submission import SubmittedAnswer, selected_choices
from lambdas.shared.playing import save_turn
from lambdas.shared.store.sessions import item_from_session, session_from_item
from tests.integration.stage import InvokedStage
from tests.performance.contenders import (
    CATEGORY,
    Naive,
    begun_session,
    blank_session,
    naive_ids,
    seed_entries,
)

pytestmark = pytest.mark.benchmark
POOL = 10_000
PENDING = 500
CHOICES = tuple(Choice(str(n), n == 0) for n in range(4))


def question(identifier: str) -> Question:
    return Question(question_id=identifier, version=1, text="", choices=CHOICES)


def measured(benchmark: BenchmarkFixture, group: str, run: Callable[..., Any], *given: Any) -> Any:
    benchmark.group = group
    return benchmark(run, *given)


@pytest.fixture
def session() -> Session:
    return blank_session("ada", POOL)


@pytest.fixture
def showing(session: Session) -> Session:
    def bank(ids: tuple[str, ...]) -> dict[str, Question]:
        return {each: question(each) for each in ids}

    return advance(session, bank, lambda _: ((), True)).session


@pytest.fixture
def ids() -> list[str]:
    return [question_id(CATEGORY, ordinal) for ordinal in range(POOL)]


KEY = b"0123456789abcdef"


def drawing(size: int) -> str:
    """The group of a benchmark: ours is to take at most 12 µs, whatever the size."""
    return f"drawing one of {size:,} questions, without replacement"


SELECTION = "selecting the next of 10,000 questions, the rule alone"


def test_selection_ours(benchmark: BenchmarkFixture, session: Session) -> None:
    assert isinstance(measured(benchmark, SELECTION, next_draw, session), FreshDraw)


def test_selection_naive(benchmark: BenchmarkFixture, ids: list[str]) -> None:
    random = Random(1)

    def draw() -> str:
        drawn = ids.pop(random.randrange(len(ids)))
        ids.append(drawn)  # so that any number of rounds draws from as many
        return drawn

    assert measured(benchmark, SELECTION, draw).startswith(CATEGORY)


@pytest.mark.parametrize("size", [10_000, 1_000_000])
def test_drawing_without_replacement_ours(benchmark: BenchmarkFixture, size: int) -> None:
    at = cycle(range(size))
    drawn = measured(
        benchmark, drawing(size), lambda: permuted(next(at), size, KEY, CATEGORY.encode())
    )
    assert drawn in range(size)


@pytest.mark.parametrize("size", [10_000, 1_000_000])
def test_drawing_without_replacement_naive(benchmark: BenchmarkFixture, size: int) -> None:
    remaining, random = list(range(size)), Random(1)

    def draw() -> int:
        drawn = remaining.pop(random.randrange(len(remaining)))
        remaining.append(drawn)
        return drawn

    assert measured(benchmark, drawing(size), draw) in range(size)


STATE = "a session of 10,000 questions from its item and back"


def test_state_ours(benchmark: BenchmarkFixture, showing: Session) -> None:
    item = item_from_session(showing)
    again = measured(benchmark, STATE, lambda: item_from_session(session_from_item(item)))
    assert again == item


def test_state_naive(benchmark: BenchmarkFixture, ids: list[str]) -> None:
    def again(item: Any) -> Any:
        plain = {name: TypeDeserializer().deserialize(value) for name, value in item.items()}
        return {name: TypeSerializer().serialize(value) for name, value in plain.items()}

    item = {"remaining": TypeSerializer().serialize(ids)}
    assert measured(benchmark, STATE, again, item) == item


GRADING = "grading, the rule alone"


def test_grading_ours(benchmark: BenchmarkFixture, showing: Session) -> None:
    assert showing.turn
    shown = question(showing.turn.question_id)
    identifier = choice_ids(showing.seed, 1, 1, len(CHOICES))[0]
    chosen = SubmittedAnswer(shown.question_id, 1, (identifier,))

    def grade() -> bool:
        return selected_choices(showing, shown, chosen) == shown.correct_choices

    assert measured(benchmark, GRADING, grade)


def test_grading_naive(benchmark: BenchmarkFixture) -> None:
    order = [2, 0, 3, 1]

    def grade() -> bool:
        right = {str(place) for place, index in enumerate(order) if CHOICES[index].correct}
        return {"1"} == right

    assert measured(benchmark, GRADING, grade)


SAMPLING = "sampling: beginning a session of 10,000 questions"


def test_sampling_ours(benchmark: BenchmarkFixture) -> None:
    assert measured(benchmark, SAMPLING, blank_session, "ada", POOL).fresh_left == POOL + 1


def test_sampling_naive(benchmark: BenchmarkFixture, ids: list[str]) -> None:
    random = Random(1)
    assert len(measured(benchmark, SAMPLING, random.sample, ids, POOL)) == POOL


SHUFFLING = "shuffling four choices otherwise than before"


def test_shuffling_ours(benchmark: BenchmarkFixture) -> None:
    before = (2, 0, 3, 1)
    seed = b"0123456789abcdef"
    order = measured(benchmark, SHUFFLING, choice_order, CHOICES, seed, 7, before)
    assert sorted(order) == [0, 1, 2, 3]
    assert order != before


def test_shuffling_naive(benchmark: BenchmarkFixture) -> None:
    before, random = [2, 0, 3, 1], Random(1)

    def shuffle() -> list[int]:
        order = list(range(4))
        while True:
            random.shuffle(order)
            if order != before:
                return order

    assert measured(benchmark, SHUFFLING, shuffle) != before


UPDATE = "updating a session of 10,000 questions, its writes on the engine"


def test_session_update_ours(benchmark: BenchmarkFixture, here: InvokedStage) -> None:
    session = blank_session("ada", POOL)
    here.services.sessions.save(session, expected_version=None)
    at = iter(range(1, 1_000_000_000))

    def update() -> None:
        entry = PoolEntry(next(at), f"{CATEGORY}:000000")
        change = ProgressChange(
            session_id=session.session_id,
            number=1,
            right_before=0,
            pool_entries=0,
            question_id=entry.question_id,
            version=1,
            correct=True,
            mastered=None,
            selected=(0,),
            time_spent=1,
            at=1,
        )
        queued = EntrySaved(entry, (0, 1, 2, 3), new=True)
        version = session.version
        save_turn(here.services, session, [queued], change, expected_version=version)

    measured(benchmark, UPDATE, update)
    assert len(here.rows("wrong_answers")) > 1


def test_session_update_naive(benchmark: BenchmarkFixture, here: InvokedStage) -> None:
    quiz = Naive(here).quiz
    quiz.start("ada", "s", naive_ids(here, POOL))
    session = quiz.session("ada", "s")

    def update() -> None:
        here.clock.advance(1)
        quiz.write_turn(session)

    measured(benchmark, UPDATE, update)
    assert len(here.rows("wrong_answers")) > 1


REFILL = "reading on in a wrong-answer pool of 500"


def test_refill_ours(benchmark: BenchmarkFixture, here: InvokedStage) -> None:
    session = blank_session("ada", POOL)
    entries = seed_entries(here, session, PENDING)
    needed = RefillNeeded(entries[HEAD_CAPACITY - 1].key, HEAD_CAPACITY)
    found, exhausted = measured(
        benchmark, REFILL, here.services.wrong_answers.newer, session, needed
    )
    assert (len(found), exhausted) == (HEAD_CAPACITY, False)


def test_refill_naive(benchmark: BenchmarkFixture, here: InvokedStage) -> None:
    session = blank_session("ada", POOL)
    seed_entries(here, session, PENDING)
    own = {"userId": "ada", "sessionId": session.session_id}
    found = measured(benchmark, REFILL, Naive(here).quiz.entries, own)
    assert len(found) == PENDING


START = "starting a session of 10,000 questions, on the engine"


def test_start_ours(benchmark: BenchmarkFixture, here: InvokedStage) -> None:
    first = begun_session(here, "ada", POOL, 0)
    assert first.turn
    numbers = iter(range(1_000_000))

    def start() -> None:
        session = blank_session(f"ada-{next(numbers)}", POOL)
        advanced = advance(session, here.services.bank.get, lambda _: ((), True))
        here.services.sessions.save(advanced.session, expected_version=None)

    measured(benchmark, START, start)
    assert len(here.rows("sessions")) > 1


def test_start_naive(benchmark: BenchmarkFixture, here: InvokedStage) -> None:
    quiz, numbers = Naive(here).quiz, iter(range(1_000_000))
    ids = naive_ids(here, POOL)
    measured(benchmark, START, lambda: quiz.start(f"ada-{next(numbers)}", "s", ids))
    assert here.rows("sessions")
