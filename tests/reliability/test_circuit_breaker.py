"""The circuit breaker: opens when calls keep failing, probes, and closes."""

from typing import Any

import pytest

from lambdas.shared.store.breaker import (
    FAILURES_IN_A_ROW,
    FEWEST_CALLS,
    LONGEST_PAUSE,
    SHORTEST_PAUSE,
    Direction,
)
from tests.integration.stage import (
    Fault,
    Reply,
    assert_unavailable,
    cancels,
)
from tests.reliability.storms import (
    ATTEMPTS,
    TRIES,
    TROUBLE,
    WRITES,
    Player,
    Weather,
    assert_totals,
    conflict,
    half,
    read_timeout,
)
from tests.reliability.struck import QUESTIONS, WORK_DONE

pytestmark = pytest.mark.usefixtures("nothing_waits")


def _ask(made: Weather, direction: Direction, session_id: str, shown: Any) -> Reply:
    if direction is Direction.READ:
        return made.stage.call("getSession", path={"sessionId": session_id})
    return made.stage.answer(session_id, shown)


STRUCK = {Direction.READ: "GetItem", Direction.WRITE: "TransactWriteItems"}

WITHIN_TRANSACTION = "throttled within a transaction"

COUNTED: dict[str, Fault] = {
    **{kind: fault for kind, fault in TROUBLE.items() if kind not in WORK_DONE},
    WITHIN_TRANSACTION: cancels("None", "ThrottlingError"),
}


@pytest.mark.parametrize(
    ("kind", "direction"),
    [
        (kind, direction)
        for kind in COUNTED
        for direction in Direction
        if direction is Direction.WRITE or kind != WITHIN_TRANSACTION
    ],
)
def test_the_breaker_opens_probes_waits_longer_and_closes(
    guarded: Weather, kind: str, direction: Direction
) -> None:
    within_transaction = kind == WITHIN_TRANSACTION
    session_id = guarded.stage.start({"category": "geography"}, percentage=50)
    shown = guarded.stage.question(session_id)["question"]

    def ask() -> tuple[Reply, int]:
        before = len(storm.attempts)
        reply = _ask(guarded, direction, session_id, shown)
        return reply, len(storm.attempts) - before

    with guarded.storm(COUNTED[kind], on=STRUCK[direction]) as storm:
        if within_transaction:
            # Not tried again by the SDK: four of the first answer, the fifth of the second.
            assert [ask()[1] for _ in range(2)] == [TRIES, FAILURES_IN_A_ROW - TRIES]
        else:
            for _ in range(FAILURES_IN_A_ROW):
                assert not guarded.opened
                reply, attempts = ask()
                assert_unavailable(reply)
                assert attempts == ATTEMPTS
        tables = {"sessions"} if direction is Direction.READ else {"sessions", "progress"}
        names = {getattr(guarded.stage.services, each).name for each in tables}
        assert guarded.opened == [(name, direction) for name in sorted(names)]

        pause = SHORTEST_PAUSE
        for _ in range(4):
            for waited in (0.0, pause - 0.5):
                guarded.seconds.now += waited
                reply, attempts = ask()
                assert_unavailable(reply)
                assert attempts == 0
                assert int(reply.headers["Retry-After"]) == -(-(pause - waited) // 1)
            guarded.seconds.now += 0.5
            reply, attempts = ask()
            assert_unavailable(reply)
            assert attempts == (1 if within_transaction else ATTEMPTS), "one probe"
            pause = min(2 * pause, LONGEST_PAUSE)
            assert ask()[1] == 0
    assert_unavailable(_ask(guarded, direction, session_id, shown))
    guarded.seconds.now += LONGEST_PAUSE
    assert _ask(guarded, direction, session_id, shown).status == 200
    assert _ask(guarded, direction, session_id, shown).status == 200

    player = Player(guarded.stage, session_id, right=int(direction is Direction.WRITE))
    assert_totals(player, player.finish(misses=1), QUESTIONS)
    assert player.refusals == 0
    assert len(guarded.opened) == len(names), "told once each"


def test_half_of_ten_calls_failing_opens_it_and_less_does_not(guarded: Weather) -> None:
    session_id = guarded.stage.start({"category": "geography"})
    guarded.seconds.now += 3600  # what came before is out of the window
    path = {"sessionId": session_id}
    assert guarded.stage.call("getSession", path=path).status == 200
    for _ in range(FEWEST_CALLS // 2 - 1):
        with guarded.storm(read_timeout, on="GetItem"):
            assert_unavailable(guarded.stage.call("getSession", path=path))
        assert guarded.stage.call("getSession", path=path).status == 200
        assert not guarded.opened
    with guarded.storm(read_timeout, on="GetItem") as storm:
        assert_unavailable(guarded.stage.call("getSession", path=path))
        assert guarded.opened == [(guarded.stage.services.sessions.name, Direction.READ)]
        assert_unavailable(guarded.stage.call("getSession", path=path))
    assert len(storm.attempts) == ATTEMPTS


def test_an_open_circuit_leaves_other_tables_and_writes_alone(guarded: Weather) -> None:
    session_id = guarded.stage.start({"category": "geography"})
    name = guarded.stage.services.progress.name
    with guarded.storm(read_timeout, on="Query", within=name):
        for _ in range(FAILURES_IN_A_ROW + 1):
            read = guarded.stage.call("listQuestionProgress", path={"userId": "me"})
            assert read.status == 503
    assert guarded.opened == [(name, Direction.READ)]
    player = Player(guarded.stage, session_id, most_requests=1)
    assert player.finish(misses=2)["nextAction"] == "SESSION_COMPLETED"


def test_conflicts_never_open_it(guarded: Weather) -> None:
    session_id = guarded.stage.start({"category": "geography"})
    shown = guarded.stage.question(session_id)["question"]
    with guarded.storm(conflict, on=WRITES) as storm:
        for _ in range(3 * FAILURES_IN_A_ROW):
            assert_unavailable(guarded.stage.answer(session_id, shown))
            body = {"version": 1, "name": "x"}
            path = {"sessionId": session_id}
            assert_unavailable(guarded.stage.call("updateSession", body, path=path))
    assert storm.struck == 3 * FAILURES_IN_A_ROW * 2 * TRIES
    assert guarded.opened == []
    assert guarded.stage.answer(session_id, shown).status == 200


def test_a_session_is_played_through_a_storm_with_the_breaker_on(guarded: Weather) -> None:
    player = Player(guarded.stage, most_requests=200)
    original = guarded.stage.call

    def patient(*arguments: Any, **named: Any) -> Reply:
        """Wait as long as `Retry-After` asks."""
        reply = original(*arguments, **named)
        if reply.status == 503:
            guarded.seconds.now += int(reply.headers["Retry-After"])
        return reply

    guarded.stage.call = patient  # type: ignore[method-assign]
    dice = half("breaker")
    with guarded.storm(read_timeout, lambda: dice() or dice()) as storm:
        player.start("geography")
        last = player.finish(misses=2)
    assert guarded.opened
    assert storm.struck > len(storm.attempts) / 2
    assert_totals(player, last, QUESTIONS)
