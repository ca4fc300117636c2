"""Enrols the authenticator app of an administrator where the stage asks for a second factor."""

from collections.abc import Callable
from typing import Any, Protocol

import httpx2
import jwt

from lambdas.contract.errors import MfaRequiredError
from lambdas.shared.http.identity import ADMIN_GROUP
from local.errors import CommandError
from ops.deploy.api import TIMEOUT
from ops.deploy.outputs import Outputs

_NO_QUESTION = "none:000000"
"""An id that no question has: reading it costs next to nothing."""


class Person(Protocol):
    """Provides what Cognito asks for beyond the password."""

    def one_time_code(self, secret: str | None, /) -> str:
        """Return a code of the authenticator app.

        `secret` is the app's new key when the user has to enrol one; None if they have enrolled.
        """

    def new_password(self) -> str:
        """Return the password that replaces a temporary one."""


def with_second_factor(
    outputs: Outputs, client: Any, token: str, person: Person, sign_in: Callable[[], str]
) -> str:
    """Return a token that the stage accepts for the rights of its user.

    An administrator without an authenticator app enrols one, then signs in again with its code.

    Args:
        outputs: The stage.
        client: A client of Cognito.
        token: The user's access token.
        person: Provides the codes.
        sign_in: Signs the user in again.

    Raises:
        CommandError: The stage cannot be reached.
    """
    if not is_administrator(token) or not is_refused(outputs, token):
        return token
    if not client.get_user(AccessToken=token).get("UserMFASettingList"):
        enrol_app(client, token, person)
        # The stage accepts sign-ins from the first time on that it sees the app: now.
        is_refused(outputs, token)
    return sign_in()


def is_administrator(token: str) -> bool:
    """Return whether a token's user is in the group of administrators."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return ADMIN_GROUP in claims.get("cognito:groups", ())


def is_refused(outputs: Outputs, token: str) -> bool:
    """Return whether the stage asks an administrator for a second factor.

    Raises:
        CommandError: The stage cannot be reached.
    """
    url = f"{outputs.apiUrl.rstrip('/')}/admin/questions/{_NO_QUESTION}"
    try:
        response = httpx2.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT)
    except httpx2.HTTPError as error:
        raise CommandError(f"The stage at {outputs.apiUrl} cannot be reached: {error}") from None
    return (
        response.status_code == MfaRequiredError.status and MfaRequiredError.code in response.text
    )


def enrol_app(client: Any, token: str, person: Person) -> None:
    """Enrol an authenticator app of a user who is signed in."""
    given = client.associate_software_token(AccessToken=token)
    client.verify_software_token(
        AccessToken=token, UserCode=person.one_time_code(given["SecretCode"])
    )
    client.set_user_mfa_preference(
        AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
    )
