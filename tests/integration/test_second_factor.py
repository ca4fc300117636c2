"""Administrators use their rights only after a sign-in with a second factor."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from lambdas.shared import settings as settings_module
from lambdas.shared.second_factor import CHECKED_FOR, SecondFactor
from lambdas.shared.user_pool import UserPool
from tests.integration.stage import InvokedStage, Reply, drafts

BEFORE, AFTER = -1_000, 1_000
"""A sign-in a second before, or after, the time the test is at."""


class Administrator:
    """Somebody with an account in the user pool that moto imitates."""

    def __init__(self, stage: InvokedStage) -> None:
        self.stage = stage
        self.client: Any = boto3.client("cognito-idp", region_name="us-east-1")
        pool = self.client.create_user_pool(PoolName="quiz", UsernameAttributes=["email"])
        self.pool_id = pool["UserPool"]["Id"]
        user = self.client.admin_create_user(UserPoolId=self.pool_id, Username="root@example.com")
        self.user_id = user["User"]["Username"]
        self._verify_app()
        self.enrol(enrolled=False)
        self.forget_checks()

    def _verify_app(self) -> None:
        account = {"UserPoolId": self.pool_id, "Username": self.user_id}
        password = "Correct-horse-1"  # pragma: allowlist secret
        self.client.admin_set_user_password(**account, Password=password, Permanent=True)
        client = self.client.create_user_pool_client(UserPoolId=self.pool_id, ClientName="web")
        signed_in = self.client.admin_initiate_auth(
            UserPoolId=self.pool_id,
            ClientId=client["UserPoolClient"]["ClientId"],
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": self.user_id, "PASSWORD": password},
        )
        token = signed_in["AuthenticationResult"]["AccessToken"]
        self.client.associate_software_token(AccessToken=token)
        self.client.verify_software_token(AccessToken=token, UserCode="123456")

    def forget_checks(self) -> None:
        """Begin like an execution environment that has not checked anybody yet."""
        services = self.stage.services
        accounts = UserPool(self.client, self.pool_id)
        services.second_factor = SecondFactor(accounts, services.users, self.stage.clock)

    def enrol(self, *, enrolled: bool = True) -> None:
        self.client.admin_set_user_mfa_preference(
            UserPoolId=self.pool_id,
            Username=self.user_id,
            SoftwareTokenMfaSettings={"Enabled": enrolled, "PreferredMfa": enrolled},
        )

    def call(self, operation: str, signed_in: int, body: object = None, **other: Any) -> Reply:
        """Call an operation with a token of a sign-in some milliseconds from now."""
        event = self.stage.event(
            operation, body, user=self.user_id, groups=["admin"], **{"path": {}, **other}
        )
        seconds = (self.stage.clock.now + signed_in) // 1000
        event["requestContext"]["authorizer"]["claims"]["auth_time"] = str(seconds)
        function = {"getProgress": "progress"}.get(operation, "questions")
        return self.stage.send(function, event)

    def save(self, signed_in: int) -> Reply:
        return self.call("saveQuestions", signed_in, {"questions": drafts("geography", 1)})


@pytest.fixture
def root(stage: InvokedStage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Administrator]:
    enforcing = stage.services.settings._replace(admin_mfa=True)
    monkeypatch.setattr("lambdas.shared.http.entrypoint.settings", lambda: enforcing)
    settings_module.settings.cache_clear()
    with mock_aws():
        yield Administrator(stage)


def assert_refused(reply: Reply, detail: str) -> None:
    assert (reply.status, reply.body["code"]) == (403, "MFA_REQUIRED")
    assert detail in reply.body["detail"]


def test_an_administrator_without_an_app_is_refused(root: Administrator) -> None:
    assert_refused(root.save(BEFORE), "enrol an authenticator app")
    assert root.stage.rows("questions") == []
    assert root.stage.rows("users") == []


def test_a_sign_in_from_before_the_app_was_seen_is_refused(root: Administrator) -> None:
    root.enrol()
    assert_refused(root.save(BEFORE), "older than your authenticator app")
    assert root.save(AFTER).status == 200


def test_every_environment_knows_when_the_app_was_first_seen(root: Administrator) -> None:
    """An old token is refused though this environment sees the app long after the sign-in."""
    root.enrol()
    assert_refused(root.save(BEFORE), "older")
    root.stage.clock.advance(86_400_000)
    root.forget_checks()
    assert_refused(root.save(BEFORE - 86_400_000), "older")
    assert root.save(AFTER - 86_400_000).status == 200


def test_an_app_that_is_removed_is_noticed_within_five_minutes(root: Administrator) -> None:
    root.enrol()
    assert root.save(AFTER).status == 200
    root.enrol(enrolled=False)
    root.stage.clock.advance(CHECKED_FOR - 1)
    assert root.save(BEFORE).status == 200
    root.stage.clock.advance(1)
    assert_refused(root.save(BEFORE), "enrol")


def test_an_app_in_place_of_a_removed_one_needs_a_sign_in_of_its_own(root: Administrator) -> None:
    """In between, the password was enough to sign in."""
    root.enrol()
    assert root.save(AFTER).status == 200
    root.enrol(enrolled=False)
    root.stage.clock.advance(CHECKED_FOR)
    assert_refused(root.save(AFTER), "enrol")
    root.enrol()
    assert_refused(root.save(BEFORE), "older")
    assert root.save(AFTER).status == 200


def test_an_enrolment_is_looked_up_once_in_five_minutes(root: Administrator) -> None:
    calls: list[object] = []
    root.client.meta.events.register(
        "before-call.cognito-identity-provider.AdminGetUser", lambda **_: calls.append(1)
    )
    root.enrol()
    for _ in range(3):
        assert root.save(AFTER).status == 200
    root.stage.clock.advance(CHECKED_FOR)
    assert root.save(AFTER).status == 200
    assert len(calls) == 2


def test_another_learners_record_takes_a_second_factor_and_ones_own_does_not(
    root: Administrator,
) -> None:
    assert_refused(root.call("getProgress", BEFORE, path={"userId": "ada"}), "enrol")
    for own in ("me", root.user_id):
        assert root.call("getProgress", BEFORE, path={"userId": own}).status == 200


def test_a_learner_is_forbidden_whatever_they_enrolled(root: Administrator) -> None:
    reply = root.stage.call("saveQuestions", {"questions": []}, user=root.user_id)
    assert (reply.status, reply.body["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize("claim", [None, "", "soon", "-1", "1e12", "9" * 13, True, [2**31]])
def test_a_token_without_the_time_of_its_sign_in_is_refused(
    root: Administrator, claim: object
) -> None:
    root.enrol()
    event = root.stage.event(
        "saveQuestions", {"questions": []}, user=root.user_id, groups=["admin"]
    )
    event["requestContext"]["authorizer"]["claims"]["auth_time"] = claim
    assert_refused(root.stage.send("questions", event), "older")


def test_a_deleted_account_is_nobody(root: Administrator) -> None:
    root.client.admin_delete_user(UserPoolId=root.pool_id, Username=root.user_id)
    assert (root.save(AFTER).status, root.stage.rows("questions")) == (401, [])


def _unreachable(**_: object) -> None:
    raise EndpointConnectionError(endpoint_url="https://cognito-idp", error=OSError())


def _refusal(code: str, status: int) -> Any:
    def refuse(**_: object) -> None:
        response: Any = {
            "Error": {"Code": code, "Message": ""},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }
        raise ClientError(response, "AdminGetUser")

    return refuse


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (_unreachable, 503),
        (_refusal("TooManyRequestsException", 400), 503),
        (_refusal("InternalErrorException", 500), 503),
        (_refusal("AccessDeniedException", 400), 500),
    ],
    ids=["unreachable", "throttled", "failing", "not allowed"],
)
def test_no_rights_are_given_while_the_app_cannot_be_checked(
    root: Administrator, fault: Any, status: int
) -> None:
    root.enrol()
    root.client.meta.events.register("before-call.cognito-identity-provider.AdminGetUser", fault)
    assert root.save(AFTER).status == status
    assert root.stage.rows("questions") == []
