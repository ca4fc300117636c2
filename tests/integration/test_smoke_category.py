"""The category of the smoke test: written by an event, hidden, unchangeable, counted nowhere."""

from typing import Any

import pytest

from domain.question import SMOKE_CATEGORY
from lambdas.contract.route import Access
from lambdas.contract.routes import ROUTES
from lambdas.questions import smoke_category
from lambdas.questions.handler import SMOKE_SOURCE, handler
from lambdas.questions.smoke_category import SMOKE_QUESTIONS, ensure_smoke_category
from lambdas.shared.store.categories import Category
from lambdas.shared.telemetry.request_log import Usage, usage
from local.invocation import InvocationContext
from ops.deploy.learner import Learner
from tests.integration.counting import Letters, log_line
from tests.integration.stage import ROUTE, InvokedStage, Reply, draft, drafts

FIRST = f"{SMOKE_CATEGORY}:000000"


def invoke() -> list[str]:
    """Invoke the function as the smoke test does; return what became of each question."""
    context = InvocationContext("questions", "request-1")
    statuses: list[str] = handler({"source": SMOKE_SOURCE}, context)["statuses"]
    return statuses


@pytest.fixture
def smoke(stage: InvokedStage) -> InvokedStage:
    """A stage without any other category."""
    assert invoke() == ["CREATED"] * SMOKE_QUESTIONS
    return stage


def start(stage: InvokedStage, **other: Any) -> str:
    return stage.start({"category": SMOKE_CATEGORY}, **other)


def play(stage: InvokedStage, session_id: str, *, until_owed: bool = False) -> list[Reply]:
    """Play a session as the smoke test does; return the responses to its answers.

    `until_owed` ends it when the first question entered the pool.
    """
    learner, replies = Learner(), list[Reply]()
    shown = stage.question(session_id)["question"]
    while shown and not (until_owed and learner.pool):
        chosen = learner.choose(shown)
        body = {
            "questionId": shown["questionId"],
            "turn": shown["turn"],
            "selectedAnswers": chosen,
            "timeSpent": 1,
        }
        reply = stage.call("submitAnswer", body, path={"sessionId": session_id})
        assert reply.status == 200, reply.body
        learner.enter(shown, chosen, correct=reply.body["correct"])
        replies.append(reply)
        shown = reply.body["question"]
    return replies


# Its questions


def test_a_repeated_event_reads_twice_and_writes_nothing(smoke: InvokedStage) -> None:
    before = smoke.everything()
    meter = Usage()
    token = usage.set(meter)
    assert ensure_smoke_category(smoke.services) == ["UNCHANGED"] * SMOKE_QUESTIONS
    usage.reset(token)
    assert (meter.round_trips, meter.write_units) == (2, 0)
    assert smoke.everything() == before
    # No lease is left to wait for either.
    smoke.pauses()
    assert invoke() == ["UNCHANGED"] * SMOKE_QUESTIONS


