"""From an event to a use case and back: nothing leaves but a response of the contract."""

import json
from collections.abc import Mapping
from time import monotonic

import pytest

from lambdas.contract.errors import NotFoundError, TurnMismatchError, UnavailableError
from lambdas.shared.http import entrypoint as module
from lambdas.shared.http.entrypoint import Operation, entrypoint
from lambdas.shared.http.request import Request
from lambdas.shared.http.response import Response
from lambdas.shared.services import Services
from lambdas.shared.store.client import ATTEMPT_SECONDS
from lambdas.shared.store.errors import (
    AccountErasedError,
    PoolEntryChangedError,
    StoreUnavailableError,
    TransactionConditionError,
)
from lambdas.shared.telemetry.request_log import usage
from tests.support.fixed_context import FixedContext
from tests.unit.lambdas.builders import event
from tests.unit.lambdas.entrypoint_calls import ENVIRONMENT, asked, health, lines, ok, quiz, raising

pytestmark = pytest.mark.usefixtures("process")

# Initialization


def test_on_lambda_the_client_is_made_and_warmed_up_while_the_function_initializes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "quiz-test-quiz")
    warmed: list[tuple[Services, float]] = []

    def warm_up(environment: Services) -> None:
        warmed.append((environment, usage.get().deadline - monotonic()))

    entrypoint("quiz", {"getQuestion": ok}, warm_up=warm_up)
    ((environment, seconds),) = warmed
    assert environment is ENVIRONMENT
    # Time for one attempt at a call and not for a second one.
    assert ATTEMPT_SECONDS < seconds < 2 * ATTEMPT_SECONDS
    assert usage.get(None) is None


def test_elsewhere_the_client_is_made_by_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    monkeypatch.setattr(module, "services", lambda: pytest.fail("too early"))
    entrypoint("quiz", {"getQuestion": ok}, warm_up=lambda _: pytest.fail("too early"))


def test_a_warm_up_that_fails_is_logged_and_requests_are_served(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "quiz-test-quiz")

    def warm_up(_: Services) -> None:
        raise UnavailableError("The database cannot be reached.")

    handler = entrypoint("quiz", {"getQuestion": ok}, warm_up=warm_up)
    (line,) = lines(capsys)
    assert (line["event"], line["error"]) == ("fault", "UnavailableError")
    assert asked(handler)["statusCode"] == 200


def test_a_function_of_public_routes_never_makes_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "quiz-test-health")
    monkeypatch.setattr(module, "services", lambda: pytest.fail("a dependency was asked for"))
    assert health()(event("getHealth"), FixedContext())["statusCode"] == 200


# Operations served


@pytest.mark.parametrize(
    "operations",
    [
        {},
        {"getQuestion": ok, "getSession": ok},
        {"getSession": ok},
        {"getquestion": ok},
    ],
)
def test_a_function_that_does_not_serve_exactly_its_routes_is_refused(
    operations: Mapping[str, Operation],
) -> None:
    with pytest.raises(ValueError, match="quiz"):
        entrypoint("quiz", operations)


def test_a_function_the_table_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown"):
        entrypoint("unknown", {"getQuestion": ok})


def test_the_operation_gets_the_request_and_the_environment() -> None:
    got: list[tuple[Request, Services]] = []

    def operation(request: Request, environment: Services) -> Response:
        got.append((request, environment))
        return Response(200, {})

    asked(quiz(operation))
    ((request, environment),) = got
    assert request.route.operation == "getQuestion"
    assert request.user_id == "ada"
    assert environment is ENVIRONMENT


