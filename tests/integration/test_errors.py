"""Every error of the contract's list, in its form, produced through the real handlers."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from domain.session.state import LIFETIME
from lambdas.contract import responses
from lambdas.contract.errors import ApiError
from lambdas.contract.gateway_problems import GATEWAY_PROBLEMS, METHOD_NOT_ALLOWED
from lambdas.contract.routes import ME, ROUTES
from lambdas.session.limits import MAX_STARTS
from tests.integration.stage import (
    ROUTE,
    Reply,
    Stage,
    draft,
    drafts,
    refuses,
    submission,
    unreachable,
)

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    413: "Content Too Large",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
NEVER = "f" * 27
"""A session id that is nobody's."""


def assert_form(body: Mapping[str, Any], status: int, code: str, *other: str) -> None:
    """The members of a problem document: these, of these types, and no more."""
    base = {"type", "title", "status", "code", "detail", "requestId"}
    assert set(body) == base | set(other)
    assert body["type"] == "about:blank"
    assert body["title"] == TITLES[status]
    assert (type(body["status"]), body["status"]) == (int, status)
    assert body["code"] == code
    assert isinstance(body["detail"], str)
    assert body["detail"]
    assert isinstance(body["requestId"], str)


def assert_problem(reply: Reply, status: int, code: str, *other: str) -> None:
    assert reply.status == status, reply.body
    assert_form(reply.body, status, code, *other)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.body["requestId"] == reply.headers["X-Request-Id"] == reply.log["requestId"]
    assert (reply.log["status"], reply.log["Code"]) == (status, code)


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


def begun(stage: Stage, user: str = "ada") -> str:
    stage.save(*drafts("geography", 3))
    return stage.start({"category": "geography"}, user=user)


def without_claims(stage: Stage, operation: str) -> Reply:
    event = stage.event(operation, "{}", path={"sessionId": NEVER, "userId": ME})
    del event["requestContext"]["authorizer"]
    return stage.send(ROUTE[operation].function, event)


# A way to each code of the contract. Members beside the common ones stand in OTHER_MEMBERS.


def malformed(stage: Stage) -> Reply:
    return stage.call("startSession", '{"name": ')


def unauthorized(stage: Stage) -> Reply:
    return without_claims(stage, "listSessions")


def forbidden(stage: Stage) -> Reply:
    return stage.call("listQuestions", groups=["learner"])


def not_found(stage: Stage) -> Reply:
    return stage.call("getSession", path={"sessionId": NEVER})


def version_conflict(stage: Stage) -> Reply:
    body = {"version": 7, "name": "new"}
    return stage.call("updateSession", body, path={"sessionId": begun(stage)})


def turn_mismatch(stage: Stage) -> Reply:
    session = begun(stage)
    shown = stage.question(session)["question"]
    body = {**submission(shown), "turn": shown["turn"] + 1}
    return stage.call("submitAnswer", body, path={"sessionId": session})


def question_changed(stage: Stage) -> Reply:
    session = begun(stage)
    shown = stage.question(session)["question"]
    number = int(shown["questionId"].partition(":")[2])
    stage.replace(shown["questionId"], draft("geography", number, text="Edited?"))
    stage.forget_questions()
    return stage.answer(session, shown)


def paused(stage: Stage) -> Reply:
    session = begun(stage)
    path = {"sessionId": session}
    assert stage.call("updateSession", {"version": 1, "status": "PAUSED"}, path=path).status == 200
    return stage.call("getQuestion", path=path)


def over(stage: Stage) -> Reply:
    session = begun(stage)
    shown = stage.question(session)["question"]
    assert stage.call("abandonSession", path={"sessionId": session}).status == 204
    return stage.answer(session, shown)


def expired(stage: Stage) -> Reply:
    session = begun(stage)
    stage.clock.advance(LIFETIME)
    return stage.call("getQuestion", path={"sessionId": session})


def too_large(stage: Stage) -> Reply:
    return stage.call("startSession", {"name": "x" * 16 * 1024})


def invalid(stage: Stage) -> Reply:
    return stage.call("startSession", {})


def unavailable(stage: Stage) -> Reply:
    with stage.fault("GetItem", unreachable):
        return stage.call("getSession", path={"sessionId": NEVER})


