"""The bank's cache, over a table that is in the test's hands."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from sys import getsizeof
from typing import TYPE_CHECKING, cast

import pytest

from domain.question import Choice, Question, category_and_ordinal
from lambdas.shared.bank import FRESH_FOR, Bank
from lambdas.shared.store.errors import StoreUnavailableError

if TYPE_CHECKING:
    from lambdas.shared.store.questions import QuestionsTable

ROOMY = 10_000_000


class Table:
    """A table whose eventually consistent reads miss the questions that are `late`."""

    def __init__(self, *questions: Question) -> None:
        self.stored = {question.question_id: question for question in questions}
        self.late: set[str] = set()
        self.calls: list[tuple[list[str], bool]] = []
        self.edits: Counter[str] = Counter()
        self.checks = 0
        self.in_trouble = False

    def put(self, question: Question) -> None:
        category, _ = category_and_ordinal(question.question_id)
        self.edits[category] += question.question_id in self.stored
        self.stored[question.question_id] = question

    def revisions(self, categories: Sequence[str]) -> dict[str, int]:
        self.checks += 1
        if self.in_trouble:
            raise StoreUnavailableError("It cannot be read.")
        return {each: self.edits[each] for each in categories}

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


def settled(table: Table, clock: Clock) -> Bank:
    """A bank that has known the revision for long enough, and then read a question."""
    subject = bank(table, clock=clock)
    for _ in range(3):
        subject.get(ids(1))
        clock.now += FRESH_FOR
    subject.get(ids(1))
    table.calls.clear()
    table.checks = 0
    return subject


def test_while_nothing_is_edited_one_small_read_a_minute_is_all() -> None:
    table, clock = Table(*map(question, range(5))), Clock()
    subject = settled(table, clock)
    subject.get(ids(0, 2, 3, 4))
    table.calls.clear()
    for _ in range(600):
        clock.now += FRESH_FOR // 10
        assert subject.get(ids(*range(5))) == table.stored
    assert table.calls == []
    assert table.checks == 60


def test_after_an_edit_every_question_is_read_again_once() -> None:
    table, clock = Table(*map(question, range(5))), Clock()
    subject = settled(table, clock)
    subject.get(ids(0, 2, 3, 4))
    table.put(question(4, version=2))
    clock.now += FRESH_FOR
    assert subject.get(ids(*range(5))) == table.stored
    for _ in range(30):
        clock.now += FRESH_FOR // 10
        subject.get(ids(*range(5)))
    reads = [call for call in table.calls if len(call[0]) == 5]
    # At the edit, and once more: what is read just after one may be from just before it.
    assert len(reads) == 2


def test_without_a_revision_to_be_had_a_question_is_fresh_for_its_time() -> None:
    table, clock = Table(question(1)), Clock()
    subject = settled(table, clock)
    table.in_trouble = True
    for _ in range(3):
        clock.now += FRESH_FOR
        assert subject.cached(identifier(1)) is None
        assert subject.get(ids(1)) == table.stored
    assert len(table.calls) == 3


class LaggingTable(Table):
    """A table whose eventually consistent reads may be up to `LAG` ms old."""

    LAG = 1_000

    def __init__(self, clock: Clock, random: Random, count: int) -> None:
        super().__init__(*map(question, range(count)))
        self.clock, self.random = clock, random
        self.history: list[tuple[int, Question]] = []

    def put(self, question: Question) -> None:
        super().put(question)
        self.history.append((self.clock.now, question))

    def version_at(self, identifier: str, at: int) -> int:
        versions = [
            q.version for time, q in self.history if q.question_id == identifier and time <= at
        ]
        return max(versions, default=1)

    def questions(self, ids: Sequence[str], *, consistent: bool = False) -> dict[str, Question]:
        found = super().questions(ids, consistent=consistent)
        at = self.clock.now - (0 if consistent else self.random.randrange(self.LAG))
        return {each: found[each]._replace(version=self.version_at(each, at)) for each in found}


@pytest.mark.parametrize("seed", range(20))
def test_an_edit_shows_within_a_minute_whenever_it_comes(seed: int) -> None:
    random, clock = Random(seed), Clock()
    table = LaggingTable(clock, random, 6)
    subject = bank(table, clock=clock)
    pace = random.choice((500, 5_000, 50_000))
    for _ in range(600):
        clock.now += random.randrange(pace)
        wanted = ids(random.randrange(6))
        if random.random() < 0.02:
            # The writer raises the revision up to a lease before an edit is visible.
            table.edits["geography"] += 1
            clock.now += random.randrange(10_000)
            version = table.version_at(wanted[0], clock.now) + 1
            table.put(question(int(wanted[0][-1]), version=version))
        served = subject.get(wanted)[wanted[0]].version
        assert served >= table.version_at(wanted[0], clock.now - FRESH_FOR - table.LAG)


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
    assert held(subject, 0, 1) == [0]
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("per_second", "seconds_between_edits", "at_least"),
    [(3, 3_600, 0.72), (29, 3_600, 0.93), (29, 600, 0.74)],
)
def test_learners_find_nearly_all_questions_in_memory(
    per_second: int, seconds_between_edits: int, at_least: float
) -> None:
    """10,000 questions in 10 categories, the n-th category asked for 1/n as often (Zipf).

    The busiest hour of 1,000 and of 10,000 learners (docs/scale.md), in an environment an hour old:
    each answer looks up the question answered, and the next one.
    """
    random, clock, size = Random(1), Clock(), 1_000
    table = Table(*(question(number) for number in range(10 * size)))
    subject = bank(table, clock=clock)
    shown = [0] * (20 * per_second)
    answers = 2 * 3_600 * per_second
    weights = [1 / (number + 1) for number in range(10)]
    categories = random.choices(range(10), weights, k=answers)
    for number, category in enumerate(categories):
        if number == answers // 2:
            table.calls.clear()
        clock.now = Clock.now + 1_000 * number // per_second
        if (number + 1) % (seconds_between_edits * per_second) == 0:
            table.put(question(random.randrange(10 * size), version=number))
        learner, following = random.randrange(len(shown)), random.randrange(size)
        for each in (shown[learner], category * size + following):
            subject.get(ids(each))
        shown[learner] = category * size + following
    assert 1 - len(table.calls) / answers >= at_least
