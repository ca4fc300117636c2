"""The bank's cache, over a table that is in the test's hands."""

from collections.abc import Sequence
from random import Random
from sys import getsizeof
from typing import TYPE_CHECKING, cast

import pytest

from domain.question import Choice, Question
from lambdas.shared.bank import FRESH_FOR, Bank

if TYPE_CHECKING:
    from lambdas.shared.store.questions import QuestionsTable

ROOMY = 10_000_000


class Table:
    """A table whose eventually consistent reads miss the questions that are `late`."""

    def __init__(self, *questions: Question) -> None:
        self.stored = {question.question_id: question for question in questions}
        self.late: set[str] = set()
        self.calls: list[tuple[list[str], bool]] = []

    def put(self, question: Question) -> None:
        self.stored[question.question_id] = question

    def questions(self, ids: Sequence[str], *, consistent: bool = False) -> dict[str, Question]:
        self.calls.append((list(ids), consistent))
        seen = set(ids) - (set() if consistent else self.late)
        return {each: self.stored[each] for each in ids if each in seen and each in self.stored}


class Clock:
    now = 1_000_000

    def __call__(self) -> int:
        return self.now


def question(number: int, *, text: str = "Where?", version: int = 1) -> Question:
    return Question(
        question_id=identifier(number),
        version=version,
        text=text,
        choices=(Choice("here", correct=True), Choice("there", correct=False)),
    )


def identifier(number: int) -> str:
    return f"geography:{number:06d}"


def ids(*numbers: int) -> list[str]:
    return [identifier(number) for number in numbers]


def bank(table: Table, capacity: int = ROOMY, clock: Clock | None = None) -> Bank:
    return Bank(cast("QuestionsTable", table), clock or Clock(), capacity)


def _holds_one(capacity: int) -> bool:
    subject = bank(Table(question(0)), capacity)
    subject.get(ids(0))
    return subject.cached(identifier(0)) is not None


def held(subject: Bank, *numbers: int) -> list[int]:
    """Which of these are in memory; looking counts as use, in this order."""
    return [number for number in numbers if subject.cached(identifier(number))]


@pytest.fixture(scope="module")
def size_of_one() -> int:
    low, high = 0, ROOMY
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _holds_one(middle) else (middle, high)
    return high


def test_questions_in_memory_are_not_read_again() -> None:
    table = Table(question(1), question(2))
    subject = bank(table)
    first = subject.get(ids(1, 2))
    assert subject.get(ids(2, 1)) == first == table.stored
    assert table.calls == [(ids(1, 2), False)]


def test_only_what_is_not_in_memory_is_read() -> None:
    table = Table(*map(question, range(3)))
    subject = bank(table)
    subject.get(ids(1))
    subject.get(ids(0, 1, 2))
    assert table.calls[1:] == [(ids(0, 2), False)]


def test_a_question_wanted_twice_is_read_once() -> None:
    table = Table(question(1))
    assert bank(table).get(ids(1, 1, 1)) == table.stored
    assert table.calls == [(ids(1), False)]


def test_nothing_wanted_is_nothing_read() -> None:
    table = Table()
    assert bank(table).get([]) == {}
    assert table.calls == []


def test_a_question_that_seems_missing_is_read_again_consistently() -> None:
    table = Table(question(1), question(2))
    table.late = {identifier(2)}
    assert bank(table).get(ids(1, 2)) == table.stored
    assert table.calls == [(ids(1, 2), False), (ids(2), True)]


def test_all_that_seem_missing_are_read_again_in_one_call() -> None:
    table = Table(*map(question, range(4)))
    table.late = set(ids(0, 2, 3))
    assert bank(table).get(ids(0, 1, 2, 3)) == table.stored
    assert table.calls[1:] == [(ids(0, 2, 3), True)]


def test_a_question_found_at_the_second_look_is_kept() -> None:
    table = Table(question(1))
    table.late = set(ids(1))
    subject = bank(table)
    subject.get(ids(1))
    subject.get(ids(1))
    assert len(table.calls) == 2


def test_that_a_question_is_missing_is_not_remembered() -> None:
    table = Table()
    subject = bank(table)
    assert subject.get(ids(1)) == {}
    table.put(question(1))
    assert subject.get(ids(1)) == table.stored


def test_a_question_is_fresh_for_its_time_and_read_again_after_it() -> None:
    table, clock = Table(question(1)), Clock()
    subject = bank(table, clock=clock)
    subject.get(ids(1))
    table.put(question(1, version=2))

    clock.now += FRESH_FOR - 1
    assert subject.get(ids(1))[identifier(1)].version == 1
    clock.now += 1
    assert subject.cached(identifier(1)) is None
    assert subject.get(ids(1))[identifier(1)].version == 2
    assert len(table.calls) == 2


