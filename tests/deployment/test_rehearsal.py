"""The stage `rehearsal`, from an empty account to an empty account, as CI sees it before AWS does.

The tests are one flow in the order they are written. The limits of this cloud are listed in
docs/deployment.md, with the assertion on the template that stands in for it.
"""

import gzip
import io
import json
import re
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.permissions import ACCOUNT_ACTIONS, AUDITED, PERMISSIONS
from infra.stages import STAGES
from lambdas.contract.delivery import CONSUMER
from lambdas.contract.routes import FUNCTIONS, ROUTES, Access, Route
from local.accounts.user_pool import confirmed_sign_up
from local.data_folder import ROOT
from ops.deploy.redrive import bucket_of, queue_of
from ops.deploy.sign_in import create_user
from tests.deployment.api_user import CATEGORY, ApiUser, bank_questions, signed_in
from tests.deployment.local_cloud import (
    ACCOUNT,
    CDK,
    PREFIX,
    REGION,
    STAGE,
    TOO_LONG,
    Deployment,
    LocalCloud,
    reachable,
)
from tests.deployment.permissions_used import granted, used
from tests.infra.assembly import Template

STACKS = [
    f"{PREFIX}-{name}" for name in ("data", "audit", "identity", "api", "failures", "analytics")
]
SIGN_IN_SCOPE = "aws.cognito.signin.user.admin"

BUCKET = bucket_of(STAGE, ACCOUNT, REGION)
QUEUE = queue_of(STAGE)

by_operation = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
OTHER_STACKS = {CONSUMER: "analytics", "signup": "identity"}
by_function = pytest.mark.parametrize("folder", [*FUNCTIONS, *OTHER_STACKS])


# An account that knows nothing of the CDK


def test_an_account_without_bootstrap_is_told_so(cloud: LocalCloud) -> None:
    done = cloud.operate("deploy")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Account {ACCOUNT} has not been bootstrapped in {REGION}: run "
        f"'.venv/bin/npx cdk bootstrap aws://{ACCOUNT}/{REGION}' once.\n"
    )


def test_a_stage_that_was_not_deployed_cannot_be_tried(cloud: LocalCloud) -> None:
    done = cloud.operate("smoke")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"with 'make deploy STAGE={STAGE}'.\n")


# A first deployment that fails, and its repetition


def test_a_first_deployment_that_fails_is_rolled_back(bootstrapped: LocalCloud) -> None:
    """Nothing of the stack that failed is left, though it has a function and a log by name."""
    bootstrapped.failure.touch()
    done = bootstrapped.operate("deploy")
    bootstrapped.failure.unlink()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "ROLLBACK_COMPLETE" in done.stdout + done.stderr
    states = stack_states(bootstrapped)
    assert states[f"{PREFIX}-data"] == "CREATE_COMPLETE"
    assert states[f"{PREFIX}-identity"] == "ROLLBACK_COMPLETE"
    assert f"{PREFIX}-api" not in states
    assert bootstrapped.pages("lambda", "list_functions", "Functions") == []
    groups = bootstrapped.pages("logs", "describe_log_groups", "logGroups")
    assert [group["logGroupName"] for group in groups if "lambda" in group["logGroupName"]] == []
    assert not (bootstrapped.folder / "data" / f"outputs-{STAGE}.json").exists()


def test_the_same_command_completes_it(deployment: Deployment) -> None:
    assert "(no changes)" in deployment.told.stdout + deployment.told.stderr
    states = stack_states(deployment.cloud)
    assert {states[stack] for stack in STACKS} == {"CREATE_COMPLETE"}


def stack_states(cloud: LocalCloud) -> dict[str, str]:
    """The status of each stack by its name."""
    stacks = cloud.client("cloudformation").describe_stacks()["Stacks"]
    return {stack["StackName"]: stack["StackStatus"] for stack in stacks}


# Resources created


def resources(cloud: LocalCloud, stack: str) -> dict[str, tuple[str, str]]:
    """Type and physical id by logical id."""
    summaries = cloud.pages(
        "cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=stack
    )
    assert {each["ResourceStatus"] for each in summaries} <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    return {
        each["LogicalResourceId"]: (each["ResourceType"], each["PhysicalResourceId"])
        for each in summaries
    }


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


# Commands of the operator


def test_the_doctor_finds_nothing_that_would_stop_a_deployment(deployment: Deployment) -> None:
    done = deployment.cloud.operate("doctor")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"Stage {STAGE} can be deployed.\n")


