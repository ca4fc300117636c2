"""Signing in to a user pool, which moto imitates: it asks every challenge and checks the codes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import boto3
import pyotp
import pytest
from botocore.exceptions import ClientError

from local.errors import CommandError
from ops.deploy.outputs import Outputs
from ops.deploy.password_proof import PasswordProof
from ops.deploy.second_factor import Person, is_refused
from ops.deploy.sign_in import (
    Nobody,
    ThrowawayUser,
    access_token,
    create_user,
    sign_in_by_hand,
    signed_in,
)

pytestmark = pytest.mark.slow

ADA, PASSWORD = "ada@example.com", "Correct-horse-1"  # pragma: allowlist secret

PRIVATE = int(
    "6ed1f2bc5a1ec1c3e1b4ff0b5a7d5b1e"  # pragma: allowlist secret
    "0c2d4b6a8f90e1d2c3b4a5968778695a",  # pragma: allowlist secret
    16,
)
VECTORS = (
    (
        # pragma: allowlist nextline secret
        "7f58c3cf29d0da9953f48f1a09f76b55",
        # pragma: allowlist nextline secret
        "3795b929e9a9a80fdea7b5bf55eb561a4216363698b529b4a97b750923ceb3ffd",
        # pragma: allowlist nextline secret
        "ky9HVi3vpu6jC3vAbdD1lDaVJ5FPJaR5QNuo0M7ZLMk=",
    ),
    (
        # pragma: allowlist nextline secret
        "fc132d0d113db17d30cbc97d0fef7928",
        # pragma: allowlist nextline secret
        "f781f9c5d6645fa9e8a8529f035efa259b08923d10c67fd994b2b8fda02f34a6",
        # pragma: allowlist nextline secret
        "U2fS0dGt2UL77nyd8I2+QxCPZOkpWW0l89vJ2pDt8QY=",
    ),
    (
        # pragma: allowlist nextline secret
        "1f132d0d113db17d30cbc97d0fef792",
        # pragma: allowlist nextline secret
        "d8a7d4378633074b7970386fee29476311624273bfd1d338d0038ec42650644",
        # pragma: allowlist nextline secret
        "vBfvUoJpQOhqThGOlADeCscDzMqQdvWx6Ou01Gwl7Cg=",
    ),
)
"""Salts, public numbers of the server and signatures; a first digit above 7 needs a sign byte."""


@pytest.mark.parametrize(("salt", "server_public", "signature"), VECTORS)
def test_the_proof_is_the_one_that_other_clients_send(
    salt: str, server_public: str, signature: str
) -> None:
    """pycognito 2024.5.1 computed the signatures."""
    proof = PasswordProof("eu-central-1_AbCdEf123", PASSWORD, PRIVATE)
    asked = {
        "USERNAME": ADA,
        "USER_ID_FOR_SRP": "11111111-2222-3333-4444-555555555555",
        "SALT": salt,
        "SRP_B": server_public,
        "SECRET_BLOCK": "c2VjcmV0IGJsb2Nr",  # pragma: allowlist secret
    }
    assert proof.responses(asked, datetime(2026, 11, 5, 3, 4, 5, tzinfo=UTC)) == {
        "USERNAME": ADA,
        "TIMESTAMP": "Thu Nov 5 03:04:05 UTC 2026",
        "PASSWORD_CLAIM_SECRET_BLOCK": "c2VjcmV0IGJsb2Nr",  # pragma: allowlist secret
        "PASSWORD_CLAIM_SIGNATURE": signature,
    }


def test_each_sign_in_has_a_private_number_of_its_own() -> None:
    numbers = {PasswordProof("eu-central-1_AbCdEf123", PASSWORD).public for _ in range(3)}
    assert len(numbers) == 3
    assert PASSWORD not in repr(PasswordProof("eu-central-1_AbCdEf123", PASSWORD))


class Scripted(Nobody):
    """A person at the terminal, who enrols an authenticator app when asked to."""

    def __init__(self, secret: str | None = None) -> None:
        self.secret = secret

    def one_time_code(self, secret: str | None, /) -> str:
        self.secret = secret or self.secret
        assert self.secret
        return pyotp.TOTP(self.secret).now()

    def new_password(self) -> str:
        return "Better-horse-2"


@pytest.fixture
def cognito(aws: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MOTO_COGNITO_IDP_USER_POOL_ENABLE_TOTP", "true")
    # As long as Cognito's own; moto's is shorter than NIST allows.
    monkeypatch.setattr("moto.cognitoidp.models.COGNITO_TOTP_MFA_SECRET", pyotp.random_base32())
    return boto3.client("cognito-idp", region_name=aws)


@pytest.fixture
def outputs(cognito: Any) -> Outputs:
    pool = cognito.create_user_pool(PoolName="quiz")["UserPool"]["Id"]
    client = cognito.create_user_pool_client(UserPoolId=pool, ClientName="web")["UserPoolClient"]
    return Outputs(
        apiUrl="https://api.example.com/",
        userPoolId=pool,
        userPoolClientId=client["ClientId"],
        region="eu-central-1",
    )


def enrolled(cognito: Any, outputs: Outputs) -> Scripted:
    """Require an authenticator app of all users, and enrol one for Ada."""
    require_app(cognito, outputs)
    create_user(cognito, outputs, ADA, PASSWORD)
    person = Scripted()
    access_token(cognito, outputs, ADA, PASSWORD, person)
    return person


def require_app(cognito: Any, outputs: Outputs) -> None:
    cognito.set_user_pool_mfa_config(
        UserPoolId=outputs.userPoolId,
        SoftwareTokenMfaConfiguration={"Enabled": True},
        MfaConfiguration="ON",
    )


def user_of(cognito: Any, token: str) -> str:
    """Return the user whose token the pool takes it for."""
    attributes = cognito.get_user(AccessToken=token)["UserAttributes"]
    return next(str(each["Value"]) for each in attributes if each["Name"] == "email")


def test_a_password_is_enough_where_no_second_factor_is_required(
    cognito: Any, outputs: Outputs
) -> None:
    create_user(cognito, outputs, ADA, PASSWORD)
    token = access_token(cognito, outputs, ADA, PASSWORD)
    assert user_of(cognito, token) == ADA


def test_a_user_enrols_an_authenticator_app_and_then_signs_in_with_its_codes(
    cognito: Any, outputs: Outputs
) -> None:
    require_app(cognito, outputs)
    create_user(cognito, outputs, ADA, PASSWORD)
    person = Scripted()
    assert user_of(cognito, access_token(cognito, outputs, ADA, PASSWORD, person)) == ADA
    assert person.secret
    again = Scripted(person.secret)
    assert user_of(cognito, access_token(cognito, outputs, ADA, PASSWORD, again)) == ADA


def test_a_wrong_code_is_refused(cognito: Any, outputs: Outputs) -> None:
    class Mistaken(Nobody):
        def one_time_code(self, secret: str | None, /) -> str:
            return "000000" if pyotp.TOTP(str(secret)).now() != "000000" else "111111"

    require_app(cognito, outputs)
    create_user(cognito, outputs, ADA, PASSWORD)
    with pytest.raises(ClientError, match="mismatch"):
        access_token(cognito, outputs, ADA, PASSWORD, Mistaken())


def test_a_temporary_password_is_replaced(cognito: Any, outputs: Outputs) -> None:
    cognito.admin_create_user(
        UserPoolId=outputs.userPoolId,
        Username=ADA,
        TemporaryPassword=PASSWORD,
        UserAttributes=[{"Name": "email", "Value": ADA}],
    )
    with pytest.raises(CommandError, match="temporary"):
        access_token(cognito, outputs, ADA, PASSWORD)
    token = access_token(cognito, outputs, ADA, PASSWORD, Scripted())
    assert user_of(cognito, token) == ADA
    assert access_token(cognito, outputs, ADA, "Better-horse-2")


@pytest.mark.parametrize("person", [Nobody(), None])
def test_an_unattended_sign_in_enrols_no_app(
    cognito: Any, outputs: Outputs, person: Person | None
) -> None:
    """An app's key that nobody has seen would lock the user out."""
    require_app(cognito, outputs)
    create_user(cognito, outputs, ADA, PASSWORD)
    with pytest.raises(CommandError, match="second factor"):
        access_token(cognito, outputs, ADA, PASSWORD, person)