def internal(stage: Stage) -> Reply:
    with stage.fault("GetItem", refuses("ValidationException", message="SECRET of the table")):
        return stage.call("getSession", path={"sessionId": NEVER})


def session_limit(stage: Stage) -> Reply:
    session = begun(stage)
    assert stage.call("abandonSession", path={"sessionId": session}).status == 204
    users = stage.services.users
    stage.services.database.call(
        "update_item",
        TableName=users.name,
        Key=users.key("ada"),
        UpdateExpression="SET starts = :most",
        ExpressionAttributeValues={":most": {"N": str(MAX_STARTS)}},
    )
    return stage.call("startSession", {"sources": [{"category": "geography"}]})


def key_reused(stage: Stage) -> Reply:
    stage.save(*drafts("geography", 3))
    headers = {"Idempotency-Key": "k"}
    first, other = ({"sources": [{"category": "geography", "questionCount": n}]} for n in (1, 2))
    assert stage.call("startSession", first, headers=headers).status == 201
    return stage.call("startSession", other, headers=headers)


def part_of_an_import(stage: Stage, *, left_alone_for: int = 0, deleted: bool = False) -> Reply:
    """Add a part to an import that has ended."""
    opened = stage.admin("openImport", {"categories": ["geography"]})
    path = {"importId": opened.body["importId"]}
    if deleted:
        assert stage.admin("deleteImport", path=path).status == 204
    stage.clock.advance(left_alone_for)
    return stage.admin("addImportPart", {"part": 1, "questions": drafts("geography", 1)}, path=path)


def import_over(stage: Stage) -> Reply:
    return part_of_an_import(stage, deleted=True)


def import_expired(stage: Stage) -> Reply:
    return part_of_an_import(stage, left_alone_for=16 * 60_000)


WAYS: dict[str, tuple[int, Callable[[Stage], Reply]]] = {
    "MALFORMED_BODY": (400, malformed),
    "UNAUTHORIZED": (401, unauthorized),
    "FORBIDDEN": (403, forbidden),
    "NOT_FOUND": (404, not_found),
    "VERSION_CONFLICT": (409, version_conflict),
    "TURN_MISMATCH": (409, turn_mismatch),
    "QUESTION_CHANGED": (409, question_changed),
    "SESSION_PAUSED": (409, paused),
    "SESSION_OVER": (409, over),
    "IMPORT_OVER": (409, import_over),
    "SESSION_EXPIRED": (410, expired),
    "IMPORT_EXPIRED": (410, import_expired),
    "BODY_TOO_LARGE": (413, too_large),
    "VALIDATION_ERROR": (422, invalid),
    "IDEMPOTENCY_KEY_REUSED": (422, key_reused),
    "SESSION_LIMIT": (429, session_limit),
    "UNAVAILABLE": (503, unavailable),
    "INTERNAL_ERROR": (500, internal),
}
OTHER_MEMBERS = {
    "TURN_MISMATCH": ("question",),
    "QUESTION_CHANGED": ("question",),
    "VALIDATION_ERROR": ("errors",),
    "VERSION_CONFLICT": ("currentVersion",),
}


def test_there_is_a_way_to_every_code_the_functions_know() -> None:
    assert set(WAYS) == {error.code for error in ApiError.__subclasses__()}


@pytest.mark.parametrize("code", WAYS)
def test_each_code_comes_with_its_status_and_in_the_form_of_the_contract(
    code: str, stage: Stage
) -> None:
    status, way = WAYS[code]
    assert_problem(way(stage), status, code, *OTHER_MEMBERS.get(code, ()))


@pytest.mark.parametrize("kind", [*GATEWAY_PROBLEMS, "METHOD_NOT_ALLOWED"])
def test_the_gateways_own_errors_have_the_same_form(kind: str) -> None:
    problem = GATEWAY_PROBLEMS.get(kind, METHOD_NOT_ALLOWED)
    assert_form(json.loads(problem.template), problem.status, problem.code)


def test_the_codes_that_only_the_gateway_knows_are_the_contracts() -> None:
    assert (METHOD_NOT_ALLOWED.status, METHOD_NOT_ALLOWED.code) == (405, "METHOD_NOT_ALLOWED")
    throttled = GATEWAY_PROBLEMS["THROTTLED"]
    assert (throttled.status, throttled.code) == (429, "RATE_LIMITED")
    assert throttled.retry_after is not None


