"""No route fails under its function's role, and every permission is used."""

import json
from collections.abc import Mapping
from typing import Any

from lambdas.contract.routes import ROUTES
from local.accounts.user_pool import confirmed_sign_up
from tests.deployment.api_user import CATEGORY, ApiUser, bank_questions, signed_in
from tests.deployment.local_cloud import (
    PREFIX,
    Deployment,
)
from tests.deployment.permissions_used import granted, used

BODIES: dict[str, Any] = {
    "startSession": {"sources": [{"category": CATEGORY, "questionCount": 1}]},
    "updateSession": {"name": "Renamed", "version": 1},
    "submitAnswer": {"questionId": f"{CATEGORY}:000000", "turn": 1, "selectedAnswers": ["a"]},
    "updateUser": {"displayName": "Ada"},
    "saveQuestions": {"questions": bank_questions(0, 1)},
    "openImport": {"categories": ["nothing-yet"]},
    "addImportPart": {"part": 1, "questions": bank_questions(0, 1)},
    "updateCategory": {"description": "Questions of the rehearsal."},
    "replaceQuestion": {**bank_questions(0, 1)[0], "text": "Another question?"},
}


def test_who_has_signed_up_is_made_a_learner_under_the_trigger_s_role(
    deployment: Deployment,
) -> None:
    """Called here as Cognito would: this cloud never does."""
    with signed_in(deployment) as user:
        event = confirmed_sign_up(user.claims["sub"], "ada@example.com")
        event["userPoolId"] = deployment.outputs.userPoolId
        assert invoked(deployment, "signup", event) == event
        profile = user.call("GET", "/users/me")
        assert profile["createdAt"] == profile["updatedAt"]
        groups = deployment.cloud.client("cognito-idp").admin_list_groups_for_user(
            UserPoolId=event["userPoolId"], Username=user.claims["sub"]
        )["Groups"]
        assert [group["GroupName"] for group in groups] == ["learner"]


def test_a_user_exports_and_erases_their_account(deployment: Deployment) -> None:
    with signed_in(deployment) as user:
        session_id, question = user.start_session(2)
        user.miss_and_mend(session_id, question)
        exported = user.call("GET", "/users/me/export")
        assert [each["sessionId"] for each in exported["sessions"]] == [session_id]
        assert [each["questionId"] for each in exported["progress"]] == [question["questionId"]]
        assert len(exported["wrongAnswers"]) == 1

        user.call("DELETE", "/users/me", status=204)

        user.call("DELETE", "/users/me", status=204)
        user.call("GET", f"/sessions/{session_id}", status=404)
        assert user.call("GET", "/users/me", status=401)["detail"] == "The account was erased."
        names = deployment.cloud.client("cognito-idp").list_users(
            UserPoolId=deployment.outputs.userPoolId
        )["Users"]
        subs = [a["Value"] for each in names for a in each["Attributes"] if a["Name"] == "sub"]
        assert user.claims["sub"] not in subs
    assert invoked(deployment, "privacy", {"source": "aws.events"}) == {"completed": 0, "left": 0}


def invoked(deployment: Deployment, folder: str, event: Mapping[str, Any]) -> Any:
    """Return what the live version of a function returns."""
    answer = deployment.cloud.client("lambda").invoke(
        FunctionName=f"{PREFIX}-{folder}:live", Payload=json.dumps(event).encode()
    )
    assert "FunctionError" not in answer, deployment.cloud.function_logs()
    return json.loads(answer["Payload"].read())


def test_no_route_fails_under_the_role_of_its_function(
    deployment: Deployment, admin: ApiUser
) -> None:
    """Each is called with what it takes; what ends a session, a question or a user comes last."""
    session_id, question = admin.start_session(1)
    path = {"sessionId": session_id, "userId": "me", "questionId": question["questionId"]}
    # Published without a question, it deletes the category that it was opened for.
    opened = admin.call("POST", "/admin/imports", {"categories": ["nothing-in-it"]}, status=201)
    path["importId"] = opened["importId"]
    failed = {}
    for route in sorted(ROUTES, key=lambda route: route.method == "DELETE"):
        url = route.path.format(category=CATEGORY, **path)
        answer = admin.http.request(route.method, url, json=BODIES.get(route.operation))
        if answer.status_code >= 500 or answer.status_code in {401, 403, 404}:
            failed[route.operation] = answer.text
    assert failed == {}, deployment.cloud.function_logs()


def test_every_permission_is_used(deployment: Deployment) -> None:
    """One that nothing needs is one too many; one that is missing has failed a test before."""
    done = used(deployment.cloud)
    assert done - granted() == set(), "denied"
    assert granted() - done == set()


def test_no_token_is_in_the_logs(deployment: Deployment, learner: ApiUser, admin: ApiUser) -> None:
    logged = deployment.cloud.function_logs()
    assert '"what":"submitAnswer"' in logged
    for user in (learner, admin):
        assert user.token.split(".")[2] not in logged


def test_a_flood_is_refused_in_the_contract_s_form(deployment: Deployment) -> None:
    """A route that nobody else calls; the burst of the stage is 50."""
    with deployment.http() as client:
        responses = (client.get("/health") for _ in range(1_000))
        refused = next(response for response in responses if response.status_code != 200)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "1"
    assert refused.json()["code"] == "RATE_LIMITED"
