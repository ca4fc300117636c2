"""Signs in to a deployed stage as its clients do, over SRP."""

import getpass
import hashlib
import hmac
import os
import secrets
import sys
import time
import uuid
from base64 import b32decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pycognito import AWSSRP  # type: ignore[import-untyped]
from pycognito.exceptions import (  # type: ignore[import-untyped]
    SoftwareTokenMFAChallengeException,
    WarrantException,
)

from local.errors import CommandError
from ops.deploy.outputs import Outputs

SecondFactor = Callable[[str | None], str]
"""Returns a one-time code: of the secret to enrol with, or None when the user has one already."""

_TOTP_SECONDS = 30


def _nobody_at_hand(_: str | None) -> str:
    raise CommandError("The user has to bring a second factor, and nobody is there to ask.")


def _throwaway(secret: str | None) -> str:
    return one_time_code(secret, time.time()) if secret else _nobody_at_hand(None)


@contextmanager
def signed_in(outputs: Outputs) -> Iterator[str]:
    """Give an access token of the user that the environment names, else of one made for it.

    Raises:
        CommandError: Nobody can be signed in.
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
            token = access_token(client, outputs, name, password, _throwaway)
        yield token
    finally:
        with suppress(BotoCoreError, ClientError):  # what failed before is the one to tell
            client.admin_delete_user(UserPoolId=outputs.userPoolId, Username=name)


def sign_in_by_hand(outputs: Outputs, user: str) -> str:
    """Return an access token of a user who is there to be asked for a code, if one is needed.

    The password is that of QUIZ_PASSWORD, else asked for, too.

    Raises:
        CommandError: They cannot be signed in.
    """
    # Signing in is open to all: it takes no credentials of AWS.
    client: Any = boto3.client(
        "cognito-idp", region_name=outputs.region, config=Config(signature_version=UNSIGNED)
    )
    password = os.environ.get("QUIZ_PASSWORD") or getpass.getpass()
    with explained("sign in"):
        return access_token(client, outputs, user, password, _ask_for_code)


def _ask_for_code(secret: str | None) -> str:
    if secret:
        print(f"Enter this key in your authenticator app: {secret}", file=sys.stderr)
    print("Code of the authenticator app: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def create_user(client: Any, outputs: Outputs, email: str, password: str) -> None:
    """Create a user who can sign in at once; no message is sent."""
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
    client: Any,
    outputs: Outputs,
    user: str,
    password: str,
    second_factor: SecondFactor = _nobody_at_hand,
) -> str:
    """Sign a user in; one who has to bring a second factor and has none yet, is enrolled."""
    srp = AWSSRP(
        username=user,
        password=password,
        pool_id=outputs.userPoolId,
        client_id=outputs.userPoolClientId,
        client=client,
    )
    try:
        answer = srp.authenticate_user()
    except SoftwareTokenMFAChallengeException as challenge:
        answer = client.respond_to_auth_challenge(
            ClientId=outputs.userPoolClientId,
            ChallengeName="SOFTWARE_TOKEN_MFA",
            Session=challenge.get_tokens()["Session"],
            ChallengeResponses={"USERNAME": user, "SOFTWARE_TOKEN_MFA_CODE": second_factor(None)},
        )
    if answer.get("ChallengeName") == "MFA_SETUP":
        answer = _enrol(client, outputs, user, answer["Session"], second_factor)
    return str(answer["AuthenticationResult"]["AccessToken"])


def one_time_code(secret: str, at: float) -> str:
    """Return what an authenticator app shows for a secret (RFC 6238)."""
    counter = int(at // _TOTP_SECONDS).to_bytes(8)
    key = b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, counter, hashlib.sha1)
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFF_FFFF
    return f"{number % 1_000_000:06d}"


def _enrol(
    client: Any, outputs: Outputs, user: str, session: str, second_factor: SecondFactor
) -> Any:
    given = client.associate_software_token(Session=session)
    verified = client.verify_software_token(
        Session=given["Session"], UserCode=second_factor(given["SecretCode"])
    )
    return client.respond_to_auth_challenge(
        ClientId=outputs.userPoolClientId,
        ChallengeName="MFA_SETUP",
        Session=verified["Session"],
        ChallengeResponses={"USERNAME": user},
    )


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what Cognito says into one sentence."""
    try:
        yield
    except (BotoCoreError, ClientError, WarrantException) as error:
        said = str(error.args[0] if error.args else error)
        raise CommandError(f"It is impossible to {what}: {said}") from error
