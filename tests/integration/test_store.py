"""Failures of the database: retries, responses and metrics."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ClientError

from lambdas.contract.route import Access
from lambdas.shared.store import retry
from lambdas.shared.store.batch import batch_get
from lambdas.shared.store.errors import (
    InvalidRequestError,
    RefusedWriteError,
    StoreUnavailableError,
    TransactionConditionError,
)
from lambdas.shared.store.transaction import Action
from lambdas.shared.telemetry import audit_record
from lambdas.shared.telemetry.metrics import METRICS
from lambdas.shared.telemetry.request_log import Usage, usage
from tests.integration.stage import (
    ROUTE,
    Fault,
    InvokedStage,
    Reply,
    answers_with,
    assert_unavailable,
    cancels,
    drafts,
    refuses,
    response_lost,
    submission,
    unreachable,
)

GEOGRAPHY = {"category": "geography"}
CONFLICT = cancels("None", "TransactionConflict")


def item(stage: InvokedStage, name: str, **other: Any) -> dict[str, Any]:
    key = {"userId": {"S": name}}
    return {"TableName": stage.services.users.name, "Item": key, **other}


def put(stage: InvokedStage, name: str) -> Action:
    return Action({"Put": item(stage, name)})


class NameTakenError(RefusedWriteError):
    """The error of an action of these tests; its argument is the current item."""


def names(stage: InvokedStage) -> list[str]:
    return [row["userId"]["S"] for row in stage.rows("users")]


def assert_refused(reply: Reply) -> None:
    assert_unavailable(reply)
    assert reply.headers["Retry-After"] == "1"
    assert reply.log["level"] == "ERROR"
    assert reply.log["Code"] == "UNAVAILABLE"


# Transactions


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_conflict_is_tried_again_up_to_three_times(stage: InvokedStage, times: int) -> None:
    pauses = stage.pauses()
    with stage.fault("TransactWriteItems", CONFLICT, times=times):
        stage.services.transactions.write([put(stage, "ada")])
    assert len(pauses) == times
    assert names(stage) == ["ada"]


def test_the_fourth_conflict_is_reported_and_nothing_written(stage: InvokedStage) -> None:
    pauses = stage.pauses()
    with (
        stage.fault("TransactWriteItems", CONFLICT) as met,
        pytest.raises(StoreUnavailableError),
    ):
        stage.services.transactions.write([put(stage, "ada")])
    assert len(met) == 4
    assert len(pauses) == 3
    assert names(stage) == []


def test_pauses_are_drawn_from_spans_that_double(
    stage: InvokedStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans: list[tuple[float, float]] = []

    def drawn(low: float, high: float) -> float:
        spans.append((low, high))
        return high / 2

    monkeypatch.setattr("lambdas.shared.store.retry.random.uniform", drawn)
    pauses = stage.pauses()
    with stage.fault("TransactWriteItems", CONFLICT, times=3):
        stage.services.transactions.write([put(stage, "ada")])
    assert all(low == 0 for low, _ in spans)
    highs = [high for _, high in spans]
    assert highs == [highs[0], 2 * highs[0], 4 * highs[0]]
    assert pauses == [high / 2 for high in highs]
    assert sum(highs) < 1


@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_throttled_transaction_is_tried_again(stage: InvokedStage, code: str) -> None:
    pauses = stage.pauses()
    with stage.fault("TransactWriteItems", cancels(code), times=2):
        stage.services.transactions.write([put(stage, "ada")])
    assert len(pauses) == 2


def test_a_transaction_still_in_progress_is_waited_for(stage: InvokedStage) -> None:
    pauses = stage.pauses()
    with stage.fault("TransactWriteItems", refuses("TransactionInProgressException"), times=1):
        stage.services.transactions.write([put(stage, "ada")])
    assert len(pauses) <= 1
    assert names(stage) == ["ada"]


def test_a_condition_that_fails_is_not_tried_again(stage: InvokedStage) -> None:
    pauses = stage.pauses()
    stage.services.transactions.write([put(stage, "ada")])
    absent = {
        "ConditionExpression": "attribute_not_exists(userId)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    actions = [put(stage, "bob"), Action({"Put": item(stage, "ada", **absent)}, NameTakenError)]
    with pytest.raises(TransactionConditionError) as caught:
        stage.services.transactions.write(actions)
    (refusal,) = caught.value.refusals
    assert isinstance(refusal, NameTakenError)
    assert refusal.args == ({"userId": {"S": "ada"}},)
    assert pauses == []
    assert names(stage) == ["ada"]


def test_a_failed_condition_wins_over_a_conflict(stage: InvokedStage) -> None:
    pauses = stage.pauses()
    both = cancels("TransactionConflict", "ConditionalCheckFailed")
    with (
        stage.fault("TransactWriteItems", both) as met,
        pytest.raises(TransactionConditionError) as caught,
    ):
        stage.services.transactions.write(
            [put(stage, "ada"), Action({"Put": item(stage, "bob")}, NameTakenError)]
        )
    assert caught.value.find(NameTakenError)
    assert len(caught.value.refusals) == 1
    assert (len(met), pauses) == (1, [])


@pytest.mark.parametrize(
    ("code", "error"),
    [
        pytest.param("ValidationError", InvalidRequestError, id="ValidationError"),
        pytest.param("ItemCollectionSizeLimitExceeded", ClientError, id="size-limit"),
    ],
)
def test_a_transaction_that_can_never_be_is_not_tried_again(
    stage: InvokedStage, code: str, error: type[Exception]
) -> None:
    pauses = stage.pauses()
    with stage.fault("TransactWriteItems", cancels(code)) as met, pytest.raises(error):
        stage.services.transactions.write([put(stage, "ada")])
    assert (len(met), pauses) == (1, [])


def test_a_transaction_whose_response_was_lost_is_done_once(stage: InvokedStage) -> None:
    update = {
        "TableName": stage.services.users.name,
        "Key": {"userId": {"S": "ada"}},
        "UpdateExpression": "ADD hits :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    with stage.fault("TransactWriteItems", response_lost, times=2):
        stage.services.transactions.write([Action({"Update": update})])
    assert stage.rows("users") == [{"userId": {"S": "ada"}, "hits": {"N": "1"}}]


def test_an_answer_meeting_conflicts_is_given_once(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    pauses = bank.pauses()
    with bank.fault("TransactWriteItems", CONFLICT, times=3):
        reply = bank.answer(session_id, shown)
    assert (reply.status, reply.body["progress"]["correctAnswers"]) == (200, 1)
    assert len(pauses) == 3


def test_an_answer_meeting_only_conflicts_is_503_and_changes_nothing(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    before = bank.everything()
    bank.pauses()
    with bank.fault("TransactWriteItems", CONFLICT) as met:
        assert_refused(bank.answer(session_id, shown))
    assert len(met) == 4
    assert bank.everything() == before


# Batches


def partly(keys_done: int) -> Fault:
    """A fault: that many of the keys asked for are processed and found missing, the rest left."""

    def answer(request: AWSPreparedRequest) -> AWSResponse | None:
        assert isinstance(request.body, bytes)
        wanted = json.loads(request.body)["RequestItems"]
        left = {
            table: {**asked, "Keys": asked["Keys"][keys_done:]} for table, asked in wanted.items()
        }
        none: dict[str, list[Any]] = {table: [] for table in wanted}
        return answers_with(200, {"Responses": none, "UnprocessedKeys": left})(request)

    return answer


def keys(*which: int) -> list[dict[str, Any]]:
    return [{"questionId": {"S": f"geography:{n:06d}"}} for n in which]


def test_unprocessed_keys_are_asked_for_again(bank: InvokedStage) -> None:
    pauses: list[float] = []
    database, name = bank.services.database, bank.services.questions.name
    with bank.fault("BatchGetItem", partly(1), times=4):
        found = batch_get(
            database, name, keys(90, 91, 92, 93, 0, 1, 2), consistent=True, pause=pauses.append
        )
    assert sorted(each["questionId"]["S"] for each in found) == [
        f"geography:{n:06d}" for n in range(3)
    ]
    assert len(pauses) == 4


def test_keys_left_unprocessed_five_times_are_reported(
    bank: InvokedStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdas.shared.store.retry.random.uniform", lambda _, high: high)
    pauses: list[float] = []
    database, name = bank.services.database, bank.services.questions.name
    with (
        bank.fault("BatchGetItem", partly(0)) as met,
        pytest.raises(StoreUnavailableError),
    ):
        batch_get(database, name, keys(0, 1), pause=pauses.append)
    assert len(met) == 5
    assert pauses == [pauses[0] * 2**n for n in range(4)]
    assert sum(pauses) < 2


def test_a_batch_is_read_in_chunks_of_a_hundred(bank: InvokedStage) -> None:
    meter = Usage()
    token = usage.set(meter)
    database, name = bank.services.database, bank.services.questions.name
    found = batch_get(database, name, keys(*range(250)))
    usage.reset(token)
    assert len(found) == 6
    assert meter.round_trips == 3


def test_a_start_waits_for_a_registry_left_unprocessed(
    bank: InvokedStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither an unknown category nor a preference forgotten."""
    monkeypatch.setattr(retry, "BACKOFF", 0)
    bank.call("updateUser", {"wrongAnswerPercentage": 70}, path={"userId": "me"})
    with bank.fault("BatchGetItem", partly(0), times=2):
        reply = bank.call("startSession", {"sources": [GEOGRAPHY]})
    assert reply.status == 201
    assert reply.body["settings"] == {"policy": "RATIO", "wrongAnswerPercentage": 70}


