"""Storms: whatever is wrong with the database, for however long, play goes on afterwards.

Nothing here waits: the SDK's pauses, the pauses between conflicts, slow replies and the breaker's
clock are all the test's own.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from lambdas.shared.store import batch, retry
from lambdas.shared.store.breaker import (
    FAILURES_IN_A_ROW,
    FEWEST_CALLS,
    LONGEST_PAUSE,
    SHORTEST_PAUSE,
    Direction,
)
from lambdas.shared.store.client import CONFIG
from tests.integration.stage import (
    Fault,
    Reply,
    Stage,
    assert_unavailable,
    cancels,
    drafts,
    refuses,
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
    connect_timeout,
    first,
    half,
    longest_backoff,
    operation_of,
    read_timeout,
    weather,
)

QUESTIONS = 6
WORK_DONE = {"reply lost", "connection reset after the work"}
"""Kinds that leave a write done, though nobody hears of it."""


@pytest.fixture(autouse=True)
def nothing_waits(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test wait in real time."""
    del stage  # its engine may, before

    def sleep(seconds: float) -> None:
        assert seconds == 0

    monkeypatch.setattr(time, "sleep", sleep)


@pytest.fixture
def bank(stage: Stage) -> Stage:
    stage.save(*drafts("geography", QUESTIONS))
    return stage


@pytest.fixture
def calm(bank: Stage, monkeypatch: pytest.MonkeyPatch) -> Weather:
    """A stage without a breaker."""
    made = weather(bank, breaker=False)
    made.use(monkeypatch)
    return made


@pytest.fixture
def guarded(bank: Stage, monkeypatch: pytest.MonkeyPatch) -> Weather:
    """A stage with a breaker."""
    made = weather(bank, breaker=True)
    made.use(monkeypatch)
    return made


# One call of one route


@dataclass(frozen=True)
class Scene:
    """A request of play, and the call of it that is struck."""

    route: str
    struck: str
    body: Callable[[Stage, str, str], object] = lambda *_: None
    headers: bool = False
    within: str = ""
    owing: bool = False
    expired: bool = False
    cold: bool = False

    def __str__(self) -> str:
        kinds = ("review" if self.owing else "", "keyed" if self.headers else "")
        parts = (self.route, *kinds, self.within, self.struck)
        return " ".join(part for part in parts if part)

    def prepared(self, stage: Stage, user: str) -> Callable[[], Reply]:
        """Bring a learner to where the request can be made; return what makes it."""
        session_id = stage.start({"category": "geography"}, user=user)
        shown = stage.question(session_id, user)["question"]
        if self.owing:
            stage.answer(session_id, shown, right=False, user=user)
            shown = stage.question(session_id, user)["question"]
            stage.answer(session_id, shown, user=user)
            path = {"sessionId": session_id}
            if self.expired:
                # The index has the day only; whether it is over by now is read from the session.
                session = stage.services.sessions.get(user, session_id)
                assert session
                stage.clock.now = session.expires_at
            else:
                assert stage.call("abandonSession", path=path, user=user).status == 204
        body = self.body(stage, session_id, user)
        headers = {"Idempotency-Key": "k"} if self.headers else None
        stage.services.bank.get(f"geography:{n:06d}" for n in range(QUESTIONS))
        if self.cold:
            stage.forget_questions()

        def request() -> Reply:
            path = {"sessionId": session_id}
            return stage.call(self.route, body, user=user, path=path, headers=headers)

        return request


def _start(*_: object) -> object:
    return {"sources": [{"category": "geography"}], "settings": {"wrongAnswerPercentage": 20}}


def _start_as_preferred(*_: object) -> object:
    return {"sources": [{"category": "geography"}]}


def _review(*_: object) -> object:
    return {"review": {}}


def _rename(*_: object) -> object:
    return {"version": 1, "name": "storm"}


def _answer(stage: Stage, session_id: str, user: str) -> object:
    return submission(stage.question(session_id, user)["question"])


