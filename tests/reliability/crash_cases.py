"""Requests on a prepared stage, one for each effect that a route can have."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.integration.stage import InvokedStage, draft, drafts
from tests.reliability.crashes import Asked, send
from tests.support.reference_session import LIFETIME

Case = Callable[[InvokedStage], Asked]

CASES: dict[str, Case] = {}


def case(make: Case) -> Case:
    CASES[make.__name__] = make
    return make


def admin(operation: str, body: Any = None, **path: str) -> Asked:
    return Asked(operation, body, "root", ("admin",), path)


def answering(session_id: str, body: Mapping[str, Any], *, right: bool = True) -> Asked:
    shown = body["question"]
    wanted = "right" if right else "wrong"
    chosen = next(each["id"] for each in shown["answers"] if each["text"].startswith(wanted))
    said = {
        "questionId": shown["questionId"],
        "turn": shown["turn"],
        "selectedAnswers": [chosen],
        "timeSpent": 1.5,
    }
    return Asked("submitAnswer", said, path={"sessionId": session_id})


def play(stage: InvokedStage, session_id: str, answers: str) -> Any:
    """Answer by letters: r is right, w is wrong; return what is on screen then."""
    body = stage.question(session_id)
    for letter in answers:
        stage.clock.advance(1_000)
        body = stage.answer(session_id, body["question"], right=letter == "r").body
    return body


def started(stage: InvokedStage, questions: int = 3, percentage: int = 0) -> str:
    stage.save(*drafts("rivers", questions))
    return stage.start({"category": "rivers"}, percentage=percentage)


def left_over(stage: InvokedStage) -> str:
    """Have a session abandoned that owes one question."""
    session_id = started(stage, 1)
    play(stage, session_id, "wr")
    assert stage.call("abandonSession", path={"sessionId": session_id}).status == 204
    return session_id


@case
def wrong(stage: InvokedStage) -> Asked:
    session_id = started(stage)
    return answering(session_id, play(stage, session_id, ""), right=False)


@case
def wrong_again(stage: InvokedStage) -> Asked:
    session_id = started(stage)
    return answering(session_id, play(stage, session_id, "w"), right=False)


@case
def right_at_first_try(stage: InvokedStage) -> Asked:
    session_id = started(stage)
    return answering(session_id, play(stage, session_id, "r"))


@case
def entering_the_pool(stage: InvokedStage) -> Asked:
    session_id = started(stage)
    return answering(session_id, play(stage, session_id, "w"))


@case
def lowering_an_entry(stage: InvokedStage) -> Asked:
    session_id = started(stage, 1)
    return answering(session_id, play(stage, session_id, "wr"))


@case
def leaving_the_pool(stage: InvokedStage) -> Asked:
    session_id = started(stage, 2)
    return answering(session_id, play(stage, session_id, "wrwrrr"))


@case
def starting_an_entry_again(stage: InvokedStage) -> Asked:
    session_id = started(stage, 2)
    return answering(session_id, play(stage, session_id, "wrwrw"))


@case
def the_last_answer(stage: InvokedStage) -> Asked:
    session_id = started(stage, 1)
    return answering(session_id, play(stage, session_id, ""))


@case
def refilling_the_head(stage: InvokedStage) -> Asked:
    session_id = started(stage, 18)
    body = play(stage, session_id, "wr" * 18)
    for _ in range(50):
        held = stage.services.sessions.get("ada", session_id)
        assert held
        if len(held.pool.head) == 1 and held.pool.beyond_head:
            return answering(session_id, body)
        body = play(stage, session_id, "r")
    raise AssertionError("the head never ran out")


@case
def the_same_answer_again(stage: InvokedStage) -> Asked:
    session_id = started(stage)
    asked = answering(session_id, play(stage, session_id, ""))
    assert send(stage, asked).status == 200
    return asked


@case
def an_answer_to_a_turn_gone_by(stage: InvokedStage) -> Asked:
    session_id = started(stage)
    asked = answering(session_id, play(stage, session_id, ""))
    play(stage, session_id, "rw")
    return asked


@case
def an_answer_to_a_question_edited_since(stage: InvokedStage) -> Asked:
    session_id = started(stage)
    body = play(stage, session_id, "")
    identifier = body["question"]["questionId"]
    stage.replace(identifier, draft("rivers", 99))
    return answering(session_id, body)


@case
def an_answer_to_a_question_that_is_gone(stage: InvokedStage) -> Asked:
    session_id = started(stage)
    body = play(stage, session_id, "")
    stage.lose(body["question"]["questionId"])
    return answering(session_id, body)


@case
def an_answer_after_which_retired_ones_are_passed_over(stage: InvokedStage) -> Asked:
    session_id = started(stage, 5)
    body = play(stage, session_id, "")
    for number in range(5):
        if f"rivers:{number:06d}" != body["question"]["questionId"]:
            stage.retire(f"rivers:{number:06d}")
    return answering(session_id, body)


@case
def showing_a_question(stage: InvokedStage) -> Asked:
    return Asked("getQuestion", path={"sessionId": started(stage)})


@case
def showing_what_takes_the_place_of_a_question_that_is_gone(stage: InvokedStage) -> Asked:
    session_id = started(stage)
    stage.lose(play(stage, session_id, "")["question"]["questionId"])
    return Asked("getQuestion", path={"sessionId": session_id})


@case
def withdrawing_a_pool_entry_whose_question_is_gone(stage: InvokedStage) -> Asked:
    session_id = started(stage, 2)
    stage.lose(play(stage, session_id, "wrwr")["question"]["questionId"])
    return Asked("getQuestion", path={"sessionId": session_id})


KEY = {"Idempotency-Key": "once"}

SOURCES = {"sources": [{"category": "rivers"}]}


@case
def starting_with_a_key(stage: InvokedStage) -> Asked:
    stage.save(*drafts("rivers", 1))
    return Asked("startSession", {**SOURCES, "settings": {"wrongAnswerPercentage": 5}}, headers=KEY)


@case
def starting_with_a_key_and_the_learners_preference(stage: InvokedStage) -> Asked:
    stage.save(*drafts("rivers", 1))
    return Asked("startSession", SOURCES, headers=KEY)


@case
def starting_again_with_the_same_key(stage: InvokedStage) -> Asked:
    asked = starting_with_a_key(stage)
    assert send(stage, asked).status == 201
    return asked


@case
def starting_a_review(stage: InvokedStage) -> Asked:
    left_over(stage)
    return Asked("startSession", {"review": {}}, headers=KEY)


@case
def starting_a_review_again_when_nothing_is_left(stage: InvokedStage) -> Asked:
    asked = starting_a_review(stage)
    assert send(stage, asked).status == 201
    return asked


@case
def reviewing_what_expired_sessions_left(stage: InvokedStage) -> Asked:
    first = started(stage, 1)
    second = stage.start({"category": "rivers"})
    play(stage, first, "wr")
    play(stage, second, "wrr")
    stage.clock.advance(LIFETIME)
    return Asked("startSession", {"review": {}}, headers=KEY)


@case
def reviewing_what_has_no_question_any_more(stage: InvokedStage) -> Asked:
    session_id = started(stage, 2)
    play(stage, session_id, "wrwr")
    stage.clock.advance(LIFETIME)
    oldest = min(row["timestamp"]["S"] for row in stage.rows("wrong_answers"))
    stage.lose(oldest.partition("#")[2])
    return Asked("startSession", {"review": {}}, headers=KEY)


def changing(stage: InvokedStage, **wanted: str) -> Asked:
    session_id = started(stage)
    return Asked("updateSession", {"version": 1, **wanted}, path={"sessionId": session_id})


@case
def renaming(stage: InvokedStage) -> Asked:
    return changing(stage, name="Rivers")


@case
def pausing(stage: InvokedStage) -> Asked:
    return changing(stage, status="PAUSED")


@case
def resuming(stage: InvokedStage) -> Asked:
    asked = pausing(stage)
    assert send(stage, asked).status == 200
    return Asked("updateSession", {"version": 2, "status": "ACTIVE"}, path=asked.path)


@case
def changing_what_changed_since(stage: InvokedStage) -> Asked:
    asked = changing(stage, name="Rivers")
    play(stage, asked.path["sessionId"], "r")
    return asked


@case
def abandoning(stage: InvokedStage) -> Asked:
    return Asked("abandonSession", path={"sessionId": started(stage)})


@case
def abandoning_again(stage: InvokedStage) -> Asked:
    return Asked("abandonSession", path={"sessionId": left_over(stage)})


@case
def reading_a_session(stage: InvokedStage) -> Asked:
    return Asked("getSession", path={"sessionId": started(stage)})


@case
def listing_sessions(stage: InvokedStage) -> Asked:
    started(stage)
    return Asked("listSessions")


@case
def listing_a_sessions_questions(stage: InvokedStage) -> Asked:
    session_id = started(stage)
    play(stage, session_id, "wr")
    return Asked("listSessionQuestions", path={"sessionId": session_id})


@case
def reading_a_profile(_: InvokedStage) -> Asked:
    return Asked("getUser", path={"userId": "me"})


@case
def changing_a_profile(_: InvokedStage) -> Asked:
    return Asked("updateUser", {"displayName": "Ada"}, path={"userId": "me"})


@case
def reading_progress(stage: InvokedStage) -> Asked:
    left_over(stage)
    return Asked("getProgress", path={"userId": "me"})


@case
def listing_progress(stage: InvokedStage) -> Asked:
    left_over(stage)
    return Asked("listQuestionProgress", path={"userId": "me"})


@case
def listing_wrong_answers(stage: InvokedStage) -> Asked:
    left_over(stage)
    return Asked("listWrongAnswers", path={"userId": "me"})


@case
def listing_categories(stage: InvokedStage) -> Asked:
    stage.save(*drafts("rivers", 1))
    return Asked("listCategories")


@case
def exporting(stage: InvokedStage) -> Asked:
    left_over(stage)
    return Asked("exportUser", path={"userId": "me"})


@case
def erasing(stage: InvokedStage) -> Asked:
    left_over(stage)
    return Asked("eraseUser", path={"userId": "me"})


@case
def erasing_again(stage: InvokedStage) -> Asked:
    asked = erasing(stage)
    assert send(stage, asked).status == 204
    return asked


@case
def asking_for_health(_: InvokedStage) -> Asked:
    return Asked("getHealth")
