"""Makes a user of a deployed stage an administrator."""

from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared.http.identity import ADMIN_GROUP
from local.errors import CommandError
from ops.deploy.outputs import Outputs


def make_administrator(stage: str, email: str, client: Any = None) -> str:
    """Create a user unless there is one, and add them to the group of administrators.

    Cognito mails a new user a temporary password. Where the stage enforces a second factor,
    `make token` enrols an authenticator app at their first sign-in.

    Returns:
        A sentence on what was done.

    Raises:
        CommandError: Cognito refuses.
    """
    outputs = Outputs.read(stage)
    client = client or boto3.client("cognito-idp", region_name=outputs.region)
    try:
        created = _create(client, outputs.userPoolId, email)
        client.admin_add_user_to_group(
            UserPoolId=outputs.userPoolId, Username=email, GroupName=ADMIN_GROUP
        )
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"Cognito refuses to make {email} an administrator: {error}") from None
    what = "was created, with a temporary password by e-mail, and" if created else "existed and"
    return (
        f"{email} {what} is an administrator of stage {stage}. Sign in, and enrol an authenticator "
        f"app when asked: make token STAGE={stage} USER={email}"
    )


def _create(client: Any, pool: str, email: str) -> bool:
    try:
        client.admin_create_user(
            UserPoolId=pool,
            Username=email,
            DesiredDeliveryMediums=["EMAIL"],
            UserAttributes=[
                {"Name": "email", "Value": email},
                {"Name": "email_verified", "Value": "true"},
            ],
        )
    except client.exceptions.UsernameExistsException:
        return False
    return True
