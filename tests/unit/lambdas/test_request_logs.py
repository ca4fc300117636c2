"""Log lines of requests: one each, and nothing that a client sent."""

import json
from typing import Any

import pytest

from lambdas.contract.bodies.user import UpdateUser
from lambdas.contract.errors import NotFoundError
from lambdas.contract.routes import ROUTES
from lambdas.shared.http.entrypoint import Handler, Operation, entrypoint
from lambdas.shared.http.request import Request
from lambdas.shared.http.response import Response
from lambdas.shared.services import Services
from lambdas.shared.settings import settings
from lambdas.shared.telemetry import audit_record
from lambdas.shared.telemetry.request_log import usage
from tests.support.fixed_context import FixedContext
from tests.unit.lambdas.builders import claims, event
from tests.unit.lambdas.entrypoint_calls import asked, health, lines, ok, quiz, raising

pytestmark = pytest.mark.usefixtures("process")


def users(**operations: Operation) -> Handler:
    return entrypoint("users", {"getUser": ok, "updateUser": ok, **operations})


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
    health()(event("getHealth"), FixedContext())
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

    asking = planted("updateUser", body % SECRETS) | {"queryStringParameters": None}
    assert users(updateUser=update)(asking, FixedContext())["statusCode"] == status
    captured = capsys.readouterr()
    found = [kind for kind, secret in SECRETS.items() if secret in captured.out + captured.err]
    assert found == []


def test_nothing_of_a_refused_request_is_in_any_output(capsys: pytest.CaptureFixture[str]) -> None:
    for route in ROUTES:
        if route.function != "quiz":
            continue
        for path in ({"sessionId": SECRETS["session"]}, {"sessionId": SECRETS["name"]}, None):
            quiz(raising(KeyError(SECRETS["answer"])))(
                {**planted(route.operation, None), "pathParameters": path}, FixedContext()
            )
    captured = capsys.readouterr()
    told = {True: "", False: captured.err}  # by whether it is the audit, which names sessions
    for line in captured.out.splitlines():
        told[json.loads(line).get("kind") == audit_record.KIND] += line
    assert [kind for kind, secret in SECRETS.items() if secret in told[False]] == []
    assert [kind for kind, secret in SECRETS.items() if secret in told[True]] == ["session"]
