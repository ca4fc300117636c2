"""Every resource of the templates is there, with its settings and rights."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from infra.permissions import ACCOUNT_ACTIONS, AUDITED, PERMISSIONS
from infra.stages import STAGES
from lambdas.contract.delivery import CONSUMER
from lambdas.contract.route import Access, Route
from lambdas.contract.routes import FUNCTIONS, ROUTES
from tests.deployment.local_cloud import (
    ACCOUNT,
    PREFIX,
    REGION,
    STAGE,
    Deployment,
    LocalCloud,
)
from tests.deployment.rehearsal import (
    BUCKET,
    QUEUE,
    SIGN_IN_SCOPE,
    STACKS,
    by_operation,
    resources,
)
from tests.infra.assembly import Template

OTHER_STACKS = {CONSUMER: "analytics", "signup": "identity"}


by_function = pytest.mark.parametrize("folder", [*FUNCTIONS, *OTHER_STACKS])


def template(deployment: Deployment, stack: str) -> Template:
    return deployment.assembly.template(f"{PREFIX}-{stack}")


def resolved(template: Template, value: Any) -> str:
    """A value of a template, where a reference to a thing is its name."""
    return template.text(value).strip("<>")


@pytest.mark.parametrize("stack", STACKS)
def test_every_resource_of_the_template_was_made(deployment: Deployment, stack: str) -> None:
    declared = deployment.assembly.template(stack).body["Resources"]
    made = resources(deployment.cloud, stack)
    assert {name: kind for name, (kind, _) in made.items()} == {
        name: resource["Type"] for name, resource in declared.items()
    }


TABLES = {
    "users": ("userId", None),
    "questions": ("questionId", None),
    "sessions": ("userId", "sessionId"),
    "progress": ("userId", "questionId"),
    "wrong-answers": ("userId", "timestamp"),
}


def keys_of(described: Mapping[str, Any]) -> tuple[str, str | None]:
    by_kind = {key["KeyType"]: key["AttributeName"] for key in described["KeySchema"]}
    return by_kind["HASH"], by_kind.get("RANGE")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_its_keys(deployment: Deployment, name: str) -> None:
    dynamodb = deployment.cloud.client("dynamodb")
    table = dynamodb.describe_table(TableName=f"{PREFIX}-{name}")["Table"]
    assert keys_of(table) == TABLES[name]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    indexes = {index["IndexName"]: index for index in table.get("GlobalSecondaryIndexes", [])}
    if name == "questions":
        index = indexes.pop("byCategory")
        assert keys_of(index) == ("category", "ordinal")
        assert index["Projection"] == {"ProjectionType": "ALL"}
        assert {"AttributeName": "ordinal", "AttributeType": "N"} in table["AttributeDefinitions"]
        assert keys_of(indexes.pop("byName")) == ("listed", "category")
    if name == "users":
        assert keys_of(indexes.pop("unfinishedErasures")) == ("erasing", "erasedAt")
    assert indexes == {}
    stream = table.get("StreamSpecification", {})
    assert stream.get("StreamViewType") == ("NEW_AND_OLD_IMAGES" if name == "progress" else None)


def test_no_other_table_was_made(deployment: Deployment) -> None:
    names = deployment.cloud.pages("dynamodb", "list_tables", "TableNames")
    assert set(names) == {f"{PREFIX}-{name}" for name in TABLES}


@by_function
def test_a_function_is_as_declared(deployment: Deployment, folder: str) -> None:
    name = f"{PREFIX}-{folder}"
    api = template(deployment, OTHER_STACKS.get(folder, "api"))
    (declared,) = (
        each
        for each in api.resources("AWS::Lambda::Function").values()
        if each["FunctionName"] == name
    )
    made = deployment.cloud.client("lambda").get_function_configuration(FunctionName=name)
    assert made["Handler"] == f"lambdas.{folder}.handler.handler"
    assert made["Runtime"] == "python3.13"
    assert made["Architectures"] == declared["Architectures"]
    assert (made["MemorySize"], made["Timeout"]) == (declared["MemorySize"], declared["Timeout"])
    assert made["TracingConfig"]["Mode"] == "Active"
    assert made["LoggingConfig"]["LogGroup"] == f"/aws/lambda/{name}"
    variables = declared["Environment"]["Variables"]
    told = made["Environment"]["Variables"]
    assert told.keys() == variables.keys()
    made_elsewhere = {"CLIENT_ID", "AUDIT_KEY_SECRET", "USER_POOL_ID", "FAILED_BATCHES_BUCKET"}
    for variable in variables.keys() - made_elsewhere:
        assert told[variable] == resolved(api, variables[variable])
    assert told["STAGE"] == STAGE
    if folder in AUDITED:
        assert told["AUDIT_KEY_SECRET"] == key_secret(deployment.cloud)
    if folder == CONSUMER:
        assert told["FAILED_BATCHES_BUCKET"] == BUCKET
    if folder in FUNCTIONS:
        assert told["CLIENT_ID"] == deployment.outputs.userPoolClientId
    if folder == "privacy":
        assert told["USER_POOL_ID"] == deployment.outputs.userPoolId


def key_secret(cloud: LocalCloud) -> str:
    """The ARN of the only secret: the key of the audit's pseudonyms."""
    (secret,) = cloud.client("secretsmanager").list_secrets()["SecretList"]
    return str(secret["ARN"])


