"""A filled stage, requests to it, and the form that a refusal must have."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from lambdas.contract.route import Route
from tests.integration.stage import InvokedStage, Reply, draft, drafts, submission
from tests.security.hostile_fields import BODIES

CODES = {
    400: {"MALFORMED_BODY"},
    404: {"NOT_FOUND"},
    409: {"VERSION_CONFLICT", "TURN_MISMATCH"},
    413: {"BODY_TOO_LARGE"},
    422: {"VALIDATION_ERROR"},
}

QUESTION = {"questionId": "geography:000000"}


def copy_of(value: Any) -> Any:
    return json.loads(json.dumps(value))


def seeded(stage: InvokedStage) -> dict[str, str]:
    """Fill all five tables, and return the path parameters of what is there."""
    stage.save(*drafts("geography", 3), draft("history", 0))
    session = stage.start({"category": "geography"})
    played = stage.start({"category": "geography"}, percentage=0)
    shown = stage.question(played)["question"]
    again = stage.answer(played, shown, right=False).body["question"]
    assert stage.answer(played, again).status == 200
    assert stage.call("abandonSession", path={"sessionId": played}).status == 204
    body = {"displayName": "Ada"}
    assert stage.call("updateUser", body, path={"userId": "me"}).status == 200
    assert all(stage.everything().values())
    opened = stage.admin("openImport", {"categories": ["imported"]}).body["importId"]
    known = {"sessionId": session, "userId": "me", "category": "geography"}
    return {**known, "importId": opened, **QUESTION}


def path_for(route: Route, known: Mapping[str, str]) -> dict[str, str]:
    return {parameter.name: known[parameter.name] for parameter in route.path_parameters}


def good_body(stage: InvokedStage, kind: str, known: Mapping[str, str]) -> dict[str, Any]:
    good = copy_of(BODIES[kind][0])
    if kind == "submitAnswer":
        good |= submission(stage.question(known["sessionId"])["question"])
    return dict(good)


def fault_of(reply: Reply) -> str | None:
    """Return the faults of a reply that has to be a 4xx of the contract."""
    body = reply.body
    if reply.status not in CODES:
        return f"{reply.status} {reply.body}"
    common = {"type", "title", "status", "code", "detail", "requestId"}
    if not isinstance(body, dict) or not common <= set(body):
        return f"{reply.status}, not in problem form"
    if body["status"] != reply.status or body["code"] not in CODES[reply.status]:
        return f"{reply.status} with {body['status']} {body['code']}"
    if reply.headers["Content-Type"] != "application/problem+json":
        return f"{reply.status} as {reply.headers['Content-Type']}"
    if (reply.status == 422) != bool(body.get("errors")):
        return f"{reply.status} with faults {body.get('errors')}"
    return None


def refused(stage: InvokedStage, replies: Mapping[str, Callable[[], Reply]]) -> dict[str, str]:
    """Send requests that all have to be refused; return what is wrong, and see nothing changed."""
    before = stage.everything()
    wrong = {name: fault for name, send in replies.items() if (fault := fault_of(send()))}
    assert stage.everything() == before
    return wrong
