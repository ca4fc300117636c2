"""Headers of every response: the request id, and CORS for the allowed origin."""

from collections.abc import Mapping
from typing import Any

import pytest

from lambdas.contract.errors import NotFoundError
from lambdas.shared.http.entrypoint import Operation
from lambdas.shared.http.response import Response
from lambdas.shared.settings import settings
from tests.unit.lambdas.entrypoint_calls import asked, ok, quiz, raising

pytestmark = pytest.mark.usefixtures("process")

OURS, THEIRS = "https://quiz.example", "https://evil.example"

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
