"""Signs users in at the running laptop stage."""

import http.client
import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from lambdas.shared.http.identity import ADMIN_GROUP, LEARNER_GROUP
from local.accounts.token_issuer import CLIENT_ID, Issuer, load_key
from local.accounts.user_pool import CONTENT_TYPE, SERVICE, UserPool
from local.data_folder import DataFolder
from local.errors import CommandError
from local.running_stage import RunningStage

GROUPS = (ADMIN_GROUP, LEARNER_GROUP)
"""The groups of the user pool."""

_SECONDS = 15


def refuse_unknown_groups(names: Sequence[str]) -> None:
    """Raise for a group that the user pool does not have.

    Raises:
        CommandError: There is one.
    """
    if unknown := [name for name in names if name not in GROUPS]:
        raise CommandError(
            f"GROUPS names {', '.join(unknown)}: the groups are {' and '.join(GROUPS)}."
        )


@dataclass(frozen=True, slots=True)
class LaptopSignIn:
    """Issues access tokens for the running stage.

    A name is always the same user, until that user's account is deleted.
    """

    folder: DataFolder
    stage: RunningStage

    @classmethod
    def find(cls) -> "LaptopSignIn":
        """Return the sign-in of the stage that runs on this environment's data folder.

        Raises:
            CommandError: No stage runs there.
        """
        folder = DataFolder.from_environment()
        return cls(folder, RunningStage.find(folder))

    def access_token(self, user: str, groups: Sequence[str] = ()) -> str:
        """Return a signed access token of a user."""
        pool = UserPool(self.folder.deleted_accounts)
        issuer = Issuer(load_key(self.folder), self.stage.issuer, pool.user_id)
        return issuer.access_token(user, groups)

    def confirm_sign_up(self, user: str) -> None:
        """Confirm a user's sign-up, as a client does at Cognito; repeating it changes nothing.

        Raises:
            CommandError: The stage does not answer.
        """
        address = urlsplit(self.stage.environment["COGNITO_ENDPOINT"])
        connection = http.client.HTTPConnection(address.netloc, timeout=_SECONDS)
        body = json.dumps({"ClientId": CLIENT_ID, "Username": user})
        headers = {"X-Amz-Target": f"{SERVICE}ConfirmSignUp", "Content-Type": CONTENT_TYPE}
        try:
            connection.request("POST", address.path, body, headers)
            if connection.getresponse().status != http.client.OK:
                raise CommandError("The user could not be signed up: see the stage's log.")
        except (OSError, http.client.HTTPException) as error:
            raise CommandError("The stage does not answer: see its log.") from error
        finally:
            connection.close()
