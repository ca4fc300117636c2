"""Cost, response size and log size of every route: none without a budget."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from domain.question import Choice, Question
from domain.session.effects import EntrySaved
from lambdas.contract.routes import ROUTES
from lambdas.shared.bank import Bank
from lambdas.shared.store.sessions import item_from_session
from local.data_folder import ROOT
from ops.cost.budgets import (
    ANSWER_FRAME_BYTES,
    LOG_LINE_BYTES,
    QUESTION_FRAME_BYTES,
    ROUTE_BUDGETS,
    RouteBudget,
    call_table,
    route_table,
)
from ops.cost.workload import AUDIT_BYTES, Profile, demand
from tests.integration.deep_sessions import busiest, publish
from tests.integration.plays import PLAYS, Scene
from tests.integration.stage import ROUTE, InvokedStage, Reply, draft
from tests.integration.test_metrics import size

QUESTIONS = SESSIONS = 20
SLACK = 0.9
"""A bound that is more than a tenth too high is none."""


@dataclass(frozen=True)
class Measured:
    """A reply, the bytes of the line it left, and those of its audit record."""

    reply: Reply
    log_bytes: int
    audit_bytes: int


def full(category: str, number: int) -> dict[str, Any]:
    """Return a question of the size that ops/cost/budgets.py states."""
    answers = [
        {"text": text.ljust(50, "."), "correct": text == "right"}
        for text in ("right", "wrong 1", "wrong 2", "wrong 3")
    ]
    return draft(
        category,
        number,
        text=f"{category} {number}".ljust(200, "?"),
        answers=answers,
        explanation="because".ljust(300, "."),
    )


def learner(stage: InvokedStage) -> Scene:
    """Set up the learner whom ops/cost/budgets.py describes."""
    stage.save(*(full("geography", number) for number in range(QUESTIONS)))
    stage.call("updateUser", {"displayName": "Ada"}, path={"userId": "me"})
    for _ in range(SESSIONS - 1):
        stage.start({"category": "geography"})
    session_id = stage.start({"category": "geography"}, percentage=0)
    shown = stage.question(session_id)["question"]
    for _ in range(QUESTIONS):
        shown = stage.answer(session_id, shown, right=False).body["question"]
        stage.clock.advance(1_000)
        shown = stage.answer(session_id, shown).body["question"]
    assert shown["fromWrongPool"]
    stage.count()
    return Scene(stage, session_id, shown)


def arguments(scene: Scene, operation: str) -> Mapping[str, Any]:
    """Return the arguments of the event that is measured."""
    if operation == "getHealth":
        return {}
    if operation == "updateSession":
        path = scene.path("getSession")
        version = scene.stage.call("getSession", path=path).body["version"]
        return {"body": {"version": version, "name": "Rivers"}}
    done = PLAYS[operation].done(scene)
    if operation == "saveQuestions":
        new = [full("rivers", number) for number in range(QUESTIONS)]
        return {**done, "body": {"questions": new}}
    if operation == "addImportPart":
        new = [full("imported-addimportpart", number) for number in range(QUESTIONS)]
        return {**done, "body": {"part": 1, "questions": new}}
    if operation == "publishImport":
        new = [full("imported-publishimport", number) for number in range(QUESTIONS)]
        path = scene.path(operation)
        scene.stage.admin("addImportPart", {"part": 1, "questions": new}, path=path)
    if operation == "replaceQuestion":
        return {**done, "body": full("geography", 77)}
    return done


def sent(scene: Scene, operation: str) -> Measured:
    """Send a request to a function that is warm."""
    function = ROUTE[operation].function
    scene.stage.handle(function, {**scene.stage.event(operation), "resource": "/elsewhere"})
    reply, output = scene.send(operation, arguments(scene, operation))
    assert reply.status == ROUTE[operation].status, reply.body
    written = output.splitlines()
    audit = [line for line in written if '"kind":"audit"' in line]
    lines = [line for line in written if line not in audit]
    log = json.loads(lines[-1])
    return Measured(replace(reply, log=log), sum(map(size, lines)), sum(map(size, audit)))


CHANGING = (
    "startSession",
    "saveQuestions",
    "openImport",
    "addImportPart",
    "publishImport",
    "deleteImport",
    "updateCategory",
    "updateUser",
    "updateSession",
    "submitAnswer",
    "replaceQuestion",
    "retireQuestion",
    "abandonSession",
    "eraseUser",
)
"""In an order in which each is still possible."""

_measured: dict[str, Measured] = {}


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Mapping[str, Measured]:
    """Measurements of a request of each route, reads first. Taken once for all tests."""
    if not _measured:
        scene = learner(request.getfixturevalue("stage"))
        reading = [operation for operation in ROUTE if operation not in CHANGING]
        _measured.update({each: sent(scene, each) for each in (*reading, *CHANGING)})
    return _measured


by_route = pytest.mark.parametrize("operation", [route.operation for route in ROUTES])


def budget_of(operation: str) -> RouteBudget:
    assert operation in ROUTE_BUDGETS, f"ops/cost/budgets.py has no budget for {operation}"
    return ROUTE_BUDGETS[operation]


def test_every_route_has_a_budget_and_nothing_else_has() -> None:
    assert list(ROUTE_BUDGETS) == [route.operation for route in ROUTES]


@by_route
def test_a_request_costs_what_its_route_may(
    measured: Mapping[str, Measured], operation: str
) -> None:
    assert measured[operation].reply.cost == budget_of(operation).cost


@by_route
def test_a_response_takes_no_more_bytes_than_its_route_may(
    measured: Mapping[str, Measured], operation: str
) -> None:
    most = budget_of(operation).response_bytes
    assert SLACK * most <= len(measured[operation].reply.text.encode()) <= most


@by_route
def test_a_request_logs_no_more_bytes_than_its_route_may(
    measured: Mapping[str, Measured], operation: str
) -> None:
    most = budget_of(operation).log_bytes
    assert SLACK * most <= measured[operation].log_bytes <= most


@by_route
def test_no_route_may_log_more_than_the_bound_of_all(operation: str) -> None:
    assert budget_of(operation).log_bytes <= LOG_LINE_BYTES


def test_the_audit_takes_the_bytes_that_the_capacity_model_counts(
    measured: Mapping[str, Measured],
) -> None:
    each = [measured[name].audit_bytes for name in demand(1, Profile()).by_operation]
    assert SLACK * AUDIT_BYTES <= max(each) <= AUDIT_BYTES


class LargestQuestions(Bank):
    """A bank of questions with as many choices as there may be, all but one of them right."""

    def cached(self, question_id: str) -> Question | None:
        texts = ["wrong", *(f"right {number}" for number in range(9))]
        choices = tuple(Choice(text, text != "wrong") for text in texts)
        return Question(
            question_id=question_id,
            version=999,
            text="?",
            choices=choices,
            multiple=True,
            explanation="because",
        )


def frame(body: Mapping[str, Any], text: str) -> int:
    """Return the bytes of a response beside the question's and the explanation's texts."""
    shown = body["question"]
    texts = [shown["text"], *(each["text"] for each in shown["answers"])]
    return len(text) - len("".join(texts)) - len(body.get("explanation", ""))


def test_a_response_to_play_has_a_bounded_frame_at_the_extremes_of_the_contract(
    stage: InvokedStage,
) -> None:
    names = [f"{number}{'c' * 47}" for number in range(8)]
    publish(stage, **dict.fromkeys(names, 9_999_999))
    stage.services.bank = LargestQuestions(stage.services.questions, stage.clock)
    session = busiest(names, "n" * 80, pool_entries=5_000)._replace(user_id="ada")
    pool, entry = stage.services.wrong_answers, EntrySaved(session.pool.head[0], (0,), new=True)
    rows = {
        stage.services.sessions.name: item_from_session(session),
        pool.name: pool.change(session, entry).item,
    }
    for table, item in rows.items():
        stage.services.database.call("put_item", TableName=table, Item=item)
    question = stage.call("getQuestion", path={"sessionId": session.session_id})
    assert question.status == 200, question.body
    answer = stage.answer(session.session_id, question.body["question"])
    assert answer.status == 200, answer.body
    assert len(answer.body["question"]["answers"]) == 10
    assert len(answer.body["correctAnswers"]) == 9
    for reply, most in ((question, QUESTION_FRAME_BYTES), (answer, ANSWER_FRAME_BYTES)):
        assert SLACK * most <= frame(reply.body, reply.text) <= most


def test_the_architecture_tells_the_budgets() -> None:
    document = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    for table in (call_table(), route_table()):
        assert table in document, f"docs/limits.md is to have\n\n{table}"
    frames = f"at most {QUESTION_FRAME_BYTES:,} bytes, an answer's {ANSWER_FRAME_BYTES:,}."
    assert frames in " ".join(document.split())