def test_the_first_administrator_is_made_with_one_command(deployment: Deployment) -> None:
    done = deployment.cloud.operate("admin", "--user", "ada@example.com")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ada@example.com was created")


def test_a_first_deployment_has_no_version_to_go_back_to(deployment: Deployment) -> None:
    done = deployment.cloud.operate("rollback")
    assert done.returncode == 1
    assert done.stderr.endswith("has no version before 1: nothing was moved.\n")


# Who is let in


@pytest.fixture(scope="session")
def admin(deployment: Deployment) -> Iterator[ApiUser]:
    with signed_in(deployment, "admin") as user:
        yield user


@pytest.fixture(scope="session")
def learner(deployment: Deployment) -> Iterator[ApiUser]:
    with signed_in(deployment) as user:
        yield user


def test_the_health_check_is_open_to_all(deployment: Deployment) -> None:
    with deployment.http() as client:
        response = client.get("/health")
    assert response.status_code == 200
    assert response.json()["stage"] == STAGE


def test_a_token_of_an_sdk_sign_in_is_what_the_authorizer_expects(learner: ApiUser) -> None:
    claims = learner.claims
    assert (claims["token_use"], claims["scope"]) == ("access", SIGN_IN_SCOPE)
    assert claims["exp"] - claims["iat"] == 15 * 60
    assert "cognito:groups" not in claims


@by_operation
def test_nobody_is_let_in_without_a_token(deployment: Deployment, route: Route) -> None:
    if route.access is Access.PUBLIC:
        return
    known = {"sessionId": "0" * 27, "userId": "me", "questionId": "a:000000", "category": "a"}
    known["importId"] = "0" * 32
    path = route.path.format(**known)
    with deployment.http() as client:
        response = client.request(route.method, path)
    assert response.status_code == 401
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "UNAUTHORIZED"
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_the_program_signs_a_user_in_and_prints_the_token_alone(deployment: Deployment) -> None:
    cognito = deployment.cloud.client("cognito-idp")
    create_user(cognito, deployment.outputs, "grace@example.com", "Correct-horse-1")
    cloud, arguments = deployment.cloud, ("token", "--user", "grace@example.com")
    done = cloud.operate(*arguments, QUIZ_PASSWORD="Correct-horse-1")  # pragma: allowlist secret
    assert (done.returncode, done.stderr) == (0, "")
    assert status_with(deployment, done.stdout.removesuffix("\n")) == 200
    done = cloud.operate(*arguments, QUIZ_PASSWORD="Wrong-horse-1")  # pragma: allowlist secret
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("It is impossible to sign in: ")


WRONG_CLAIMS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "expired": lambda claims: claims | {"exp": int(time.time()) - 1},
    "without a scope": lambda claims: {k: v for k, v in claims.items() if k != "scope"},
    "of another scope": lambda claims: claims | {"scope": "openid profile"},
    "of another pool": lambda claims: claims | {"iss": f"{claims['iss']}x"},
}


def signed(learner: ApiUser, claims: dict[str, Any], key: Any) -> str:
    headers = {"kid": jwt.get_unverified_header(learner.token)["kid"]}
    return jwt.encode(claims, key, algorithm="RS256", headers=headers)


def status_with(deployment: Deployment, token: str) -> int:
    with deployment.http(token) as client:
        return int(client.get("/sessions").status_code)


