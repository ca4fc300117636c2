"""The first administrator, made with one command."""

from pathlib import Path
from typing import Any

import pytest

from local.errors import CommandError
from ops.deploy.admin import make_administrator
from ops.deploy.outputs import Outputs
from tests.unit.ops.stubs import stubbed

ADA = "ada@example.com"
GROUP = {"UserPoolId": "pool", "Username": ADA, "GroupName": "admin"}
CREATED: dict[str, Any] = {
    "UserPoolId": "pool",
    "Username": ADA,
    "DesiredDeliveryMediums": ["EMAIL"],
    "UserAttributes": [
        {"Name": "email", "Value": ADA},
        {"Name": "email_verified", "Value": "true"},
    ],
}


@pytest.fixture(autouse=True)
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIZ_DATA_DIR", str(tmp_path))
    Outputs(
        apiUrl="https://api.example.com",
        userPoolId="pool",
        userPoolClientId="client",
        region="eu-central-1",
    ).write("dev")


def test_a_new_user_is_created_by_mail_and_joins_the_administrators() -> None:
    with stubbed("cognito-idp") as (client, stub):
        stub.add_response("admin_create_user", {}, CREATED)
        stub.add_response("admin_add_user_to_group", {}, GROUP)
        told = make_administrator("dev", ADA, client)
    assert told.startswith(f"{ADA} was created, with a temporary password by e-mail, and is an adm")
    assert f"make token STAGE=dev USER={ADA}" in told


def test_a_user_who_exists_joins_them_too() -> None:
    with stubbed("cognito-idp") as (client, stub):
        stub.add_client_error("admin_create_user", "UsernameExistsException")
        stub.add_response("admin_add_user_to_group", {}, GROUP)
        assert make_administrator("dev", ADA, client).startswith(f"{ADA} existed and is an admin")


def test_a_refusal_is_one_sentence() -> None:
    with stubbed("cognito-idp") as (client, stub):
        stub.add_client_error("admin_create_user", "NotAuthorizedException")
        with pytest.raises(CommandError, match=f"^Cognito refuses to make {ADA} an administrator"):
            make_administrator("dev", ADA, client)
