"""Tokens that the stage issues. Refused ones: `tests/security/test_bad_tokens.py`."""

from typing import Any

import jwt
import pytest

from local.accounts.sign_in import refuse_unknown_groups
from local.data_folder import DataFolder
from local.errors import CommandError
from tests.support.stage_process import StageProcess, run_program

Claims = dict[str, Any]


def decoded(token: str) -> Claims:
    claims: Claims = jwt.decode(token, options={"verify_signature": False})
    return claims


def test_a_token_has_the_shape_of_a_cognito_access_token(stage: StageProcess) -> None:
    token = stage.token("ada", "admin,learner")
    claims = decoded(token)
    assert claims["iss"] == stage.url
    assert claims["token_use"] == "access"
    assert claims["scope"] == "aws.cognito.signin.user.admin"
    assert claims["username"] == "ada"
    assert claims["cognito:groups"] == ["admin", "learner"]
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
    with stage.client() as client:
        for authorization in (f"Bearer {token}", f"bearer  {token}"):
            response = client.get("/sessions", headers={"Authorization": authorization})
            assert response.status_code == 200


def test_the_program_prints_the_token_alone(stage: StageProcess) -> None:
    done = run_program("token", stage.data, "--user", "ada")
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    assert done.stdout.count(".") == 2


def test_without_a_stage_there_is_no_token(data: DataFolder) -> None:
    done = run_program("token", data, "--user", "ada")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "The stage is not running: start it with 'make run'.\n"


@pytest.mark.parametrize("user", ["", "  "])
def test_a_token_is_somebodys(stage: StageProcess, user: str) -> None:
    done = run_program("token", stage.data, "--user", user)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Name the user of the token: ")
    assert done.stderr.count("\n") == 1


def test_unknown_groups_are_refused() -> None:
    refuse_unknown_groups(["admin", "learner"])
    with pytest.raises(CommandError, match="GROUPS names wizard: the groups are admin and"):
        refuse_unknown_groups(["admin", "wizard"])