SCENES = [
    Scene("startSession", "BatchGetItem", _start),
    Scene("startSession", "TransactWriteItems", _start),
    Scene("startSession", "TransactWriteItems", _start, headers=True),
    Scene("startSession", "BatchGetItem", _start_as_preferred),
    Scene("startSession", "Query", _review, owing=True, within="sessions"),
    Scene("startSession", "Query", _review, owing=True, within="wrong_answers"),
    Scene("startSession", "BatchGetItem", _review, owing=True, expired=True, within="sessions"),
    Scene("startSession", "TransactWriteItems", _review, owing=True, headers=True),
    Scene("getQuestion", "GetItem"),
    Scene("getQuestion", "GetItem", within="questions", cold=True),
    Scene("submitAnswer", "GetItem", _answer),
    Scene("submitAnswer", "BatchGetItem", _answer, cold=True),
    Scene("submitAnswer", "TransactWriteItems", _answer),
    Scene("getSession", "GetItem"),
    Scene("listSessions", "Query"),
    Scene("updateSession", "GetItem", _rename),
    Scene("updateSession", "PutItem", _rename),
    Scene("abandonSession", "GetItem"),
    Scene("abandonSession", "PutItem"),
]
_users = count()


def strike(
    bank: Stage, scene: Scene, kind: Fault, times: int, monkeypatch: pytest.MonkeyPatch
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
    bank: Stage, kind: str, monkeypatch: pytest.MonkeyPatch
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
    bank: Stage, kind: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for scene in SCENES:
        _, reply, attempts, _ = strike(bank, scene, TROUBLE[kind], times, monkeypatch)
        assert reply.status in (200, 201, 204), (str(scene), reply.body)
        assert attempts == times + 1, scene


WRITING = [scene for scene in SCENES if scene.struck in ("PutItem", "TransactWriteItems")]


@pytest.mark.parametrize("scene", WRITING, ids=str)
def test_a_write_that_meets_other_transactions_is_tried_four_times_with_growing_pauses(
    bank: Stage, scene: Scene, monkeypatch: pytest.MonkeyPatch
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


# The breaker


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


# Time


def takes(made: Weather, seconds: float, kind: Fault | None = None) -> Fault:
    """A fault after so much time on the test's clock; without a kind the call then goes on."""

    def slow(request: AWSPreparedRequest) -> AWSResponse | None:
        made.seconds.advance(seconds)
        return kind(request) if kind else None

    return slow


SLOW = 1.9
"""Seconds a reply takes that the SDK just still waits for."""


@pytest.mark.parametrize("pattern", ["always", "half", "recovering"])
def test_slow_replies_are_replies(
    guarded: Weather, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded.keep_time(monkeypatch)
    strikes = {"always": lambda: True, "half": half("slow"), "recovering": first(20)}[pattern]
    guarded.stage.services.bank.get(f"geography:{n:06d}" for n in range(QUESTIONS))
    with guarded.storm(takes(guarded, SLOW), strikes) as storm:
        started = guarded.timed("startSession", _start(), headers={"Idempotency-Key": "slow"})
        path = {"sessionId": started.body["sessionId"]}
        body = guarded.timed("getQuestion", path=path).body
        while body["question"]:
            reply = guarded.timed("submitAnswer", submission(body["question"]), path=path)
            assert reply.status == 200
            body = reply.body
        assert guarded.timed("getSession", path=path).body["status"] == "COMPLETED"
        assert len(guarded.timed("listSessions").body["sessions"]) == 1
    assert storm.struck
    assert max(map(len, guarded.calls)) == 1
    assert guarded.opened == []


def test_a_review_of_slow_replies_ends_before_its_invocation_and_can_be_made_again(
    calm: Weather, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = next(scene for scene in SCENES if scene.owing).prepared(calm.stage, "ada")
    calm.keep_time(monkeypatch)
    calm.stage.forget_questions()
    before = calm.stage.everything()
    with calm.storm(takes(calm, SLOW)):
        assert_unavailable(calm.timed("startSession", {"review": {}}))
    assert calm.stage.everything() == before
    assert request().status == 201


@pytest.mark.parametrize("seed", range(6))
def test_no_request_outlives_its_invocation_whatever_takes_time(
    calm: Weather, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm.keep_time(monkeypatch)
    kinds = [
        takes(calm, SLOW),
        takes(calm, 2.0, read_timeout),
        takes(calm, 1.0, connect_timeout),
        takes(calm, 3.0, read_timeout),
        takes(calm, SLOW, refuses("ThrottlingException")),
        takes(calm, SLOW, refuses("InternalServerError", 500)),
        takes(calm, SLOW, conflict),
    ]
    dice = half(seed)

    def any_of_them(request: AWSPreparedRequest) -> AWSResponse | None:
        which = sum(dice() << bit for bit in range(3))
        return kinds[which](request) if which < len(kinds) else None

    statuses = []
    with calm.storm(any_of_them), longest_backoff(calm.seconds):
        started = None
        while started is None or started.status == 503:
            headers = {"Idempotency-Key": "time"}
            started = calm.timed("startSession", _start(), headers=headers)
        path = {"sessionId": started.body["sessionId"]}
        body: Any = None
        while body is None or body["question"]:
            calm.stage.forget_questions()
            if body is None:
                reply = calm.timed("getQuestion", path=path)
            else:
                reply = calm.timed("submitAnswer", submission(body["question"]), path=path)
            statuses.append(reply.status)
            if reply.status == 503:
                assert_unavailable(reply)
            else:
                body = reply.body
    assert set(statuses) == {200, 503}
    assert calm.stage.rows("progress")[0]["attempts"] == {"N": "1"}
    assert body["progress"]["correctAnswers"] == QUESTIONS


def test_the_breaker_opens_within_five_invocations_of_the_slowest_failures(
    guarded: Weather,
    monkeypatch: pytest.MonkeyPatch,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    session_id = guarded.stage.start({"category": "geography"})
    guarded.keep_time(monkeypatch)
    began = guarded.seconds.now
    path = {"sessionId": session_id}
    with (
        guarded.storm(takes(guarded, 3.0, read_timeout), on="GetItem"),
        longest_backoff(guarded.seconds),
    ):
        requests = 0
        while not guarded.opened:
            assert_unavailable(guarded.timed("getQuestion", path=path))
            requests += 1
    assert requests == FAILURES_IN_A_ROW
    took = guarded.seconds.now - began
    record_testsuite_property("seconds_to_open", took)
    assert took <= FAILURES_IN_A_ROW * TIMEOUT


def test_attempts_that_failed_count_though_no_time_is_left_for_the_next(
    guarded: Weather, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slow reads take the time that the writes, timing out, would need for a third attempt."""
    session_id = guarded.stage.start({"category": "geography"}, percentage=0)
    shown = guarded.stage.question(session_id)["question"]
    guarded.keep_time(monkeypatch)
    path = {"sessionId": session_id}

    def struck(request: AWSPreparedRequest) -> AWSResponse | None:
        writes = operation_of(request) == "TransactWriteItems"
        return (takes(guarded, 2.0, read_timeout) if writes else takes(guarded, SLOW))(request)

    with guarded.storm(struck):
        for _ in range(FAILURES_IN_A_ROW):
            guarded.stage.forget_questions()
            assert_unavailable(guarded.timed("submitAnswer", submission(shown), path=path))
    assert {direction for _, direction in guarded.opened} == {Direction.WRITE}


# Settings


def test_the_client_is_set_as_it_says(stage: Stage) -> None:
    used: Any = stage.services.database.client.meta.config
    said: Any = CONFIG
    for config in (used, said):
        assert config.retries == {"mode": "standard", "total_max_attempts": ATTEMPTS}
        assert (config.connect_timeout, config.read_timeout) == (1, 2)
        assert config.user_agent.startswith("adaptive-quiz")
    assert said.parameter_validation is False


def test_one_call_with_all_its_attempts_fits_in_an_invocation() -> None:
    own: Any = CONFIG
    backoffs = 0.025 * (1 + 2)
    assert ATTEMPTS * (own.connect_timeout + own.read_timeout) + backoffs < TIMEOUT
