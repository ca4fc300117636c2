"""Responses to answers: every field as the HTTP contract defines it."""

from itertools import permutations

from tests.integration.answering import GEOGRAPHY, LAW, chosen, law, play, send
from tests.integration.stage import (
    InvokedStage,
    submission,
)


def test_a_wrong_answer_has_the_body_of_the_contract(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]

    reply = bank.answer(session_id, shown, right=False)

    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.body == {
        "correct": False,
        "nextAction": "RETRY_SAME_QUESTION",
        "penaltyIndicator": "(+1 Question @ 2 Tries)",
        "message": "Incorrect. Try again with the shuffled answers.",
        "question": {
            **shown,
            "turn": 2,
            "answers": reply.body["question"]["answers"],
            "reason": {"code": "RETRY", "text": "Your answer was wrong: try again."},
        },
        "version": 2,
        "progress": {
            "totalQuestions": 6,
            "questionsAnswered": 0,
            "correctAnswers": 0,
            "wrongAnswers": 1,
            "mastered": 0,
            "wrongPoolSize": 1,
            "remainingTries": 2,
            "answersLeft": 8,
            "penaltyIndicator": "(+1 Question @ 2 Tries)",
            "percentComplete": 0.0,
        },
    }
    assert list(reply.body["question"]) == list(shown)
    assert "because" not in reply.text


def test_a_right_answer_has_the_body_of_the_contract(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY, percentage=0)
    shown = play(bank, session_id, "w")

    reply = bank.answer(session_id, shown)

    number = int(shown["questionId"][-6:])
    assert reply.status == 200
    assert reply.body == {
        "correct": True,
        "nextAction": "NEXT_QUESTION",
        "penaltyIndicator": "(+1 Question @ 2 Tries)",
        "message": reply.body["message"],
        "correctAnswers": chosen(shown, f"right {number}"),
        "explanation": f"because {number}",
        "question": bank.question(session_id)["question"],
        "version": 3,
        "progress": {
            "totalQuestions": 6,
            "questionsAnswered": 1,
            "correctAnswers": 1,
            "wrongAnswers": 1,
            "mastered": 0,
            "wrongPoolSize": 1,
            "remainingTries": 2,
            "answersLeft": 7,
            "penaltyIndicator": "(+1 Question @ 2 Tries)",
            "percentComplete": 12.5,
        },
    }
    assert reply.body["message"].startswith("Correct.")
    assert reply.body["question"]["turn"] == 3


def test_a_session_can_be_paused_with_the_version_of_an_answer_or_a_question(
    bank: InvokedStage,
) -> None:
    session_id = bank.start(GEOGRAPHY)
    body = bank.question(session_id)
    for _ in range(2):
        body = bank.answer(session_id, body["question"]).body
        assert body["version"] == bank.question(session_id)["version"]
    pause = {"version": body["version"], "status": "PAUSED"}
    assert bank.call("updateSession", pause, path={"sessionId": session_id}).status == 200


def test_the_last_right_answer_completes_the_session_with_no_question(bank: InvokedStage) -> None:
    session_id = bank.start({**GEOGRAPHY, "questionCount": 1})
    body = bank.answer(session_id, bank.question(session_id)["question"]).body
    assert body["correct"] is True
    assert body["nextAction"] == "SESSION_COMPLETED"
    assert body["question"] is None
    assert body["penaltyIndicator"] == ""
    assert body["progress"]["percentComplete"] == 100.0
    assert len(body["correctAnswers"]) == 1
    assert body["explanation"].startswith("because")


def test_messages_tell_what_is_still_owed(bank: InvokedStage) -> None:
    session_id = bank.start({**GEOGRAPHY, "questionCount": 1})
    shown, messages = bank.question(session_id)["question"], []
    for right in (False, True, True, True):
        body = bank.answer(session_id, shown, right=right).body
        messages.append((body["message"], body["penaltyIndicator"]))
        shown = body["question"]
    assert messages == [
        ("Incorrect. Try again with the shuffled answers.", "(+1 Question @ 2 Tries)"),
        (
            "Correct. The question will come back until it is right twice more.",
            "(+1 Question @ 2 Tries)",
        ),
        ("Correct. The question will come back once more.", "(+1 Question @ 1 Try)"),
        ("Correct.", ""),
    ]


def test_all_and_only_the_right_choices_are_right(stage: InvokedStage) -> None:
    stage.save(law())
    session_id = stage.start(LAW)
    right = {"right a", "right c"}
    texts = ("right a", "wrong b", "right c", "wrong d")
    wrong_selections = [
        selection
        for size in (1, 2, 3, 4)
        for selection in permutations(texts, size)
        if set(selection) != right and list(selection) == sorted(selection)
    ]
    assert len(wrong_selections) == 14
    for selection in wrong_selections:
        shown = stage.question(session_id)["question"]
        body = submission(shown, selectedAnswers=chosen(shown, *selection))
        reply = send(stage, session_id, body)
        assert (reply.status, reply.body["correct"]) == (200, False), selection
        assert "correctAnswers" not in reply.body
        assert "explanation" not in reply.body
    shown = stage.question(session_id)["question"]
    reply = stage.answer(session_id, shown)
    assert reply.body["correct"] is True
    assert sorted(reply.body["correctAnswers"]) == sorted(chosen(shown, *right))
    (row,) = stage.rows("progress")
    assert row["lastChoice"]["S"] == "02"


def test_turn_may_be_left_out(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    for right in (False, True, True):
        body = submission(shown, right=right)
        del body["turn"]
        reply = send(bank, session_id, body)
        assert (reply.status, reply.body["correct"]) == (200, right)
        shown = reply.body["question"]


def test_time_spent_may_be_left_out_and_is_kept_to_the_millisecond(bank: InvokedStage) -> None:
    session_id = bank.start({**GEOGRAPHY, "questionCount": 1})
    for seconds in (None, 0, 12.5, 0.001, 86_400):
        body = submission(bank.question(session_id)["question"], right=False, timeSpent=seconds)
        if seconds is None:
            del body["timeSpent"]
        assert send(bank, session_id, body).status == 200
    (row,) = bank.rows("progress")
    assert int(row["timeSpent"]["N"]) == 12_501 + 86_400_000
