"""Bodies of the routes: what they take, and every fault of one named by its field as sent."""

from typing import Any

import pytest

from domain.question import SMOKE_CATEGORY
from lambdas.contract.bodies.answer import SubmitAnswer
from lambdas.contract.bodies.base import RequestModel
from lambdas.contract.bodies.question import QuestionDraft, SaveQuestions
from lambdas.contract.bodies.session import StartSession, UpdateSession
from lambdas.contract.bodies.user import UpdateUser
from lambdas.contract.errors import ValidationError

RIGHT, WRONG = {"text": "a", "correct": True}, {"text": "b", "correct": False}
DRAFT: dict[str, Any] = {"category": "geography", "text": "Where?", "answers": [RIGHT, WRONG]}
ANSWER: dict[str, Any] = {"questionId": "geography:000001", "selectedAnswers": ["k3f"]}
START: dict[str, Any] = {"sources": [{"category": "geography"}]}
GOOD: dict[type[RequestModel], dict[str, Any]] = {
    StartSession: START,
    UpdateSession: {"version": 1, "name": "new"},
    SubmitAnswer: ANSWER,
    UpdateUser: {"language": "de"},
    QuestionDraft: DRAFT,
    SaveQuestions: {"questions": [DRAFT]},
}


def faults(model: type[RequestModel], body: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        model.read(body)
    assert all(fault.message for fault in caught.value.faults)
    return [fault.field for fault in caught.value.faults]


TAKEN: list[tuple[type[RequestModel], dict[str, Any]]] = [
    *GOOD.items(),
    (StartSession, {**START, "name": "n" * 80, "settings": {}}),
    (StartSession, {**START, "settings": {"wrongAnswerPercentage": 0}}),
    (StartSession, {**START, "settings": {"wrongAnswerPercentage": 100}}),
    (StartSession, {"sources": [{"category": f"c{n}", "questionCount": 1} for n in range(8)]}),
    (StartSession, {"sources": [{"category": SMOKE_CATEGORY}]}),
    (StartSession, {**START, "settings": None, "name": None, "review": None}),
    (StartSession, {"review": {}}),
    (StartSession, {"review": {"category": None, "questionCount": None}}),
    (StartSession, {"review": {"category": "geography", "questionCount": 50}}),
    (UpdateSession, {"version": 7, "status": "PAUSED"}),
    (UpdateSession, {"version": 7, "name": ""}),
    (SubmitAnswer, {**ANSWER, "turn": 1, "timeSpent": 0}),
    (SubmitAnswer, {**ANSWER, "timeSpent": 86_400}),
    (SubmitAnswer, {**ANSWER, "selectedAnswers": [f"a{n}" for n in range(10)]}),
    (UpdateUser, {"displayName": "Ada \N{BRAIN}", "language": "zh-Hant-TW"}),
    (UpdateUser, {"wrongAnswerPercentage": 0}),
    (SubmitAnswer, {**ANSWER, "turn": None, "timeSpent": None}),
    (QuestionDraft, {**DRAFT, "type": None, "explanation": None, "tags": None, "language": None}),
    (QuestionDraft, {**DRAFT, "answers": [{**RIGHT, "pinned": None}, WRONG]}),
    (QuestionDraft, {**DRAFT, "text": "x" * 4000, "explanation": "$$x^2$$\n**b**" + "y" * 3900}),
    (QuestionDraft, {**DRAFT, "type": "MULTIPLE_CHOICE", "difficulty": 5, "tags": ["a"] * 20}),
    (QuestionDraft, {**DRAFT, "answers": [RIGHT, {**WRONG, "text": "b" * 1000, "pinned": True}]}),
    (SaveQuestions, {"questions": [DRAFT] * 100}),
]


@pytest.mark.parametrize(("model", "body"), TAKEN)
def test_what_the_contract_allows_is_taken(model: type[RequestModel], body: Any) -> None:
    model.read(body)


REFUSED: list[tuple[type[RequestModel], dict[str, Any], set[str]]] = [
    (StartSession, {}, {"sources"}),
    (StartSession, {**START, "review": {}}, {"sources"}),
    (StartSession, {"sources": None, "review": None}, {"sources"}),
    (StartSession, {"review": []}, {"review"}),
    (
        StartSession,
        {"review": {"category": "A", "questionCount": 51, "limit": 1}},
        {"review.category", "review.questionCount", "review.limit"},
    ),
    (StartSession, {"sources": []}, {"sources"}),
    (StartSession, {"sources": [{"category": f"c{n}"} for n in range(9)]}, {"sources"}),
    (StartSession, {"sources": [{"category": "a"}, {"category": "a"}]}, {"sources"}),
    (StartSession, {"sources": [{"category": SMOKE_CATEGORY}, {"category": "a"}]}, {"sources"}),
    (StartSession, {"sources": [{"category": "A"}]}, {"sources.0.category"}),
    (StartSession, {"sources": [{}]}, {"sources.0.category"}),
    (StartSession, {"sources": [{"category": "a", "count": 1}]}, {"sources.0.count"}),
    (
        StartSession,
        {"sources": [{"category": "a", "questionCount": 0}, {"category": 1}], "name": 1, "x": 0},
        {"sources.0.questionCount", "sources.1.category", "name", "x"},
    ),
    (StartSession, {**START, "sources": {"category": "a"}}, {"sources"}),
    (
        StartSession,
        {**START, "settings": {"wrongAnswerPercentage": 101}},
        {"settings.wrongAnswerPercentage"},
    ),
    (
        StartSession,
        {**START, "settings": {"wrong_answer_percentage": 10}},
        {"settings.wrong_answer_percentage"},
    ),
    (UpdateSession, {"name": "x"}, {"version"}),
    (UpdateSession, {"version": 1}, {"body"}),
    (
        UpdateSession,
        {"version": 0, "name": "n" * 81, "status": "GONE"},
        {"version", "name", "status"},
    ),
    (UpdateSession, {"version": 1, "status": "COMPLETED"}, {"status"}),
    (SubmitAnswer, {}, {"questionId", "selectedAnswers"}),
    (SubmitAnswer, {**ANSWER, "selectedAnswers": []}, {"selectedAnswers"}),
    (SubmitAnswer, {**ANSWER, "selectedAnswers": ["a"] * 2}, {"selectedAnswers"}),
    (SubmitAnswer, {**ANSWER, "selectedAnswers": "k3f"}, {"selectedAnswers"}),
    (SubmitAnswer, {**ANSWER, "selectedAnswers": [1, "b"]}, {"selectedAnswers.0"}),
    (SubmitAnswer, {**ANSWER, "selectedAnswers": ["A"]}, {"selectedAnswers.0"}),
    (SubmitAnswer, {**ANSWER, "turn": 0, "timeSpent": -0.1}, {"turn", "timeSpent"}),
    (SubmitAnswer, {**ANSWER, "timeSpent": 86_400.01}, {"timeSpent"}),
    (SubmitAnswer, {"question_id": "a:000001", **ANSWER}, {"question_id"}),
    (UpdateUser, {}, {"body"}),
    (UpdateUser, {"userId": "grace"}, {"userId"}),
    (UpdateUser, {"displayName": "d" * 81, "language": "E"}, {"displayName", "language"}),
    (UpdateUser, {"wrongAnswerPercentage": 20.0}, {"wrongAnswerPercentage"}),
    (QuestionDraft, {}, {"category", "text", "answers"}),
    (QuestionDraft, {**DRAFT, "answers": [RIGHT]}, {"answers"}),
    (QuestionDraft, {**DRAFT, "answers": [RIGHT, {**WRONG, "text": "a"}]}, {"answers"}),
    (QuestionDraft, {**DRAFT, "answers": [WRONG, {**WRONG, "text": "c"}]}, {"answers"}),
    (QuestionDraft, {**DRAFT, "answers": [RIGHT, {**RIGHT, "text": "c"}]}, {"answers"}),
    (
        QuestionDraft,
        {**DRAFT, "type": "MULTIPLE_CHOICE", "answers": [RIGHT, {**RIGHT, "text": "c"}]},
        {"answers"},
    ),
    (
        QuestionDraft,
        {
            **DRAFT,
            "answers": [{"text": 1, "correct": "true", "pinned": 1}, {"text": ""}],
            "tags": [""],
        },
        {
            "answers.0.text",
            "answers.0.correct",
            "answers.0.pinned",
            "answers.1.text",
            "answers.1.correct",
            "tags.0",
        },
    ),
    (QuestionDraft, {**DRAFT, "text": " \n\t\u00a0"}, {"text"}),
    (QuestionDraft, {**DRAFT, "difficulty": 6, "externalId": ""}, {"difficulty", "externalId"}),
    (SaveQuestions, {"questions": []}, {"questions"}),
    (SaveQuestions, {"questions": [DRAFT] * 101}, {"questions"}),
    (SaveQuestions, {"question": [DRAFT]}, {"questions", "question"}),
]


@pytest.mark.parametrize(("model", "body", "fields"), REFUSED)
def test_all_faults_and_only_they_are_named(
    model: type[RequestModel], body: Any, fields: set[str]
) -> None:
    found = faults(model, body)
    assert set(found) == fields
    assert len(found) == len(fields)


@pytest.mark.parametrize("body", [None, [], [1], "", "text", 0, 1.5, True])
@pytest.mark.parametrize("model", GOOD)
def test_a_body_that_is_no_object_is_one_fault_of_the_body(
    model: type[RequestModel], body: Any
) -> None:
    assert faults(model, body) == ["body"]


@pytest.mark.parametrize("model", GOOD)
def test_an_unknown_field_is_named_as_it_was_sent(model: type[RequestModel]) -> None:
    assert faults(model, {**GOOD[model], "no such Field": None}) == ["no such Field"]


@pytest.mark.slow
def test_more_faults_than_a_response_can_hold_stay_a_response() -> None:
    with pytest.raises(ValidationError) as caught:
        QuestionDraft.read({**DRAFT, "answers": [0] * 100_000})
    assert caught.value.detail.startswith("100000 fields are wrong")
    assert len(caught.value.faults) == 100
