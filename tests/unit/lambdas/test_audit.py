"""The audit record: one line for each action, its fields, and nothing a user wrote."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lambdas.contract.errors import ApiError, NotFoundError
from lambdas.contract.route import Access
from lambdas.contract.routes import ROUTES
from lambdas.shared.http import entrypoint as module
from lambdas.shared.http.entrypoint import Operation, entrypoint
from lambdas.shared.http.request import Request
from lambdas.shared.http.response import Response
from lambdas.shared.services import Services
from lambdas.shared.settings import LOG_LEVELS, settings
from lambdas.shared.telemetry import audit_record, pseudonym_key
from lambdas.shared.telemetry.audit_record import (
    AuditRecord,
    Target,
    name_target,
    write_record,
)
from lambdas.shared.telemetry.pseudonym_key import PseudonymKey
from tests.pseudonyms import pseudonym
from tests.support.fixed_context import FixedContext
from tests.unit.lambdas.builders import CLIENT_ID, QUESTION_ID, SESSION_ID, claims, event

KEY = "made-up-key"  # pragma: allowlist secret
ADA = "7f9c24e8-3b12-4fef-91e0-a5d2c8b7e6f3"
MAX_RECORD_BYTES = 400
"""Size of any record but that of saved questions, which names up to 100 of them."""

LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
FORGED = [
    *(f'x"}}{end}{{"kind":"audit","forged":true}}' for end in LINE_ENDS),
    '"', "\\", "\x00", "\x1b[2J", "\ud800", "</script>", "%0a", "\N{PILE OF POO}" * 40,
]  # fmt: skip


@pytest.fixture(autouse=True)
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("STAGE", "test")
    monkeypatch.setenv("CLIENT_ID", CLIENT_ID)
    monkeypatch.delenv("AUDIT_KEY_SECRET", raising=False)
    monkeypatch.setattr(module, "services", lambda: cast("Services", SimpleNamespace()))
    forget()
    yield
    forget()


def forget() -> None:
    settings.cache_clear()
    pseudonym_key._source.cache_clear()  # noqa: SLF001


def operation(error: BaseException | None = None, **targets: list[str]) -> Operation:
    def act(_request: Request, _environment: Services) -> Response:
        for kind, ids in targets.items():
            name_target(Target(kind), *ids)
        if error:
            raise error
        return Response(200, {})

    return act


def ask(
    asked: str = "getQuestion", *, act: Operation | None = None, **other: Any
) -> dict[str, Any]:
    """Send a request to a function all of whose operations do the same."""
    (route,) = (route for route in ROUTES if route.operation == asked)
    operations = {
        each.operation: act or operation()
        for each in ROUTES
        if each.function == route.function and each.access is not Access.PUBLIC
    }
    public = {"getHealth": lambda: Response(200, {})} if route.access is Access.PUBLIC else {}
    return entrypoint(route.function, operations, public)(event(asked, **other), FixedContext())


def records(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.isascii()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    return [line for line in lines if line.get("kind") == audit_record.KIND]


def record(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (only,) = records(capsys)
    assert list(only) == list(AuditRecord.__annotations__)
    return only


def test_a_record_tells_who_did_what_on_what_when_and_how_it_ended(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ask("submitAnswer", act=operation(question=[QUESTION_ID]), token=claims(ADA))
    told = record(capsys)
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told.pop("at"))
    assert told == {
        "kind": "audit",
        "requestId": "request-1",
        "who": pseudonym(ADA),
        "keyVersion": "local",
        "what": "submitAnswer",
        "on": {"session": [SESSION_ID], "question": [QUESTION_ID]},
        "status": 200,
        "code": None,
    }


def test_the_longest_common_record_is_small(capsys: pytest.CaptureFixture[str]) -> None:
    """An answer is what is recorded most; bytes are what the log and the store bill by."""
    refusal = next(error for error in ApiError.__subclasses__() if error.code == "QUESTION_CHANGED")
    token = claims(ADA)
    context = {"requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "authorizer": {"claims": token}}
    ask(
        "submitAnswer",
        act=operation(refusal("stale"), question=["aws-cloud-practitioner:000123"]),
        requestContext=context,
    )
    (line, *_request) = capsys.readouterr().out.splitlines()
    assert len(line) <= MAX_RECORD_BYTES


# Which actions


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_every_route_but_the_public_one_leaves_one_record(
    route: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(route.operation)
    assert [each["what"] for each in records(capsys)] == (
        [] if route.access is Access.PUBLIC else [route.operation]
    )


@pytest.mark.parametrize("error", ApiError.__subclasses__(), ids=lambda error: error.code)
def test_a_refusal_is_recorded_with_its_code(
    error: type[ApiError], capsys: pytest.CaptureFixture[str]
) -> None:
    refusal = error.__new__(error)
    ApiError.__init__(refusal, "SECRET")
    ask(act=operation(refusal))
    told = record(capsys)
    assert (told["status"], told["code"]) == (error.status, error.code)
    assert told["on"] == {"session": [SESSION_ID]}


@pytest.mark.parametrize("token", [{}, {"sub": ADA}, {"sub": ADA, "token_use": "id"}])
def test_who_cannot_be_told_is_recorded_as_nobody(
    token: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    ask(token=token)
    told = record(capsys)
    assert (told["who"], told["status"], told["code"]) == (None, 401, "UNAUTHORIZED")


def test_a_learner_on_an_admin_route_is_recorded_by_name_of_the_route(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ask("retireQuestion", groups=())
    told = record(capsys)
    assert (told["what"], told["status"]) == ("retireQuestion", 403)
    assert told["who"] == pseudonym("ada")
    assert told["on"] == {"question": [QUESTION_ID]}


def test_what_is_no_route_is_recorded_too(capsys: pytest.CaptureFixture[str]) -> None:
    ask(resource="/nowhere")
    told = record(capsys)
    assert (told["what"], told["on"], told["status"]) == (None, {}, 404)
    assert told["who"] is None  # a token is only read on a route


def test_records_come_after_a_fault_and_before_the_requests_own_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ask(act=operation(RuntimeError("SECRET")))
    fault, audited, *_, request = map(json.loads, capsys.readouterr().out.splitlines())
    assert fault["event"] == "fault"
    assert (audited["kind"], audited["status"], audited["code"]) == (
        "audit",
        500,
        "INTERNAL_ERROR",
    )
    assert (request["Operation"], request["status"]) == ("getQuestion", 500)


@pytest.mark.parametrize("level", LOG_LEVELS)
def test_a_record_is_written_whatever_the_level(
    level: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOG_LEVEL", level)
    settings.cache_clear()
    ask()
    assert record(capsys)["status"] == 200


def test_what_one_request_named_is_not_on_the_next_ones_record(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ask("submitAnswer", act=operation(RuntimeError(), question=["a:000001"]))
    ask("submitAnswer", act=operation(question=["a:000002"]))
    assert [each["on"]["question"] for each in records(capsys)] == [["a:000001"], ["a:000002"]]


def test_a_trigger_leaves_its_record_by_the_same_function(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_record(who=ADA, what="signUp", on={"user": [ADA]}, request_id="r", status=200)
    told = record(capsys)
    assert (told["who"], told["on"]) == (pseudonym(ADA), {"user": [pseudonym(ADA)]})
    assert (told["what"], told["status"], told["code"]) == ("signUp", 200, None)


# On what


def test_path_query_and_operation_name_the_targets_each_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ask(
        "listQuestionProgress",
        act=operation(category=["geography", "physics", "physics"]),
        token=claims(ADA),
        queryStringParameters={"category": "geography", "limit": "5", "nextToken": "SECRET"},
    )
    assert record(capsys)["on"] == {"user": [pseudonym(ADA)], "category": ["geography", "physics"]}


def test_a_query_the_route_does_not_declare_names_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ask(queryStringParameters={"category": "augusta-ada", "questionId": QUESTION_ID})
    assert record(capsys)["on"] == {"session": [SESSION_ID]}


@pytest.mark.parametrize("sent", ["ada@example.org", "Augusta Ada", "", "é", "../me", "A" * 129])
@pytest.mark.parametrize(
    ("asked", "parameter"),
    [("getUser", "userId"), ("getQuestion", "sessionId"), ("getBankQuestion", "questionId")],
)
def test_what_breaks_its_grammar_is_not_recorded(
    asked: str, parameter: str, sent: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(asked, pathParameters={parameter: sent})["statusCode"] == 404
    assert record(capsys)["on"] == {}


def test_another_users_id_is_recorded_as_a_pseudonym(capsys: pytest.CaptureFixture[str]) -> None:
    ask("getUser", pathParameters={"userId": ADA}, token=claims("eve"))
    told = record(capsys)
    assert (told["who"], told["on"]) == (pseudonym("eve"), {"user": [pseudonym(ADA)]})
    assert told["status"] == 404


# Who


def test_a_pseudonym_is_what_the_runbook_computes() -> None:
    expected = hmac.new(KEY.encode(), ADA.encode(), hashlib.sha256).hexdigest()[:32]
    assert PseudonymKey("v1", KEY.encode()).pseudonym(ADA) == expected


def test_no_id_of_a_user_is_in_a_record(capsys: pytest.CaptureFixture[str]) -> None:
    for error in (None, NotFoundError(), RuntimeError(ADA)):
        ask("getProgress", act=operation(error), token=claims(ADA), pathParameters={"userId": ADA})
    assert ADA not in capsys.readouterr().out


def test_another_key_gives_other_pseudonyms() -> None:
    first, second = (PseudonymKey("v1", key).pseudonym(ADA) for key in (b"one", b"another"))
    assert first != second


def test_without_a_secret_pseudonyms_hold_for_the_process_and_nobody_can_make_them() -> None:
    first = pseudonym(ADA)
    assert pseudonym(ADA) == first
    assert first not in (hashlib.sha256(ADA.encode()).hexdigest()[:32], ADA)
    forget()
    assert pseudonym(ADA) != first


def test_without_a_key_a_record_names_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit_record, "current_key", lambda: None)
    ask("getProgress", token=claims(ADA), pathParameters={"userId": "me"})
    told = record(capsys)
    assert (told["who"], told["keyVersion"], told["on"]) == (None, None, {})
    assert told["status"] == 200


# One line


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("field", ["what", "request_id", "code"])
def test_no_value_can_begin_a_record_of_its_own(
    field: str, forged: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, Any] = {"what": "x", "request_id": "r", "status": 200, "on": {}, "who": "ada"}
    write_record(**{**given, field: forged})
    text = capsys.readouterr().out
    assert text.isascii()
    assert text.count("\n") == len(text.splitlines()) == 1
    assert forged in json.loads(text).values()


@pytest.mark.parametrize("forged", FORGED)
def test_nothing_sent_can_begin_a_record_of_its_own(
    forged: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ask("getProgress", pathParameters={"userId": forged}, token=claims("eve"))
    ask("listQuestionProgress", queryStringParameters={"category": forged})
    ask("startSession", headers={"Idempotency-Key": forged}, body=forged)
    ask("getUser", token=claims("eve", username=forged, email=forged))
    told = records(capsys)
    assert len(told) == 4
    assert "forged" not in str(told)
