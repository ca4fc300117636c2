"""Secrets planted in every input of good, bad and failing requests: none is logged."""

import io
import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lambdas.shared import settings as settings_module
from lambdas.shared.settings import LOG_LEVELS, read_settings
from local.accounts.token_issuer import Issuer, load_key
from local.gateway.function_program import Output, run
from local.log_lines import JsonLines
from tests.integration.plays import PLAYS, Scene
from tests.integration.stage import ROUTE, InvokedStage, draft, refuses, submission, unreachable
from tests.support.stage_process import StageProcess

SECRETS = {
    "token": "eyJhbGciOiJSUzI1NiJ9.c2VjcmV0.c2lnbmF0dXJl",
    "cookie": "quiz-cookie-8f14e45f",
    "user id": "7f9c24e8-3b12-4fef-91e0-a5d2c8b7e6f3",
    "administrator's id": "0b5e3f6a-9c1d-4e8f-a2b7-6d5c4b3a2f1e",
    "e-mail": "ada.lovelace@example.org",
    "phone": "+491701234567",
    "user name": "ada-lovelace-1815",
    "display name": "Augusta Ada King",
    "address": "203.0.113.77",
    "browser": "AnalyticalEngine/1.0",
    "session name": "Before the interview at Contoso",
    "idempotency key": "idempotent-4711",
    "page token": "cGFnZS10b2tlbi1vZi1hZGE",
    "question": "Which river runs through Vienna, planted?",
    "right answer": "right as the planted Danube",
    "wrong answer": "wrong as the planted Rhine",
    "explanation": "Because the planted Danube does.",
    "tag": "planted-tag",
    "external id": "planted-external-4712",
    "unknown field": "plantedFieldName",
    "unknown value": "planted value of it",
    "broken body": "planted body that is no JSON",
    "path": "planted;path",
    "query": "planted query",
    "exception": "planted in an exception",
    "AWS's message": "planted in a refusal by AWS",
}
"""By where each is planted. The ids of the choices shown come to them."""

HEADERS = {
    "Authorization": f"Bearer {SECRETS['token']}",
    "Cookie": f"session={SECRETS['cookie']}",
    "X-Forwarded-For": SECRETS["address"],
    "User-Agent": SECRETS["browser"],
    "Idempotency-Key": SECRETS["idempotency key"],
}
CLAIMS = {
    "email": SECRETS["e-mail"],
    "phone_number": SECRETS["phone"],
    "username": SECRETS["user name"],
}
DRAFT = draft(
    "geography",
    1,
    text=SECRETS["question"],
    answers=[
        {"text": SECRETS["right answer"], "correct": True},
        {"text": SECRETS["wrong answer"], "correct": False},
    ],
    explanation=SECRETS["explanation"],
    tags=[SECRETS["tag"]],
    externalId=SECRETS["external id"],
)
BODIES: Mapping[str, Any] = {
    "startSession": {"name": SECRETS["session name"], "sources": [{"category": "geography"}]},
    "updateSession": {"name": SECRETS["session name"], "version": 1},
    "updateUser": {"displayName": SECRETS["display name"]},
    "saveQuestions": {"questions": [DRAFT, {SECRETS["unknown field"]: 1}]},
    "replaceQuestion": DRAFT,
    "updateCategory": {"title": SECRETS["question"], "description": SECRETS["explanation"]},
    "addImportPart": {"part": 1, "questions": [DRAFT, {SECRETS["unknown field"]: 1}]},
}


def found(secrets: Mapping[str, str], text: str) -> list[str]:
    return [kind for kind, secret in secrets.items() if secret in text]


def broken(_: object) -> None:
    raise ValueError(SECRETS["exception"], SECRETS["token"])


WAYS: Mapping[str, Mapping[str, Any]] = {
    "broken body": {"body": SECRETS["broken body"]},
    "unknown field": {"body": json.dumps({SECRETS["unknown field"]: SECRETS["unknown value"]})},
    "junk in the path": {"pathParameters": dict.fromkeys(
        ("sessionId", "userId", "questionId", "category", "importId"), SECRETS["path"]
    )},
    "another's id": {"pathParameters": {"userId": SECRETS["administrator's id"]}},
    "junk in the query": {"queryStringParameters": dict.fromkeys(
        ("status", "limit", "category", "x"), SECRETS["query"]
    )},
    "page token": {"queryStringParameters": {"nextToken": SECRETS["page token"]}},
    "no route": {"resource": f"/{SECRETS['path']}"},
}  # fmt: skip
FAULTS = {
    "bug": broken,
    "refused by AWS": refuses("ValidationException", message=SECRETS["AWS's message"]),
    "unreachable": unreachable,
}


