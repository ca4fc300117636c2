"""Questions edited, retired or gone while a session holds them: on screen, queued, replayed.

docs/architecture.md: a retired question is no longer drawn but stays servable to a session that
holds it; an answer to an older version is not graded and no try is counted.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest

from domain.session.pool import HEAD_CAPACITY
from tests.integration.stage import InvokedStage, Reply, draft, drafts, submission

pytestmark = pytest.mark.slow

DEEP = HEAD_CAPACITY + 6
FIRST, BEYOND = 0, HEAD_CAPACITY + 2
"""Places in a queue: in the head a session carries, and beyond it."""


def right(text: str) -> dict[str, Any]:
    return {"text": f"right {text}", "correct": True}


def wrong(text: str) -> dict[str, Any]:
    return {"text": f"wrong {text}", "correct": False}


def _text(number: int) -> dict[str, Any]:
    return draft("geography", number, text=f"geography {number}, in other words?")


def _added(number: int) -> dict[str, Any]:
    body = draft("geography", number)
    return {**body, "answers": [*body["answers"], wrong("added")]}


def _removed(number: int) -> dict[str, Any]:
    body = draft("geography", number)
    return {**body, "answers": body["answers"][:-1]}


def _reordered(number: int) -> dict[str, Any]:
    body = draft("geography", number)
    return {**body, "answers": body["answers"][::-1]}


def _corrected(number: int) -> dict[str, Any]:
    """Right and wrong choices swapped; the texts are marked."""
    return {**draft("geography", number), "answers": [wrong("a"), wrong("b"), right("c")]}


def _several(number: int) -> dict[str, Any]:
    answers = [right("a"), wrong("b"), right("c")]
    return {**draft("geography", number), "type": "MULTIPLE_CHOICE", "answers": answers}


EDITS: Mapping[str, Callable[[int], dict[str, Any]]] = {
    "text": _text,
    "choice added": _added,
    "choice removed": _removed,
    "choices reordered": _reordered,
    "key corrected": _corrected,
    "several right": _several,
}


@pytest.fixture
def bank(stage: InvokedStage) -> InvokedStage:
    stage.save(*drafts("geography", DEEP))
    return stage


def edit(stage: InvokedStage, question_id: str, kind: str) -> dict[str, Any]:
    """Edit a question, and let the function that serves be one that knows it."""
    body = EDITS[kind](int(question_id[-6:]))
    stage.replace(question_id, body)
    stage.forget_questions()
    return body


def send(stage: InvokedStage, session_id: str, body: object) -> Reply:
    return stage.call("submitAnswer", body, path={"sessionId": session_id})


def texts(shown: Mapping[str, Any]) -> set[str]:
    return {each["text"] for each in shown["answers"]}


def finish(stage: InvokedStage, session_id: str) -> tuple[list[str], Any]:
    """Answer correctly to the end; return the questions in order, and the last body."""
    body, seen = stage.question(session_id), []
    while body["question"]:
        seen.append(str(body["question"]["questionId"]))
        left = body["progress"]["answersLeft"]
        reply = stage.answer(session_id, body["question"])
        assert reply.status == 200, reply.body
        body = reply.body
        assert body["progress"]["answersLeft"] < left
    assert (body["nextAction"], body["progress"]["answersLeft"]) == ("SESSION_COMPLETED", 0)
    return seen, body


def owe(stage: InvokedStage, how_many: int, **source: Any) -> tuple[str, list[str]]:
    """Return a session that owes its first questions, and these in the order they were queued."""
    session_id = stage.start({"category": "geography", **source}, percentage=0)
    queue, body = [], stage.question(session_id)
    for _ in range(how_many):
        queue.append(str(body["question"]["questionId"]))
        body = stage.answer(session_id, body["question"], right=False).body
        body = stage.answer(session_id, body["question"]).body
        stage.clock.advance(1_000)
    return session_id, queue


# On screen


def _fresh(stage: InvokedStage) -> str:
    return stage.start({"category": "geography"}, percentage=0)


def _missed(stage: InvokedStage) -> str:
    session_id = _fresh(stage)
    stage.answer(session_id, stage.question(session_id)["question"], right=False)
    return session_id


def _from_the_pool(stage: InvokedStage) -> str:
    return owe(stage, 2, questionCount=2)[0]


def _missed_from_the_pool(stage: InvokedStage) -> str:
    session_id = _from_the_pool(stage)
    stage.answer(session_id, stage.question(session_id)["question"], right=False)
    return session_id


def _of_a_review(stage: InvokedStage) -> str:
    session_id, _ = owe(stage, 2, questionCount=2)
    assert stage.call("abandonSession", path={"sessionId": session_id}).status == 204
    return str(stage.call("startSession", {"review": {}}).body["sessionId"])


SCREENS: Mapping[str, Callable[[InvokedStage], str]] = {
    "fresh": _fresh,
    "missed": _missed,
    "from the pool": _from_the_pool,
    "missed from the pool": _missed_from_the_pool,
    "of a review": _of_a_review,
}


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("kind", EDITS)
def test_an_answer_to_a_question_edited_on_screen_is_not_graded_and_the_next_one_is(
    bank: InvokedStage, kind: str, screen: str
) -> None:
    session_id = SCREENS[screen](bank)
    before = bank.question(session_id)
    old = before["question"]
    edited = edit(bank, old["questionId"], kind)
    tables = bank.everything()
    shown = old

    for is_right in (True, False):
        reply = send(bank, session_id, submission(old, right=is_right))
        assert (reply.status, reply.body["code"]) == (409, "QUESTION_CHANGED")
        shown = reply.body["question"]
        assert texts(shown) == {each["text"] for each in edited["answers"]}
        assert {each["id"] for each in shown["answers"]}.isdisjoint(
            each["id"] for each in old["answers"]
        )
        assert (shown["turn"], shown["text"]) == (old["turn"], edited["text"])
        again = bank.question(session_id)
        assert again["question"] == shown
        assert again["progress"] == before["progress"]
    without_turn = submission(old)
    del without_turn["turn"]
    assert send(bank, session_id, without_turn).body["code"] == "QUESTION_CHANGED"
    assert bank.everything() == tables, "no try counted"

    missed = send(bank, session_id, submission(shown, right=False)).body
    assert (missed["correct"], missed["question"]["turn"]) == (False, old["turn"] + 1)
    if kind != "several right":
        orders = [[each["text"] for each in q["answers"]] for q in (shown, missed["question"])]
        assert orders[0] != orders[1]
    assert texts(missed["question"]) == texts(shown)
    put_right = send(bank, session_id, submission(missed["question"])).body
    assert put_right["correct"]
    progress = put_right["progress"]
    assert progress["wrongAnswers"] == before["progress"]["wrongAnswers"] + 1
    _, last = finish(bank, session_id)
    assert last["progress"]["totalQuestions"] == last["progress"]["mastered"]
    assert bank.rows("wrong_answers") == []


@pytest.mark.parametrize("screen", SCREENS)
def test_an_answer_to_any_older_version_is_not_graded(bank: InvokedStage, screen: str) -> None:
    session_id = SCREENS[screen](bank)
    shown = [bank.question(session_id)["question"]]
    for kind in ("choice added", "key corrected", "choice removed"):
        edit(bank, shown[0]["questionId"], kind)
        shown.append(bank.question(session_id)["question"])
    for old in shown[:-1]:
        assert send(bank, session_id, submission(old)).body["code"] == "QUESTION_CHANGED"
    assert send(bank, session_id, submission(shown[-1])).status == 200


@pytest.mark.parametrize("screen", SCREENS)
def test_a_question_retired_on_screen_is_asked_graded_and_owed_as_any(
    bank: InvokedStage, screen: str
) -> None:
    session_id = SCREENS[screen](bank)
    before = bank.question(session_id)
    retired = before["question"]["questionId"]
    bank.retire(retired)
    bank.forget_questions()
    assert bank.question(session_id) == before

    body = bank.answer(session_id, before["question"], right=False).body
    assert body["question"]["questionId"] == retired
    body = bank.answer(session_id, body["question"]).body
    assert body["correct"]
    assert body["progress"]["totalQuestions"] == before["progress"]["totalQuestions"]
    seen, last = finish(bank, session_id)
    assert seen.count(retired) == 2
    assert last["progress"]["mastered"] == before["progress"]["totalQuestions"]
    assert bank.rows("wrong_answers") == []


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("by", ["asking", "answering"])
def test_a_question_gone_from_the_screen_gives_way_to_the_next_and_is_owed_no_more(
    bank: InvokedStage, screen: str, by: str
) -> None:
    session_id = SCREENS[screen](bank)
    before = bank.question(session_id)
    gone = before["question"]["questionId"]
    bank.lose(gone)
    if by == "answering":
        reply = send(bank, session_id, submission(before["question"]))
        assert (reply.status, reply.body["code"]) == (409, "TURN_MISMATCH")
        assert reply.body["question"] == bank.question(session_id)["question"]
    after = bank.question(session_id)
    assert after["question"]["questionId"] != gone
    assert after["progress"]["wrongAnswers"] == before["progress"]["wrongAnswers"]
    assert gone not in {row["questionId"]["S"] for row in bank.rows("wrong_answers")}
    seen, last = finish(bank, session_id)
    assert gone not in seen
    assert bank.rows("wrong_answers") == []
    # One that was put right before stays counted among those the session asked.
    lost = 0 if screen.endswith("the pool") else 1
    total = before["progress"]["totalQuestions"]
    assert last["progress"]["totalQuestions"] == total - lost


# Queued


def test_questions_edited_in_the_pool_come_back_as_they_are_now(bank: InvokedStage) -> None:
    session_id, queue = owe(bank, DEEP, questionCount=DEEP)
    kinds = list(EDITS)
    # Each kind of edit once in the head of the queue, and once beyond it where there is room.
    places = {**dict(enumerate(kinds)), **dict(enumerate(kinds, DEEP - len(kinds)))}
    assert max(places) > BEYOND
    edited = {queue[place]: edit(bank, queue[place], kind) for place, kind in places.items()}
    body, seen = bank.question(session_id), []
    while body["question"]:
        shown = body["question"]
        if shown["questionId"] in edited:
            seen.append(shown["questionId"])
            now = edited[shown["questionId"]]
            assert texts(shown) == {each["text"] for each in now["answers"]}
            assert (shown["text"], shown["type"]) == (now["text"], now["type"])
        reply = bank.answer(session_id, shown)
        assert reply.body["correct"]
        body = reply.body
    # The one on screen while it was edited among them: it is shown as it is now, too.
    assert sorted(seen) == sorted(2 * list(edited))
    assert body["progress"]["mastered"] == body["progress"]["totalQuestions"] == DEEP
    assert bank.rows("wrong_answers") == []


@pytest.mark.parametrize("place", [FIRST, BEYOND])
def test_a_question_retired_in_the_pool_comes_back_until_it_is_mastered(
    bank: InvokedStage, place: int
) -> None:
    session_id, queue = owe(bank, DEEP, questionCount=DEEP)
    bank.retire(queue[place])
    bank.forget_questions()
    seen, last = finish(bank, session_id)
    assert seen.count(queue[place]) == 2
    assert last["progress"]["mastered"] == DEEP
    assert bank.rows("wrong_answers") == []


@pytest.mark.parametrize("places", [(FIRST + 2,), (BEYOND,), (2, 3, BEYOND), tuple(range(2, DEEP))])
def test_questions_gone_from_the_pool_are_forgotten_when_their_turn_comes(
    bank: InvokedStage, places: tuple[int, ...]
) -> None:
    session_id, queue = owe(bank, DEEP, questionCount=DEEP)
    gone = {queue[place] for place in places}
    bank.lose(*gone)
    seen, last = finish(bank, session_id)
    assert gone.isdisjoint(seen)
    assert set(seen) == set(queue) - gone
    assert last["progress"]["mastered"] == DEEP - len(gone)
    assert bank.rows("wrong_answers") == []


# Replayed


CHANGES: Mapping[str, Callable[[InvokedStage, str], object]] = {
    **{f"edited: {kind}": partial(edit, kind=kind) for kind in EDITS},
    "retired": InvokedStage.retire,
    "gone": InvokedStage.lose,
}


@pytest.mark.parametrize(
    ("change", "is_right"),
    # A question missed is on screen still; gone from there, see above.
    [(each, yes) for each in CHANGES for yes in (True, False) if yes or each != "gone"],
)
def test_a_repeat_is_told_the_same_after_its_question_changed(
    bank: InvokedStage, change: str, is_right: bool
) -> None:
    session_id = _fresh(bank)
    shown = bank.question(session_id)["question"]
    body = submission(shown, right=is_right)
    first = send(bank, session_id, body)
    CHANGES[change](bank, shown["questionId"])
    bank.forget_questions()
    tables = bank.everything()

    again = send(bank, session_id, body)

    assert again.status == 200
    assert bank.everything() == tables
    same = {"correct", "nextAction", "penaltyIndicator", "message", "progress", "correctAnswers"}
    assert {k: v for k, v in again.body.items() if k in same} == {
        k: v for k, v in first.body.items() if k in same
    }
    if is_right:
        assert again.body["question"] == first.body["question"]
        assert again.body["correctAnswers"] == body["selectedAnswers"]
    else:
        assert again.body["question"] == bank.question(session_id)["question"]
    other = submission(shown, right=not is_right)
    assert send(bank, session_id, other).body["code"] == "TURN_MISMATCH"
    assert bank.everything() == tables


def test_a_repeat_after_the_next_question_was_edited_shows_it_as_it_is_now(
    bank: InvokedStage,
) -> None:
    session_id = _fresh(bank)
    body = submission(bank.question(session_id)["question"])
    following = send(bank, session_id, body).body["question"]
    edited = edit(bank, following["questionId"], "key corrected")
    again = send(bank, session_id, body)
    assert again.status == 200
    assert texts(again.body["question"]) == {each["text"] for each in edited["answers"]}
    assert send(bank, session_id, submission(again.body["question"])).body["correct"]


# A review session


def test_leftovers_edited_before_and_during_a_review_are_asked_as_they_are_now(
    bank: InvokedStage,
) -> None:
    former, queue = owe(bank, DEEP, questionCount=DEEP)
    assert bank.call("abandonSession", path={"sessionId": former}).status == 204
    for question_id, kind in zip(queue, EDITS, strict=False):
        edit(bank, question_id, kind)
    session_id = str(bank.call("startSession", {"review": {}}).body["sessionId"])
    for question_id, kind in zip(reversed(queue), EDITS, strict=False):
        edit(bank, question_id, kind)
    seen, last = finish(bank, session_id)
    assert sorted(seen) == sorted(2 * queue)
    assert last["progress"]["mastered"] == last["progress"]["totalQuestions"] == DEEP


@pytest.mark.parametrize("when", ["before", "during"])
def test_leftovers_retired_are_asked_and_those_gone_are_forgotten(
    bank: InvokedStage, when: str
) -> None:
    former, queue = owe(bank, DEEP, questionCount=DEEP)
    assert bank.call("abandonSession", path={"sessionId": former}).status == 204
    retired, gone = {queue[2], queue[BEYOND]}, {queue[3], queue[4], queue[BEYOND + 1]}

    def change() -> None:
        for each in retired:
            bank.retire(each)
        bank.lose(*gone)

    if when == "before":
        change()
    session_id = str(bank.call("startSession", {"review": {}}).body["sessionId"])
    if when == "during":
        change()
    seen, last = finish(bank, session_id)
    assert set(seen) == set(queue) - gone
    assert all(seen.count(each) == 2 for each in retired)
    assert last["progress"]["mastered"] == DEEP - len(gone)
    assert last["progress"]["totalQuestions"] == DEEP - len(gone)
    assert bank.rows("wrong_answers") == []


def test_a_category_retired_as_a_whole_is_reviewed_still(bank: InvokedStage) -> None:
    former, queue = owe(bank, 3)
    assert bank.call("abandonSession", path={"sessionId": former}).status == 204
    for number in range(DEEP):
        bank.retire(f"geography:{number:06d}")
    bank.forget_questions()
    refused = bank.call("startSession", {"sources": [{"category": "geography"}]})
    assert refused.status == 422
    session_id = str(bank.call("startSession", {"review": {}}).body["sessionId"])
    assert sorted(finish(bank, session_id)[0]) == sorted(2 * queue)
