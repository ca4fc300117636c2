"""Every error of the contract's list, in its form, produced through the real handlers."""

import json
from collections.abc import Callable
from unittest.mock import patch

import pytest

from domain.session.state import LIFETIME
from lambdas.contract import responses
from lambdas.contract.errors import ApiError
from lambdas.contract.formats import ME
from lambdas.contract.gateway_problems import (
    GATEWAY_PROBLEMS,
    HEADERS_TOO_LARGE,
    METHOD_NOT_ALLOWED,
)
from lambdas.contract.routes import ROUTES
from lambdas.session.limits import MAX_STARTS
from tests.integration.problems import NEVER, assert_form, assert_problem, begun
from tests.integration.stage import (
    ROUTE,
    InvokedStage,
    Reply,
    draft,
    drafts,
    refuses,
    submission,
    unreachable,
)


def without_claims(stage: InvokedStage, operation: str) -> Reply:
    event = stage.event(operation, "{}", path={"sessionId": NEVER, "userId": ME})
    del event["requestContext"]["authorizer"]
    return stage.send(ROUTE[operation].function, event)


# A way to each code of the contract. Members beside the common ones stand in OTHER_MEMBERS.


def malformed(stage: InvokedStage) -> Reply:
    return stage.call("startSession", '{"name": ')


def unauthorized(stage: InvokedStage) -> Reply:
    return without_claims(stage, "listSessions")


def forbidden(stage: InvokedStage) -> Reply:
    return stage.call("listQuestions", groups=["learner"])


def not_found(stage: InvokedStage) -> Reply:
    return stage.call("getSession", path={"sessionId": NEVER})


def version_conflict(stage: InvokedStage) -> Reply:
    body = {"version": 7, "name": "new"}
    return stage.call("updateSession", body, path={"sessionId": begun(stage)})


def turn_mismatch(stage: InvokedStage) -> Reply:
    session = begun(stage)
    shown = stage.question(session)["question"]
    body = {**submission(shown), "turn": shown["turn"] + 1}
    return stage.call("submitAnswer", body, path={"sessionId": session})


def question_changed(stage: InvokedStage) -> Reply:
    session = begun(stage)
    shown = stage.question(session)["question"]
    number = int(shown["questionId"].partition(":")[2])
    stage.replace(shown["questionId"], draft("geography", number, text="Edited?"))
    stage.forget_questions()
    return stage.answer(session, shown)


def paused(stage: InvokedStage) -> Reply:
    session = begun(stage)
    path = {"sessionId": session}
    assert stage.call("updateSession", {"version": 1, "status": "PAUSED"}, path=path).status == 200
    return stage.call("getQuestion", path=path)


def over(stage: InvokedStage) -> Reply:
    session = begun(stage)
    shown = stage.question(session)["question"]
    assert stage.call("abandonSession", path={"sessionId": session}).status == 204
    return stage.answer(session, shown)


def expired(stage: InvokedStage) -> Reply:
    session = begun(stage)
    stage.clock.advance(LIFETIME)
    return stage.call("getQuestion", path={"sessionId": session})


def too_large(stage: InvokedStage) -> Reply:
    return stage.call("startSession", {"name": "x" * 16 * 1024})


def invalid(stage: InvokedStage) -> Reply:
    return stage.call("startSession", {})


def unavailable(stage: InvokedStage) -> Reply:
    with stage.fault("GetItem", unreachable):
        return stage.call("getSession", path={"sessionId": NEVER})


def internal(stage: InvokedStage) -> Reply:
    with stage.fault("GetItem", refuses("ValidationException", message="SECRET of the table")):
        return stage.call("getSession", path={"sessionId": NEVER})


def session_limit(stage: InvokedStage) -> Reply:
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


def key_reused(stage: InvokedStage) -> Reply:
    stage.save(*drafts("geography", 3))
    headers = {"Idempotency-Key": "k"}
    first, other = ({"sources": [{"category": "geography", "questionCount": n}]} for n in (1, 2))
    assert stage.call("startSession", first, headers=headers).status == 201
    return stage.call("startSession", other, headers=headers)


def part_of_an_import(
    stage: InvokedStage, *, left_alone_for: int = 0, deleted: bool = False
) -> Reply:
    """Add a part to an import that has ended."""
    opened = stage.admin("openImport", {"categories": ["geography"]})
    path = {"importId": opened.body["importId"]}
    if deleted:
        assert stage.admin("deleteImport", path=path).status == 204
    stage.clock.advance(left_alone_for)
    return stage.admin("addImportPart", {"part": 1, "questions": drafts("geography", 1)}, path=path)


def import_over(stage: InvokedStage) -> Reply:
    return part_of_an_import(stage, deleted=True)


def import_expired(stage: InvokedStage) -> Reply:
    return part_of_an_import(stage, left_alone_for=16 * 60_000)


def mfa_required(stage: InvokedStage) -> Reply:
    enforcing = stage.services.settings._replace(admin_mfa=True)
    with patch("lambdas.shared.http.entrypoint.settings", lambda: enforcing):
        return stage.admin("listQuestions", query={"category": "geography"})


WAYS: dict[str, tuple[int, Callable[[InvokedStage], Reply]]] = {
    "MALFORMED_BODY": (400, malformed),
    "UNAUTHORIZED": (401, unauthorized),
    "FORBIDDEN": (403, forbidden),
    "MFA_REQUIRED": (403, mfa_required),
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
    code: str, stage: InvokedStage
) -> None:
    status, way = WAYS[code]
    assert_problem(way(stage), status, code, *OTHER_MEMBERS.get(code, ()))