def test_the_category_follows_the_release(
    smoke: InvokedStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another release changes one question, has one more and one less; then comes ours again."""
    ours = smoke_category._QUESTIONS  # noqa: SLF001
    changed = {**ours[0], "explanation": "Another one."}
    new = {**draft(SMOKE_CATEGORY, 9), "externalId": "new"}
    monkeypatch.setattr(smoke_category, "_QUESTIONS", (changed, ours[1], new))
    assert invoke() == ["UPDATED", "UNCHANGED", "CREATED"]
    assert active(smoke) == 3
    assert invoke() == ["UNCHANGED"] * 3
    monkeypatch.setattr(smoke_category, "_QUESTIONS", ours)
    assert invoke() == ["UPDATED", "UNCHANGED", "UPDATED"]
    assert active(smoke) == SMOKE_QUESTIONS
    assert listed(smoke) == []


def test_a_refused_question_publishes_nothing(
    smoke: InvokedStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = smoke_category._QUESTIONS  # noqa: SLF001
    before = smoke.everything()
    same = {**ours[1], "externalId": ours[0]["externalId"]}
    monkeypatch.setattr(smoke_category, "_QUESTIONS", (same, ours[1]))
    with pytest.raises(ValueError, match="BELONGS_TO_ANOTHER"):
        invoke()
    assert smoke.everything() == before


def active(stage: InvokedStage) -> int:
    entry = stage.services.categories.get(SMOKE_CATEGORY)
    assert entry
    return entry.active


@pytest.mark.parametrize("operation", [r.operation for r in ROUTES if r.function == "questions"])
def test_no_request_is_the_event(stage: InvokedStage, operation: str) -> None:
    """All that a client sends is inside members of the proxy event other than `source`."""
    route, hostile = ROUTE[operation], {"source": SMOKE_SOURCE}
    event = stage.event(
        operation,
        hostile,
        groups=["admin"] if route.access is Access.ADMIN else (),
        path={each.name: SMOKE_SOURCE for each in route.path_parameters},
        query=hostile,
        headers=hostile,
    )
    assert "source" not in event
    assert stage.handle("questions", event).status in (404, 422)
    assert stage.rows("questions") == []


# Hidden


def listed(stage: InvokedStage, **query: str) -> list[list[str]]:
    """Return the categories that a learner sees, page by page."""
    pages = []
    while True:
        body = stage.call("listCategories", query=query).body
        if names := [each["category"] for each in body["categories"]]:
            pages.append(names)
        if "nextToken" not in body:
            return pages
        query["nextToken"] = body["nextToken"]


def test_it_takes_no_place_in_a_page_of_categories(smoke: InvokedStage) -> None:
    assert listed(smoke) == []
    others = ["a", "p", "r", "z"]
    smoke.save(*(draft(each, 0) for each in others))
    assert listed(smoke, limit="2") == [["a", "p"], ["r", "z"]]
    found, query = [], {"limit": "1"}
    while True:
        body = smoke.admin("listQuestions", query=query).body
        found += [each["category"] for each in body["questions"]]
        if "nextToken" not in body:
            break
        query["nextToken"] = body["nextToken"]
    assert found == others


def test_a_category_that_was_listed_before_its_name_was_reserved_is_hidden(
    stage: InvokedStage,
) -> None:
    stage.hold(SMOKE_CATEGORY, 1, "seed")
    table = stage.services.categories
    entry = Category(SMOKE_CATEGORY, title="?", size=1, active=1)
    stage.services.transactions.write([table.publish(entry, "seed")])
    stage.services.database.call(
        "update_item",
        TableName=table.name,
        Key=table.key(SMOKE_CATEGORY),
        UpdateExpression="SET listed = :listed",
        ExpressionAttributeValues={":listed": {"S": "inUse"}},
    )
    assert listed(stage) == [[SMOKE_CATEGORY]]
    stage.clock.advance(1)
    invoke()
    assert listed(stage) == []


# Written by nobody else

OPERATIONS = {
    "getBankQuestion": None,
    "replaceQuestion": draft(SMOKE_CATEGORY, 0),
    "retireQuestion": None,
    "getQuestionStatistics": None,
    "updateCategory": {"title": "Ours"},
    "getCategoryStatistics": None,
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_administrators_do_not_find_it(smoke: InvokedStage, operation: str) -> None:
    before = smoke.everything()
    category = "Category" in operation
    names = {"category": SMOKE_CATEGORY} if category else {"questionId": FIRST}
    for path in (names, {name: value.replace("-", "%2D") for name, value in names.items()}):
        reply = smoke.admin(operation, OPERATIONS[operation], path=path)
        assert (reply.status, reply.body["code"]) == (404, "NOT_FOUND")
    assert smoke.everything() == before


def test_administrators_list_none_of_its_questions(smoke: InvokedStage) -> None:
    reply = smoke.admin("listQuestions", query={"category": SMOKE_CATEGORY})
    assert (reply.status, reply.body) == (200, {"questions": []})


def test_administrators_save_no_question_in_it(smoke: InvokedStage) -> None:
    before = smoke.everything()
    (result,) = smoke.save(draft(SMOKE_CATEGORY, 7))
    assert result["status"] == "REJECTED"
    assert result["errors"] == [reserved("category")]
    assert smoke.everything() == before


def test_administrators_open_no_import_for_it(smoke: InvokedStage) -> None:
    reply = smoke.admin("openImport", {"categories": ["geography", SMOKE_CATEGORY]})
    assert (reply.status, reply.body["errors"]) == (422, [reserved("categories.1")])
    opened = smoke.admin("openImport", {"categories": ["geography"]}).body["importId"]
    body = {"part": 1, "questions": [draft(SMOKE_CATEGORY, 7)]}
    reply = smoke.admin("addImportPart", body, path={"importId": opened})
    assert reply.body["results"][0]["status"] == "REJECTED"
    assert reserved("category") in reply.body["results"][0]["errors"]


def test_no_question_moves_into_it(smoke: InvokedStage) -> None:
    smoke.save(*drafts("geography", 1))
    path = {"questionId": "geography:000000"}
    reply = smoke.admin("replaceQuestion", draft(SMOKE_CATEGORY, 0), path=path)
    assert reply.status == 422
    assert {each["field"] for each in reply.body["errors"]} == {"category"}


def reserved(field: str) -> dict[str, str]:
    message = f"The category {SMOKE_CATEGORY} is reserved for the smoke test: choose another."
    return {"field": field, "code": "INVALID_VALUE", "message": message}


# Played, and not counted


def test_it_is_played_alone(smoke: InvokedStage) -> None:
    smoke.save(*drafts("geography", 3))
    sources = [{"category": "geography"}, {"category": SMOKE_CATEGORY}]
    reply = smoke.call("startSession", {"sources": sources})
    assert reply.status == 422
    message = f"{SMOKE_CATEGORY} is reserved for the smoke test: name it alone."
    assert reply.body["errors"] == [{"field": "sources", "code": "CONFLICT", "message": message}]


def test_its_answers_are_counted_nowhere(smoke: InvokedStage) -> None:
    smoke.services.dead_letters = letters = Letters()
    answers = len(play(smoke, start(smoke)))
    records = smoke.records()
    assert len(records) == answers > SMOKE_QUESTIONS
    smoke.read_output()
    assert smoke.deliver(records) == []
    batch = log_line(smoke)
    assert (batch["records"], batch["ignored"]) == (answers, answers)
    unwanted = {"Counted", "Malformed", "Duplicates", "TimeSpent", "AttemptsToMastery", "AnswerAge"}
    assert unwanted.isdisjoint(batch)
    assert letters.kept == []
    assert [row for table in smoke.everything().values() for row in table if "tally" in row] == []
    progress = smoke.call("getProgress", path={"userId": "me"}).body
    assert (progress["attempts"], progress["categories"], progress["days"]) == (0, [], [])


def test_others_in_a_batch_are_counted(smoke: InvokedStage) -> None:
    smoke.save(*drafts("geography", 2))
    answers = len(play(smoke, start(smoke), until_owed=True))
    other = smoke.start({"category": "geography"}, user="bob")
    smoke.answer(other, smoke.question(other, "bob")["question"], user="bob")
    smoke.read_output()
    assert smoke.deliver(smoke.records()) == []
    batch = log_line(smoke)
    assert (batch["Counted"], batch["ignored"]) == (1, answers)
    assert smoke.call("getProgress", path={"userId": "me"}, user="bob").body["attempts"] == 1


OF_PLAY = {
    "SessionsStarted",
    "SessionsCompleted",
    "TurnsToMastery",
    "FreshDraws",
    "PoolDepth",
    "Spaced",
    "DueLag",
    "Retries",
}


@pytest.mark.parametrize("policy", ["RATIO", "SPACED"])
def test_its_sessions_emit_no_metric_of_play(smoke: InvokedStage, policy: str) -> None:
    body = {"sources": [{"category": SMOKE_CATEGORY}], "settings": {"policy": policy}}
    started = smoke.call("startSession", body)
    replies = [started, *play(smoke, started.body["sessionId"])]
    assert replies[-1].body["nextAction"] == "SESSION_COMPLETED"
    assert any(each.body.get("correct") is False for each in replies)
    for each in replies:
        assert OF_PLAY.isdisjoint(each.log)
        # Those of a request stay: the smoke test is load like any other.
        assert {"Latency", "RRU"} <= each.log.keys()


def test_a_review_takes_up_none_of_it(smoke: InvokedStage) -> None:
    """A review does not mix the leftovers of this category with questions that are measured."""
    session_id = start(smoke)
    play(smoke, session_id, until_owed=True)
    assert len(smoke.rows("wrong_answers")) == 1
    assert smoke.call("abandonSession", path={"sessionId": session_id}).status == 204
    for wanted in ({}, {"category": SMOKE_CATEGORY}):
        reply = smoke.call("startSession", {"review": wanted})
        assert (reply.status, reply.body["errors"][0]["code"]) == (422, "NOTHING_TO_REVIEW")
