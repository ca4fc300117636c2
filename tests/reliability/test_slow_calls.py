"""Slow calls: no request outlives its invocation, whatever takes time."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from lambdas.shared.store.breaker import (
    FAILURES_IN_A_ROW,
    Direction,
)
from lambdas.shared.store.client import CONFIG
from tests.integration.stage import (
    Fault,
    InvokedStage,
    assert_unavailable,
    refuses,
    submission,
)
from tests.reliability.storms import (
    ATTEMPTS,
    TIMEOUT,
    Weather,
    conflict,
    connect_timeout,
    first,
    half,
    longest_backoff,
    operation_of,
    read_timeout,
)
from tests.reliability.struck import QUESTIONS, SCENES, _start

pytestmark = pytest.mark.usefixtures("nothing_waits")

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


def test_the_client_is_set_as_it_says(stage: InvokedStage) -> None:
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