@pytest.mark.parametrize("change", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
def test_a_token_that_the_pool_signed_with_wrong_claims_is_refused(
    deployment: Deployment, learner: ApiUser, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    key = deployment.cloud.signing_key(deployment.outputs.userPoolId)
    assert status_with(deployment, signed(learner, learner.claims, key)) == 200
    assert status_with(deployment, signed(learner, change(learner.claims), key)) == 401


def test_a_forged_token_is_refused(deployment: Deployment, learner: ApiUser) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert status_with(deployment, signed(learner, learner.claims, stranger)) == 401
    header, _, signature = learner.token.split(".")
    promoted = learner.claims | {"cognito:groups": ["admin"]}
    payload = signed(learner, promoted, stranger).split(".")[1]
    assert status_with(deployment, f"{header}.{payload}.{signature}") == 401
    assert status_with(deployment, jwt.encode(promoted, "", algorithm="none")) == 401


def test_a_learner_is_no_administrator(learner: ApiUser) -> None:
    learner.call("GET", "/admin/questions", status=403)
    learner.call("POST", "/admin/questions", {"questions": bank_questions(0, 1)}, status=403)


# Behaviour


def test_a_stage_without_questions_cannot_be_tried(deployment: Deployment) -> None:
    done = deployment.cloud.operate("smoke")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"Stage {STAGE} has no questions to play: import a bank first (docs/deployment.md).\n"
    )


def test_an_administrator_fills_the_bank(admin: ApiUser, learner: ApiUser) -> None:
    for first in (0, 20):
        body = {"questions": bank_questions(first, 20)}
        results = admin.call("POST", "/admin/questions", body)["results"]
        assert [each["status"] for each in results] == ["CREATED"] * 20
    again = admin.call("POST", "/admin/questions", {"questions": bank_questions(0, 1)})
    assert again["results"][0]["status"] == "UNCHANGED"
    (category,) = learner.call("GET", "/questions/categories")["categories"]
    assert (category["category"], category["questionCount"]) == (CATEGORY, 40)


BANK = """\
$CATEGORY: capitals

::Peru:: The capital of Peru is { =Lima ~Cusco ~Arequipa }

::Chad:: The capital of Chad is { =N'Djamena ~Moundou ~Abéché }

::Essay:: Describe a capital. {}
"""


def test_an_administrator_imports_a_bank_into_the_stage(
    deployment: Deployment, admin: ApiUser, tmp_path: Path
) -> None:
    """Repeated, it changes nothing; a question that no session could show is refused by name."""
    bank = tmp_path / "capitals.gift"
    bank.write_text(BANK, encoding="utf-8")
    for outcome in ("created", "unchanged"):
        done = deployment.cloud.operate("import", bank, "--user", admin.name, **admin.credentials)
        assert done.returncode == 1, done.stdout + done.stderr  # the essay is refused
        assert "capitals.gift, line 7 (Essay)" in done.stdout, done.stdout + done.stderr
        report = deployment.cloud.folder / "data" / f"import-{STAGE}.csv"
        assert report.read_text(encoding="utf-8").count(outcome) == 2
    categories = admin.call("GET", "/questions/categories")["categories"]
    assert {each["category"]: each["questionCount"] for each in categories}["capitals"] == 2


def test_a_teacher_exports_the_bank_again(
    deployment: Deployment, admin: ApiUser, tmp_path: Path
) -> None:
    file = tmp_path / "capitals.jsonl"
    chosen = ("--category", "capitals", "--file", file)
    done = deployment.cloud.operate("export", "--user", admin.name, *chosen, **admin.credentials)
    assert done.returncode == 0, done.stderr
    texts = {json.loads(line)["text"] for line in file.read_text(encoding="utf-8").splitlines()}
    assert texts == {"The capital of Peru is", "The capital of Chad is"}


def test_the_smoke_session_is_played(deployment: Deployment) -> None:
    """Through the gateway and its authorizer into the functions, each under its own role."""
    done = deployment.cloud.operate("smoke")
    assert done.returncode == 0, f"{done.stderr}\n{deployment.cloud.function_logs()}"
    assert done.stdout.startswith(f"Stage {STAGE} is well: 3 questions mastered in ")
    cognito = deployment.cloud.client("cognito-idp")
    users = cognito.list_users(UserPoolId=deployment.outputs.userPoolId)["Users"]
    emails = [a["Value"] for user in users for a in user["Attributes"] if a["Name"] == "email"]
    assert not [email for email in emails if email.startswith("smoke-")]


def test_a_long_pool_is_worked_off(learner: ApiUser) -> None:
    """Past the 16 corrections that a session item carries, the rest comes from the table."""
    session_id, question = learner.start_session(20)
    for _ in range(20):
        question = learner.miss_and_mend(session_id, question)
    for _ in range(40):
        assert question["fromWrongPool"]
        question = learner.answer(session_id, question, right=True)["question"]
    assert question is None
    ended = learner.call("GET", f"/sessions/{session_id}")
    assert ended["status"] == "COMPLETED"
    assert ended["progress"]["wrongAnswers"] == 20


def test_what_abandoned_sessions_left_is_reviewed(admin: ApiUser, learner: ApiUser) -> None:
    """Left by two of them, a question is reviewed once."""
    admin.call("POST", "/admin/questions", {"questions": bank_questions(0, 1, "leftovers")})
    for _ in range(2):
        session_id, question = learner.start_session(1, "leftovers")
        learner.miss_and_mend(session_id, question)
        learner.call("DELETE", f"/sessions/{session_id}", status=204)
    left = learner.call("GET", "/users/me/wrong-answers")["wrongAnswers"]
    assert len(left) == 2

    review = learner.call("POST", "/sessions", {"review": {"category": "leftovers"}}, 201)
    assert review["progress"]["totalQuestions"] == 1
    session_id = review["sessionId"]
    question = learner.call("GET", f"/sessions/{session_id}/question")["question"]
    while question is not None:
        question = learner.answer(session_id, question, right=True)["question"]
    assert learner.call("GET", f"/sessions/{session_id}")["status"] == "COMPLETED"
    assert learner.call("GET", "/users/me/wrong-answers")["wrongAnswers"] == []


def test_a_retired_question_stays_with_the_session_that_shows_it(
    admin: ApiUser, learner: ApiUser
) -> None:
    session_id, question = learner.start_session(5)
    admin.call("DELETE", f"/admin/questions/{question['questionId']}", status=204)
    shown = learner.call("GET", f"/sessions/{session_id}/question")["question"]
    assert shown == question


def owe_beyond_the_head(admin: ApiUser, learner: ApiUser, category: str) -> tuple[str, list[str]]:
    """Return a session that owes 17 questions, one more than its item carries, and their ids.

    The function that draws still has the first question in memory, so that one is worked off.
    """
    admin.call("POST", "/admin/questions", {"questions": bank_questions(0, 18, category)})
    session_id, question = learner.start_session(18, category)
    order = []
    for _ in range(18):
        order.append(question["questionId"])
        question = learner.miss_and_mend(session_id, question)
    tries = 2
    while tries:
        tries -= question["questionId"] == order[0]
        question = learner.answer(session_id, question, right=True)["question"]
    return session_id, order[1:]


def test_questions_that_are_lost_while_they_are_owed_are_replaced_on_screen(
    deployment: Deployment, admin: ApiUser, learner: ApiUser
) -> None:
    """All that the session item carries is gone: the quiz function reads and writes the pool."""
    session_id, owed = owe_beyond_the_head(admin, learner, "lost")
    lose(deployment, owed[:-1])
    shown = learner.call("GET", f"/sessions/{session_id}/question")
    assert shown["question"]["questionId"] == owed[-1]
    assert shown["penaltyIndicator"] == "(+1 Question @ 2 Tries)"


def test_what_a_session_owed_when_it_expired_is_reviewed(
    deployment: Deployment, admin: ApiUser, learner: ApiUser
) -> None:
    """The session function closes the session, and reads the pool past what is gone."""
    session_id, owed = owe_beyond_the_head(admin, learner, "expired")
    lose(deployment, owed[:-1])
    now = int(time.time() * 1000)
    deployment.cloud.client("dynamodb").update_item(
        TableName=f"{PREFIX}-sessions",
        Key={"userId": {"S": learner.claims["sub"]}, "sessionId": {"S": session_id}},
        UpdateExpression="SET expiresAt = :past, ends = :today",
        ExpressionAttributeValues={
            ":past": {"N": str(now - 1_000)},
            ":today": {"N": str(now // 86_400_000)},
        },
    )
    review = learner.call("POST", "/sessions", {"review": {"category": "expired"}}, 201)
    shown = learner.call("GET", f"/sessions/{review['sessionId']}/question")["question"]
    assert shown["questionId"] == owed[-1]
    assert learner.call("GET", f"/sessions/{session_id}")["status"] == "ABANDONED"


def test_a_session_whose_questions_are_all_lost_is_over(
    deployment: Deployment, admin: ApiUser, learner: ApiUser
) -> None:
    bank = admin.call("POST", "/admin/questions", {"questions": bank_questions(0, 9, "fresh")})
    session_id, question = learner.start_session(9, "fresh")
    learner.answer(session_id, question, right=True)
    lose(deployment, [each["questionId"] for each in bank["results"]])
    shown = learner.call("GET", f"/sessions/{session_id}/question")
    assert (shown["nextAction"], shown["question"]) == ("SESSION_COMPLETED", None)
    assert shown["progress"]["totalQuestions"] == 1


def lose(deployment: Deployment, question_ids: Iterable[str]) -> None:
    """Delete questions behind the API's back."""
    dynamodb = deployment.cloud.client("dynamodb")
    for question_id in question_ids:
        key = {"questionId": {"S": question_id}}
        dynamodb.delete_item(TableName=f"{PREFIX}-questions", Key=key)


def test_a_learner_reads_their_record(admin: ApiUser, learner: ApiUser) -> None:
    totals = learner.call("GET", "/users/me/progress")
    assert totals["userId"] == learner.claims["sub"]
    assert set(totals["streaks"]) == {"currentDays", "bestDays", "currentAnswers", "bestAnswers"}
    path = f"/users/me/progress/questions?category={CATEGORY}&limit=5&include=question"
    page = learner.call("GET", path)
    assert len(page["questions"]) == 5
    assert all(each["question"]["text"] for each in page["questions"])
    assert page["nextToken"]
    assert learner.call("GET", "/sessions?limit=1")["sessions"]
    learner_id = learner.claims["sub"]
    assert admin.call("GET", f"/users/{learner_id}/progress")["userId"] == learner_id
    assert admin.call("GET", f"/admin/questions?category={CATEGORY}")["questions"]


BODIES: dict[str, Any] = {
    "startSession": {"sources": [{"category": CATEGORY, "questionCount": 1}]},
    "updateSession": {"name": "Renamed", "version": 1},
    "submitAnswer": {"questionId": f"{CATEGORY}:000000", "turn": 1, "selectedAnswers": ["a"]},
    "updateUser": {"displayName": "Ada"},
    "saveQuestions": {"questions": bank_questions(0, 1)},
    "openImport": {"categories": ["nothing-yet"]},
    "addImportPart": {"part": 1, "questions": bank_questions(0, 1)},
    "updateCategory": {"description": "Questions of the rehearsal."},
    "replaceQuestion": {**bank_questions(0, 1)[0], "text": "Another question?"},
}


def until_counted(user: ApiUser, path: str, attempts: int) -> Any:
    """Totals lag by the seconds for which a batch waits."""
    deadline = time.monotonic() + 60
    while (totals := user.call("GET", path))["attempts"] != attempts:
        assert time.monotonic() < deadline, totals
    return totals


def test_the_consumer_counts_what_was_answered(deployment: Deployment) -> None:
    with signed_in(deployment) as user:
        session_id, question = user.start_session(2)
        user.miss_and_mend(session_id, question)
        totals = until_counted(user, "/users/me/progress", 2)
    assert (totals["correct"], totals["wrong"]) == (1, 1)


def test_a_failed_batch_is_redriven_and_forgotten(deployment: Deployment, admin: ApiUser) -> None:
    """One is put where Lambda puts it; the local cloud never gives a batch up."""
    s3 = deployment.cloud.client("s3")
    key = f"aws/lambda/by-hand/shard/{uuid.uuid4()}"
    s3.put_object(Bucket=BUCKET, Key=key, Body=failed_batch("redriven"))
    done = deployment.cloud.operate("redrive")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout == f"Stage {STAGE}: 1 failed batch (1 record) counted, none left.\n"
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
    sqs = deployment.cloud.client("sqs")
    counts = sqs.get_queue_attributes(
        QueueUrl=sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"], AttributeNames=["All"]
    )["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == "0"
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "0"
    totals = until_counted(admin, "/users/redriven/progress", 1)
    assert totals["correct"] == 1
    again = deployment.cloud.operate("redrive")
    assert again.stdout == f"Stage {STAGE}: 0 failed batches (0 records) counted, none left.\n"


def test_an_answer_of_a_day_before_is_counted_late(deployment: Deployment, admin: ApiUser) -> None:
    """Its ledger is apart from the totals; only that is read and written in Sessions."""
    for count, days_ago in ((1, 0), (2, 1), (2, 1)):
        deployment.cloud.client("s3").put_object(
            Bucket=BUCKET,
            Key=f"aws/lambda/by-hand/shard/{uuid.uuid4()}",
            Body=failed_batch("late", days_ago),
        )
        done = deployment.cloud.operate("redrive")
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert until_counted(admin, "/users/late/progress", count)["correct"] == count


def failed_batch(user_id: str, days_ago: int = 0) -> str:
    """A batch of one answer, as Lambda writes it, of a session of its day."""
    now = time.time() - days_ago * 86_400
    image = {
        "userId": {"S": user_id},
        "questionId": {"S": f"{CATEGORY}:000001"},
        "sessionId": {"S": str(days_ago) * 27},
        "answerNumber": {"N": "1"},
        "rightBefore": {"N": "0"},
        "poolEntries": {"N": "0"},
        "attempts": {"N": "1"},
        "correct": {"N": "1"},
        "mastered": {"BOOL": True},
        "lastChoice": {"S": "0"},
        "lastVersion": {"N": "1"},
        "timeSpent": {"N": "1000"},
        "firstSeenAt": {"N": str(int(now * 1000))},
        "lastSeenAt": {"N": str(int(now * 1000))},
    }
    record = {
        "eventID": uuid.uuid4().hex,
        "eventName": "INSERT",
        "dynamodb": {
            "NewImage": image,
            "SequenceNumber": "1",
            "ApproximateCreationDateTime": now,
        },
    }
    return json.dumps({"payload": json.dumps({"Records": [record]})})


def test_who_has_signed_up_is_made_a_learner_under_the_trigger_s_role(
    deployment: Deployment,
) -> None:
    """Called here as Cognito would: this cloud never does."""
    with signed_in(deployment) as user:
        event = confirmed_sign_up(user.claims["sub"], "ada@example.com")
        event["userPoolId"] = deployment.outputs.userPoolId
        assert invoked(deployment, "signup", event) == event
        profile = user.call("GET", "/users/me")
        assert profile["createdAt"] == profile["updatedAt"]
        groups = deployment.cloud.client("cognito-idp").admin_list_groups_for_user(
            UserPoolId=event["userPoolId"], Username=user.claims["sub"]
        )["Groups"]
        assert [group["GroupName"] for group in groups] == ["learner"]


def test_a_user_exports_and_erases_their_account(deployment: Deployment) -> None:
    with signed_in(deployment) as user:
        session_id, question = user.start_session(2)
        user.miss_and_mend(session_id, question)
        exported = user.call("GET", "/users/me/export")
        assert [each["sessionId"] for each in exported["sessions"]] == [session_id]
        assert [each["questionId"] for each in exported["progress"]] == [question["questionId"]]
        assert len(exported["wrongAnswers"]) == 1

        user.call("DELETE", "/users/me", status=204)

        user.call("DELETE", "/users/me", status=204)
        user.call("GET", f"/sessions/{session_id}", status=404)
        assert user.call("GET", "/users/me", status=401)["detail"] == "The account was erased."
        names = deployment.cloud.client("cognito-idp").list_users(
            UserPoolId=deployment.outputs.userPoolId
        )["Users"]
        subs = [a["Value"] for each in names for a in each["Attributes"] if a["Name"] == "sub"]
        assert user.claims["sub"] not in subs
    assert invoked(deployment, "privacy", {"source": "aws.events"}) == {"completed": 0, "left": 0}


def invoked(deployment: Deployment, folder: str, event: Mapping[str, Any]) -> Any:
    """Return what the live version of a function returns."""
    answer = deployment.cloud.client("lambda").invoke(
        FunctionName=f"{PREFIX}-{folder}:live", Payload=json.dumps(event).encode()
    )
    assert "FunctionError" not in answer, deployment.cloud.function_logs()
    return json.loads(answer["Payload"].read())


def test_no_route_fails_under_the_role_of_its_function(
    deployment: Deployment, admin: ApiUser
) -> None:
    """Each is called with what it takes; what ends a session, a question or a user comes last."""
    session_id, question = admin.start_session(1)
    path = {"sessionId": session_id, "userId": "me", "questionId": question["questionId"]}
    # Published without a question, it deletes the category that it was opened for.
    opened = admin.call("POST", "/admin/imports", {"categories": ["nothing-in-it"]}, status=201)
    path["importId"] = opened["importId"]
    failed = {}
    for route in sorted(ROUTES, key=lambda route: route.method == "DELETE"):
        url = route.path.format(category=CATEGORY, **path)
        answer = admin.http.request(route.method, url, json=BODIES.get(route.operation))
        if answer.status_code >= 500 or answer.status_code in {401, 403, 404}:
            failed[route.operation] = answer.text
    assert failed == {}, deployment.cloud.function_logs()


def test_every_permission_is_used(deployment: Deployment) -> None:
    """One that nothing needs is one too many; one that is missing has failed a test before."""
    done = used(deployment.cloud)
    assert done - granted() == set(), "denied"
    assert granted() - done == set()


def test_no_token_is_in_the_logs(deployment: Deployment, learner: ApiUser, admin: ApiUser) -> None:
    logged = deployment.cloud.function_logs()
    assert '"what":"submitAnswer"' in logged
    for user in (learner, admin):
        assert user.token.split(".")[2] not in logged


def test_a_flood_is_refused_in_the_contract_s_form(deployment: Deployment) -> None:
    """A route that nobody else calls; the burst of the stage is 50."""
    with deployment.http() as client:
        responses = (client.get("/health") for _ in range(1_000))
        refused = next(response for response in responses if response.status_code != 200)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "1"
    assert refused.json()["code"] == "RATE_LIMITED"


# Verification, and the two ways back


def test_an_audit_record_is_found_in_its_bucket(deployment: Deployment) -> None:
    """This cloud takes no record out of a log: the test carries it, as the stream would."""
    cloud = deployment.cloud
    with cloud.start("verify", "--seconds", "120") as verifying:
        assert verifying.stdout is not None
        waiting = verifying.stdout.readline()
        found = re.fullmatch(r"Waiting for the audit record of request (\S+) in (\S+)\.\n", waiting)
        assert found, waiting + cloud.function_logs()
        request_id, bucket = found.groups()
        records = [
            line
            for line in cloud.function_logs().splitlines()
            if request_id in line and json.loads(line).get("kind") == "audit"
        ]
        key = f"records/{datetime.now(UTC):%Y/%m/%d}/carried.jsonl.gz"
        body = gzip.compress("\n".join(records).encode())
        cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        told, _ = verifying.communicate(timeout=TOO_LONG)
    assert verifying.returncode == 0, told
    assert f"{key} is not locked, as its stage does not lock records." in told


def test_the_audit_names_people_by_the_key_of_the_stage(deployment: Deployment) -> None:
    """The functions could read the key: no line reports that they could not."""
    assert '"event":"auditKey"' not in deployment.cloud.function_logs()


def test_a_table_without_recovery_is_not_restored(deployment: Deployment) -> None:
    done = deployment.cloud.operate("restore", *LOST_AT)
    assert done.returncode == 1
    assert "has no point-in-time recovery" in done.stderr


LOST_AT = ("--table", "users", "--at", "2026-11-25T09:30:00Z", "--confirm", STAGE)


def test_what_a_table_lost_is_copied_back(deployment: Deployment) -> None:
    """The copy is made first, as an interrupted restore leaves it; this cloud keeps no past."""
    dynamodb, table = deployment.cloud.client("dynamodb"), f"{PREFIX}-users"
    dynamodb.restore_table_to_point_in_time(
        SourceTableName=table,
        TargetTableName=f"{table}-at-20261125T093000Z",
        UseLatestRestorableTime=True,
    )
    with signed_in(deployment) as user:
        user.call("PATCH", "/users/me", {"displayName": "Later"})
        before = dynamodb.scan(TableName=table)["Items"]
        lost = [item for item in before if item["userId"]["S"] != user.claims["sub"]]
        for item in lost:
            dynamodb.delete_item(TableName=table, Key={"userId": item["userId"]})
        done = deployment.cloud.operate("restore", *LOST_AT)
        assert done.returncode == 0, done.stderr
        assert f"{len(lost)} items copied back.\n" in done.stdout
    after = dynamodb.scan(TableName=table)["Items"]
    assert sorted(map(repr, map(by_name, after))) == sorted(map(repr, map(by_name, before)))
    dynamodb.delete_table(TableName=f"{table}-at-20261125T093000Z")


def by_name(item: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(item.items())


def test_code_that_cannot_start_is_rolled_back(deployment: Deployment, learner: ApiUser) -> None:
    """As the pipeline does it after a smoke test that failed."""
    functions = deployment.cloud.client("lambda")
    broken = io.BytesIO()
    with zipfile.ZipFile(broken, "w") as package:
        package.writestr("lambdas/__init__.py", "raise RuntimeError('broken on purpose')")
    for folder in PERMISSIONS:
        name = f"{PREFIX}-{folder}"
        version = functions.update_function_code(
            FunctionName=name, ZipFile=broken.getvalue(), Publish=True
        )["Version"]
        functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
    assert learner.http.get("/users/me").status_code in {500, 502}
    done = deployment.cloud.operate("rollback")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(" -> 1\n") == len(PERMISSIONS)
    learner.call("GET", "/users/me")


# The same again, then another


def test_deploying_again_changes_nothing(deployment: Deployment) -> None:
    before = {stack: resources(deployment.cloud, stack) for stack in STACKS}
    done = deployment.cloud.operate("deploy")
    assert done.returncode == 0, done.stderr
    for stack in STACKS:
        assert f"{stack} (no changes)" in done.stdout + done.stderr
    assert {stack: resources(deployment.cloud, stack) for stack in STACKS} == before
    outputs = deployment.cloud.folder / "data" / f"outputs-{STAGE}.json"
    assert reachable(deployment.cloud, outputs) == deployment.outputs


def test_there_is_no_difference_to_what_runs(deployment: Deployment) -> None:
    done = deployment.cloud.operate("diff")
    assert done.returncode == 0, done.stderr
    assert "Number of stacks with differences: 0" in done.stdout + done.stderr


def test_a_changed_throttle_is_a_difference(deployment: Deployment, tmp_path: Path) -> None:
    changed = changed_assembly(deployment.cloud, tmp_path)
    done = deployment.cloud.cdk("diff", "**", "--app", changed, "--fail")
    told = done.stdout + done.stderr
    assert done.returncode == 1, told
    assert "Number of stacks with differences: 1" in told
    assert "ThrottlingRateLimit" in told


def changed_assembly(cloud: LocalCloud, folder: Path) -> Path:
    """Synthesize the stage with twice its throttles, as the CLI does, so that all else is alike."""
    program = folder / "changed.py"
    program.write_text(
        "from dataclasses import replace\n"
        "from infra.application import add_stage, new_app\n"
        "from infra.stages import STAGES\n"
        f"stage = STAGES[{STAGE!r}]\n"
        "app = new_app()\n"
        "add_stage(app, replace(stage, throttle_scale=2 * stage.throttle_scale))\n"
        "app.synth()\n"
    )
    changed = folder / "cdk.out"
    command = ("synth", "**", "--quiet", "--app", f"{sys.executable} {program}")
    done = cloud.run(CDK, *command, "--output", changed, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    return changed


# Back to an empty account


def test_nothing_is_destroyed_unasked(deployment: Deployment) -> None:
    done = deployment.cloud.operate("destroy")
    assert done.returncode == 1
    assert done.stderr.startswith("Nobody is there to ask: ")
    done = deployment.cloud.operate("destroy", "--confirm", "prod")
    assert done.returncode == 1
    assert done.stderr == f"CONFIRM is prod, and the stage is {STAGE}: nothing was done.\n"
    assert resources(deployment.cloud, STACKS[0])


def test_nothing_is_left_after_it_is_destroyed(deployment: Deployment) -> None:
    """Records of the audit in its bucket, older versions among them, do not hold it up."""
    cloud = deployment.cloud
    stack = cloud.client("cloudformation").describe_stacks(StackName=f"{PREFIX}-audit")["Stacks"][0]
    (bucket,) = (o["OutputValue"] for o in stack["Outputs"] if o["OutputKey"] == "AuditBucket")
    for body in (b"first", b"second"):
        cloud.client("s3").put_object(Bucket=bucket, Key="records/a.jsonl.gz", Body=body)
    done = cloud.operate("destroy", "--confirm", STAGE)
    assert done.returncode == 0, done.stderr
    stacks = cloud.client("cloudformation").describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in stacks] == ["CDKToolkit"]
    left = {
        "tables": cloud.pages("dynamodb", "list_tables", "TableNames"),
        "functions": cloud.pages("lambda", "list_functions", "Functions"),
        "APIs": cloud.pages("apigateway", "get_rest_apis", "items"),
        "user pools": cloud.pages("cognito-idp", "list_user_pools", "UserPools", MaxResults=10),
        "log groups": cloud.pages("logs", "describe_log_groups", "logGroups"),
        "queues": cloud.pages("sqs", "list_queues", "QueueUrls"),
        "buckets": [
            each["Name"]
            for each in cloud.client("s3").list_buckets()["Buckets"]
            if not each["Name"].startswith("cdk-")
        ],
        "delivery streams": cloud.client("firehose").list_delivery_streams()["DeliveryStreamNames"],
        "secrets": cloud.pages("secretsmanager", "list_secrets", "SecretList"),
        "topics": cloud.pages("sns", "list_topics", "Topics"),
        "alarms": cloud.pages("cloudwatch", "describe_alarms", "MetricAlarms"),
    }
    assert {what: found for what, found in left.items() if found} == {}
    assert not (cloud.folder / "data" / f"outputs-{STAGE}.json").exists()
    # The gateway's role for logs serves every API of the account, and stays.
    roles = [role["RoleName"] for role in cloud.pages("iam", "list_roles", "Roles")]
    (stays,) = (role for role in roles if not role.startswith("cdk-"))
    assert stays.startswith(f"{PREFIX}-api-GatewayCloudWatchRole")


def test_a_stage_that_was_destroyed_is_deployed_again(deployment: Deployment) -> None:
    cloud = deployment.cloud
    done = cloud.operate("deploy")
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = reachable(cloud, cloud.folder / "data" / f"outputs-{STAGE}.json")
    assert outputs.userPoolId != deployment.outputs.userPoolId
    again = replace(deployment, outputs=outputs)
    with signed_in(again) as user:
        assert user.call("GET", "/questions/categories")["categories"] == []
