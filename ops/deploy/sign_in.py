"""Signs in to a deployed stage as its clients do, over SRP."""

import getpass
import os
import secrets
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import boto3
import pyotp
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.errors import CommandError
from ops.deploy.outputs import Outputs
from ops.deploy.password_proof import PasswordProof
from ops.deploy.second_factor import Person, with_second_factor


class Nobody:
    """Refuses: the command runs unattended."""

    def one_time_code(self, _secret: str | None, /) -> str:
        """Refuse."""
        raise CommandError("The user needs a second factor: sign in by hand, with 'make token'.")

    def new_password(self) -> str:
        """Refuse."""
        raise CommandError("The user's password is temporary: sign in by hand, with 'make token'.")


class ThrowawayUser(Nobody):
    """Enrols a user that the command has created and deletes again."""

    def one_time_code(self, secret: str | None, /) -> str:
        """Return the code of a new key."""
        return pyotp.TOTP(secret).now() if secret else super().one_time_code(None)


class Operator:
    """Asks on the terminal; standard output stays free for the token.

    QUIZ_TOTP_SECRET, the key of the user's authenticator app, replaces the question for a code.
    """

    def one_time_code(self, secret: str | None, /) -> str:
        """Return the code of QUIZ_TOTP_SECRET, or ask for one, after showing a new key to enrol."""
        key = os.environ.get("QUIZ_TOTP_SECRET")
        if key and not secret:
            return _code(key)
        if secret:
            print(f"Enter this key in your authenticator app: {secret}", file=sys.stderr)
        print("Next code of the authenticator app: ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip()

    def new_password(self) -> str:
        """Ask for the new password."""
        return getpass.getpass("The password is temporary. New password: ")


def _code(key: str) -> str:
    try:
        return pyotp.TOTP(key.replace(" ", "")).now()
    except ValueError as error:
        raise CommandError(
            "QUIZ_TOTP_SECRET is not the key of an authenticator app: set it to the key that "
            "'make token' showed when the app was enrolled."
        ) from error


def is_throwaway() -> bool:
    """Return whether `signed_in` creates a user of its own."""
    return not (os.environ.get("QUIZ_SMOKE_USER") and os.environ.get("QUIZ_SMOKE_PASSWORD"))


@contextmanager
def signed_in(outputs: Outputs) -> Iterator[str]:
    """Yield an access token of the user of QUIZ_SMOKE_USER, else of one created for it.

    Raises:
        CommandError: The sign-in fails.
    """
    user, password = os.environ.get("QUIZ_SMOKE_USER"), os.environ.get("QUIZ_SMOKE_PASSWORD")
    client: Any = boto3.client("cognito-idp", region_name=outputs.region)
    if user and password:
        with explained("sign in"):
            token = access_token(client, outputs, user, password)
        yield token
        return
    name, password = f"smoke-{uuid.uuid4().hex}@example.com", f"Aa1!{secrets.token_urlsafe(24)}"
    with explained("create a user to sign in, which takes rights to administer the user pool"):
        create_user(client, outputs, name, password)
    try:
        with explained("sign in"):
            token = access_token(client, outputs, name, password, ThrowawayUser())
        yield token
    finally:
        with suppress(BotoCoreError, ClientError):  # an earlier error is the one to report
            client.admin_delete_user(UserPoolId=outputs.userPoolId, Username=name)


def sign_in_by_hand(outputs: Outputs, user: str) -> str:
    """Return an access token of a user, whose operator is asked for what is missing.

    An administrator enrols an authenticator app where the stage asks for one. The password is that
    of QUIZ_PASSWORD, if set, and the code that of the key in QUIZ_TOTP_SECRET.

    Raises:
        CommandError: The sign-in fails.
    """
    # Signing in is a public operation of Cognito: it needs no AWS credentials.
    client: Any = boto3.client(
        "cognito-idp", region_name=outputs.region, config=Config(signature_version=UNSIGNED)
    )
    password = os.environ.get("QUIZ_PASSWORD") or getpass.getpass()
    operator = Operator()

    def sign_in() -> str:
        return access_token(client, outputs, user, password, operator)

    with explained("sign in"):
        return with_second_factor(outputs, client, sign_in(), operator, sign_in)


def create_user(client: Any, outputs: Outputs, email: str, password: str) -> None:
    """Create a user who can sign in at once; Cognito sends them no message."""
    attributes = {"email": email, "email_verified": "true"}
    client.admin_create_user(
        UserPoolId=outputs.userPoolId,
        Username=email,
        MessageAction="SUPPRESS",
        UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
    )
    client.admin_set_user_password(
        UserPoolId=outputs.userPoolId, Username=email, Password=password, Permanent=True
    )


def access_token(
    client: Any, outputs: Outputs, user: str, password: str, person: Person | None = None
) -> str:
    """Sign a user in over SRP and through all challenges; return the access token.

    Raises:
        CommandError: Cognito asks for something that `person` does not provide.
    """
    proof = PasswordProof(outputs.userPoolId, password)
    answer = client.initiate_auth(
        ClientId=outputs.userPoolClientId,
        AuthFlow="USER_SRP_AUTH",
        AuthParameters={"USERNAME": user, "SRP_A": f"{proof.public:x}"},
    )
    sign_in = _SignIn(client, proof, person or Nobody())
    while challenge := answer.get("ChallengeName"):
        if challenge not in _RESPONSES:
            raise CommandError(f"Cognito asks for {challenge}, which this command cannot provide.")
        session, responses = _RESPONSES[challenge](sign_in, answer)
        answer = client.respond_to_auth_challenge(
            ClientId=outputs.userPoolClientId,
            ChallengeName=challenge,
            ChallengeResponses={"USERNAME": user} | responses,
            **({"Session": session} if session else {}),
        )
    return str(answer["AuthenticationResult"]["AccessToken"])


_Answer = Mapping[str, Any]
_Response = tuple[str | None, dict[str, str]]
"""Session and responses."""


@dataclass(frozen=True, slots=True)
class _SignIn:
    """Responds to the challenges of one sign-in."""

    client: Any
    proof: PasswordProof
    person: Person

    def prove_password(self, asked: _Answer) -> _Response:
        return asked.get("Session"), self.proof.responses(asked["ChallengeParameters"])

    def give_code(self, asked: _Answer) -> _Response:
        return asked["Session"], {"SOFTWARE_TOKEN_MFA_CODE": self.person.one_time_code(None)}

    def replace_password(self, asked: _Answer) -> _Response:
        return asked["Session"], {"NEW_PASSWORD": self.person.new_password()}

    def enrol_app(self, asked: _Answer) -> _Response:
        given = self.client.associate_software_token(Session=asked["Session"])
        code = self.person.one_time_code(given["SecretCode"])
        verified = self.client.verify_software_token(Session=given["Session"], UserCode=code)
        return verified["Session"], {}


_RESPONSES: Mapping[str, Callable[[_SignIn, _Answer], _Response]] = {
    "PASSWORD_VERIFIER": _SignIn.prove_password,
    "SOFTWARE_TOKEN_MFA": _SignIn.give_code,
    "NEW_PASSWORD_REQUIRED": _SignIn.replace_password,
    "MFA_SETUP": _SignIn.enrol_app,
}


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn an error of Cognito into one sentence."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"It is impossible to {what}: {error}") from error
