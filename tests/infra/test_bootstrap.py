"""The policies in docs/bootstrap.md: CloudFormation's, and the pipeline's."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from tests.infra.assembly import Assembly

GUIDE = Path(__file__).parents[2] / "docs" / "bootstrap.md"
ACCOUNT, REGION = "111122223333", "eu-central-1"

UNUSED = {
    "AWS::Budgets::Budget": ("billing:GetBillingViewData",),
    "AWS::DynamoDB::Table": ("kinesis:*",),
    "AWS::Lambda::Function": ("ec2:*", "elasticfilesystem:*", "s3files:*"),
    "AWS::S3::Bucket": ("s3tables:*",),
    "AWS::WAFv2::WebACL": ("payments:*",),
    "AWS::WAFv2::WebACLAssociation": (
        "amplify:*",
        "apprunner:*",
        "appsync:*",
        "bedrock-agentcore:*",
        "ec2:*",
        "elasticloadbalancing:*",
    ),
}
"""Actions that a schema lists for features no stack uses: billing views, streams to Kinesis, VPCs
and file systems, S3 Tables, WAF bots' payments, and web ACLs before other
services."""


def statements(name: str = "execution") -> list[dict[str, Any]]:
    text = GUIDE.read_text(encoding="utf-8")
    found = re.search(rf"{name}\.json <<EOF\n(.*?)\nEOF", text, re.DOTALL)
    assert found
    policy = found[1].replace("$ACCOUNT", ACCOUNT).replace("$AWS_REGION", REGION)
    content: list[dict[str, Any]] = json.loads(policy)["Statement"]
    return content


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def matches(action: str, patterns: Iterator[str] | list[str] | tuple[str, ...]) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


def allowed() -> list[str]:
    return [a for s in statements() if s["Effect"] == "Allow" for a in listed(s["Action"])]


def types_in(assembly: Assembly) -> set[str]:
    return {
        resource["Type"]
        for template in assembly.templates.values()
        for resource in template.body["Resources"].values()
    }


def needed(resource_type: str) -> set[str]:
    """The permissions of the handlers that create, read, update and delete a resource."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource_type).schema
    handlers = {name: each for name, each in schema["handlers"].items() if name != "list"}
    return {
        action
        for each in handlers.values()
        for action in each["permissions"]
        if not matches(action, UNUSED.get(resource_type, ()))
    }


def test_the_policy_allows_what_the_schemas_of_all_resource_types_need(assembly: Assembly) -> None:
    missing = {
        resource_type: refused
        for resource_type in types_in(assembly)
        if (refused := {a for a in needed(resource_type) if not matches(a, allowed())})
    }
    assert missing == {}


def test_the_policy_allows_no_service_that_no_resource_needs(assembly: Assembly) -> None:
    """The user pool sends e-mail through SES; SSM holds the version of the bootstrap."""
    services = {action.split(":")[0] for kind in types_in(assembly) for action in needed(kind)}
    assert {action.split(":")[0] for action in allowed()} <= services | {"ses", "ssm"}


@pytest.mark.parametrize("resource_type", UNUSED)
def test_an_exception_is_for_a_type_in_use(assembly: Assembly, resource_type: str) -> None:
    assert resource_type in types_in(assembly)


def test_cloudformation_may_read_the_parameters_of_every_template(assembly: Assembly) -> None:
    """It resolves a parameter of an SSM type with the role that it deploys with."""
    read = {
        f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{parameter['Default']}"
        for template in assembly.templates.values()
        for parameter in template.body.get("Parameters", {}).values()
        if parameter["Type"].startswith("AWS::SSM::Parameter::Value")
    }
    readable = [
        resource
        for statement in statements()
        if statement["Effect"] == "Allow" and "ssm:GetParameters" in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]
    assert read
    assert all(matches(arn, readable) for arn in read)


def test_roles_and_buckets_are_within_the_prefix_that_the_policy_allows(
    assembly: Assembly,
) -> None:
    """CloudFormation makes up a name that starts with the stack's, or uses the one given."""
    for stack, template in assembly.templates.items():
        assert stack.startswith("quiz-")
        for kind, key in (("AWS::IAM::Role", "RoleName"), ("AWS::S3::Bucket", "BucketName")):
            for properties in template.resources(kind).values():
                assert template.text(properties.get(key, stack)).startswith("quiz-")


def test_the_pipeline_invokes_one_function_for_the_smoke_test(
    assembly: Assembly, stage_name: str
) -> None:
    """Its live version alone, under the name and alias that the stack gives it."""
    (resource,) = [
        statement["Resource"].replace("$STAGE", stage_name)
        for statement in statements("pipeline")
        if matches("lambda:InvokeFunction", listed(statement["Action"]))
    ]
    function = f"quiz-{stage_name}-questions"
    assert resource == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}:live"
    api = assembly.templates[f"quiz-{stage_name}-api"]
    named = {
        (api.text(alias["FunctionName"]), alias["Name"])
        for alias in api.resources("AWS::Lambda::Alias").values()
    }
    assert (f"<{function}>", "live") in named