@pytest.mark.parametrize("way", [unavailable, internal], ids=["unavailable", "internal"])
def test_a_fault_of_ours_tells_nothing_of_its_cause(
    way: Callable[[Stage], Reply], stage: Stage
) -> None:
    reply = way(stage)
    for secret in ("SECRET", "Traceback", "botocore", "127.0.0.1", "DynamoDB", "Exception"):
        assert secret not in reply.text


def test_an_unreachable_database_says_when_to_try_again(stage: Stage) -> None:
    assert int(unavailable(stage).headers["Retry-After"]) >= 1


def test_a_bank_somebody_else_writes_says_when_their_lease_ends(stage: Stage) -> None:
    stage.pauses()
    stage.hold("geography", 4_200)
    reply = stage.admin("saveQuestions", {"questions": drafts("geography", 1)})
    assert_problem(reply, 503, "UNAVAILABLE")
    assert reply.headers["Retry-After"] == "5"


# Who may


@pytest.mark.parametrize(
    "operation", [route.operation for route in ROUTES if route.operation != "getHealth"]
)
def test_without_a_caller_every_route_but_health_is_401(operation: str, stage: Stage) -> None:
    assert_problem(without_claims(stage, operation), 401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    "operation", [route.operation for route in ROUTES if "/admin/" in route.path]
)
def test_a_learner_is_403_on_every_admin_route_whatever_they_send(
    operation: str, stage: Stage
) -> None:
    for question in ("geography:000000", "no question"):
        reply = stage.call(operation, "not JSON", path={"questionId": question})
        assert_problem(reply, 403, "FORBIDDEN")


@pytest.mark.parametrize(
    "operation", [route.operation for route in ROUTES if "{sessionId}" in route.path]
)
def test_anothers_session_cannot_be_told_from_none(operation: str, stage: Stage) -> None:
    session = begun(stage, user="grace")
    bodies = {
        "updateSession": {"version": 1, "name": "mine"},
        "submitAnswer": submission(stage.question(session, user="grace")["question"]),
    }
    before = stage.everything()

    foreign = stage.call(operation, bodies.get(operation), path={"sessionId": session})
    absent = stage.call(operation, bodies.get(operation), path={"sessionId": NEVER})

    for reply in (foreign, absent):
        assert_problem(reply, 404, "NOT_FOUND")
        del reply.body["requestId"]
    assert foreign.body == absent.body
    assert foreign.cost[0] == absent.cost[0]
    assert stage.everything() == before


@pytest.mark.parametrize(
    "operation", [route.operation for route in ROUTES if "{userId}" in route.path]
)
def test_anothers_data_is_404_at_no_cost(operation: str, stage: Stage) -> None:
    reply = stage.call(operation, {"displayName": "mine"}, path={"userId": "grace"})
    assert_problem(reply, 404, "NOT_FOUND")
    assert reply.cost == (0, 0.0, 0.0)


# Conflicts


@pytest.mark.parametrize("way", [turn_mismatch, question_changed], ids=["turn", "question"])
def test_a_conflict_of_turns_carries_the_current_question(
    way: Callable[[Stage], Reply], stage: Stage
) -> None:
    reply = way(stage)
    question = reply.body["question"]
    assert set(question) == set(responses.ShownQuestion.__annotations__)
    (session,) = stage.call("listSessions").body["sessions"]
    assert question == stage.question(session["sessionId"])["question"]


@pytest.mark.parametrize(
    "way", [turn_mismatch, question_changed, paused, over, expired, version_conflict]
)
def test_a_conflict_counts_no_try(way: Callable[[Stage], Reply], stage: Stage) -> None:
    way(stage)
    stage.clock.now -= 1
    (session,) = stage.call("listSessions").body["sessions"]
    assert session["progress"]["wrongAnswers"] == 0
    assert session["progress"]["correctAnswers"] == 0
    assert stage.rows("progress") == []


def test_a_paused_session_takes_no_answer(stage: Stage) -> None:
    session = begun(stage)
    shown = stage.question(session)["question"]
    path = {"sessionId": session}
    stage.call("updateSession", {"version": 1, "status": "PAUSED"}, path=path)
    assert_problem(stage.answer(session, shown), 409, "SESSION_PAUSED")


