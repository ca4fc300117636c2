import re
from typing import Any

import pytest

from infra.permissions import ACCOUNT_ACTIONS, AUDITED, PERMISSIONS, TableName
from lambdas.contract.delivery import CONSUMER
from lambdas.contract.route import Access
from lambdas.contract.routes import FUNCTIONS, ROUTES
from lambdas.contract.timeouts import timeout_of
from local.data_folder import ROOT
from tests.infra.assembly import Assembly, Properties, Template
from tests.infra.chosen import CHOSEN, SERVICE_STAGES

FUNCTION = "AWS::Lambda::Function"
POLICY = "AWS::IAM::Policy"
ROLE = "AWS::IAM::Role"
ALIAS = "AWS::Lambda::Alias"
TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY_OF_SCALING = "AWS::ApplicationAutoScaling::ScalingPolicy"


def functions(api: Template) -> dict[str, Properties]:
    """By folder under `lambdas`."""
    return {
        properties["FunctionName"].split("-", 2)[2]: properties
        for properties in api.resources(FUNCTION).values()
    }


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(api: Template, role_id: str) -> list[Properties]:
    return [
        statement
        for policy in api.resources(POLICY).values()
        if {"Ref": role_id} in policy["Roles"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def allowed(api: Template, function: Properties) -> set[tuple[str, str]]:
    role_id = function["Role"]["Fn::GetAtt"][0]
    return {
        (action, api.text(resource))
        for statement in statements(api, role_id)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def test_every_function_of_the_route_table_is_there_and_no_other(
    api: Template, stage_name: str
) -> None:
    names = {properties["FunctionName"] for properties in api.resources(FUNCTION).values()}
    assert names == {f"quiz-{stage_name}-{folder}" for folder in FUNCTIONS}
    assert set(PERMISSIONS) == {*FUNCTIONS, CONSUMER, "signup"}


def test_a_function_may_do_what_its_row_says_and_nothing_else(
    api: Template, stage_name: str
) -> None:
    for folder, function in functions(api).items():
        expected = {
            (
                "logs:CreateLogStream",
                f"<{api.text(function['LoggingConfig']['LogGroup'])[1:-1]}.Arn>",
            ),
            ("logs:PutLogEvents", f"<{api.text(function['LoggingConfig']['LogGroup'])[1:-1]}.Arn>"),
            ("xray:PutTraceSegments", "*"),
            ("xray:PutTelemetryRecords", "*"),
        }
        for grant in PERMISSIONS[folder]:
            index = f"/index/{grant.index}" if grant.index else ""
            arn = f"<quiz-{stage_name}-{grant.table}.Arn>{index}"
            expected |= {(f"dynamodb:{action}", arn) for action in grant.actions}
        pool = f"<quiz-{stage_name}.Arn>"
        expected |= {(f"cognito-idp:{each}", pool) for each in ACCOUNT_ACTIONS.get(folder, ())}
        if folder in AUDITED:
            secret = api.text(function["Environment"]["Variables"]["AUDIT_KEY_SECRET"])
            expected.add(("secretsmanager:GetSecretValue", secret))
        assert allowed(api, function) == expected, folder


def test_only_an_erasure_deletes_accounts_or_what_is_kept_of_them(api: Template) -> None:
    able = {
        folder
        for folder, function in functions(api).items()
        for action, _ in allowed(api, function)
        if action in ("cognito-idp:AdminDeleteUser", "dynamodb:BatchWriteItem")
    }
    assert able == {"privacy"}


def test_every_function_with_rights_of_administrators_checks_their_second_factor(
    api: Template,
) -> None:
    variables = {
        folder: function["Environment"]["Variables"] for folder, function in functions(api).items()
    }
    able = {
        folder
        for folder, function in functions(api).items()
        if any(action == "cognito-idp:AdminGetUser" for action, _ in allowed(api, function))
    }
    administered = (Access.ADMIN, Access.SELF_OR_ADMIN)
    assert able == {route.function for route in ROUTES if route.access in administered}
    assert {variables[folder]["ADMIN_MFA"] for folder in able} == {"true"}
    assert all(api.text(variables[each]["USER_POOL_ID"]).startswith("<quiz-") for each in able)


def test_a_schedule_calls_what_completes_erasures(api: Template, stage_name: str) -> None:
    rule = api.only("AWS::Events::Rule")
    assert rule["ScheduleExpression"] == "rate(1 hour)"
    assert rule["State"] == "ENABLED"
    (target,) = rule["Targets"]
    alias = api.resources(ALIAS)[target["Arn"]["Ref"]]
    assert api.text(alias["FunctionName"]) == f"<quiz-{stage_name}-privacy>"


def test_permissions_come_from_the_policies_checked_above_alone(api: Template) -> None:
    for statement in (
        statement
        for policy in api.resources(POLICY).values()
        for statement in policy["PolicyDocument"]["Statement"]
    ):
        assert statement["Effect"] == "Allow"
        assert not {"NotAction", "NotResource"} & set(statement)
    for function in api.resources(FUNCTION).values():
        role = api.body["Resources"][function["Role"]["Fn::GetAtt"][0]]["Properties"]
        assert not {"Policies", "ManagedPolicyArns"} & set(role)
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_no_function_shares_its_role(api: Template) -> None:
    roles = [f["Role"]["Fn::GetAtt"][0] for f in api.resources(FUNCTION).values()]
    assert len(set(roles)) == len(roles)


def test_no_action_is_a_wildcard_and_no_table_can_be_scanned(api: Template) -> None:
    for function in api.resources(FUNCTION).values():
        for action, resource in allowed(api, function):
            assert "*" not in action
            assert action != "dynamodb:Scan"
            if not action.startswith("xray:"):  # knows no resources
                assert "*" not in resource


def writers(table: TableName) -> set[str]:
    reading = {"GetItem", "BatchGetItem", "Query", "ConditionCheckItem"}
    return {
        folder
        for folder, grants in PERMISSIONS.items()
        for grant in grants
        if grant.table is table and set(grant.actions) - reading
    }


def test_only_the_bank_keeper_changes_questions_and_the_consumer_counts_beside_them() -> None:
    assert writers(TableName.QUESTIONS) == {"questions", CONSUMER}


def test_reading_progress_changes_only_when_a_second_factor_was_first_seen() -> None:
    assert [table for table in TableName if "progress" in writers(table)] == [TableName.USERS]


def test_the_health_check_reaches_no_table() -> None:
    assert PERMISSIONS["health"] == ()


def test_a_function_is_told_the_tables_it_uses_and_no_others(
    api: Template, stage_name: str
) -> None:
    for folder, function in functions(api).items():
        variables = function["Environment"]["Variables"]
        told = {
            name: api.text(value) for name, value in variables.items() if name.endswith("_TABLE")
        }
        assert told == {
            f"{grant.table.upper().replace('-', '_')}_TABLE": f"<quiz-{stage_name}-{grant.table}>"
            for grant in PERMISSIONS[folder]
        }


def test_a_function_is_told_its_stage(api: Template, stage_name: str) -> None:
    stage = CHOSEN[stage_name]
    for function in api.resources(FUNCTION).values():
        variables = function["Environment"]["Variables"]
        assert variables["STAGE"] == stage_name
        assert variables["LOG_LEVEL"] == stage.log_level
        assert variables["PERFORMANCE_MONITORING"] == str(stage.performance_monitoring).lower()
        assert variables["CORS_ORIGINS"] == stage.cors_origin


def test_a_function_is_told_whose_tokens_it_takes(
    assembly: Assembly, api: Template, stage_name: str
) -> None:
    (client,) = assembly.template(f"quiz-{stage_name}-identity").resources(
        "AWS::Cognito::UserPoolClient"
    )
    for function in functions(api).values():
        told = function["Environment"]["Variables"]["CLIENT_ID"]["Fn::ImportValue"]
        assert told.startswith(f"quiz-{stage_name}-identity:")
        assert client in told


def test_functions_run_python_3_13_on_arm_with_tracing(api: Template) -> None:
    for function in api.resources(FUNCTION).values():
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == ["arm64"]
        assert function["TracingConfig"] == {"Mode": "Active"}


def test_a_function_may_take_as_long_as_is_waited_for_it(api: Template) -> None:
    seconds = {folder: function["Timeout"] for folder, function in functions(api).items()}
    assert seconds == {folder: timeout_of(folder) for folder in FUNCTIONS}
    assert seconds.pop("privacy") == 28
    assert set(seconds.values()) == {10}
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
    assert timeout_of("privacy") < 29


def test_functions_share_one_asset_and_have_a_handler_each(api: Template) -> None:
    keys = {str(function["Code"]) for function in api.resources(FUNCTION).values()}
    assert len(keys) == 1
    for folder, function in functions(api).items():
        assert function["Handler"] == f"lambdas.{folder}.handler.handler"
        assert (ROOT / "lambdas" / folder / "handler.py").is_file()


def test_every_log_group_forgets(api: Template, stage_name: str) -> None:
    groups = api.resources("AWS::Logs::LogGroup")
    days = CHOSEN[stage_name].log_retention.value
    retention = {"ONE_WEEK": 7, "ONE_MONTH": 30, "THREE_MONTHS": 90}[str(days)]
    assert {group["RetentionInDays"] for group in groups.values()} == {retention}
    logged = {str(f["LoggingConfig"]["LogGroup"]) for f in api.resources(FUNCTION).values()}
    assert len(logged) == len(FUNCTIONS)


def test_only_the_gateway_of_the_stage_may_call_the_functions_and_its_schedule_one(
    api: Template,
) -> None:
    (gateway_id,) = api.resources("AWS::ApiGateway::RestApi")
    (rule_id,) = api.resources("AWS::Events::Rule")
    permissions = list(api.resources("AWS::Lambda::Permission").values())
    (scheduled,) = (p for p in permissions if p["Principal"] == "events.amazonaws.com")
    assert scheduled["SourceArn"] == {"Fn::GetAtt": [rule_id, "Arn"]}
    permissions.remove(scheduled)
    called = set()
    for permission in permissions:
        assert permission["Principal"] == "apigateway.amazonaws.com"
        assert permission["Action"] == "lambda:InvokeFunction"
        assert re.search(rf"execute-api.*<{gateway_id}>/", api.text(permission["SourceArn"]))
        called.add(permission["FunctionName"]["Ref"])
    assert called == set(api.resources(ALIAS))


def test_a_function_has_an_alias_of_its_version(api: Template) -> None:
    versions = api.resources("AWS::Lambda::Version")
    of_functions = set()
    for alias in api.resources(ALIAS).values():
        assert alias["Name"] == "live"
        version_id, attribute = alias["FunctionVersion"]["Fn::GetAtt"]
        assert attribute == "Version"
        assert versions[version_id]["FunctionName"] == alias["FunctionName"]
        of_functions.add(alias["FunctionName"]["Ref"])
    assert of_functions == set(api.resources(FUNCTION))
    assert len(versions) == len(of_functions)


def test_versions_on_aws_stay_to_go_back_to(assembly: Assembly) -> None:
    for stage in SERVICE_STAGES:
        resources = assembly.template(f"quiz-{stage}-api").body["Resources"].values()
        kept = {r["DeletionPolicy"] for r in resources if r["Type"] == "AWS::Lambda::Version"}
        assert kept == {"RetainExceptOnCreate" if CHOSEN[stage].deploy_roles else "Delete"}


def warm(api: Template) -> dict[str, int]:
    return {
        api.text(alias["FunctionName"]).rpartition("-")[2].rstrip(">"): alias[
            "ProvisionedConcurrencyConfig"
        ]["ProvisionedConcurrentExecutions"]
        for alias in api.resources(ALIAS).values()
        if "ProvisionedConcurrencyConfig" in alias
    }


def test_prod_keeps_quiz_and_answer_warm(assembly: Assembly) -> None:
    assert warm(assembly.template("quiz-prod-api")) == {"quiz": 1, "answer": 1}


@pytest.mark.parametrize("stage", ["dev", "staging", "rehearsal"])
def test_no_other_stage_pays_for_warm_functions(assembly: Assembly, stage: str) -> None:
    api = assembly.template(f"quiz-{stage}-api")
    assert warm(api) == {}
    assert api.resources(TARGET) == {}
    assert api.resources(POLICY_OF_SCALING) == {}


def test_what_is_warm_in_prod_follows_its_use(assembly: Assembly) -> None:
    api = assembly.template("quiz-prod-api")
    targets = api.resources(TARGET)
    aliases = {
        logical_id
        for logical_id, alias in api.resources(ALIAS).items()
        if "ProvisionedConcurrencyConfig" in alias
    }
    scaled = set()
    for target in targets.values():
        assert target["ServiceNamespace"] == "lambda"
        assert target["ScalableDimension"] == "lambda:function:ProvisionedConcurrency"
        assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 20)
        _, (start, select, end) = target["ResourceId"]["Fn::Join"]
        assert (start, end) == ("function:", ":live")
        scaled.add(select["Fn::Select"][1]["Fn::Split"][1]["Ref"])
    assert scaled == aliases
    followed = set()
    for policy in api.resources(POLICY_OF_SCALING).values():
        tracking = policy["TargetTrackingScalingPolicyConfiguration"]
        assert policy["PolicyType"] == "TargetTrackingScaling"
        assert tracking["TargetValue"] == 0.7
        assert tracking["PredefinedMetricSpecification"] == {
            "PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"
        }
        followed.add(policy["ScalingTargetId"]["Ref"])
    assert followed == set(targets)


def test_no_function_starts_from_a_snapshot(api: Template) -> None:
    """It would exclude provisioned concurrency, and neither CDK nor cfn-lint warns."""
    assert all("SnapStart" not in function for function in api.resources(FUNCTION).values())


@pytest.mark.parametrize("stage", SERVICE_STAGES)
def test_concurrency_is_reserved_as_the_stage_says(assembly: Assembly, stage: str) -> None:
    reserved = {
        function["FunctionName"].split("-", 2)[2]: function["ReservedConcurrentExecutions"]
        for name, template in assembly.templates.items()
        if name.startswith(f"quiz-{stage}-")
        for function in template.resources(FUNCTION).values()
        if "ReservedConcurrentExecutions" in function
    }
    assert reserved == CHOSEN[stage].reserved_concurrency


def test_prod_reserves_for_play_alone_and_little_of_an_account() -> None:
    reserved = CHOSEN["prod"].reserved_concurrency
    assert set(reserved) == {"quiz", "answer"}
    assert sum(reserved.values()) <= 100


@pytest.mark.parametrize("stage", [s for s in SERVICE_STAGES if CHOSEN[s].deploy_roles])
def test_all_stages_on_aws_ship_the_same_asset(assembly: Assembly, stage: str) -> None:
    def code(name: str) -> set[str]:
        template = assembly.template(f"quiz-{name}-api")
        return {str(f["Code"]["S3Key"]) for f in template.resources(FUNCTION).values()}

    assert code(stage) == code("prod")


@pytest.mark.parametrize("stage", ["dev", "staging", "prod", "rehearsal"])
def test_functions_that_are_not_kept_warm_shift_by_canary(assembly: Assembly, stage: str) -> None:
    warm = {"quiz", "answer"} if stage == "prod" else set()
    shifted = set()
    for name, template in assembly.templates.items():
        if not name.startswith(f"quiz-{stage}-"):
            continue
        groups = {
            group["DeploymentGroupName"]: group
            for group in template.resources("AWS::CodeDeploy::DeploymentGroup").values()
        }
        for identifier, alias in template.resources(ALIAS).items():
            function = template.resources(FUNCTION)[alias["FunctionName"]["Ref"]]["FunctionName"]
            resource = template.body["Resources"][identifier]
            policy = resource.get("UpdatePolicy", {}).get("CodeDeployLambdaAliasUpdate")
            assert (policy is not None) is (function in groups)
            if function in groups:
                shifted.add(function.split("-", 2)[2])
                assert_canary(template, groups[function], alias)
    everything = set(PERMISSIONS) - warm
    assert shifted == (everything if stage in ("staging", "prod") else set())


def assert_canary(template: Template, group: Properties, alias: Properties) -> None:
    """An error of the new version alone ends the shift, and takes it back."""
    assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    rollback = group["AutoRollbackConfiguration"]
    assert rollback["Enabled"] is True
    assert "DEPLOYMENT_STOP_ON_ALARM" in rollback["Events"]
    (named,) = group["AlarmConfiguration"]["Alarms"]
    alarm = template.resources("AWS::CloudWatch::Alarm")[named["Name"]["Ref"]]
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    assert dimensions["ExecutedVersion"] == alias["FunctionVersion"]
    assert dimensions["Resource"] == f"{group['DeploymentGroupName']}:live"
    assert (alarm["MetricName"], alarm["Threshold"], alarm["Period"]) == ("Errors", 0, 60)
    assert alarm["TreatMissingData"] == "notBreaching"