def test_a_start_whose_registry_stays_unprocessed_is_503(
    bank: InvokedStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "BACKOFF", 0)
    with bank.fault("BatchGetItem", partly(0)):
        assert_refused(bank.call("startSession", {"sources": [GEOGRAPHY]}))


# Trouble


TROUBLE: dict[str, Fault] = {
    "500": refuses("InternalServerError", 500),
    "503": refuses("ServiceUnavailable", 503),
    "not even an error document": answers_with(502, {}),
    "throttled": refuses("ProvisionedThroughputExceededException"),
    "throttled as a whole": refuses("ThrottlingException"),
    "too many requests": refuses("RequestLimitExceeded"),
    "no connection": unreachable,
    "no response": response_lost,
}


def test_a_database_in_trouble_is_503_after_three_attempts(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    body = bank.question(session_id)
    path = {"sessionId": session_id}
    for name, kind in TROUBLE.items():
        with bank.fault("GetItem", kind) as met:
            reply = bank.call("getQuestion", path=path)
        assert_refused(reply)
        assert len(met) == 3, name
        assert "dynamo" not in reply.text.lower()
    assert bank.question(session_id) == body


def test_a_trouble_that_passes_is_not_noticed(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    first = bank.call("getQuestion", path={"sessionId": session_id})
    for kind in TROUBLE.values():
        with bank.fault("GetItem", kind, times=2):
            reply = bank.call("getQuestion", path={"sessionId": session_id})
        assert (reply.status, reply.text) == (200, first.text)


def test_every_route_tells_of_a_database_in_trouble(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    draft = drafts("geography", 1)[0]
    bodies: dict[str, object] = {
        "startSession": {"sources": [GEOGRAPHY]},
        "updateSession": {"version": 1, "name": "x"},
        "submitAnswer": submission(bank.question(session_id)["question"]),
        "updateUser": {"language": "de"},
        "saveQuestions": {"questions": [draft]},
        "replaceQuestion": draft,
        "updateCategory": {"title": "Rivers"},
        "openImport": {"categories": ["rivers"]},
        "addImportPart": {"part": 1, "questions": drafts("rivers", 1)},
    }
    opened = bank.admin("openImport", {"categories": ["stars"]})
    path = {
        "sessionId": session_id,
        "userId": "me",
        "questionId": "geography:000000",
        "category": "geography",
        "importId": opened.body["importId"],
    }
    before = bank.everything()
    with bank.fault("*", refuses("InternalServerError", 500)):
        for operation, route in ROUTE.items():
            reply = bank.call(operation, bodies.get(operation), path=path, groups=["admin"])
            if route.access is Access.PUBLIC:
                assert reply.status == 200
            else:
                assert_refused(reply)
    assert bank.everything() == before


def own_lines(stage: InvokedStage) -> list[dict[str, Any]]:
    """Return what was logged, but for the audit: test_audit.py."""
    lines = [json.loads(line) for line in stage.read_output().splitlines()]
    return [line for line in lines if line.get("kind") != audit_record.KIND]


def refused(stage: InvokedStage, kind: Fault) -> tuple[Reply, list[dict[str, Any]]]:
    """Ask for a user while the database refuses; return the reply and all log lines.

    A request before it takes the line of the cold start.
    """
    assert stage.call("getUser", path={"userId": "me"}).status == 200
    event = stage.event("getUser", path={"userId": "me"})
    with stage.fault("GetItem", kind):
        reply = stage.handle("users", event)
    return reply, own_lines(stage)


def secret(_: AWSPreparedRequest) -> AWSResponse:
    raise ValueError("Ada's secret")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        pytest.param(secret, "ValueError", id="bug"),
        pytest.param(
            refuses("ResourceNotFoundException", message="Ada's secret"),
            "ResourceNotFoundException",
            id="no-table",
        ),
        pytest.param(
            refuses("ValidationException", message="Ada's secret"),
            "InvalidRequestError",
            id="bad-request",
        ),
    ],
)
def test_an_unforeseen_error_is_500_without_detail_here_or_in_the_log(
    stage: InvokedStage, kind: Fault, error: str
) -> None:
    reply, lines = refused(stage, kind)

    assert reply.status == 500
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.body == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "code": "INTERNAL_ERROR",
        "detail": reply.body["detail"],
        "requestId": reply.headers["X-Request-Id"],
    }
    fault, counted, request = lines
    assert (counted["Code"], counted["Errors"]) == ("INTERNAL_ERROR", 1)
    assert fault["error"] == error
    assert (fault["level"], fault["event"]) == ("ERROR", "fault")
    for line in lines:
        assert line["requestId"] == reply.headers["X-Request-Id"]
    assert fault["where"]
    assert all(place.rpartition(":")[2].isdigit() for place in fault["where"])
    assert (request["status"], request["level"]) == (500, "ERROR")
    for told in (reply.text, json.dumps(lines)):
        assert "secret" not in told
        assert "Traceback" not in told


