"""The user pool's trigger after a confirmed sign-up, which a local cloud never calls."""

from infra.permissions import ACCOUNT_ACTIONS, PERMISSIONS
from lambdas.contract.timeouts import timeout_of
from tests.infra.assembly import Assembly, Properties, Template

FUNCTION = "AWS::Lambda::Function"


def listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def depends_on(template: Template, logical_id: str) -> list[str]:
    resource: Properties = template.body["Resources"][logical_id]
    return listed(resource.get("DependsOn", []))


def test_the_pool_calls_the_live_version_when_a_sign_up_is_confirmed_and_at_no_other_time(
    identity: Template, stage_name: str
) -> None:
    triggers = identity.only("AWS::Cognito::UserPool")["LambdaConfig"]
    ((alias_id, alias),) = identity.resources("AWS::Lambda::Alias").items()
    assert triggers == {"PostConfirmation": {"Ref": alias_id}}
    assert alias["Name"] == "live"
    assert identity.text(alias["FunctionName"]) == f"<quiz-{stage_name}-signup>"


def test_only_this_pool_may_call_it(identity: Template, stage_name: str) -> None:
    permission = identity.only("AWS::Lambda::Permission")
    (alias_id,) = identity.resources("AWS::Lambda::Alias")
    assert permission["FunctionName"] == {"Ref": alias_id}
    assert permission["Principal"] == "cognito-idp.amazonaws.com"
    assert permission["Action"] == "lambda:InvokeFunction"
    assert identity.text(permission["SourceArn"]) == f"<quiz-{stage_name}.Arn>"


def test_it_may_make_an_item_and_put_users_of_this_pool_into_a_group_and_no_more(
    identity: Template, stage_name: str
) -> None:
    # CodeDeploy, which shifts the function to its next version, has a role of its own.
    (role_id,) = (
        identifier
        for identifier, role in identity.resources("AWS::IAM::Role").items()
        if role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
        == {"Service": "lambda.amazonaws.com"}
    )
    allowed = {
        (action, identity.text(statement["Resource"]))
        for policy in identity.resources("AWS::IAM::Policy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        for action in listed(statement["Action"])
    }
    assert all(
        policy["Roles"] == [{"Ref": role_id}]
        for policy in identity.resources("AWS::IAM::Policy").values()
    )
    log_group = f"</aws/lambda/quiz-{stage_name}-signup.Arn>"
    (grant,) = PERMISSIONS["signup"]
    assert grant.actions == ("PutItem",)
    assert ACCOUNT_ACTIONS["signup"] == ("AdminAddUserToGroup",)
    assert allowed == {
        ("dynamodb:PutItem", f"<quiz-{stage_name}-users.Arn>"),
        ("cognito-idp:AdminAddUserToGroup", f"<quiz-{stage_name}.Arn>"),
        ("logs:CreateLogStream", log_group),
        ("logs:PutLogEvents", log_group),
        ("xray:PutTraceSegments", "*"),
        ("xray:PutTelemetryRecords", "*"),
        ("secretsmanager:GetSecretValue", "<TrailKey31F874A3>"),  # for its audit records
    }


def test_neither_the_pool_nor_the_function_waits_for_what_names_the_pool(
    identity: Template,
) -> None:
    """Else each would need the other first, and CloudFormation would make neither."""
    (pool_id,) = identity.resources("AWS::Cognito::UserPool")
    (function_id,) = identity.resources(FUNCTION)
    naming = {
        logical_id
        for logical_id, policy in identity.resources("AWS::IAM::Policy").items()
        if pool_id in str(policy)
    }
    assert naming
    assert not naming & set(depends_on(identity, function_id))
    assert pool_id not in str(identity.resources(FUNCTION))


def test_it_is_a_function_like_the_others(assembly: Assembly, stage_name: str) -> None:
    function = assembly.template(f"quiz-{stage_name}-identity").only(FUNCTION)
    api = assembly.template(f"quiz-{stage_name}-api")
    other = next(iter(api.resources(FUNCTION).values()))
    same = ("Runtime", "Architectures", "Code", "MemorySize", "TracingConfig")
    assert [function[name] for name in same] == [other[name] for name in same]
    assert function["Handler"] == "lambdas.signup.handler.handler"
    # Cognito waits no longer: Developer guide, "Customizing user pool workflows".
    assert function["Timeout"] == timeout_of("signup") == 5
    told = {n for n in function["Environment"]["Variables"] if n.endswith("_TABLE")}
    assert told == {"USERS_TABLE"}
