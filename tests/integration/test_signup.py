"""The trigger of a confirmed sign-up, with the events that Cognito sends.

The events are those of the Developer guide, "Post confirmation Lambda trigger", with the values a
pool has whose users sign in with their e-mail address.
"""

import json
from typing import Any

import pytest

from lambdas.signup.handler import handler
from local.accounts.user_pool import USER_POOL_ID, confirmed_sign_up
from tests.integration.accounts import Accounts
from tests.integration.stage import Fault, InvokedStage, refuses, response_lost, unreachable
from tests.support.fixed_context import FixedContext

ADA = "6b4c2a4e-7d0f-5a53-9a54-0d3f7a9b1c2d"
EMAIL = "ada@example.com"
CREATED = {
    "userId": {"S": ADA},
    "createdAt": {"N": "1790000000000"},
    "updatedAt": {"N": "1790000000000"},
}
NEW_PASSWORD: dict[str, Any] = {
    **confirmed_sign_up(ADA, EMAIL),
    "triggerSource": "PostConfirmation_ConfirmForgotPassword",
}


@pytest.fixture
def joined(stage: InvokedStage) -> list[Any]:
    """The calls made to Cognito."""
    calls: list[Any] = []

    def note(request: Any, **_: object) -> None:
        calls.append((request.headers["X-Amz-Target"].decode(), json.loads(request.body)))

    stage.services.cognito.meta.events.register_last(COGNITO, note)
    return calls


COGNITO = "before-send.cognito-identity-provider"
JOIN = (
    "AWSCognitoIdentityProviderService.AdminAddUserToGroup",
    {"UserPoolId": USER_POOL_ID, "Username": ADA, "GroupName": "learner"},
)


def confirm(event: dict[str, Any] | None = None, *, milliseconds: int = 5_000) -> Any:
    context = FixedContext(milliseconds, "invocation-1")
    return handler(event or confirmed_sign_up(ADA, EMAIL), context)


def lines(stage: InvokedStage) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stage.read_output().splitlines()]


def test_who_has_signed_up_has_an_item_and_is_a_learner(
    stage: InvokedStage, joined: list[Any]
) -> None:
    event = confirmed_sign_up(ADA, EMAIL)
    assert confirm(event) == event == confirmed_sign_up(ADA, EMAIL)
    assert stage.rows("users") == [CREATED]
    assert joined == [JOIN]
    profile = stage.call("getUser", path={"userId": "me"}, user=ADA).body
    assert profile["createdAt"] == profile["updatedAt"] == "2026-09-21T14:13:20.000Z"
    assert profile["wrongAnswerPercentage"] == 20


def test_cognito_may_call_again(stage: InvokedStage, joined: list[Any]) -> None:
    confirm()
    stage.clock.advance(60_000)
    confirm()
    assert stage.rows("users") == [CREATED]
    assert joined == [JOIN, JOIN]


def test_a_profile_that_is_there_stays(stage: InvokedStage) -> None:
    stage.call("updateUser", {"displayName": "Ada"}, path={"userId": "me"}, user=ADA)
    before = stage.rows("users")
    stage.clock.advance(60_000)
    confirm()
    assert stage.rows("users") == before


def test_a_new_password_makes_no_user(stage: InvokedStage, joined: list[Any]) -> None:
    assert confirm(NEW_PASSWORD) == NEW_PASSWORD
    assert (stage.rows("users"), joined, stage.read_output()) == ([], [], "")


def test_an_erased_account_is_not_brought_back_by_a_late_call(
    stage: InvokedStage, accounts: Accounts
) -> None:
    assert stage.call("eraseUser", path={"userId": "me"}, user=ADA).status == 204
    before = stage.rows("users")
    stage.clock.advance(60_000)
    event = confirmed_sign_up(ADA, EMAIL)
    assert confirm(event) == event
    assert stage.rows("users") == before
    assert accounts.deleted() == {ADA}


TABLE_FAULTS = {
    "unreachable": unreachable,
    "response lost": response_lost,
    "not allowed": refuses("AccessDeniedException"),
    "failed": refuses("InternalServerError", 500),
}
COGNITO_FAULTS = {
    "unreachable": unreachable,
    "throttled": refuses("TooManyRequestsException"),
    "no such user": refuses("UserNotFoundException"),
    "not allowed": refuses("AccessDeniedException"),
    "failed": refuses("InternalErrorException", 500),
}


@pytest.mark.parametrize("fault", TABLE_FAULTS.values(), ids=TABLE_FAULTS)
def test_a_fault_of_the_table_does_not_stand_in_the_way(
    stage: InvokedStage, joined: list[Any], fault: Fault
) -> None:
    event = confirmed_sign_up(ADA, EMAIL)
    with stage.fault("PutItem", fault):
        assert confirm(event) == event
    assert joined == [JOIN]
    assert stage.call("getUser", path={"userId": "me"}, user=ADA).status == 200
    confirm()
    assert stage.rows("users") == [CREATED]


@pytest.mark.parametrize("fault", COGNITO_FAULTS.values(), ids=COGNITO_FAULTS)
def test_a_fault_of_cognito_does_not_stand_in_the_way(stage: InvokedStage, fault: Fault) -> None:
    def struck(request: Any, **_: object) -> Any:
        return fault(request)

    stage.services.cognito.meta.events.register_first(COGNITO, struck)
    event = confirmed_sign_up(ADA, EMAIL)
    stage.read_output()
    assert confirm(event) == event
    assert stage.rows("users") == [CREATED]
    fault_line, record = lines(stage)
    assert (fault_line["event"], fault_line["requestId"]) == ("fault", "invocation-1")
    assert (record["what"], record["status"]) == ("signUp", 500)


def test_nothing_is_begun_that_cognito_would_not_wait_for(
    stage: InvokedStage, joined: list[Any]
) -> None:
    event = confirmed_sign_up(ADA, EMAIL)
    assert confirm(event, milliseconds=2_900) == event
    assert (stage.rows("users"), joined) == ([], [])


def test_one_audit_record_is_left_and_no_e_mail_address(stage: InvokedStage) -> None:
    stage.read_output()
    confirm()
    output = stage.read_output()
    (record,) = map(json.loads, output.splitlines())
    assert (record["kind"], record["what"], record["status"]) == ("audit", "signUp", 200)
    assert record["on"] == {"user": [record["who"]]}
    assert EMAIL not in output
    assert ADA not in output