def statements(cloud: LocalCloud, role: str) -> Iterator[tuple[str, str]]:
    """Action and resource of everything a role may do."""
    iam = cloud.client("iam")
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        for statement in document["Statement"]:
            assert statement["Effect"] == "Allow"
            for action in _as_list(statement["Action"]):
                for resource in _as_list(statement["Resource"]):
                    yield action, resource


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@by_function
def test_a_function_may_do_what_is_granted_and_no_more(deployment: Deployment, folder: str) -> None:
    name = f"{PREFIX}-{folder}"
    function = deployment.cloud.client("lambda").get_function_configuration(FunctionName=name)
    role = function["Role"].rpartition("/")[2]
    tables = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{PREFIX}-"
    logs = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{name}:*"
    pool = f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{deployment.outputs.userPoolId}"
    assert set(statements(deployment.cloud, role)) == {
        *(
            (
                f"dynamodb:{action}",
                f"{tables}{grant.table}{f'/index/{i}' if (i := grant.index) else ''}",
            )
            for grant in PERMISSIONS[folder]
            for action in grant.actions
        ),
        ("logs:CreateLogStream", logs),
        ("logs:PutLogEvents", logs),
        ("xray:PutTraceSegments", "*"),
        ("xray:PutTelemetryRecords", "*"),
        *(consumer_permissions(deployment.cloud) if folder == CONSUMER else ()),
        *((f"cognito-idp:{action}", pool) for action in ACCOUNT_ACTIONS.get(folder, ())),
        *(
            {("secretsmanager:GetSecretValue", key_secret(deployment.cloud))}
            if folder in AUDITED
            else ()
        ),
    }


