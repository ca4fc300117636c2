"""Faulty bodies: all faults are reported together, by the names of the fields sent."""

from typing import Any

import pytest

from lambdas.contract import responses
from lambdas.contract.formats import ME
from lambdas.contract.routes import ROUTES
from tests.integration.problems import NEVER, assert_problem, begun
from tests.integration.stage import (
    InvokedStage,
    Reply,
    draft,
    drafts,
    submission,
)


def faults(reply: Reply) -> dict[str, str]:
    """The faults of a refused body: message by field, each field once."""
    assert_problem(reply, 422, "VALIDATION_ERROR", "errors")
    errors = reply.body["errors"]
    for error in errors:
        assert set(error) == responses.FieldError.__required_keys__
        assert error["message"]
    found = {error["field"]: error["message"] for error in errors}
    assert len(found) == len(errors)
    count = len(errors)
    said = "1 field is wrong" if count == 1 else f"{count} fields are wrong"
    assert reply.body["detail"] == said
    return found


SEVERAL: dict[str, tuple[dict[str, Any], set[str]]] = {
    "startSession": (
        {
            "name": "n" * 81,
            "sources": [
                {"category": "Geography", "questionCount": 0},
                {"category": "geography", "questionCount": "10", "size": 3},
                {"questionCount": 1.5},
            ],
            "settings": {"wrongAnswerPercentage": 101, "shuffle": True},
            "review": {"category": "", "questionCount": 0, "user": "grace"},
            "shuffle": True,
        },
        {
            "name",
            "sources.0.category",
            "sources.0.questionCount",
            "sources.1.questionCount",
            "sources.1.size",
            "sources.2.category",
            "sources.2.questionCount",
            "settings.wrongAnswerPercentage",
            "settings.shuffle",
            "review.category",
            "review.questionCount",
            "review.user",
            "shuffle",
        },
    ),
    "updateSession": (
        {"version": "1", "name": 7, "status": "COMPLETED", "expiresAt": "2030-01-01"},
        {"version", "name", "status", "expiresAt"},
    ),
    "submitAnswer": (
        {
            "questionId": "geography",
            "turn": 0,
            "selectedAnswers": ["ok1", "Not", 3],
            "timeSpent": 86_401,
            "correct": True,
        },
        {"questionId", "turn", "selectedAnswers.1", "selectedAnswers.2", "timeSpent", "correct"},
    ),
    "updateUser": (
        {
            "displayName": None,
            "language": "English",
            "wrongAnswerPercentage": -1,
            "userId": "grace",
            "groups": ["admin"],
        },
        {"language", "wrongAnswerPercentage", "userId", "groups"},
    ),
    "saveQuestions": ({"questions": [], "publish": True}, {"questions", "publish"}),
    "replaceQuestion": (
        {
            "category": "",
            "text": "",
            "type": "TRUE_FALSE",
            "answers": [{"text": "a", "correct": "yes"}, {"correct": True, "score": 1}],
            "explanation": "e" * 4001,
            "language": 49,
            "difficulty": 0,
            "tags": ["ok", ""],
            "externalId": "x" * 129,
            "version": 0,
        },
        {
            "category",
            "text",
            "type",
            "answers.0.correct",
            "answers.1.text",
            "answers.1.score",
            "explanation",
            "language",
            "difficulty",
            "tags.1",
            "externalId",
            "version",
        },
    ),
    "updateCategory": (
        {
            "title": "",
            "description": 7,
            "language": "English",
            "settings": {"policy": "NONE", "spacing": {"share": 0}},
            "questionCount": 1,
        },
        {
            "title",
            "description",
            "language",
            "settings.policy",
            "settings.spacing.share",
            "questionCount",
        },
    ),
    "openImport": (
        {"categories": ["geography", "Not a name", 5], "publish": True},
        {"categories.1", "categories.2", "publish"},
    ),
    "addImportPart": (
        {"part": 0, "questions": [], "publish": True},
        {"part", "questions", "publish"},
    ),
}

PATHS = {
    "sessionId": NEVER,
    "userId": ME,
    "questionId": "geography:000000",
    "category": "geography",
    "importId": "0" * 32,
}


def test_every_route_with_a_body_is_tried() -> None:
    assert set(SEVERAL) == {route.operation for route in ROUTES if route.body}


@pytest.mark.parametrize("operation", SEVERAL)
def test_all_faults_of_a_body_are_reported_together_by_the_names_sent(
    operation: str, stage: InvokedStage
) -> None:
    body, fields = SEVERAL[operation]
    reply = stage.admin(operation, body, path=PATHS)
    assert set(faults(reply)) == fields
    assert reply.cost == (0, 0.0, 0.0)


@pytest.mark.parametrize("operation", SEVERAL)
def test_fields_that_nobody_knows_are_each_named(operation: str, stage: InvokedStage) -> None:
    unknown = ["x", "user_id", "Name", "", " ", "__proto__", "a.b", "\N{BRAIN}", "\n", "x" * 200]
    reply = stage.admin(operation, dict.fromkeys(unknown, 1), path=PATHS)
    assert set(unknown) <= set(faults(reply))