@pytest.mark.parametrize(
    "other",
    [
        {"resource": "/nowhere"},
        {"resource": ""},
        {"resource": "/sessions/{sessionId}"},
        {"resource": "/health"},
        {"httpMethod": "POST"},
        {"httpMethod": "get"},
        {"httpMethod": "HEAD"},
        {"httpMethod": ""},
    ],
)
def test_a_resource_or_method_that_is_not_the_functions_is_not_found(
    other: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    result = asked(quiz(), **other)
    assert result["statusCode"] == 404
    assert json.loads(result["body"])["code"] == "NOT_FOUND"
    assert result["headers"]["X-Request-Id"] == "request-1"
    (line,) = lines(capsys)
    assert (line["Operation"], line["status"]) == ("none", 404)


def test_an_event_of_nothing_but_a_context_is_not_found() -> None:
    result = quiz()({}, FixedContext(request_id="invocation-1"))
    assert result["statusCode"] == 404
    assert result["headers"]["X-Request-Id"] == "invocation-1"


def test_a_public_route_is_served_without_a_caller_and_without_an_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "services", lambda: pytest.fail("a dependency was asked for"))
    assert health()(event("getHealth", token={}), FixedContext())["statusCode"] == 200


def test_a_public_route_answers_head_without_a_body() -> None:
    asked_for = {**event("getHealth", token={}), "httpMethod": "HEAD"}
    result = health()(asked_for, FixedContext())
    assert (result["statusCode"], result["body"]) == (200, "")


# Errors


def test_an_error_of_the_contract_is_rendered_with_its_members_and_headers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = asked(quiz(raising(TurnMismatchError("stale", members={"question": None}))))
    body = json.loads(result["body"])
    assert (result["statusCode"], body["code"], body["question"]) == (409, "TURN_MISMATCH", None)
    assert body["requestId"] == result["headers"]["X-Request-Id"] == "request-1"
    assert result["headers"]["Content-Type"] == "application/problem+json"
    (line,) = lines(capsys)
    assert (line["status"], line["Code"]) == (409, "TURN_MISMATCH")


def test_an_unavailable_store_is_503_with_its_retry_after() -> None:
    result = asked(quiz(raising(StoreUnavailableError("busy", retry_after=7))))
    body = json.loads(result["body"])
    assert (result["statusCode"], result["headers"]["Retry-After"]) == (503, "7")
    assert (body["code"], body["detail"]) == ("UNAVAILABLE", "busy")


def test_an_erased_account_is_401() -> None:
    result = asked(quiz(raising(AccountErasedError())))
    assert (result["statusCode"], json.loads(result["body"])["code"]) == (401, "UNAUTHORIZED")


def test_a_refused_write_that_no_use_case_expects_is_an_internal_error() -> None:
    result = asked(quiz(raising(TransactionConditionError((PoolEntryChangedError(),)))))
    assert (result["statusCode"], json.loads(result["body"])["code"]) == (500, "INTERNAL_ERROR")


def test_unavailable_keeps_its_retry_after() -> None:
    result = asked(quiz(raising(UnavailableError("busy", retry_after=7))))
    assert (result["statusCode"], result["headers"]["Retry-After"]) == (503, "7")


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("SECRET"),
        KeyError("SECRET"),
        AssertionError("SECRET"),
        RecursionError("SECRET"),
        MemoryError("SECRET"),
        UnicodeDecodeError("utf-8", b"SECRET", 0, 1, "SECRET"),
    ],
)
def test_an_unforeseen_error_tells_the_client_nothing_and_the_log_where(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    result = asked(quiz(raising(error)))
    body = json.loads(result["body"])
    assert (result["statusCode"], body["code"]) == (500, "INTERNAL_ERROR")
    assert set(body) == {"type", "title", "status", "code", "detail", "requestId"}
    assert "SECRET" not in str(result)
    fault, request = lines(capsys)
    assert fault["error"] == type(error).__name__
    assert fault["where"][-1].startswith("lambdas/entrypoint_calls.py:")
    assert (request["level"], request["status"]) == ("ERROR", 500)
    assert fault["requestId"] == request["requestId"] == "request-1"
    assert "SECRET" not in str([fault, request])


def test_what_ends_the_process_is_not_held_up() -> None:
    with pytest.raises(KeyboardInterrupt):
        asked(quiz(raising(KeyboardInterrupt())))


def test_a_fault_of_one_request_leaves_the_next_one_alone() -> None:
    errors = iter([RuntimeError(), NotFoundError(), None])

    def operation(_request: Request, _environment: Services) -> Response:
        error = next(errors)
        if error:
            raise error
        return Response(204)

    handler = quiz(operation)
    assert [asked(handler)["statusCode"] for _ in range(3)] == [500, 404, 204]
