"""Stands in for Cognito's user pool and speaks its protocol to the functions.

The protocol is JSON over HTTP, with the operation in the header `X-Amz-Target`. The address ends in
a secret of the running stage, in place of a signature, so that only the stage's own programs reach
it. Every name has an account from the start; the file lists the accounts that were deleted, so that
the next token of the same name belongs to another account, as after a new sign-up.
"""

import hmac
import json
import logging
import os
import secrets
import sqlite3
import uuid
from collections.abc import Callable, Mapping
from itertools import chain, count
from pathlib import Path
from re import fullmatch
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from lambdas.contract.formats import USER_ID_PATTERN
from local.accounts.token_issuer import CLIENT_ID, first_user_id

USER_POOL_ID: Final = "us-east-1_local"
PATH: Final = "/_cognito/{secret}"
"""Where the stage answers as Cognito."""

MAX_BODY_BYTES: Final = 4096
MAX_NAME: Final = 128

SERVICE: Final = "AWSCognitoIdentityProviderService."
CONTENT_TYPE: Final = "application/x-amz-json-1.1"

_log = logging.getLogger(__name__)

Trigger = Callable[[dict[str, Any]], dict[str, Any]]
"""Takes an event of Cognito's and returns it."""


def new_secret() -> str:
    """Return a secret for a stage that starts."""
    return secrets.token_urlsafe(32)


def pool_environment(url: str, secret: str) -> dict[str, str]:
    """Return the environment variables with which the functions reach a stage's user pool."""
    return {
        "USER_POOL_ID": USER_POOL_ID,
        "COGNITO_ENDPOINT": url + PATH.replace("{secret}", secret),
    }


class RefusedError(Exception):
    """Cognito refuses; the message is the error's code."""


class UserPool:
    """The accounts of a stage."""

    def __init__(
        self,
        file: Path,
        post_confirmation: Trigger | None = None,
        *,
        secret: str = "",
        before_delete: Callable[[str], object] | None = None,
    ) -> None:
        """Take the parts.

        Args:
            file: Ids of the deleted accounts, one per line.
            post_confirmation: Called when a sign-up is confirmed.
            secret: Last part of the address; without one, nobody is answered over HTTP.
            before_delete: Called with the id of an account before it is deleted; the account
                stays if this fails.
        """
        self._file = file
        self._post_confirmation = post_confirmation
        self._secret = secret
        self._before_delete = before_delete

    def user_id(self, name: str) -> str:
        """Return the `sub` of the account that has this name now."""
        deleted = self.deleted()
        first = first_user_id(name)
        later = (str(uuid.uuid5(uuid.UUID(first), str(number))) for number in count(1))
        return next(each for each in chain([first], later) if each not in deleted)

    def answer(self, target: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what Cognito answers to a call.

        Raises:
            RefusedError: it refuses.
        """
        match target.removeprefix(SERVICE):
            case "AdminDeleteUser":
                self._delete(self._existing(parameters))
            case "AdminAddUserToGroup":
                # The groups of a token are those that `make token` is called with.
                self._existing(parameters)
            case "AdminGetUser":
                # No one has an authenticator app here.
                return {"Username": self._existing(parameters), "UserMFASettingList": []}
            case "ConfirmSignUp":
                self.confirm_sign_up(parameters["Username"])
            case _:
                raise RefusedError("InvalidAction")
        return {}

    async def serve(self, request: Request) -> Response:
        """Answer over HTTP."""
        body: Mapping[str, Any]
        try:
            sent = request.path_params.get("secret", "")
            if not self._secret or not hmac.compare_digest(sent.encode(), self._secret.encode()):
                raise RefusedError("NotAuthorizedException")
            parameters = _parameters(await _read(request))
            target = request.headers.get("X-Amz-Target", "")
            body, status = await run_in_threadpool(self.answer, target, parameters), 200
        except RefusedError as error:
            body, status = {"__type": str(error), "message": str(error)}, 400
        except (OSError, sqlite3.Error):
            _log.exception("The account could not be changed")
            body, status = {"__type": "InternalErrorException", "message": "Try again."}, 500
        return Response(json.dumps(body), status, media_type=CONTENT_TYPE)

    def _existing(self, parameters: Mapping[str, Any]) -> str:
        if parameters.get("UserPoolId") != USER_POOL_ID:
            raise RefusedError("ResourceNotFoundException")
        user_id: str = parameters["Username"]
        if not fullmatch(USER_ID_PATTERN, user_id):
            raise RefusedError("InvalidParameterException")
        if user_id in self.deleted():
            raise RefusedError("UserNotFoundException")
        return user_id

    def _delete(self, user_id: str) -> None:
        if self._before_delete:
            self._before_delete(user_id)
        # Appended in one write, and on the disk before it is acknowledged.
        with os.fdopen(os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)) as file:
            os.write(file.fileno(), f"{user_id}\n".encode())
            os.fsync(file.fileno())

    def deleted(self) -> frozenset[str]:
        """Return the ids of the accounts that were deleted."""
        try:
            return frozenset(self._file.read_text(encoding="ascii").split())
        except FileNotFoundError:
            return frozenset()

    def confirm_sign_up(self, name: str) -> None:
        """Confirm a sign-up; a name that has signed up before stays the same account."""
        if self._post_confirmation:
            self._post_confirmation(confirmed_sign_up(self.user_id(name), f"{name}@example.com"))


def confirmed_sign_up(user_id: str, email: str) -> dict[str, Any]:
    """Return the event of a confirmed sign-up (Developer guide, "Post confirmation trigger")."""
    return {
        "version": "1",
        "triggerSource": "PostConfirmation_ConfirmSignUp",
        "region": "us-east-1",
        "userPoolId": USER_POOL_ID,
        "userName": user_id,
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": CLIENT_ID},
        "request": {
            "userAttributes": {
                "sub": user_id,
                "email_verified": "true",
                "cognito:user_status": "CONFIRMED",
                "email": email,
            }
        },
        "response": {},
    }


async def _read(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise RefusedError("InvalidParameterException")
    return body


def _parameters(body: bytes) -> Mapping[str, Any]:
    """Return the parameters of a call, an object with a name in it.

    Raises:
        RefusedError: the body is anything else.
    """
    try:
        parameters = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError("SerializationException") from None
    name = parameters.get("Username") if isinstance(parameters, dict) else None
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise RefusedError("InvalidParameterException")
    return parameters  # type: ignore[no-any-return]