@pytest.mark.parametrize("operation", SEVERAL)
@pytest.mark.parametrize("body", ["[]", "null", "1", '"text"'])
def test_json_that_is_no_object_is_a_fault_of_the_body(
    operation: str, body: str, stage: InvokedStage
) -> None:
    assert set(faults(stage.admin(operation, body, path=PATHS))) == {"body"}


def test_what_only_the_bank_can_tell_is_reported_together_too(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 3))
    sources = [
        {"category": "nowhere"},
        {"category": "geography", "questionCount": 4},
        {"category": "history", "questionCount": 1},
    ]
    found = faults(stage.call("startSession", {"sources": sources}))
    assert set(found) == {"sources.0.category", "sources.1.questionCount", "sources.2.category"}
    assert "3" in found["sources.1.questionCount"]
    assert stage.rows("sessions") == []


@pytest.mark.parametrize(
    "chosen",
    [["0000000" + "1"], ["nonsense"], ["z"], ["1" * 32]],
    ids=["guessed", "of no turn", "short", "long"],
)
def test_a_choice_the_question_does_not_have_is_a_fault_and_no_try(
    chosen: list[str], stage: InvokedStage
) -> None:
    session = begun(stage)
    shown = stage.question(session)["question"]
    before = stage.everything()
    body = {**submission(shown), "selectedAnswers": chosen}
    reply = stage.call("submitAnswer", body, path={"sessionId": session})
    assert set(faults(reply)) == {"selectedAnswers"}
    assert stage.everything() == before


def test_none_several_and_repeated_choices_are_a_fault_and_no_try(stage: InvokedStage) -> None:
    session = begun(stage)
    shown = stage.question(session)["question"]
    ids = [answer["id"] for answer in shown["answers"]]
    before = stage.everything()
    for chosen in ([], ids[:2], ids, [ids[0], ids[0]]):
        body = {**submission(shown), "selectedAnswers": chosen}
        reply = stage.call("submitAnswer", body, path={"sessionId": session})
        assert set(faults(reply)) == {"selectedAnswers"}
    assert stage.everything() == before


def test_a_question_cannot_move_or_become_another(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 2))
    path = {"questionId": "geography:000000"}
    moved = stage.admin("replaceQuestion", draft("history", 0), path=path)
    assert set(faults(moved)) == {"category"}
    doubled = stage.admin("replaceQuestion", draft("geography", 1), path=path)
    assert set(faults(doubled)) == {"text"}


def test_faults_that_only_the_bank_finds_are_reported_with_those_of_the_form(
    stage: InvokedStage,
) -> None:
    stage.save(*drafts("geography", 3))
    sources = [
        {"category": "nowhere"},
        {"category": "geography", "questionCount": 4},
        {"category": "Not a name"},
        7,
    ]
    reply = stage.call("startSession", {"sources": sources, "name": 7, "mode": "fast"})
    codes = {each["field"]: each["code"] for each in reply.body["errors"]}
    assert codes == {
        "sources.0.category": "UNKNOWN_CATEGORY",
        "sources.1.questionCount": "TOO_LARGE",
        "sources.2.category": "INVALID_FORMAT",
        "sources.3": "INVALID_TYPE",
        "name": "INVALID_TYPE",
        "mode": "UNKNOWN_FIELD",
    }
    path = {"questionId": "geography:000000"}
    wrong = {"category": "rivers", "text": "?", "answers": [], "difficulty": 9}
    reply = stage.admin("replaceQuestion", wrong, path=path)
    codes = {each["field"]: each["code"] for each in reply.body["errors"]}
    assert codes == {"category": "IMMUTABLE", "answers": "TOO_SHORT", "difficulty": "TOO_LARGE"}
    opened = stage.admin("openImport", {"categories": ["lakes"]}).body
    part = {"part": 1, "questions": [wrong]}
    reply = stage.admin("addImportPart", part, path={"importId": opened["importId"]})
    (result,) = reply.body["results"]
    codes = {each["field"]: each["code"] for each in result["errors"]}
    assert codes == {
        "category": "UNKNOWN_CATEGORY",
        "answers": "TOO_SHORT",
        "difficulty": "TOO_LARGE",
    }


def test_each_question_of_an_import_is_refused_by_its_place_with_all_its_faults(
    stage: InvokedStage,
) -> None:
    wrong, fields = SEVERAL["replaceQuestion"]
    questions = [draft("geography", 0), wrong, None, draft("geography", 1)]
    reply = stage.admin("saveQuestions", {"questions": questions})
    assert reply.status == 200
    results = reply.body["results"]
    assert [result["index"] for result in results] == [0, 1, 2, 3]
    statuses = [result["status"] for result in results]
    assert statuses == ["CREATED", "REJECTED", "REJECTED", "CREATED"]
    assert {error["field"] for error in results[1]["errors"]} == fields
    assert [error["field"] for error in results[2]["errors"]] == ["body"]
