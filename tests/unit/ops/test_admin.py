"""The first administrator, made with one command."""

from pathlib import Path

import boto3
import pytest

from local.errors import CommandError
from ops.deploy.admin import make_administrator
from ops.deploy.outputs import Outputs
from tests.unit.ops.stubs import stubbed

ADA = "ada@example.com"


@pytest.fixture(autouse=True)
def pool(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The user pool of stage dev, its group of administrators and no user."""
    client = boto3.client("cognito-idp")
    pool = client.create_user_pool(PoolName="quiz-dev", UsernameAttributes=["email"])
    pool_id = pool["UserPool"]["Id"]
    client.create_group(UserPoolId=pool_id, GroupName="admin")
    monkeypatch.setenv("QUIZ_DATA_DIR", str(tmp_path))
    Outputs(
        apiUrl="https://api.example.com",
        userPoolId=pool_id,
        userPoolClientId="client",
        region=aws,
    ).write("dev")
    return pool_id


def administrators(pool: str) -> list[dict[str, str]]:
    """The attributes of each administrator, without their made-up id."""
    found = boto3.client("cognito-idp").list_users_in_group(UserPoolId=pool, GroupName="admin")
    return [
        {each["Name"]: each["Value"] for each in user["Attributes"] if each["Name"] != "sub"}
        for user in found["Users"]
    ]


def test_a_new_user_is_created_by_mail_and_joins_the_administrators(pool: str) -> None:
    told = make_administrator("dev", ADA)
    assert told.startswith(f"{ADA} was created, with a temporary password by e-mail, and is an adm")
    assert f"make token STAGE=dev USER={ADA}" in told
    assert administrators(pool) == [{"email": ADA, "email_verified": "true"}]


def test_a_user_who_exists_joins_them_too(pool: str) -> None:
    boto3.client("cognito-idp").admin_create_user(UserPoolId=pool, Username=ADA)
    assert make_administrator("dev", ADA).startswith(f"{ADA} existed and is an admin")
    assert [each["email"] for each in administrators(pool)] == [ADA]


def test_a_refusal_is_one_sentence() -> None:
    with stubbed("cognito-idp") as (client, stub):
        stub.add_client_error("admin_create_user", "NotAuthorizedException")
        with pytest.raises(CommandError, match=f"^Cognito refuses to make {ADA} an administrator"):
            make_administrator("dev", ADA, client)
