"""Answers that cannot be graded: to another turn, to a session that is not active, or faulty."""

from collections.abc import Mapping
from typing import Any

from tests.integration.answering import (
    DAY,
    GEOGRAPHY,
    assert_conflict,
    dump,
    play,
    send,
    then_paused,
)
from tests.integration.stage import (
    InvokedStage,
    Reply,
    submission,
)


def assert_faulty(reply: Reply, *fields: str) -> None:
    assert (reply.status, reply.body["code"]) == (422, "VALIDATION_ERROR"), reply.body
    assert tuple(fault["field"] for fault in reply.body["errors"]) == fields


# Not this turn


def mismatches(shown: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Bodies that are not for the turn on screen, by what is wrong with them."""
    here, there = submission(shown), submission(old)
    without_turn = {name: value for name, value in there.items() if name != "turn"}
    other = submission(old, right=False)
    return {
        "the same turn with other choices": other,
        "other choices, without turn": {n: v for n, v in other.items() if n != "turn"},
        "a future turn": {**here, "turn": shown["turn"] + 1},
        "a far future turn": {**here, "turn": 10**6},
        "a stale turn with the choices on screen": {**here, "turn": old["turn"]},
        "another question": {**here, "questionId": "geography:999999"},
        "another category": {**here, "questionId": "history:000000"},
        "another question, without turn": {
            "questionId": "history:000000",
            "selectedAnswers": here["selectedAnswers"],
        },
        "old choices, without turn, of another question": {
            **without_turn,
            "questionId": "history:000000",
        },
    }


def test_an_answer_to_another_turn_is_a_mismatch_with_the_current_question(
    bank: InvokedStage,
) -> None:
    session_id = bank.start(GEOGRAPHY)
    old = bank.question(session_id)["question"]
    shown = bank.answer(session_id, old).body["question"]
    before = dump(bank)
    for what, body in mismatches(shown, old).items():
        reply = send(bank, session_id, body)
        assert_conflict(reply, "TURN_MISMATCH")
        assert reply.body["question"] == shown, what
        assert reply.body["title"] == "Conflict"
    assert dump(bank) == before


def test_an_older_answer_than_the_last_is_a_mismatch(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    bodies, shown = [], bank.question(session_id)["question"]
    for right in (False, True, True):
        bodies.append(submission(shown, right=right))
        shown = send(bank, session_id, bodies[-1]).body["question"]
    before = dump(bank)
    for body in bodies[:2]:
        for variant in (body, {name: body[name] for name in ("questionId", "selectedAnswers")}):
            reply = send(bank, session_id, variant)
            assert_conflict(reply, "TURN_MISMATCH")
            assert reply.body["question"] == shown
    assert dump(bank) == before
    assert send(bank, session_id, bodies[2]).status == 200


def test_the_choices_of_one_turn_mean_nothing_in_the_next(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    old = bank.question(session_id)["question"]
    shown = bank.answer(session_id, old, right=False).body["question"]
    right_before = submission(old)
    assert right_before["questionId"] == shown["questionId"]
    reply = send(bank, session_id, {**right_before, "turn": shown["turn"]})
    assert_faulty(reply, "selectedAnswers")
    del right_before["turn"]
    assert_conflict(send(bank, session_id, right_before), "TURN_MISMATCH")


def test_another_answer_to_a_completed_session_is_over(bank: InvokedStage) -> None:
    session_id = bank.start({**GEOGRAPHY, "questionCount": 1})
    shown = bank.question(session_id)["question"]
    bank.answer(session_id, shown)
    reply = bank.answer(session_id, shown, right=False)
    assert_conflict(reply, "SESSION_OVER")


def test_a_new_answer_to_a_paused_session_is_refused(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = play(bank, session_id, "r")
    then_paused(bank, session_id)
    before = dump(bank)
    assert_conflict(bank.answer(session_id, shown), "SESSION_PAUSED")
    assert dump(bank) == before


def test_a_new_answer_to_an_expired_session_is_refused(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    bank.clock.advance(30 * DAY)
    reply = bank.answer(session_id, shown)
    assert (reply.status, reply.body["code"]) == (410, "SESSION_EXPIRED")


# No answer at all


def test_a_selection_that_cannot_be_is_422_and_no_try_counts(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = play(bank, session_id, "w")
    ids = [each["id"] for each in shown["answers"]]
    body = submission(shown)
    unknown = "0000000" + ids[0][7:]
    assert unknown not in ids
    before = dump(bank)
    for selected in (
        [],
        [ids[0], ids[0]],
        [ids[0], ids[1]],
        [unknown],
        [ids[0], unknown],
        ["k3f"],
        ["zzzzzzzz"],
        [ids[0].upper()],
        [""],
        [1],
        None,
        ids[0],
        [f"{n:07d}2" for n in range(11)],
    ):
        reply = send(bank, session_id, {**body, "selectedAnswers": selected})
        assert (reply.status, reply.body["code"]) == (422, "VALIDATION_ERROR"), selected
        (fault,) = reply.body["errors"]
        assert fault["field"].startswith("selectedAnswers")
    for selected in ([], [unknown], ["k3f"], ["zzzzzzzz"], [ids[0], unknown]):
        untimed = {"questionId": shown["questionId"], "selectedAnswers": selected}
        assert send(bank, session_id, untimed).status == 422, selected
    assert dump(bank) == before
    assert send(bank, session_id, body).status == 200


def test_choices_of_two_turns_without_turn_are_422(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    old = bank.question(session_id)["question"]
    shown = bank.answer(session_id, old, right=False).body["question"]
    ids = [old["answers"][0]["id"], shown["answers"][0]["id"]]
    body = {"questionId": shown["questionId"], "selectedAnswers": ids}
    assert_faulty(send(bank, session_id, body), "selectedAnswers")


def test_all_faults_of_an_answer_are_reported_together(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    body = {"questionId": "x", "turn": 0, "selectedAnswers": [], "timeSpent": -1, "extra": 1}
    reply = send(bank, session_id, body)
    fields = sorted(fault["field"] for fault in reply.body["errors"])
    assert fields == ["extra", "questionId", "selectedAnswers", "timeSpent", "turn"]
    assert_faulty(send(bank, session_id, {}), "questionId", "selectedAnswers")


def test_choices_the_question_does_not_have_are_reported_with_faults_of_form(
    bank: InvokedStage,
) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    before, sound = dump(bank), submission(shown)
    two = [each["id"] for each in shown["answers"][:2]]
    for choices, code in ((["00000001"], "UNKNOWN_CHOICE"), (two, "TOO_MANY_CHOICES")):
        reply = send(bank, session_id, {**sound, "selectedAnswers": choices, "timeSpent": -1})
        assert_faulty(reply, "timeSpent", "selectedAnswers")
        assert reply.body["errors"][1]["code"] == code
    # Sound choices, another turn, another question: the other fault stays alone.
    for body in (
        {**sound, "timeSpent": -1},
        {**sound, "turn": 2, "timeSpent": -1},
        {**sound, "questionId": "history:000000", "timeSpent": -1},
    ):
        assert_faulty(send(bank, session_id, body), "timeSpent")
    unknown_session = "0" * 27
    assert_faulty(send(bank, unknown_session, {**sound, "timeSpent": -1}), "timeSpent")
    assert dump(bank) == before
    path = {"sessionId": session_id}
    assert bank.call("submitAnswer", [], path=path).status == 422


def test_a_time_spent_is_0_to_86400_seconds(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    body = submission(bank.question(session_id)["question"])
    for seconds in (-0.001, 86_400.001, "1", True):
        assert_faulty(send(bank, session_id, {**body, "timeSpent": seconds}), "timeSpent")
