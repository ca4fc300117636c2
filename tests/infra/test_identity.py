import pytest

from tests.infra.assembly import Assembly, Template

POOL = "AWS::Cognito::UserPool"
CLIENT = "AWS::Cognito::UserPoolClient"


def test_passwords_are_long_and_mixed(identity: Template) -> None:
    policy = identity.only(POOL)["Policies"]["PasswordPolicy"]
    assert policy["MinimumLength"] >= 12
    for kind in ("Lowercase", "Uppercase", "Numbers", "Symbols"):
        assert policy[f"Require{kind}"] is True
    assert policy["TemporaryPasswordValidityDays"] == 1


def test_learners_sign_in_with_a_verified_address_in_any_case(identity: Template) -> None:
    pool = identity.only(POOL)
    assert pool["UsernameAttributes"] == ["email"]
    assert pool["AutoVerifiedAttributes"] == ["email"]
    assert pool["UsernameConfiguration"] == {"CaseSensitive": False}
    assert pool["UserAttributeUpdateSettings"] == {
        "AttributesRequireVerificationBeforeUpdate": ["email"]
    }
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": False}


def test_an_account_is_recovered_by_email_and_no_text_message_is_sent(identity: Template) -> None:
    pool = identity.only(POOL)
    recovery = pool["AccountRecoverySetting"]["RecoveryMechanisms"]
    assert [mechanism["Name"] for mechanism in recovery] == ["verified_email"]
    assert pool["EnabledMfas"] == ["SOFTWARE_TOKEN_MFA"]


def test_learners_choose_whether_they_use_a_second_factor(identity: Template) -> None:
    assert identity.only(POOL)["MfaConfiguration"] == "OPTIONAL"


@pytest.mark.parametrize(
    ("stage", "protection", "policy"),
    [
        ("dev", "INACTIVE", "Delete"),
        ("staging", "INACTIVE", "Delete"),
        ("prod", "ACTIVE", "RetainExceptOnCreate"),
        ("rehearsal", "INACTIVE", "Delete"),
    ],
)
def test_users_of_prod_cannot_be_lost(
    assembly: Assembly, stage: str, protection: str, policy: str
) -> None:
    template = assembly.template(f"quiz-{stage}-identity")
    ((logical_id, pool),) = template.resources(POOL).items()
    assert pool["DeletionProtection"] == protection
    assert template.body["Resources"][logical_id]["DeletionPolicy"] == policy


def test_there_are_the_groups_admin_and_learner(identity: Template) -> None:
    groups = identity.resources("AWS::Cognito::UserPoolGroup").values()
    assert {group["GroupName"] for group in groups} == {"admin", "learner"}


def test_scopes_are_there_for_clients_that_come_over_oauth(identity: Template) -> None:
    server = identity.only("AWS::Cognito::UserPoolResourceServer")
    assert server["Identifier"] == "quiz"
    assert {scope["ScopeName"] for scope in server["Scopes"]} == {"learn", "manage"}


def test_the_client_is_public_and_never_sends_a_password(identity: Template) -> None:
    client = identity.only(CLIENT)
    assert client["GenerateSecret"] is False
    assert set(client["ExplicitAuthFlows"]) == {"ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}
    assert client["AllowedOAuthFlowsUserPoolClient"] is False


def test_the_client_does_not_tell_which_users_exist(identity: Template) -> None:
    assert identity.only(CLIENT)["PreventUserExistenceErrors"] == "ENABLED"


def test_access_ends_within_15_minutes_of_a_revocation(identity: Template) -> None:
    client = identity.only(CLIENT)
    assert client["EnableTokenRevocation"] is True
    assert client["AccessTokenValidity"] == 15
    assert client["TokenValidityUnits"]["AccessToken"] == "minutes"


def test_clients_learn_pool_and_client_from_the_outputs(identity: Template) -> None:
    outputs = identity.body["Outputs"]
    (client_id,) = identity.resources(CLIENT)
    assert (
        identity.text(outputs["UserPoolId"]["Value"]) == f"<{identity.only(POOL)['UserPoolName']}>"
    )
    assert outputs["UserPoolClientId"]["Value"] == {"Ref": client_id}


def test_a_stage_with_a_sender_sends_from_its_verified_domain(assembly: Assembly) -> None:
    """Cognito's own sender stops at 50 messages a day for the whole account."""
    template = assembly.template("quiz-prod-identity")
    email = template.only(POOL)["EmailConfiguration"]
    assert email["EmailSendingAccount"] == "DEVELOPER"
    assert email["From"] == "Quiz <quiz@example.com>"
    assert template.text(email["SourceArn"]) == (
        "arn:<AWS::Partition>:ses:<AWS::Region>:<AWS::AccountId>:identity/example.com"
    )


@pytest.mark.parametrize("stage", ["dev", "staging", "rehearsal"])
def test_a_stage_without_a_sender_uses_that_of_cognito(assembly: Assembly, stage: str) -> None:
    pool = assembly.template(f"quiz-{stage}-identity").only(POOL)
    assert pool.get("EmailConfiguration", {}).get("EmailSendingAccount") != "DEVELOPER"
