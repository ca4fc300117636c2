"""The questions of a session, and of a learner's lists, as far as the learner may see them."""

from typing import Any

import pytest

from lambdas.progress.played_questions import MAX_WITH_QUESTIONS
from tests.integration.stage import InvokedStage, Reply, draft, drafts

ME = {"userId": "me"}


def listed(stage: InvokedStage, session_id: str, user: str = "ada", **query: str) -> Reply:
    return stage.call(
        "listSessionQuestions", path={"sessionId": session_id}, query=query, user=user
    )


def everything(stage: InvokedStage, session_id: str, limit: int) -> list[Any]:
    """Return all pages of the list, each as long as asked for but the last."""
    found: list[Any] = []
    query = {"limit": str(limit)}
    while True:
        page = listed(stage, session_id, **query)
        assert page.status == 200, page.body
        found += page.body["questions"]
        if "nextToken" not in page.body:
            return found
        assert len(page.body["questions"]) == limit
        query["nextToken"] = page.body["nextToken"]


def play(stage: InvokedStage, session_id: str, *right: bool) -> list[str]:
    """Answer in turn; return the ids of the questions answered."""
    shown = stage.question(session_id)["question"]
    asked = []
    for each in right:
        asked.append(shown["questionId"])
        shown = stage.answer(session_id, shown, right=each).body["question"]
    return asked


@pytest.fixture
def bank(stage: InvokedStage) -> InvokedStage:
    stage.save(*drafts("geography", 8), *drafts("rivers", 5))
    return stage


def test_a_session_lists_what_was_chosen_and_what_was_earned(bank: InvokedStage) -> None:
    session_id = bank.start({"category": "geography"}, percentage=0)
    missed, _, right, wrong = play(bank, session_id, False, True, True, False)
    found = {each["questionId"]: each for each in listed(bank, session_id).body["questions"]}

    assert set(found) == {missed, right, wrong}
    assert {each: found[each]["missed"] for each in found} == {
        missed: True,
        right: False,
        wrong: True,
    }
    number = int(right[-6:])
    assert found[right] == {
        "questionId": right,
        "category": "geography",
        "text": f"geography {number}?",
        "type": "SINGLE_CHOICE",
        "language": "en",
        "answers": [
            {"text": f"right {number}", "chosen": True, "correct": True},
            *({"text": f"wrong {number} {n}", "chosen": False, "correct": False} for n in range(3)),
        ],
        "explanation": f"because {number}",
        "edited": False,
        "missed": False,
        "timeSpent": 1.5,
        "answeredAt": found[right]["answeredAt"],
    }
    # Its newest answer was wrong: nothing reveals the right one.
    assert "explanation" not in found[wrong]
    assert all("correct" not in answer for answer in found[wrong]["answers"])
    assert sum(answer["chosen"] for answer in found[wrong]["answers"]) == 1


@pytest.mark.parametrize("limit", [1, 3, 13, 100])
def test_all_pages_hold_every_question_of_every_source_once(bank: InvokedStage, limit: int) -> None:
    sources = ({"category": "geography"}, {"category": "rivers", "questionCount": 4})
    session_id = bank.start(*sources)
    asked = play(bank, session_id, *[True] * 12)
    found = [each["questionId"] for each in everything(bank, session_id, limit)]
    assert sorted(found) == sorted(asked)


def test_a_question_answered_in_another_session_is_listed_there(bank: InvokedStage) -> None:
    first = bank.start({"category": "rivers"})
    play(bank, first, *[True] * 5)
    second = bank.start({"category": "rivers"})
    again = play(bank, second, True, True)
    assert {each["questionId"] for each in everything(bank, second, 100)} == set(again)
    # Two of the five are gone from the first page's reads, so it reads on to fill it.
    assert len(listed(bank, first, limit="3").body["questions"]) == 3


def test_a_mistake_of_another_session_is_none_of_this_one(bank: InvokedStage) -> None:
    first = bank.start({"category": "rivers", "questionCount": 1})
    (missed,) = set(play(bank, first, False, True))
    second = bank.start({"category": "rivers"})
    play(bank, second, *[True] * 5)
    found = {each["questionId"]: each for each in everything(bank, second, 100)}
    assert found[missed]["missed"] is False


def test_a_review_lists_what_it_asked_in_all_its_categories(bank: InvokedStage) -> None:
    sources = ({"category": "geography"}, {"category": "rivers"})
    first = bank.start(*sources, percentage=0)
    play(bank, first, *[False, True] * 13)
    bank.call("abandonSession", path={"sessionId": first})
    review = bank.call("startSession", {"review": {}}).body["sessionId"]
    assert everything(bank, review, 5) == []
    asked = set(play(bank, review, *[True] * 26))
    assert {each.partition(":")[0] for each in asked} == {"geography", "rivers"}
    for limit in (1, 4, 100):
        found = [each["questionId"] for each in everything(bank, review, limit)]
        assert sorted(found) == sorted(asked)


