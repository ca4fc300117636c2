"""Emptying the buckets of a stack, with every request checked against S3's service model."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from local.errors import CommandError
from ops.deploy.buckets import empty_buckets

LOCKED: dict[str, Any] = {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
VERSIONS = {
    "Versions": [{"Key": "a", "VersionId": "1"}, {"Key": "a", "VersionId": "2"}],
    "DeleteMarkers": [{"Key": "b", "VersionId": "3"}],
}
EVERYTHING = [
    {"Key": "a", "VersionId": "1"},
    {"Key": "a", "VersionId": "2"},
    {"Key": "b", "VersionId": "3"},
]


def client(service: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        region_name="eu-central-1",
        aws_access_key_id="made-up",
        aws_secret_access_key="made-up",  # pragma: allowlist secret
    )


@pytest.fixture
def cloudformation() -> Iterator[Any]:
    stacks = client("cloudformation")
    resources = [("AWS::SQS::Queue", "queue"), ("AWS::S3::Bucket", "bucket")]
    with Stubber(stacks) as stub:
        stub.add_response(
            "describe_stack_resources",
            {
                "StackResources": [
                    {
                        "LogicalResourceId": name,
                        "PhysicalResourceId": name,
                        "ResourceType": kind,
                        "Timestamp": "2026-11-25T00:00:00Z",
                        "ResourceStatus": "CREATE_COMPLETE",
                    }
                    for kind, name in resources
                ]
            },
            {"StackName": "quiz-dev-audit"},
        )
        yield stacks


@pytest.fixture
def s3() -> Iterator[tuple[Any, Stubber]]:
    buckets = client("s3")
    with Stubber(buckets) as stub:
        yield buckets, stub
        stub.assert_no_pending_responses()


def expect_lock(stub: Stubber, *, locked: bool) -> None:
    operation = "get_object_lock_configuration"
    if locked:
        stub.add_response(operation, LOCKED, {"Bucket": "bucket"})
    else:
        stub.add_client_error(operation, "ObjectLockConfigurationNotFoundError")


@pytest.mark.parametrize("locked", [True, False])
def test_governance_is_bypassed_only_where_the_bucket_has_object_lock(
    cloudformation: Any, s3: tuple[Any, Stubber], *, locked: bool
) -> None:
    buckets, stub = s3
    expect_lock(stub, locked=locked)
    stub.add_response("list_object_versions", VERSIONS, {"Bucket": "bucket"})
    request: dict[str, Any] = {"Bucket": "bucket", "Delete": {"Objects": EVERYTHING, "Quiet": True}}
    if locked:
        request["BypassGovernanceRetention"] = True
    stub.add_response("delete_objects", {}, request)
    empty_buckets("quiz-dev-audit", cloudformation, buckets)


def test_an_empty_bucket_needs_no_deletion(cloudformation: Any, s3: tuple[Any, Stubber]) -> None:
    buckets, stub = s3
    expect_lock(stub, locked=False)
    stub.add_response("list_object_versions", {}, {"Bucket": "bucket"})
    empty_buckets("quiz-dev-audit", cloudformation, buckets)


def test_a_refused_deletion_is_an_error_with_the_reason(
    cloudformation: Any, s3: tuple[Any, Stubber]
) -> None:
    buckets, stub = s3
    expect_lock(stub, locked=True)
    stub.add_response("list_object_versions", VERSIONS)
    stub.add_response("delete_objects", {"Errors": [{"Key": "a", "Message": "Access Denied"}]})
    with pytest.raises(CommandError, match=r"^Bucket bucket cannot be emptied: Access Denied\.$"):
        empty_buckets("quiz-dev-audit", cloudformation, buckets)


def test_a_stack_that_does_not_exist_has_nothing_to_empty() -> None:
    stacks = client("cloudformation")
    with Stubber(stacks) as stub:
        stub.add_client_error("describe_stack_resources", "ValidationError")
        empty_buckets("quiz-dev-audit", stacks, client("s3"))