def test_the_log_of_a_request_tells_nothing_a_learner_sent(bank: InvokedStage) -> None:
    user = "harriet"  # not hexadecimal, so that no pseudonym contains it by chance
    session_id = bank.start(GEOGRAPHY, user=user)
    first = bank.question(session_id, user)["question"]
    # The first answer takes the line of the cold start.
    shown = bank.answer(session_id, first, user=user).body["question"]
    body = submission(shown)
    event = bank.event("submitAnswer", body, path={"sessionId": session_id}, user=user)
    assert bank.handle("answer", event).status == 200
    audited, line = bank.read_output().splitlines()
    log = json.loads(line)
    told = {"_aws", "requestId", "status", "roundTrips", "Stage", "Operation"}
    assert set(log) - METRICS.keys() == told
    for part in (audited, line):
        assert body["selectedAnswers"][0] not in part
        assert user not in part


# The meter


def test_each_request_has_a_meter_of_its_own(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    path = {"sessionId": session_id}
    costs = [bank.call("getQuestion", path=path).cost for _ in range(3)]
    assert costs == [(1, 1.0, 0.0)] * 3


def test_reads_and_writes_are_metered_apart(bank: InvokedStage) -> None:
    path = {"userId": "me"}
    assert bank.call("getUser", path=path).cost == (1, 1.0, 0.0)
    assert bank.call("updateUser", {"language": "de"}, path=path).cost == (1, 0.0, 1.0)
    assert bank.call("getProgress", path=path).cost == (2, 1.0, 0.0)


def test_what_failed_is_a_round_trip_and_no_capacity(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    shown = bank.question(session_id)["question"]
    bank.services.bank.get(f"geography:{n:06d}" for n in range(6))
    bank.pauses()
    with bank.fault("TransactWriteItems", CONFLICT, times=2):
        assert bank.answer(session_id, shown).cost == (4, 1.0, 4.0)
    with bank.fault("GetItem", refuses("InternalServerError", 500)):
        assert bank.call("getUser", path={"userId": "me"}).cost == (1, 0.0, 0.0)


def test_meters_of_requests_at_the_same_time_do_not_mix(bank: InvokedStage) -> None:
    session_id = bank.start(GEOGRAPHY)
    bank.question(session_id)  # takes the line of the cold start
    event = bank.event("getQuestion", path={"sessionId": session_id})
    barrier = Barrier(8)

    def ask(_: int) -> int:
        barrier.wait()
        return bank.handle("quiz", event).status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {200}
    lines = own_lines(bank)
    assert [(line["roundTrips"], line["RRU"], line.get("WRU", 0)) for line in lines] == [
        (1, 1, 0)
    ] * 8


def test_calls_outside_a_request_need_no_meter(stage: InvokedStage) -> None:
    assert usage.get(None) is None
    assert stage.services.users.get("ada").display_name == ""