def requests(scene: Scene) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every route, with a secret in every place that its callers can write to."""
    # Operations that delete come after those that need the data.
    for operation in sorted(PLAYS, key=lambda each: ROUTE[each].method == "DELETE"):
        play = PLAYS[operation].done(scene)
        admin = bool(play.get("groups"))
        body = BODIES.get(operation, play.get("body"))
        event = scene.stage.event(
            operation,
            body,
            user=SECRETS["administrator's id" if admin else "user id"],
            groups=["admin"] if admin else [],
            path=scene.path(operation),
            query=play.get("query"),
            headers=HEADERS,
        )
        event["requestContext"]["authorizer"]["claims"].update(CLAIMS)
        yield operation, event


@pytest.mark.parametrize("level", [LOG_LEVELS[0], LOG_LEVELS[-1]])
def test_no_line_of_a_function_holds_a_secret(
    stage: InvokedStage,
    level: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("LOG_LEVEL", level)
    settings_module.settings.cache_clear()
    assert read_settings({"STAGE": "x", "LOG_LEVEL": level}).log_level == level
    learner = SECRETS["user id"]
    stage.save(DRAFT)
    session_id = stage.start({"category": "geography"}, user=learner)
    shown = stage.question(session_id, user=learner)["question"]
    scene = Scene(stage, session_id, shown)
    choices = {f"choice {at}": each["id"] for at, each in enumerate(shown["answers"])}
    secrets = {**SECRETS, **choices, "texts shown": shown["answers"][0]["text"]}
    assert len(secrets) >= 20
    stage.pauses()
    stage.read_output()
    caplog.clear()
    sent, told, statuses = "", "", set()

    def send(operation: str, event: Mapping[str, Any]) -> None:
        nonlocal sent, told
        reply = stage.handle(ROUTE[operation].function, event)
        statuses.add(reply.status)
        sent += json.dumps(event, ensure_ascii=False) + reply.text
        output = stage.read_output()
        told += output
        assert found(secrets, output + caplog.text) == [], operation

    for operation, event in requests(scene):
        for way in WAYS.values():
            send(operation, {**event, **way})
        for fault in FAULTS.values():
            stage.forget_questions()
            with stage.fault("*", fault):
                send(operation, event)
        send(operation, event)

    assert set(secrets) - set(found(secrets, sent)) == {"exception", "AWS's message"}  # of faults
    assert {200, 201, 204, 400, 404, 409, 422, 500, 503} <= statuses
    for line in told.splitlines():
        json.loads(line)


def test_the_laptops_log_holds_no_secret(running: StageProcess) -> None:
    log = running.data.stage_log
    token = Issuer(load_key(running.data), running.url).access_token(SECRETS["user name"])
    before = len(log.read_text())
    with running.client(token) as client:
        user_id = client.get("/users/me").json()["userId"]
        body = {"name": SECRETS["session name"], "sources": [{"category": "geography"}]}
        key = {"Idempotency-Key": SECRETS["idempotency key"], "Cookie": SECRETS["cookie"]}
        session = client.post("/sessions", json=body, headers=key).json()
        address = f"/sessions/{session['sessionId']}"
        shown = client.get(f"{address}/question").json()["question"]
        client.post(
            f"{address}/answer", json=submission({**shown, "answers": shown["answers"][:1]})
        )
        client.patch("/users/me", json={"displayName": SECRETS["display name"]})
        client.patch("/users/me", json={SECRETS["unknown field"]: SECRETS["unknown value"]})
        client.patch("/users/me", content=SECRETS["broken body"])
        client.get("/sessions", params={"nextToken": SECRETS["page token"], "x": SECRETS["query"]})
        client.get(f"/users/{SECRETS['path']}")
        client.get(f"/nowhere/{SECRETS['path']}", params={"x": SECRETS["query"]})
        client.request("PATCH", "/health", content=SECRETS["broken body"])
        client.get("/users/me", headers={"Authorization": f"Bearer {SECRETS['token']}"})
    text = log.read_text()[before:]
    secrets = {
        **SECRETS,
        "access token": token,
        "signature": token.split(".")[2],
        "user id": user_id,
        "question": shown["text"],
        **{f"choice {at}": each["id"] for at, each in enumerate(shown["answers"])},
        **{f"answer {at}": each["text"] for at, each in enumerate(shown["answers"])},
    }
    assert found(secrets, text) == []
    assert text.count('"kind":"audit"') == 9  # the last three the gateway refused by itself
    for line in text.splitlines():
        json.loads(line)


def test_a_handler_that_fails_on_the_laptop_is_told_without_its_message() -> None:
    def handler(_event: Mapping[str, Any], _context: object) -> Mapping[str, Any]:
        raise ValueError(SECRETS["exception"], SECRETS["token"])

    log, answered = io.StringIO(), io.BytesIO()
    lines = logging.StreamHandler(log)
    lines.setFormatter(JsonLines())
    logger = logging.getLogger("local.gateway.function_program")
    logger.addHandler(lines)
    invocation = {"number": 1, "function": "quiz", "event": {}, "requestId": "request-1"}
    try:
        run({"quiz": handler}, json.dumps(invocation).encode(), Output(answered))
    finally:
        logger.removeHandler(lines)
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert line["error"] == "ValueError"
    assert json.loads(answered.getvalue()) == {"number": 1}
    assert found(SECRETS, log.getvalue()) == []