def test_an_edited_question_is_marked_and_reveals_nothing(bank: InvokedStage) -> None:
    session_id = bank.start({"category": "rivers"})
    (asked,) = play(bank, session_id, True)
    number = int(asked[-6:])
    bank.replace(asked, draft("rivers", number, text="What now?"))
    (found,) = listed(bank, session_id).body["questions"]
    assert (found["text"], found["edited"]) == ("What now?", True)
    assert "explanation" not in found
    assert all(answer.keys() == {"text", "chosen"} for answer in found["answers"])
    assert not any(answer["chosen"] for answer in found["answers"])


def test_a_question_gone_from_the_bank_is_left_out(bank: InvokedStage) -> None:
    session_id = bank.start({"category": "rivers"})
    asked = play(bank, session_id, True, True)
    bank.lose(asked[0])
    assert [each["questionId"] for each in everything(bank, session_id, 100)] == asked[1:]


def test_unearned_choices_are_in_order_of_their_text(stage: InvokedStage) -> None:
    answers = [
        {"text": "wrong b", "correct": False},
        {"text": "right c", "correct": True},
        {"text": "wrong a", "correct": False},
    ]
    stage.save(draft("rivers", 0, answers=answers))
    session_id = stage.start({"category": "rivers"})
    play(stage, session_id, False)
    (found,) = listed(stage, session_id).body["questions"]
    assert [each["text"] for each in found["answers"]] == ["right c", "wrong a", "wrong b"]


def test_another_learners_session_does_not_exist(bank: InvokedStage) -> None:
    session_id = bank.start({"category": "rivers"})
    assert listed(bank, session_id, user="eve").status == 404


def test_a_page_token_holds_for_its_session_alone(bank: InvokedStage) -> None:
    first, second = (bank.start({"category": "rivers"}) for _ in range(2))
    play(bank, first, True, True)
    play(bank, second, True, True)
    token = listed(bank, second, limit="1").body["nextToken"]
    assert listed(bank, second, limit="1", nextToken=token).status == 200
    assert listed(bank, first, limit="1", nextToken=token).status == 422


@pytest.mark.parametrize("limit", [1, 20, 100])
def test_a_page_costs_one_call_each_for_session_records_and_questions(
    stage: InvokedStage, limit: int
) -> None:
    stage.save(*drafts("geography", 120))
    session_id = stage.start({"category": "geography"})
    play(stage, session_id, *[True] * 110)
    page, length = listed(stage, session_id, limit=str(limit)), min(limit, MAX_WITH_QUESTIONS)
    assert len(page.body["questions"]) == length
    assert "nextToken" in page.body
    assert page.cost == (3, 1 + length + length / 2, 0)


def test_progress_carries_its_questions_where_asked_to(bank: InvokedStage) -> None:
    session_id = bank.start({"category": "rivers"}, percentage=0)
    right, wrong = play(bank, session_id, True, False)
    plain = bank.call("listQuestionProgress", path=ME)
    assert all("question" not in each for each in plain.body["questions"])
    page = bank.call("listQuestionProgress", path=ME, query={"include": "question"})
    found = {each["questionId"]: each["question"] for each in page.body["questions"]}
    assert found[right]["explanation"] == f"because {int(right[-6:])}"
    assert "explanation" not in found[wrong]
    assert page.cost == (2, plain.cost[1] + 1, 0)


def test_wrong_answers_carry_their_questions_where_asked_to(bank: InvokedStage) -> None:
    session_id = bank.start({"category": "rivers"}, percentage=0)
    play(bank, session_id, False, True, False, True)
    plain = bank.call("listWrongAnswers", path=ME)
    assert all("question" not in each for each in plain.body["wrongAnswers"])
    page = bank.call("listWrongAnswers", path=ME, query={"include": "question"})
    for each in page.body["wrongAnswers"]:
        assert each["question"]["questionId"] == each["questionId"]
        # It was put right when it entered the pool.
        assert each["question"]["explanation"] == f"because {int(each['questionId'][-6:])}"
    assert page.cost == (3, plain.cost[1] + 2, 0)


def test_a_question_missed_again_from_the_pool_hides_its_answer(bank: InvokedStage) -> None:
    session_id = bank.start({"category": "rivers", "questionCount": 1})
    play(bank, session_id, False, True, False)
    page = bank.call("listWrongAnswers", path=ME, query={"include": "question"})
    (owed,) = page.body["wrongAnswers"]
    assert "explanation" not in owed["question"]
