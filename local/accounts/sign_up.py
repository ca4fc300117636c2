"""Confirms a sign-up at the running stage, as a client does at Cognito."""

import http.client
import json
from urllib.parse import urlsplit

from local.accounts.token_issuer import CLIENT_ID
from local.accounts.user_pool import CONTENT_TYPE, PATH, SERVICE
from local.errors import StageError
from local.running_stage import RunningStage

_SECONDS = 15


def confirm_sign_up(stage: RunningStage, name: str) -> None:
    """Let the stage's user pool know that a user has signed up, which it may know already.

    Raises:
        StageError: the stage does not answer.
    """
    connection = http.client.HTTPConnection(urlsplit(stage.url).netloc, timeout=_SECONDS)
    body = json.dumps({"ClientId": CLIENT_ID, "Username": name})
    headers = {"X-Amz-Target": f"{SERVICE}ConfirmSignUp", "Content-Type": CONTENT_TYPE}
    try:
        connection.request("POST", PATH, body, headers)
        if connection.getresponse().status != http.client.OK:
            raise StageError("The user could not be signed up: see the stage's log.")
    except (OSError, http.client.HTTPException) as error:
        raise StageError("The stage does not answer: see its log.") from error
    finally:
        connection.close()
