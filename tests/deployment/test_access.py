"""Tokens that let a caller in, and those that do not."""

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from lambdas.contract.route import Access, Route
from ops.deploy.sign_in import create_user
from tests.deployment.api_user import ApiUser, bank_questions
from tests.deployment.local_cloud import (
    STAGE,
    Deployment,
)
from tests.deployment.rehearsal import (
    SIGN_IN_SCOPE,
    by_operation,
)


def test_the_health_check_is_open_to_all(deployment: Deployment) -> None:
    with deployment.http() as client:
        response = client.get("/health")
    assert response.status_code == 200
    assert response.json()["stage"] == STAGE


def test_a_token_of_an_sdk_sign_in_is_what_the_authorizer_expects(learner: ApiUser) -> None:
    claims = learner.claims
    assert (claims["token_use"], claims["scope"]) == ("access", SIGN_IN_SCOPE)
    assert claims["exp"] - claims["iat"] == 15 * 60
    assert "cognito:groups" not in claims


@by_operation
def test_nobody_is_let_in_without_a_token(deployment: Deployment, route: Route) -> None:
    if route.access is Access.PUBLIC:
        return
    known = {"sessionId": "0" * 27, "userId": "me", "questionId": "a:000000", "category": "a"}
    known["importId"] = "0" * 32
    path = route.path.format(**known)
    with deployment.http() as client:
        response = client.request(route.method, path)
    assert response.status_code == 401
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "UNAUTHORIZED"
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_the_program_signs_a_user_in_and_prints_the_token_alone(deployment: Deployment) -> None:
    cognito = deployment.cloud.client("cognito-idp")
    create_user(cognito, deployment.outputs, "grace@example.com", "Correct-horse-1")
    cloud, arguments = deployment.cloud, ("token", "--user", "grace@example.com")
    done = cloud.operate(*arguments, QUIZ_PASSWORD="Correct-horse-1")  # pragma: allowlist secret
    assert (done.returncode, done.stderr) == (0, "")
    assert status_with(deployment, done.stdout.removesuffix("\n")) == 200
    done = cloud.operate(*arguments, QUIZ_PASSWORD="Wrong-horse-1")  # pragma: allowlist secret
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("It is impossible to sign in: ")


WRONG_CLAIMS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "expired": lambda claims: claims | {"exp": int(time.time()) - 1},
    "without a scope": lambda claims: {k: v for k, v in claims.items() if k != "scope"},
    "of another scope": lambda claims: claims | {"scope": "openid profile"},
    "of another pool": lambda claims: claims | {"iss": f"{claims['iss']}x"},
}


def signed(learner: ApiUser, claims: dict[str, Any], key: Any) -> str:
    headers = {"kid": jwt.get_unverified_header(learner.token)["kid"]}
    return jwt.encode(claims, key, algorithm="RS256", headers=headers)


def status_with(deployment: Deployment, token: str) -> int:
    with deployment.http(token) as client:
        return int(client.get("/sessions").status_code)


@pytest.mark.parametrize("change", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
def test_a_token_that_the_pool_signed_with_wrong_claims_is_refused(
    deployment: Deployment, learner: ApiUser, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    key = deployment.cloud.signing_key(deployment.outputs.userPoolId)
    assert status_with(deployment, signed(learner, learner.claims, key)) == 200
    assert status_with(deployment, signed(learner, change(learner.claims), key)) == 401


def test_a_forged_token_is_refused(deployment: Deployment, learner: ApiUser) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert status_with(deployment, signed(learner, learner.claims, stranger)) == 401
    header, _, signature = learner.token.split(".")
    promoted = learner.claims | {"cognito:groups": ["admin"]}
    payload = signed(learner, promoted, stranger).split(".")[1]
    assert status_with(deployment, f"{header}.{payload}.{signature}") == 401
    assert status_with(deployment, jwt.encode(promoted, "", algorithm="none")) == 401


def test_a_learner_is_no_administrator(learner: ApiUser) -> None:
    learner.call("GET", "/admin/questions", status=403)
    learner.call("POST", "/admin/questions", {"questions": bank_questions(0, 1)}, status=403)
