"""From an event to a use case and back: nothing leaves but a response of the contract."""

import json
from collections.abc import Iterator, Mapping
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lambdas.contract.bodies.user import UpdateUser
from lambdas.contract.errors import NotFoundError, TurnMismatchError, UnavailableError
from lambdas.contract.routes import ROUTES
from lambdas.shared.http import entrypoint as module
from lambdas.shared.http.entrypoint import Handler, Operation, entrypoint
from lambdas.shared.http.request import Request
from lambdas.shared.http.response import Response
from lambdas.shared.services import Services
from lambdas.shared.settings import settings
from lambdas.shared.store.client import ATTEMPT_SECONDS
from lambdas.shared.store.errors import (
    AccountErasedError,
    PoolEntryChangedError,
    StoreUnavailableError,
    TransactionConditionError,
)
from lambdas.shared.telemetry import audit_record
from lambdas.shared.telemetry.request_log import usage
from tests.unit.lambdas.builders import CLIENT_ID, claims, event

ENVIRONMENT = cast("Services", SimpleNamespace())
OURS, THEIRS = "https://quiz.example", "https://evil.example"


@pytest.fixture(autouse=True)
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("STAGE", "test")
    monkeypatch.setenv("CLIENT_ID", CLIENT_ID)
    for name in ("LOG_LEVEL", "CORS_ORIGINS", "DYNAMODB_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "services", lambda: ENVIRONMENT)
    settings.cache_clear()
    yield
    settings.cache_clear()


def ok(_request: Request, _environment: Services) -> Response:
    return Response(200, {"status": "ok"})


def raising(error: BaseException) -> Operation:
    def operation(_request: Request, _environment: Services) -> Response:
        raise error

    return operation


def quiz(operation: Operation = ok) -> Handler:
    """A handler of the function that serves one route."""
    return entrypoint("quiz", {"getQuestion": operation})


def users(**operations: Operation) -> Handler:
    return entrypoint("users", {"getUser": ok, "updateUser": ok, **operations})


def health() -> Handler:
    return entrypoint("health", {}, public={"getHealth": lambda: Response(200, {"status": "ok"})})


def asked(handler: Handler, **other: Any) -> dict[str, Any]:
    return handler(event("getQuestion", **other), None)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the lines written, without those of metrics that are not by operation."""
    captured = capsys.readouterr()
    assert captured.err == ""
    written = [
        line
        for line in map(json.loads, captured.out.splitlines())
        if "_aws" not in line or "Operation" in line
    ]
    return [
        line for line in written if line.get("kind") != audit_record.KIND
    ]  # those: test_audit.py


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
    assert health()(event("getHealth"), None)["statusCode"] == 200


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
    result = quiz()({}, SimpleNamespace(aws_request_id="invocation-1"))
    assert result["statusCode"] == 404
    assert result["headers"]["X-Request-Id"] == "invocation-1"


def test_a_public_route_is_served_without_a_caller_and_without_an_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "services", lambda: pytest.fail("a dependency was asked for"))
    assert health()(event("getHealth", token={}), None)["statusCode"] == 200


def test_a_public_route_answers_head_without_a_body() -> None:
    asked_for = {**event("getHealth", token={}), "httpMethod": "HEAD"}
    result = health()(asked_for, None)
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
    assert fault["where"][-1].startswith("lambdas/test_entrypoint.py:")
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


# Headers


OUTCOMES: dict[str, Operation] = {
    "done": ok,
    "without a body": lambda *_: Response(204),
    "error": raising(NotFoundError()),
    "fault": raising(RuntimeError()),
}


@pytest.mark.parametrize("operation", OUTCOMES.values(), ids=OUTCOMES)
def test_every_response_carries_the_request_id(operation: Operation) -> None:
    assert asked(quiz(operation))["headers"]["X-Request-Id"] == "request-1"


def test_a_refused_request_carries_the_request_id() -> None:
    refused: list[dict[str, Any]] = [{"token": {}}, {"pathParameters": None}]
    for other in refused:
        assert asked(quiz(), **other)["headers"]["X-Request-Id"] == "request-1"


def cors(
    origins: str, sent: Mapping[str, str] | None, monkeypatch: pytest.MonkeyPatch, **other: Any
) -> dict[str, str]:
    monkeypatch.setenv("CORS_ORIGINS", origins)
    settings.cache_clear()
    headers = asked(quiz(**other), headers=sent)["headers"]
    return {k: v for k, v in headers.items() if k.startswith("Access-Control") or k == "Vary"}


EXPOSED = {"Access-Control-Expose-Headers": "Location,Retry-After,X-Request-Id"}
ALLOWED = {"Access-Control-Allow-Origin": OURS, "Vary": "Origin", **EXPOSED}


@pytest.mark.parametrize("header", ["Origin", "origin", "ORIGIN"])
def test_an_allowed_origin_is_told_so(header: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cors(f"https://a.example {OURS}", {header: OURS}, monkeypatch) == ALLOWED


@pytest.mark.parametrize(
    "origin",
    [
        THEIRS,
        "null",
        "",
        "*",
        OURS + "/",
        OURS.upper(),
        OURS + ".evil.example",
        f"{OURS} {THEIRS}",
        "http://quiz.example",
        "https://a.example https://quiz.example",
    ],
)
def test_any_other_origin_is_told_nothing(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cors(f"https://a.example {OURS}", {"Origin": origin}, monkeypatch) == {}


@pytest.mark.parametrize("sent", [None, {}, {"Referer": OURS}])
def test_without_an_origin_there_is_no_answer_to_one(
    sent: Mapping[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cors(OURS, sent, monkeypatch) == {}


@pytest.mark.parametrize("sent", [None, {"Origin": THEIRS}, {"Origin": OURS}])
def test_a_star_allows_every_origin_without_credentials(
    sent: Mapping[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cors("*", sent, monkeypatch) == {"Access-Control-Allow-Origin": "*", **EXPOSED}


def test_a_stage_without_origins_allows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cors("", {"Origin": ""}, monkeypatch) == {}
    assert cors("", {"Origin": OURS}, monkeypatch) == {}


@pytest.mark.parametrize("operation", OUTCOMES.values(), ids=OUTCOMES)
def test_whatever_comes_of_a_request_answers_to_an_origin(
    operation: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cors(OURS, {"Origin": OURS}, monkeypatch, operation=operation) == ALLOWED


def test_an_unknown_resource_answers_to_an_origin_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", OURS)
    settings.cache_clear()
    headers = asked(quiz(), resource="/nowhere", headers={"Origin": OURS})["headers"]
    assert headers["Access-Control-Allow-Origin"] == OURS


# Logs


def test_each_request_is_one_line_and_only_the_first_is_a_cold_start(
    capsys: pytest.CaptureFixture[str],
) -> None:
    handler = quiz()
    for _ in range(3):
        asked(handler)
    written = lines(capsys)
    assert [line.get("ColdStarts") for line in written] == [1, None, None]
    assert {line["Operation"] for line in written} == {"getQuestion"}


def test_a_cold_start_that_fails_is_flagged_and_the_next_request_is_warm(
    capsys: pytest.CaptureFixture[str],
) -> None:
    handler = quiz(raising(NotFoundError()))
    asked(handler)
    asked(handler)
    assert [line.get("ColdStarts") for line in lines(capsys)] == [1, None]


def test_each_function_has_a_cold_start_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    asked(quiz())
    health()(event("getHealth"), None)
    assert [line.get("ColdStarts") for line in lines(capsys)] == [1, 1]


def test_what_a_request_spends_is_on_its_line_alone(capsys: pytest.CaptureFixture[str]) -> None:
    def operation(_request: Request, _environment: Services) -> Response:
        usage.get().round_trips += 2
        usage.get().read_units += 1.5
        usage.get().write_units += 4.0
        return Response(200, {})

    handler = quiz(operation)
    asked(handler)
    asked(handler)
    spent = [(line["roundTrips"], line["RRU"], line["WRU"]) for line in lines(capsys)]
    assert spent == [(2, 1.5, 4.0)] * 2
    assert usage.get(None) is None


@pytest.mark.parametrize(("level", "statuses"), [("INFO", [200, 500]), ("ERROR", [500])])
def test_the_level_of_the_stage_is_honoured(
    level: str,
    statuses: list[int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LOG_LEVEL", level)
    settings.cache_clear()
    asked(quiz())
    asked(quiz(raising(RuntimeError())))
    assert [line["status"] for line in lines(capsys) if "status" in line] == statuses


SECRETS = {
    "token": "eyJhbGciOiJSUzI1NiJ9.c2VjcmV0.c2lnbmF0dXJl",
    "e-mail": "ada.lovelace@example.org",
    "user": "7f9c24e8-3b12-4fef-91e0-a5d2c8b7e6f3",
    "name": "Augusta Ada King",
    "session": "fedcba9876543210fedcba98765",  # pragma: allowlist secret
    "answer": "k3fq2m9z1",
    "key": "idempotent-4711",
    "query": "sneaky-category",
    "address": "203.0.113.77",
    "exception": "row 42 of table of keys",
}


def planted(operation: str, body: str | None) -> dict[str, Any]:
    """A request with a secret in every place a client can reach."""
    return event(
        operation,
        body,
        token=claims(SECRETS["user"], email=SECRETS["e-mail"], username=SECRETS["name"]),
        headers={
            "Authorization": f"Bearer {SECRETS['token']}",
            "Idempotency-Key": SECRETS["key"],
            "X-Forwarded-For": SECRETS["address"],
            "Cookie": SECRETS["token"],
        },
        queryStringParameters={"category": SECRETS["query"], "token": SECRETS["token"]},
    )


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"displayName": "%(name)s"}', 200),
        ('{"displayName": "%(name)s", "%(e-mail)s": "%(answer)s"}', 422),
        ('{"displayName": ["%(name)s", "%(answer)s"]}', 422),
        ('{"displayName": "%(name)s"', 400),
        ("%(token)s", 400),
        ('{"%(name)s": 1, "%(name)s": 2}', 400),
        ('{"displayName": "%(name)s", "language": "fail"}', 422),
        ('{"displayName": "%(name)s", "language": "xx"}', 500),
    ],
)
def test_nothing_a_client_sends_is_in_any_output(
    body: str,
    status: int,
    level: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LOG_LEVEL", level)
    settings.cache_clear()

    def update(request: Request, _environment: Services) -> Response:
        wanted = request.body(UpdateUser)
        if wanted.language == "xx":
            raise RuntimeError(SECRETS["exception"], wanted.display_name, request.user_id)
        return Response(200, {"displayName": wanted.display_name})

    asking = planted("updateUser", body % SECRETS)
    assert users(updateUser=update)(asking, None)["statusCode"] == status
    captured = capsys.readouterr()
    found = [kind for kind, secret in SECRETS.items() if secret in captured.out + captured.err]
    assert found == []


def test_nothing_of_a_refused_request_is_in_any_output(capsys: pytest.CaptureFixture[str]) -> None:
    for route in ROUTES:
        if route.function != "quiz":
            continue
        for path in ({"sessionId": SECRETS["session"]}, {"sessionId": SECRETS["name"]}, None):
            quiz(raising(KeyError(SECRETS["answer"])))(
                {**planted(route.operation, None), "pathParameters": path}, None
            )
    captured = capsys.readouterr()
    told = {True: "", False: captured.err}  # by whether it is the audit, which names sessions
    for line in captured.out.splitlines():
        told[json.loads(line).get("kind") == audit_record.KIND] += line
    assert [kind for kind, secret in SECRETS.items() if secret in told[False]] == []
    assert [kind for kind, secret in SECRETS.items() if secret in told[True]] == ["session"]