@pytest.mark.parametrize("operation", ["getSession", "updateSession", "abandonSession"])
def test_an_expired_session_is_gone_for_every_route(operation: str, stage: Stage) -> None:
    session = begun(stage)
    stage.clock.advance(LIFETIME)
    body = {"version": 1, "name": "new"} if operation == "updateSession" else None
    reply = stage.call(operation, body, path={"sessionId": session})
    assert_problem(reply, 410, "SESSION_EXPIRED")


def test_an_expired_session_takes_no_answer(stage: Stage) -> None:
    session = begun(stage)
    shown = stage.question(session)["question"]
    stage.clock.advance(LIFETIME)
    assert_problem(stage.answer(session, shown), 410, "SESSION_EXPIRED")


def test_a_session_that_is_over_cannot_be_paused(stage: Stage) -> None:
    session = begun(stage)
    stage.call("abandonSession", path={"sessionId": session})
    body = {"version": 2, "status": "PAUSED"}
    reply = stage.call("updateSession", body, path={"sessionId": session})
    assert_problem(reply, 409, "SESSION_OVER")


# Every fault of a body, together

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
            "version": 2,
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
    "importId": "0" * 32,
}


def test_every_route_with_a_body_is_tried() -> None:
    assert set(SEVERAL) == {route.operation for route in ROUTES if route.body}


@pytest.mark.parametrize("operation", SEVERAL)
def test_all_faults_of_a_body_are_reported_together_by_the_names_sent(
    operation: str, stage: Stage
) -> None:
    body, fields = SEVERAL[operation]
    reply = stage.admin(operation, body, path=PATHS)
    assert set(faults(reply)) == fields
    assert reply.cost == (0, 0.0, 0.0)


@pytest.mark.parametrize("operation", SEVERAL)
def test_fields_that_nobody_knows_are_each_named(operation: str, stage: Stage) -> None:
    unknown = ["x", "user_id", "Name", "", " ", "__proto__", "a.b", "\N{BRAIN}", "\n", "x" * 200]
    reply = stage.admin(operation, dict.fromkeys(unknown, 1), path=PATHS)
    assert set(unknown) <= set(faults(reply))


@pytest.mark.parametrize("operation", SEVERAL)
@pytest.mark.parametrize("body", ["[]", "null", "1", '"text"'])
def test_json_that_is_no_object_is_a_fault_of_the_body(
    operation: str, body: str, stage: Stage
) -> None:
    assert set(faults(stage.admin(operation, body, path=PATHS))) == {"body"}


def test_what_only_the_bank_can_tell_is_reported_together_too(stage: Stage) -> None:
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
    chosen: list[str], stage: Stage
) -> None:
    session = begun(stage)
    shown = stage.question(session)["question"]
    before = stage.everything()
    body = {**submission(shown), "selectedAnswers": chosen}
    reply = stage.call("submitAnswer", body, path={"sessionId": session})
    assert set(faults(reply)) == {"selectedAnswers"}
    assert stage.everything() == before


def test_none_several_and_repeated_choices_are_a_fault_and_no_try(stage: Stage) -> None:
    session = begun(stage)
    shown = stage.question(session)["question"]
    ids = [answer["id"] for answer in shown["answers"]]
    before = stage.everything()
    for chosen in ([], ids[:2], ids, [ids[0], ids[0]]):
        body = {**submission(shown), "selectedAnswers": chosen}
        reply = stage.call("submitAnswer", body, path={"sessionId": session})
        assert set(faults(reply)) == {"selectedAnswers"}
    assert stage.everything() == before


def test_a_question_cannot_move_or_become_another(stage: Stage) -> None:
    stage.save(*drafts("geography", 2))
    path = {"questionId": "geography:000000"}
    moved = stage.admin("replaceQuestion", draft("history", 0), path=path)
    assert set(faults(moved)) == {"category"}
    doubled = stage.admin("replaceQuestion", draft("geography", 1), path=path)
    assert set(faults(doubled)) == {"text"}


def test_each_question_of_an_import_is_refused_by_its_place_with_all_its_faults(
    stage: Stage,
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
