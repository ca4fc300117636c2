"""Stands in for Cognito's user pool, where the functions call it: by its own protocol.

That is JSON, with the operation in the header `X-Amz-Target`. Every name is an account from the
beginning; what is kept is which accounts were deleted, so that the name's next token is of another
one, as after a new sign-up.
"""

import json
import os
import uuid
from collections.abc import Callable, Mapping
from itertools import chain, count
from pathlib import Path
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from local.accounts.token_issuer import CLIENT_ID, first_user_id

USER_POOL_ID: Final = "us-east-1_local"
PATH: Final = "/_cognito/"
"""Where the stage answers as Cognito."""

SERVICE: Final = "AWSCognitoIdentityProviderService."
CONTENT_TYPE: Final = "application/x-amz-json-1.1"

Trigger = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Takes an event of Cognito's and returns it."""


def pool_environment(url: str) -> dict[str, str]:
    """Return the environment variables with which the functions reach a stage's user pool."""
    return {"USER_POOL_ID": USER_POOL_ID, "COGNITO_ENDPOINT": url + PATH}


class RefusedError(Exception):
    """What Cognito refuses; the message is the code of the refusal."""


class UserPool:
    """The accounts of a stage; `file` holds the ids of those deleted, one a line."""

    def __init__(self, file: Path, post_confirmation: Trigger | None = None) -> None:
        """Take what is called when a sign-up is confirmed."""
        self._file = file
        self._post_confirmation = post_confirmation

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
                # Groups are in the tokens that `make token` prints, as it is told them.
                self._existing(parameters)
            case "ConfirmSignUp":
                self.confirm_sign_up(parameters["Username"])
            case _:
                raise RefusedError("InvalidAction")
        return {}

    async def serve(self, request: Request) -> Response:
        """Answer over HTTP."""
        try:
            parameters = json.loads(await request.body())
            target = request.headers.get("X-Amz-Target", "")
            body, status = await run_in_threadpool(self.answer, target, parameters), 200
        except (RefusedError, ValueError, KeyError) as error:
            body, status = {"__type": str(error), "message": str(error)}, 400
        return Response(json.dumps(body), status, media_type=CONTENT_TYPE)

    def _existing(self, parameters: Mapping[str, Any]) -> str:
        if parameters["UserPoolId"] != USER_POOL_ID:
            raise RefusedError("ResourceNotFoundException")
        user_id: str = parameters["Username"]
        if user_id in self.deleted():
            raise RefusedError("UserNotFoundException")
        return user_id

    def _delete(self, user_id: str) -> None:
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
