"""Accounts in the stage's Cognito user pool, beside what the tables keep of their users.

A user's name in the pool is their `sub`: people sign in with their e-mail address, so Cognito makes
the name up (Developer guide, "Customizing sign-in attributes").
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.contract.errors import UnavailableError
from lambdas.shared.store.client import keep_the_deadline

if TYPE_CHECKING:
    from types_boto3_cognito_idp.client import CognitoIdentityProviderClient

CONFIG = Config(
    # Quick to give up: Cognito itself waits for its trigger for 5 s, cold start included.
    retries={"mode": "standard", "total_max_attempts": 2},
    connect_timeout=1,
    read_timeout=2,
    parameter_validation=False,
    user_agent="adaptive-quiz",
)

_PASSING = frozenset(
    {"TooManyRequestsException", "InternalErrorException", "ConcurrentModificationException"}
)
"""Refusals that pass by themselves."""


_AUTHENTICATOR_APP = "SOFTWARE_TOKEN_MFA"


class NoSuchAccountError(Exception):
    """The pool has no such account, or no more."""


class UserPool(NamedTuple):
    """Calls to Cognito about one user of a pool."""

    client: "CognitoIdentityProviderClient"
    pool_id: str

    def delete(self, user_id: str) -> None:
        """Delete an account; one that is gone already is what was wanted.

        Raises:
            UnavailableError: Cognito cannot be reached or is overloaded.
            ClientError: it refuses for another reason.
        """
        try:
            self._call("admin_delete_user", Username=user_id)
        except NoSuchAccountError:
            return

    def add_to_group(self, user_id: str, group: str) -> None:
        """Put a user into a group; doing it again changes nothing.

        Raises:
            NoSuchAccountError: there is no such account.
            UnavailableError, ClientError: as for deleting it.
        """
        self._call("admin_add_user_to_group", Username=user_id, GroupName=group)

    def has_second_factor(self, user_id: str) -> bool:
        """Return whether a user has enrolled an authenticator app.

        Raises:
            NoSuchAccountError: there is no such account.
            UnavailableError, ClientError: as for deleting it.
        """
        user = self._call("admin_get_user", Username=user_id)
        return _AUTHENTICATOR_APP in user.get("UserMFASettingList", ())

    def _call(self, operation: str, **parameters: str) -> Any:
        try:
            return getattr(self.client, operation)(UserPoolId=self.pool_id, **parameters)
        except BotoCoreError as error:
            raise UnavailableError("Accounts cannot be reached.") from error
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "UserNotFoundException":
                raise NoSuchAccountError from None
            if code in _PASSING or error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                raise UnavailableError("Accounts are overloaded.") from error
            raise


def cognito(endpoint: str | None) -> "CognitoIdentityProviderClient":
    """Return a client; reading Cognito's model takes a while, so only those who need it ask."""
    client = boto3.Session().client("cognito-idp", endpoint_url=endpoint, config=CONFIG)
    client.meta.events.register("before-send.cognito-identity-provider", keep_the_deadline)
    return client
