"""Answers while the bank changes: graded by the version that was shown, or refused."""

from typing import Any

from tests.integration.answering import GEOGRAPHY, assert_conflict, chosen, dump, play, send
from tests.integration.stage import (
    InvokedStage,
    draft,
    refuses,
    submission,
)


def test_an_answer_to_an_edited_question_is_not_graded(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = play(bank, session_id, "w")
    number = int(shown["questionId"][-6:])
    bank.replace(shown["questionId"], draft("geography", number, text="Edited?"))
    bank.forget_questions()
    before = dump(bank)

    new: Any = None
    for right in (True, False):
        reply = bank.answer(session_id, shown, right=right)
        assert_conflict(reply, "QUESTION_CHANGED")
        new = reply.body["question"]
        assert (new["text"], new["turn"]) == ("Edited?", shown["turn"])
        assert new["questionId"] == shown["questionId"]
        assert not {each["id"] for each in new["answers"]} & {e["id"] for e in shown["answers"]}
    assert dump(bank) == before
    assert bank.question(session_id)["question"] == new

    graded = bank.answer(session_id, new)
    assert (graded.status, graded.body["correct"]) == (200, True)
    progress = graded.body["progress"]
    assert (progress["wrongAnswers"], progress["correctAnswers"]) == (1, 1)


def test_the_new_answer_key_of_an_edited_question_counts(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    edited = draft("geography", int(shown["questionId"][-6:]))
    for answer, correct in zip(edited["answers"], (False, True, False, False), strict=True):
        answer["correct"] = correct
    bank.replace(shown["questionId"], edited)
    bank.forget_questions()
    new = bank.answer(session_id, shown).body["question"]
    number = int(shown["questionId"][-6:])
    body = submission(new, selectedAnswers=chosen(new, f"wrong {number} 0"))
    assert send(bank, session_id, body).body["correct"] is True


def test_choices_of_the_new_version_are_graded_through_a_cache_of_the_old(
    bank: InvokedStage,
) -> None:
    """Another environment showed the edited question; this one has not heard of it."""
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    warm = bank.services.bank
    number = int(shown["questionId"][-6:])
    edited = draft("geography", number, text="Edited?")
    edited["answers"].reverse()
    bank.replace(shown["questionId"], edited)
    bank.forget_questions()
    new = bank.question(session_id)["question"]
    bank.services.bank = warm

    retry = bank.answer(session_id, new, right=False)
    assert (retry.status, retry.body["correct"]) == (200, False)
    assert retry.body["question"]["text"] == "Edited?"
    bank.services.bank = warm
    right = bank.answer(session_id, retry.body["question"])
    assert (right.status, right.body["correct"]) == (200, True)


def test_an_edit_shows_within_a_minute_in_a_warm_environment(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    number = int(shown["questionId"][-6:])
    bank.replace(shown["questionId"], draft("geography", number, text="Edited?"))
    bank.clock.advance(60_000)
    assert_conflict(bank.answer(session_id, shown), "QUESTION_CHANGED")


def test_an_old_answer_key_is_not_used_from_five_seconds_after_an_edit_on(
    bank: InvokedStage,
) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    number = int(shown["questionId"][-6:])
    bank.replace(shown["questionId"], draft("geography", number, text="Edited?"))
    bank.clock.advance(5_000)
    reply = bank.answer(session_id, shown)
    assert_conflict(reply, "QUESTION_CHANGED")
    assert reply.body["question"]["text"] == "Edited?"
    bank.clock.advance(5_000)
    assert bank.answer(session_id, reply.body["question"]).body["correct"] is True


def test_play_continues_from_memory_while_questions_cannot_be_read(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    bank.clock.advance(5_000)
    with bank.fault("BatchGetItem", refuses("InternalServerError")):
        reply = bank.answer(session_id, shown, right=False)
    assert (reply.status, reply.body["correct"]) == (200, False)
    assert reply.log["QuestionsFromMemory"] == 1


def test_a_session_of_somebody_else_stays_unknown_while_its_question_is_read_again(
    bank: InvokedStage,
) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    bank.clock.advance(5_000)
    assert bank.answer(session_id, shown, user="bob").status == 404


def test_a_repeat_is_recognized_after_its_question_was_edited(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    first = bank.answer(session_id, shown)
    bank.replace(shown["questionId"], draft("geography", int(shown["questionId"][-6:]), text="?"))
    bank.forget_questions()
    again = bank.answer(session_id, shown)
    assert (again.status, again.text) == (200, first.text)


def test_an_edit_of_tags_or_explanation_does_not_disturb_an_answer(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    number = int(shown["questionId"][-6:])
    edited = draft("geography", number, tags=["new"], explanation="clearer")
    bank.replace(shown["questionId"], edited)
    bank.forget_questions()
    reply = bank.answer(session_id, shown)
    assert (reply.status, reply.body["correct"]) == (200, True)
    assert reply.body["explanation"] == "clearer"