def test_a_throwaway_user_has_no_app_to_ask() -> None:
    with pytest.raises(CommandError, match="second factor"):
        ThrowawayUser().one_time_code(None)


def test_a_challenge_that_the_command_cannot_meet_is_named(outputs: Outputs) -> None:
    class Texting:
        def initiate_auth(self, **_: object) -> dict[str, str]:
            return {"ChallengeName": "SMS_MFA", "Session": "1"}

    with pytest.raises(CommandError, match=r"^Cognito asks for SMS_MFA, "):
        access_token(Texting(), outputs, ADA, PASSWORD)


@pytest.mark.parametrize("second_factor", [True, False])
def test_the_user_of_a_smoke_test_is_deleted_afterwards(
    cognito: Any, outputs: Outputs, *, second_factor: bool
) -> None:
    if second_factor:
        require_app(cognito, outputs)
    with signed_in(outputs) as token:
        (user,) = cognito.list_users(UserPoolId=outputs.userPoolId)["Users"]
        assert user_of(cognito, token) == user["Username"]
        assert user["Username"].startswith("smoke-")
    assert cognito.list_users(UserPoolId=outputs.userPoolId)["Users"] == []


def test_the_user_of_the_environment_is_kept(
    cognito: Any, outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_user(cognito, outputs, ADA, PASSWORD)
    monkeypatch.setenv("QUIZ_SMOKE_USER", ADA)
    monkeypatch.setenv("QUIZ_SMOKE_PASSWORD", PASSWORD)
    with signed_in(outputs) as token:
        assert user_of(cognito, token) == ADA
    assert len(cognito.list_users(UserPoolId=outputs.userPoolId)["Users"]) == 1


def test_the_operator_is_asked_for_the_code_but_not_on_standard_output(
    cognito: Any,
    outputs: Outputs,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    person = enrolled(cognito, outputs)
    monkeypatch.setenv("QUIZ_PASSWORD", PASSWORD)
    monkeypatch.setattr("sys.stdin.readline", lambda: f"{person.one_time_code(None)}\n")
    assert user_of(cognito, sign_in_by_hand(outputs, ADA)) == ADA
    assert capsys.readouterr() == ("", "Next code of the authenticator app: ")


def test_password_and_key_of_the_environment_sign_in_unattended(
    cognito: Any,
    outputs: Outputs,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    person = enrolled(cognito, outputs)
    assert person.secret
    monkeypatch.setenv("QUIZ_PASSWORD", PASSWORD)
    monkeypatch.setenv("QUIZ_TOTP_SECRET", f"{person.secret[:8]} {person.secret[8:]}")
    monkeypatch.setattr("sys.stdin.readline", lambda: pytest.fail("nobody is there"))
    assert user_of(cognito, sign_in_by_hand(outputs, ADA)) == ADA
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("QUIZ_TOTP_SECRET", "not a key!")
    with pytest.raises(CommandError, match="QUIZ_TOTP_SECRET is not the key"):
        sign_in_by_hand(outputs, ADA)


def test_an_unknown_user_and_a_missing_pool_are_one_sentence(
    cognito: Any, outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUIZ_PASSWORD", PASSWORD)
    with pytest.raises(CommandError, match=r"^It is impossible to sign in: "):
        sign_in_by_hand(outputs, "eve@example.com")
    cognito.delete_user_pool(UserPoolId=outputs.userPoolId)
    with (
        pytest.raises(CommandError, match=r"^It is impossible to create a user to sign in, "),
        signed_in(outputs),
    ):
        pass


class Guard(BaseHTTPRequestHandler):
    """A stage that accepts sign-ins from after it first saw the authenticator app."""

    cognito: Any = None
    seen = False

    def do_GET(self) -> None:
        token = self.headers["Authorization"].removeprefix("Bearer ")
        enrolled = bool(self.cognito.get_user(AccessToken=token).get("UserMFASettingList"))
        accepted, type(self).seen = self.seen, enrolled
        status, body = (404, b"{}") if accepted else (403, b'{"code":"MFA_REQUIRED"}')
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def guarded(cognito: Any, outputs: Outputs) -> Iterator[Outputs]:
    """A stage that asks administrators for a second factor; moto takes calls of any thread."""
    guard = type("OfThisTest", (Guard,), {"cognito": cognito})
    with ThreadingHTTPServer(("127.0.0.1", 0), guard) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield replace(outputs, apiUrl=f"http://127.0.0.1:{server.server_port}/v1")
        server.shutdown()
        thread.join()


def test_an_administrator_enrols_an_app_and_signs_in_with_its_code(
    cognito: Any, guarded: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_user(cognito, guarded, ADA, PASSWORD)
    cognito.create_group(UserPoolId=guarded.userPoolId, GroupName="admin")
    cognito.admin_add_user_to_group(UserPoolId=guarded.userPoolId, Username=ADA, GroupName="admin")
    cognito.set_user_pool_mfa_config(
        UserPoolId=guarded.userPoolId,
        SoftwareTokenMfaConfiguration={"Enabled": True},
        MfaConfiguration="OPTIONAL",
    )
    person = Scripted()
    monkeypatch.setattr("ops.deploy.sign_in.Operator", lambda: person)
    monkeypatch.setenv("QUIZ_PASSWORD", PASSWORD)
    token = sign_in_by_hand(guarded, ADA)
    assert person.secret, "enrolled"
    assert not is_refused(guarded, token)
    assert sign_in_by_hand(guarded, ADA), "with a code, and without enrolling again"


def test_a_learner_is_not_asked_for_an_app(
    cognito: Any, guarded: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_user(cognito, guarded, ADA, PASSWORD)
    monkeypatch.setattr("ops.deploy.sign_in.Operator", Nobody)
    monkeypatch.setenv("QUIZ_PASSWORD", PASSWORD)
    assert user_of(cognito, sign_in_by_hand(guarded, ADA)) == ADA