def test_being_used_does_not_keep_a_question_fresh() -> None:
    table, clock = Table(question(1)), Clock()
    subject = bank(table, clock=clock)
    subject.get(ids(1))
    for _ in range(10):
        clock.now += FRESH_FOR // 10
        subject.cached(identifier(1))
    assert subject.cached(identifier(1)) is None


def test_reading_again_makes_a_question_fresh_again() -> None:
    table, clock = Table(question(1)), Clock()
    subject = bank(table, clock=clock)
    subject.get(ids(1))
    clock.now += FRESH_FOR - 1
    subject.reread(identifier(1))
    clock.now += FRESH_FOR - 1
    assert subject.cached(identifier(1)) is not None


def test_a_reread_is_consistent_whatever_is_in_memory_and_takes_its_place() -> None:
    table = Table(question(1))
    subject = bank(table)
    subject.get(ids(1))
    table.put(question(1, version=2))
    table.late = set(ids(1))

    reread = subject.reread(identifier(1))
    assert reread is not None
    assert reread.version == 2
    assert table.calls[-1] == (ids(1), True)
    assert subject.cached(identifier(1)) == reread


def test_a_reread_of_a_question_that_is_not_there_is_none() -> None:
    assert bank(Table()).reread(identifier(1)) is None


def test_the_question_used_longest_ago_makes_room(size_of_one: int) -> None:
    table = Table(*map(question, range(5)))
    subject = bank(table, capacity=3 * size_of_one)
    for number in range(3):
        subject.get(ids(number))
    assert held(subject, 0) == [0]
    subject.get(ids(3))
    assert held(subject, 1, 2, 3, 0) == [2, 3, 0]
    subject.get(ids(2))
    subject.get(ids(4))
    assert held(subject, 0, 2, 3, 4) == [0, 2, 4]


def test_a_question_read_again_counts_once(size_of_one: int) -> None:
    table = Table(*map(question, range(3)))
    subject = bank(table, capacity=3 * size_of_one)
    subject.get(ids(0, 1, 2))
    for _ in range(50):
        subject.reread(identifier(1))
    assert held(subject, 0, 1, 2) == [0, 1, 2]


def test_a_question_that_grew_makes_room_for_itself(size_of_one: int) -> None:
    table = Table(*map(question, range(3)))
    subject = bank(table, capacity=3 * size_of_one)
    subject.get(ids(0, 1, 2))
    table.put(question(1, text="x" * 100))
    subject.reread(identifier(1))
    assert held(subject, 0, 1, 2) == [1, 2]


def test_a_question_larger_than_the_memory_is_served_and_not_kept(size_of_one: int) -> None:
    table = Table(question(0), question(1, text="x" * 100_000))
    subject = bank(table, capacity=3 * size_of_one)
    assert subject.get(ids(0, 1)) == table.stored
    assert held(subject, 0, 1) == []
    subject.get(ids(0))
    assert held(subject, 0) == [0]


@pytest.mark.parametrize("script", ["latin", "\N{CJK UNIFIED IDEOGRAPH-4E2D}", "\N{BRAIN}"])
def test_memory_is_bounded_in_bytes_whatever_the_script(script: str) -> None:
    capacity, count = 200_000, 300
    table = Table(*(question(number, text=f"{number}{script * 2_000}") for number in range(count)))
    subject = bank(table, capacity)
    for number in range(count):
        subject.get(ids(number))

    kept = held(subject, *range(count))
    assert kept == list(range(count - len(kept), count))
    assert 0 < sum(getsizeof(table.stored[identifier(n)].text) for n in kept) <= capacity


def test_more_questions_than_fit_are_all_served_at_once(size_of_one: int) -> None:
    table = Table(*map(question, range(100)))
    subject = bank(table, capacity=10 * size_of_one)
    assert subject.get(ids(*range(100))) == table.stored
    assert held(subject, *range(100)) == list(range(90, 100))


@pytest.mark.parametrize(("per_second", "at_least"), [(4, 0.10), (40, 0.20)])
def test_the_busier_an_environment_the_more_it_has_in_memory(
    per_second: int, at_least: float
) -> None:
    """Of 10,000 questions in 10 categories, the n-th category asked for 1/n as often (Zipf).

    `per_second` answers over four environments: each looks up the question answered, which any
    environment may have drawn, and the next one. Two minutes, the second of which counts.
    """
    random, clock, size = Random(1), Clock(), 1_000
    table = Table(*(question(number) for number in range(10 * size)))
    environments = [bank(table, clock=clock) for _ in range(4)]
    shown = [0] * 50
    looked_up = 0
    for number in range(120 * per_second):
        if number == 60 * per_second:
            looked_up, table.calls = 0, []
        clock.now += 1000 // per_second
        learner, environment = random.randrange(50), random.choice(environments)
        category = random.choices(range(10), [1 / (n + 1) for n in range(10)])[0]
        following = category * size + random.randrange(size)
        for each in (shown[learner], following):
            environment.get(ids(each))
            looked_up += 1
        shown[learner] = following
    assert 1 - len(table.calls) / looked_up >= at_least
