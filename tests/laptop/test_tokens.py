"""Tokens: what the stage issues, and what its gateway refuses."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from local.data_folder import DataFolder
from local.identity import load_key
from tests.laptop.stage_process import StageProcess, run_program

Claims = dict[str, Any]


def decoded(token: str) -> Claims:
    claims: Claims = jwt.decode(token, options={"verify_signature": False})
    return claims


def key_id(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def signed(stage: StageProcess, claims: Claims, token: str) -> str:
    return jwt.encode(
        claims, load_key(stage.data), algorithm="RS256", headers={"kid": key_id(token)}
    )


def encoded(part: object) -> str:
    text = json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def status_of(stage: StageProcess, authorization: str | None) -> int:
    headers = {} if authorization is None else {"Authorization": authorization}
    with stage.client() as client:
        response = client.get("/sessions", headers=headers)
    if response.status_code == 401:
        assert response.headers["Content-Type"] == "application/problem+json"
        problem = response.json()
        assert problem["code"] == "UNAUTHORIZED"
        assert problem["requestId"] == response.headers["X-Request-Id"]
        assert response.headers["Access-Control-Allow-Origin"] == "*"
    return response.status_code


def test_a_token_has_the_shape_of_a_cognito_access_token(stage: StageProcess) -> None:
    token = stage.token("ada", "admin,editors")
    claims = decoded(token)
    assert claims["iss"] == stage.url
    assert claims["token_use"] == "access"
    assert claims["scope"] == "aws.cognito.signin.user.admin"
    assert claims["username"] == "ada"
    assert claims["cognito:groups"] == ["admin", "editors"]
    assert claims["exp"] - claims["iat"] == 3600
    assert {"sub", "client_id", "auth_time", "jti"} <= claims.keys()
    assert "aud" not in claims
    assert jwt.get_unverified_header(token)["alg"] == "RS256"


def test_a_name_is_always_the_same_user(stage: StageProcess) -> None:
    assert decoded(stage.token("ada"))["sub"] == decoded(stage.token("ada", "admin"))["sub"]
    assert decoded(stage.token("ada"))["sub"] != decoded(stage.token("bob"))["sub"]


def test_the_published_key_set_verifies_a_token(stage: StageProcess) -> None:
    token = stage.token()
    with stage.client() as client:
        key_set = client.get("/.well-known/jwks.json").json()
    (key,) = key_set["keys"]
    assert key.keys() >= {"kty", "kid", "alg", "use", "n", "e"}
    assert "d" not in key
    assert jwt.decode(token, jwt.PyJWK(key), algorithms=["RS256"], issuer=stage.url)


def test_a_valid_token_passes_whatever_the_case_of_its_scheme(stage: StageProcess) -> None:
    token = stage.token()
    assert status_of(stage, f"Bearer {token}") == 200
    assert status_of(stage, f"bearer  {token}") == 200


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer x", "Bearer a.b.c", "Basic YTpi"]
)
def test_what_is_no_token_is_refused(stage: StageProcess, authorization: str | None) -> None:
    assert status_of(stage, authorization) == 401


WRONG_CLAIMS: dict[str, Callable[[Claims], Claims]] = {
    "expired": lambda c: c | {"exp": int(time.time()) - 1},
    "issued in the future": lambda c: c | {"iat": int(time.time()) + 600},
    "without an end": lambda c: {k: v for k, v in c.items() if k != "exp"},
    "without a beginning": lambda c: {k: v for k, v in c.items() if k != "iat"},
    "of nobody": lambda c: {k: v for k, v in c.items() if k != "sub"},
    "of another issuer": lambda c: c | {"iss": "http://127.0.0.1:1"},
    "an ID token": lambda c: c | {"token_use": "id", "aud": c["client_id"]},
    "a refresh token": lambda c: c | {"token_use": "refresh"},
    "of another client": lambda c: c | {"client_id": "somebody-else"},
    "without a client": lambda c: {k: v for k, v in c.items() if k != "client_id"},
    "without a scope": lambda c: {k: v for k, v in c.items() if k != "scope"},
    "of another scope": lambda c: c | {"scope": "openid profile"},
}


@pytest.mark.parametrize("change", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
def test_a_well_signed_token_with_wrong_claims_is_refused(
    stage: StageProcess, change: Callable[[Claims], Claims]
) -> None:
    token = stage.token()
    assert status_of(stage, f"Bearer {signed(stage, decoded(token), token)}") == 200
    assert status_of(stage, f"Bearer {signed(stage, change(decoded(token)), token)}") == 401


def test_a_changed_token_is_refused(stage: StageProcess) -> None:
    header, _, signature = stage.token().split(".")
    claims = encoded(decoded(stage.token()) | {"cognito:groups": ["admin"]})
    assert status_of(stage, f"Bearer {header}.{claims}.{signature}") == 401


def test_an_unsigned_token_is_refused(stage: StageProcess) -> None:
    token = stage.token()
    for algorithm in ("none", "None", "RS256"):
        header = encoded({"alg": algorithm, "typ": "JWT", "kid": key_id(token)})
        assert status_of(stage, f"Bearer {header}.{token.split('.')[1]}.") == 401


def test_the_public_key_is_no_shared_secret(stage: StageProcess) -> None:
    token = stage.token()
    public = (
        load_key(stage.data)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    header = encoded({"alg": "HS256", "typ": "JWT", "kid": key_id(token)})
    signing_input = f"{header}.{token.split('.')[1]}"
    digest = hmac.digest(public, signing_input.encode(), hashlib.sha256)
    signature = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert status_of(stage, f"Bearer {signing_input}.{signature}") == 401


@pytest.mark.parametrize("known_key_id", [True, False])
def test_a_token_of_another_key_is_refused(stage: StageProcess, known_key_id: bool) -> None:
    token = stage.token()
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    headers = {"kid": key_id(token) if known_key_id else "another"}
    forged = jwt.encode(decoded(token), other, algorithm="RS256", headers=headers)
    assert status_of(stage, f"Bearer {forged}") == 401


def test_the_group_decides_who_is_an_administrator(stage: StageProcess) -> None:
    with stage.client(stage.token("ada")) as client:
        assert client.get("/admin/questions").status_code == 403
    with stage.client(stage.token("ada", "admin")) as client:
        assert client.get("/admin/questions").status_code == 200


def test_the_program_prints_the_token_alone(stage: StageProcess) -> None:
    done = run_program("local.token", stage.data, "--user", "ada")
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    assert done.stdout.count(".") == 2


def test_without_a_stage_there_is_no_token(data: DataFolder) -> None:
    done = run_program("local.token", data, "--user", "ada")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "The stage is not running: start it with 'make run'.\n"


@pytest.mark.parametrize("user", ["", "  "])
def test_a_token_is_somebodys(stage: StageProcess, user: str) -> None:
    done = run_program("local.token", stage.data, "--user", user)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Say whose token it is: ")
    assert done.stderr.count("\n") == 1