def consumer_permissions(cloud: LocalCloud) -> Iterator[tuple[str, str]]:
    for action in ("DescribeStream", "GetRecords", "GetShardIterator"):
        yield f"dynamodb:{action}", stream_arn(cloud)
    yield (
        "dynamodb:ListStreams",
        f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{PREFIX}-progress/stream/*",
    )
    yield "s3:PutObject", f"arn:aws:s3:::{BUCKET}/aws/lambda/*"
    yield "s3:ListBucket", f"arn:aws:s3:::{BUCKET}"


def stream_arn(cloud: LocalCloud) -> str:
    table = cloud.client("dynamodb").describe_table(TableName=f"{PREFIX}-progress")["Table"]
    return str(table["LatestStreamArn"])


def test_the_stream_is_delivered_to_the_live_consumer_by_the_stages_settings(
    deployment: Deployment,
) -> None:
    functions, settings = deployment.cloud.client("lambda"), STAGES[STAGE].delivery
    (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
    assert mapping["EventSourceArn"] == stream_arn(deployment.cloud)
    assert mapping["FunctionArn"].endswith(f":function:{PREFIX}-{CONSUMER}:live")
    assert mapping["State"] == "Enabled"
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["BatchSize"] == settings.batch_size
    assert mapping["MaximumBatchingWindowInSeconds"] == settings.window_seconds
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_a_failed_batch_in_the_bucket_is_told_by_the_queue(deployment: Deployment) -> None:
    s3, sqs = deployment.cloud.client("s3"), deployment.cloud.client("sqs")
    notified = s3.get_bucket_notification_configuration(Bucket=BUCKET)
    (queue,) = notified["QueueConfigurations"]
    assert queue["QueueArn"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:{QUEUE}"
    assert queue["Events"] == ["s3:ObjectCreated:*"]
    access = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert set(access.values()) == {True}
    attributes = sqs.get_queue_attributes(
        QueueUrl=sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"], AttributeNames=["All"]
    )["Attributes"]
    assert attributes["MessageRetentionPeriod"] == str(14 * 24 * 3_600)


@pytest.fixture(scope="session")
def methods(deployment: Deployment) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Methods of the gateway by verb and path."""
    found = deployment.cloud.pages(
        "apigateway", "get_resources", "items", restApiId=deployment.api_id, embed=["methods"]
    )
    return {
        (verb, resource["path"]): method
        for resource in found
        for verb, method in resource.get("resourceMethods", {}).items()
    }


def test_the_gateway_has_the_routes_of_the_table(
    methods: Mapping[tuple[str, str], Mapping[str, Any]],
) -> None:
    served = {where for where in methods if where[0] not in {"ANY", "OPTIONS"}}
    expected = {(route.method, route.path) for route in ROUTES}
    assert served == expected | {("HEAD", r.path) for r in ROUTES if r.access is Access.PUBLIC}


@by_operation
def test_a_method_asks_for_a_token_of_the_pool_and_leads_to_its_function(
    deployment: Deployment,
    methods: Mapping[tuple[str, str], Mapping[str, Any]],
    route: Route,
) -> None:
    method = methods[route.method, route.path]
    integration = method["methodIntegration"]
    assert integration["type"] == "AWS_PROXY"
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{PREFIX}-{route.function}"
    target = integration["uri"].partition("/functions/")[2].removesuffix("/invocations")
    assert target == function or target.startswith(f"{function}:")
    if route.access is Access.PUBLIC:
        assert method["authorizationType"] == "NONE"
        return
    assert method["authorizationType"] == "COGNITO_USER_POOLS"
    own = "quiz/manage" if route.access is Access.ADMIN else "quiz/learn"
    assert set(method["authorizationScopes"]) == {SIGN_IN_SCOPE, own}
    gateway = deployment.cloud.client("apigateway")
    authorizer = gateway.get_authorizer(
        restApiId=deployment.api_id, authorizerId=method["authorizerId"]
    )
    assert authorizer["type"] == "COGNITO_USER_POOLS"
    pool = deployment.outputs.userPoolId
    assert authorizer["providerARNs"] == [f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{pool}"]


def test_the_user_pool_has_its_settings(deployment: Deployment) -> None:
    cognito = deployment.cloud.client("cognito-idp")
    pool_id = deployment.outputs.userPoolId
    pool = cognito.describe_user_pool(UserPoolId=pool_id)["UserPool"]
    assert pool["UsernameAttributes"] == ["email"]
    assert pool["AutoVerifiedAttributes"] == ["email"]
    policy = pool["Policies"]["PasswordPolicy"]
    assert policy["MinimumLength"] >= 12
    required = [f"Require{kind}" for kind in ("Uppercase", "Lowercase", "Numbers", "Symbols")]
    assert all(policy[kind] for kind in required)
    factors = cognito.get_user_pool_mfa_config(UserPoolId=pool_id)
    assert factors["MfaConfiguration"] == "OPTIONAL"
    assert factors["SoftwareTokenMfaConfiguration"] == {"Enabled": True}
    groups = cognito.list_groups(UserPoolId=pool_id)["Groups"]
    assert {group["GroupName"] for group in groups} == {"admin", "learner"}
    (server,) = cognito.list_resource_servers(UserPoolId=pool_id, MaxResults=5)["ResourceServers"]
    assert server["Identifier"] == "quiz"
    assert {scope["ScopeName"] for scope in server["Scopes"]} == {"learn", "manage"}


def test_the_client_is_public_and_signs_in_over_srp_alone(deployment: Deployment) -> None:
    client = deployment.cloud.client("cognito-idp").describe_user_pool_client(
        UserPoolId=deployment.outputs.userPoolId, ClientId=deployment.outputs.userPoolClientId
    )["UserPoolClient"]
    assert "ClientSecret" not in client
    assert set(client["ExplicitAuthFlows"]) == {
        "ALLOW_USER_SRP_AUTH",
        "ALLOW_REFRESH_TOKEN_AUTH",
    }
    assert client["AllowedOAuthFlows"] == []
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    assert client["EnableTokenRevocation"] is True
    units = client["TokenValidityUnits"]
    assert (client["AccessTokenValidity"], units["AccessToken"]) == (15, "minutes")


@by_function
def test_what_was_packaged_needs_nothing_beside_it(
    deployment: Deployment, tmp_path: Path, folder: str
) -> None:
    """The local cloud has a botocore of its own, which would hide that ours was forgotten."""
    function = deployment.cloud.client("lambda").get_function(FunctionName=f"{PREFIX}-{folder}")
    package = tmp_path / "package.zip"
    package.write_bytes(httpx2.get(function["Code"]["Location"]).raise_for_status().content)
    with zipfile.ZipFile(package) as content:
        content.extractall(tmp_path / "package")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'package')!r});"
        f"import lambdas.{folder}.handler as handler; assert callable(handler.handler)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        env={"STAGE": STAGE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
