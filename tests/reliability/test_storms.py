"""Storms: whatever is wrong with the database, for however long, play goes on afterwards.

Nothing here waits: the SDK's pauses, the pauses between conflicts, slow replies and the breaker's
clock are all the test's own.
"""

import random
from collections.abc import Callable
from itertools import count, pairwise

import pytest

from lambdas.shared.store import batch, retry
from tests.integration.stage import (
    Fault,
    InvokedStage,
    Reply,
    assert_unavailable,
    submission,
)
from tests.integration.test_store import partly
from tests.reliability.storms import (
    ATTEMPTS,
    TIMEOUT,
    TRIES,
    TROUBLE,
    WRITES,
    Player,
    Weather,
    assert_totals,
    conflict,
    first,
    half,
    weather,
)
from tests.reliability.struck import QUESTIONS, SCENES, WORK_DONE, Scene, _start_as_preferred

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("nothing_waits")]

# One call of one route


_users = count()


def strike(
    bank: InvokedStage, scene: Scene, kind: Fault, times: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[Weather, Reply, int, Reply]:
    """Strike a scene's call so often; return the reply, its attempts, and the reply in calm."""
    made = weather(bank, breaker=False)
    made.use(monkeypatch)
    request = scene.prepared(made.stage, f"user{next(_users)}")
    within = getattr(made.stage.services, scene.within).name if scene.within else ""
    with made.storm(kind, first(times), scene.struck, within) as storm:
        reply = request()
    attempts = len(storm.attempts)
    return made, reply, attempts, request() if reply.status == 503 else reply


@pytest.mark.parametrize("kind", TROUBLE)
def test_every_call_is_tried_three_times_and_the_request_can_be_made_again(
    bank: InvokedStage, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for scene in SCENES:
        made, reply, attempts, again = strike(bank, scene, TROUBLE[kind], 99, monkeypatch)
        assert_unavailable(reply)
        assert attempts == ATTEMPTS, scene
        assert max(map(len, made.calls)) == ATTEMPTS
        assert made.pauses == []
        if kind in WORK_DONE and str(scene) == "updateSession PutItem":
            assert (again.status, again.body["currentVersion"]) == (409, 2)
        else:
            assert again.status in (200, 201, 204), (str(scene), again.body)


@pytest.mark.parametrize("kind", TROUBLE)
@pytest.mark.parametrize("times", [1, 2])
def test_trouble_that_passes_within_three_attempts_is_not_noticed(
    bank: InvokedStage, kind: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for scene in SCENES:
        _, reply, attempts, _ = strike(bank, scene, TROUBLE[kind], times, monkeypatch)
        assert reply.status in (200, 201, 204), (str(scene), reply.body)
        assert attempts == times + 1, scene


WRITING = [scene for scene in SCENES if scene.struck in ("PutItem", "TransactWriteItems")]


@pytest.mark.parametrize("scene", WRITING, ids=str)
def test_a_write_that_meets_other_transactions_is_tried_four_times_with_growing_pauses(
    bank: InvokedStage, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans: list[tuple[float, float]] = []

    def drawn(low: float, high: float) -> float:
        spans.append((low, high))
        return high / 3

    monkeypatch.setattr(random, "uniform", drawn)
    for times in (1, 2, 3, 99):
        spans.clear()
        made, reply, attempts, again = strike(bank, scene, conflict, times, monkeypatch)
        pauses = min(times, TRIES - 1)
        assert attempts == pauses + 1
        assert spans == [(0, retry.BACKOFF * 2**n) for n in range(1, pauses + 1)]
        assert made.pauses == [high / 3 for _, high in spans]
        assert all(shorter < longer for shorter, longer in pairwise(made.pauses))
        assert max(map(len, made.calls)) == 1, "the SDK leaves conflicts alone"
        if times > TRIES:
            assert_unavailable(reply)
        assert again.status in (200, 201, 204), again.body


# Whole sessions


PATTERNS: dict[str, Callable[[], Callable[[], bool]]] = {
    "half, seed 1": lambda: half(1),
    "half, seed 2": lambda: half(2),
    "recovering after 2": lambda: first(2),
    "recovering after 7": lambda: first(7),
    "recovering after 20": lambda: first(20),
}

KINDS: dict[str, Fault] = {**TROUBLE, "conflict": conflict}


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_session_is_played_through_a_storm_to_its_end(
    calm: Weather, kind: str, pattern: str
) -> None:
    player = Player(calm.stage)
    began = len(calm.calls)
    struck = WRITES if kind == "conflict" else "*"
    with calm.storm(KINDS[kind], PATTERNS[pattern](), struck) as storm:
        player.start("geography")
        player.change(name="storm", status="PAUSED")
        assert player.ask("getQuestion").body["code"] == "SESSION_PAUSED"
        player.change(status="ACTIVE")
        last = player.finish(misses=2)
        (listed,) = player.ask("listSessions").body["sessions"]
    assert listed["status"] == "COMPLETED"
    assert storm.struck
    calls = calm.calls[began:]
    attempts = [attempt for call in calls for attempt in call]
    assert storm.attempts == [each for each in attempts if struck == "*" or each in struck]
    assert max(map(len, calls)) <= (1 if kind == "conflict" else ATTEMPTS)
    assert bool(calm.pauses) is (kind == "conflict")
    if pattern.startswith("recovering") and kind != "conflict":
        # Each request that meets no more than two strikes does not notice.
        assert player.refusals == storm.struck // ATTEMPTS
    assert (player.wrong, player.right) == (2, QUESTIONS + 2 * 2)
    assert_totals(player, last, QUESTIONS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_met_by_a_storm_that_strikes_always_is_played_on_when_it_is_over(
    calm: Weather, kind: str
) -> None:
    player = Player(calm.stage, most_requests=1)
    player.start("geography")
    shown = player.ask("getQuestion").body["question"]
    body = submission(shown, right=False)
    path = {"sessionId": player.session_id}
    for _ in range(3):
        with calm.storm(KINDS[kind], on="TransactWriteItems") as storm:
            assert_unavailable(calm.stage.call("submitAnswer", body, path=path))
        assert len(storm.attempts) == (TRIES if kind == "conflict" else ATTEMPTS)
        if kind in WORK_DONE:
            break
    assert player.ask("submitAnswer", body).status == 200
    player.wrong += 1
    assert_totals(player, player.finish(misses=1), QUESTIONS)


# Batches


def test_a_batch_read_left_undone_is_asked_for_five_times_with_growing_pauses(
    calm: Weather, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans: list[float] = []

    def drawn(_: float, high: float) -> float:
        spans.append(high)
        return 0.0

    monkeypatch.setattr(random, "uniform", drawn)
    wanted = [retry.BACKOFF * 2**n for n in range(1, batch.ATTEMPTS)]
    for times in range(1, batch.ATTEMPTS):
        spans.clear()
        with calm.storm(partly(0), first(times), "BatchGetItem") as storm:
            reply = calm.stage.call("startSession", _start_as_preferred())
        assert reply.status == 201
        assert (len(storm.attempts), spans) == (times + 1, wanted[:times])
    spans.clear()
    with calm.storm(partly(0), on="BatchGetItem") as storm:
        assert_unavailable(calm.stage.call("startSession", _start_as_preferred()))
    assert (len(storm.attempts), spans) == (batch.ATTEMPTS, wanted)
    assert sum(wanted) < TIMEOUT / 2


def test_an_answer_waits_for_questions_left_unread(
    calm: Weather, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda *_: 0.0)
    session_id = calm.stage.start({"category": "geography"}, percentage=0)
    shown = calm.stage.question(session_id)["question"]
    calm.stage.forget_questions()
    with calm.storm(partly(0), first(4), "BatchGetItem"):
        assert calm.stage.answer(session_id, shown).status == 200
