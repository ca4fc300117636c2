"""Repeated answers: the same response again, and nothing counts twice."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from tests.integration.answering import (
    DAY,
    GEOGRAPHY,
    LAW,
    chosen,
    dump,
    law,
    play,
    send,
    session,
    then_paused,
)
from tests.integration.stage import (
    InvokedStage,
    response_lost,
    submission,
)


def reworded(body: Mapping[str, Any], **other: Any) -> dict[str, Any]:
    return {**body, **other}


def then_nothing(_stage: InvokedStage, _session_id: str) -> None:
    """The client repeats at once."""


def then_renamed(stage: InvokedStage, session_id: str) -> None:
    body = {"version": session(stage, session_id)["version"], "name": "Other"}
    path = {"sessionId": session_id}
    assert stage.call("updateSession", body, path=path).status == 200


def then_abandoned(stage: InvokedStage, session_id: str) -> None:
    assert stage.call("abandonSession", path={"sessionId": session_id}).status == 204


def then_expired(stage: InvokedStage, _session_id: str) -> None:
    stage.clock.advance(31 * DAY)


def then_cold(stage: InvokedStage, _session_id: str) -> None:
    stage.forget_questions()


def then_asked(stage: InvokedStage, session_id: str) -> None:
    stage.question(session_id)


@pytest.mark.parametrize("pattern", ["", "w", "wr", "wrr", "wrrw"])
@pytest.mark.parametrize("right", [True, False])
def test_the_same_answer_again_has_the_same_body_and_changes_nothing(
    bank: InvokedStage, pattern: str, right: bool
) -> None:
    after: Sequence[Callable[[InvokedStage, str], None]] = (
        then_nothing,
        then_asked,
        then_cold,
        then_renamed,
        then_paused,
        then_abandoned,
        then_expired,
    )
    session_id = bank.start(GEOGRAPHY, percentage=100)
    body = submission(play(bank, session_id, pattern), right=right)
    first = send(bank, session_id, body)
    assert (first.status, first.body["correct"]) == (200, right)
    variants = (
        body,
        reworded(body, timeSpent=77.25),
        {name: value for name, value in body.items() if name not in ("timeSpent", "turn")},
    )
    for happen in after:
        happen(bank, session_id)
        before = dump(bank)
        for variant in variants:
            again = send(bank, session_id, variant)
            assert again.status == 200, (happen.__name__, again.body)
            assert again.text == first.text, happen.__name__
        assert dump(bank) == before


def test_the_same_answer_again_after_an_expiry_while_active(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    body = submission(bank.question(session_id)["question"])
    first = send(bank, session_id, body)
    bank.clock.advance(31 * DAY)
    assert bank.call("getQuestion", path={"sessionId": session_id}).status == 410
    assert send(bank, session_id, body).text == first.text


def test_the_same_answer_again_after_completion(bank: InvokedStage) -> None:
    session_id = bank.start({**GEOGRAPHY, "questionCount": 1})
    shown = play(bank, session_id, "wrr")
    body = submission(shown)
    first = send(bank, session_id, body)
    assert first.body["nextAction"] == "SESSION_COMPLETED"
    before = dump(bank)
    bank.clock.advance(400 * DAY)
    bank.forget_questions()
    again = send(bank, session_id, reworded(body, timeSpent=3))
    assert (again.status, again.text) == (200, first.text)
    assert dump(bank) == before


@pytest.mark.parametrize("right", [True, False])
def test_the_same_choices_in_another_order_are_the_same_answer(
    stage: InvokedStage, right: bool
) -> None:
    stage.save(law())
    session_id = stage.start(LAW)
    shown = stage.question(session_id)["question"]
    ids = chosen(shown, "right a", "right c" if right else "wrong b")
    body = submission(shown, selectedAnswers=ids)
    first = send(stage, session_id, body)
    before = dump(stage)
    again = send(stage, session_id, reworded(body, selectedAnswers=ids[::-1]))
    assert (again.status, again.text) == (200, first.text)
    assert first.body["correct"] is right
    assert dump(stage) == before


def test_an_answer_whose_response_was_lost_counts_once(bank: InvokedStage) -> None:
    """The SDK repeats it by itself; then the client does."""
    session_id = bank.start(GEOGRAPHY)
    body = submission(bank.question(session_id)["question"])
    with bank.fault("TransactWriteItems", response_lost, times=1) as met:
        first = send(bank, session_id, body)
    assert (len(met), first.status) == (1, 200)
    assert send(bank, session_id, body).text == first.text
    with bank.fault("TransactWriteItems", response_lost):
        body = submission(first.body["question"])
        assert send(bank, session_id, body).status == 503
    again = send(bank, session_id, body)
    assert (again.status, again.body["progress"]["correctAnswers"]) == (200, 2)
    assert sum(int(row["attempts"]["N"]) for row in bank.rows("progress")) == 2
