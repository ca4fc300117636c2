"""When a circuit opens, how long it stays open, and what closes it."""

import threading

import pytest

from lambdas.shared.store.breaker import (
    FAILURES_IN_A_ROW,
    FEWEST_CALLS,
    LONGEST_PAUSE,
    SHORTEST_PAUSE,
    WINDOW,
    Breaker,
    Circuit,
    CircuitOpenError,
    Direction,
)

READS: Circuit = ("sessions", Direction.READ)
WRITES: Circuit = ("sessions", Direction.WRITE)


class World:
    """A breaker with its clock and dice in the test's hands."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.opened: list[Circuit] = []
        self.ranges: list[tuple[float, float]] = []
        self.breaker = Breaker(self.opened.append, lambda: self.now, self._least)

    def _least(self, low: float, high: float) -> float:
        self.ranges.append((low, high))
        return low

    def fail(self, times: int = 1, circuit: Circuit = READS) -> None:
        for _ in range(times):
            self.breaker.failed([circuit])

    def succeed(self, times: int = 1, circuit: Circuit = READS) -> None:
        for _ in range(times):
            self.breaker.succeeded([circuit])

    def refusal(self, circuit: Circuit = READS) -> float | None:
        """Ask to make a call: None if it may be made, else the seconds to wait."""
        try:
            self.breaker.admit([circuit])
        except CircuitOpenError as error:
            return error.seconds
        return None


@pytest.fixture
def world() -> World:
    return World()


def test_five_failures_in_a_row_open_it(world: World) -> None:
    world.fail(FAILURES_IN_A_ROW - 1)
    assert world.refusal() is None
    world.fail()
    assert world.refusal() == SHORTEST_PAUSE
    assert world.opened == [READS]


def test_a_success_between_begins_the_row_anew(world: World) -> None:
    world.succeed(20)
    for _ in range(2):
        world.fail(FAILURES_IN_A_ROW - 1)
        world.succeed()
    assert world.refusal() is None


def test_half_of_ten_calls_open_it(world: World) -> None:
    for _ in range(FEWEST_CALLS // 2 - 1):
        world.succeed()
        world.fail()
    world.succeed()
    assert world.refusal() is None
    world.fail()
    assert world.refusal() == SHORTEST_PAUSE


def test_less_than_half_do_not(world: World) -> None:
    for _ in range(200):
        world.succeed(2)
        world.fail()
    assert world.refusal() is None


def test_what_is_older_than_the_window_does_not_count(world: World) -> None:
    for _ in range(4):
        world.fail()
        world.succeed()
    world.now += WINDOW
    world.fail()
    world.succeed()
    assert world.refusal() is None


def test_tables_and_directions_are_apart(world: World) -> None:
    world.fail(FAILURES_IN_A_ROW)
    assert world.refusal(WRITES) is None
    assert world.refusal(("progress", Direction.READ)) is None
    with pytest.raises(CircuitOpenError):
        world.breaker.admit([WRITES, READS])


def test_one_probe_is_let_pass_when_the_pause_is_over(world: World) -> None:
    world.fail(FAILURES_IN_A_ROW)
    world.now += SHORTEST_PAUSE
    assert world.refusal() is None
    assert world.refusal() == SHORTEST_PAUSE


def test_a_probe_that_succeeds_closes_it(world: World) -> None:
    world.fail(FAILURES_IN_A_ROW)
    world.now += SHORTEST_PAUSE
    assert world.refusal() is None
    world.succeed()
    assert world.refusal() is None
    world.fail(FAILURES_IN_A_ROW - 1)
    assert world.refusal() is None


def test_each_probe_that_fails_makes_the_pause_longer_up_to_the_longest(world: World) -> None:
    world.fail(FAILURES_IN_A_ROW)
    waited = []
    for _ in range(5):
        world.now += world.refusal() or 0.0
        assert world.refusal() is None
        world.fail()
        waited.append(world.refusal())
    assert waited == [10.0, 20.0, 30.0, 30.0, 30.0]
    assert all(SHORTEST_PAUSE <= low <= high <= LONGEST_PAUSE for low, high in world.ranges)
    assert world.ranges[0] == (SHORTEST_PAUSE, 2 * SHORTEST_PAUSE)


def test_a_probe_never_heard_of_does_not_keep_it_open_for_ever(world: World) -> None:
    world.fail(FAILURES_IN_A_ROW)
    world.now += SHORTEST_PAUSE
    assert world.refusal() is None
    world.now += SHORTEST_PAUSE
    assert world.refusal() is None


def test_calls_begun_before_it_opened_change_nothing_when_they_fail(world: World) -> None:
    world.fail(FAILURES_IN_A_ROW + 7)
    assert world.refusal() == SHORTEST_PAUSE
    assert world.opened == [READS]


def test_it_opens_once_when_many_threads_fail_together(world: World) -> None:
    threads = [threading.Thread(target=world.fail, args=(50,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.opened == [READS]