ALONE = {"METHOD_NOT_ALLOWED": METHOD_NOT_ALLOWED, "HEADERS_TOO_LARGE": HEADERS_TOO_LARGE}
"""Those that no response type of the gateway has."""


@pytest.mark.parametrize("kind", [*GATEWAY_PROBLEMS, *ALONE])
def test_the_gateways_own_errors_have_the_same_form(kind: str) -> None:
    problem = (GATEWAY_PROBLEMS | ALONE)[kind]
    assert_form(json.loads(problem.template), problem.status, problem.code)


def test_the_codes_that_only_the_gateway_knows_are_the_contracts() -> None:
    assert (METHOD_NOT_ALLOWED.status, METHOD_NOT_ALLOWED.code) == (405, "METHOD_NOT_ALLOWED")
    throttled = GATEWAY_PROBLEMS["THROTTLED"]
    assert (throttled.status, throttled.code) == (429, "RATE_LIMITED")
    assert throttled.retry_after is not None


@pytest.mark.parametrize("way", [unavailable, internal], ids=["unavailable", "internal"])
def test_a_fault_of_ours_tells_nothing_of_its_cause(
    way: Callable[[InvokedStage], Reply], stage: InvokedStage
) -> None:
    reply = way(stage)
    for secret in ("SECRET", "Traceback", "botocore", "127.0.0.1", "DynamoDB", "Exception"):
        assert secret not in reply.text


def test_an_unreachable_database_says_when_to_try_again(stage: InvokedStage) -> None:
    assert int(unavailable(stage).headers["Retry-After"]) >= 1


def test_a_bank_somebody_else_writes_says_when_their_lease_ends(stage: InvokedStage) -> None:
    stage.pauses()
    stage.hold("geography", 4_200)
    reply = stage.admin("saveQuestions", {"questions": drafts("geography", 1)})
    assert_problem(reply, 503, "UNAVAILABLE")
    assert reply.headers["Retry-After"] == "5"


# Who may


@pytest.mark.parametrize(
    "operation", [route.operation for route in ROUTES if route.operation != "getHealth"]
)
def test_without_a_caller_every_route_but_health_is_401(
    operation: str, stage: InvokedStage
) -> None:
    reply = without_claims(stage, operation)
    assert_problem(reply, 401, "UNAUTHORIZED")
    assert reply.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "operation", [route.operation for route in ROUTES if "/admin/" in route.path]
)
def test_a_learner_is_403_on_every_admin_route_whatever_they_send(
    operation: str, stage: InvokedStage
) -> None:
    for question in ("geography:000000", "no question"):
        reply = stage.call(operation, "not JSON", path={"questionId": question})
        assert_problem(reply, 403, "FORBIDDEN")


@pytest.mark.parametrize(
    "operation", [route.operation for route in ROUTES if "{sessionId}" in route.path]
)
def test_anothers_session_cannot_be_told_from_none(operation: str, stage: InvokedStage) -> None:
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
def test_anothers_data_is_404_at_no_cost(operation: str, stage: InvokedStage) -> None:
    reply = stage.call(operation, {"displayName": "mine"}, path={"userId": "grace"})
    assert_problem(reply, 404, "NOT_FOUND")
    assert reply.cost == (0, 0.0, 0.0)


# Conflicts


@pytest.mark.parametrize("way", [turn_mismatch, question_changed], ids=["turn", "question"])
def test_a_conflict_of_turns_carries_the_current_question(
    way: Callable[[InvokedStage], Reply], stage: InvokedStage
) -> None:
    reply = way(stage)
    question = reply.body["question"]
    assert set(question) == set(responses.ShownQuestion.__annotations__)
    (session,) = stage.call("listSessions").body["sessions"]
    assert question == stage.question(session["sessionId"])["question"]


@pytest.mark.parametrize(
    "way", [turn_mismatch, question_changed, paused, over, expired, version_conflict]
)
def test_a_conflict_counts_no_try(
    way: Callable[[InvokedStage], Reply], stage: InvokedStage
) -> None:
    way(stage)
    stage.clock.now -= 1
    (session,) = stage.call("listSessions").body["sessions"]
    assert session["progress"]["wrongAnswers"] == 0
    assert session["progress"]["correctAnswers"] == 0
    assert stage.rows("progress") == []


def test_a_paused_session_takes_no_answer(stage: InvokedStage) -> None:
    session = begun(stage)
    shown = stage.question(session)["question"]
    path = {"sessionId": session}
    stage.call("updateSession", {"version": 1, "status": "PAUSED"}, path=path)
    assert_problem(stage.answer(session, shown), 409, "SESSION_PAUSED")


@pytest.mark.parametrize("operation", ["getSession", "updateSession", "abandonSession"])
def test_an_expired_session_is_gone_for_every_route(operation: str, stage: InvokedStage) -> None:
    session = begun(stage)
    stage.clock.advance(LIFETIME)
    body = {"version": 1, "name": "new"} if operation == "updateSession" else None
    reply = stage.call(operation, body, path={"sessionId": session})
    assert_problem(reply, 410, "SESSION_EXPIRED")


def test_an_expired_session_takes_no_answer(stage: InvokedStage) -> None:
    session = begun(stage)
    shown = stage.question(session)["question"]
    stage.clock.advance(LIFETIME)
    assert_problem(stage.answer(session, shown), 410, "SESSION_EXPIRED")


def test_a_session_that_is_over_cannot_be_paused(stage: InvokedStage) -> None:
    session = begun(stage)
    stage.call("abandonSession", path={"sessionId": session})
    body = {"version": 2, "status": "PAUSED"}
    reply = stage.call("updateSession", body, path={"sessionId": session})
    assert_problem(reply, 409, "SESSION_OVER")
