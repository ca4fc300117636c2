"""Emptying the buckets of a stack, in an account that moto imitates."""

import json
from typing import Any

import boto3
import pytest

from local.errors import CommandError
from ops.deploy.buckets import empty_buckets

STACK, BUCKET = "quiz-dev-audit", "quiz-dev-audit-records"


def deployed(*, locked: bool) -> Any:
    """Create the stack, with a queue and a bucket that keeps versions; return a client of S3."""
    resources = {
        "Letters": {"Type": "AWS::SQS::Queue"},
        "Records": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": BUCKET}},
    }
    boto3.client("cloudformation").create_stack(
        StackName=STACK, TemplateBody=json.dumps({"Resources": resources})
    )
    s3 = boto3.client("s3")
    # moto's CloudFormation ignores both settings.
    if locked:
        s3.delete_bucket(Bucket=BUCKET)
        s3.create_bucket(
            Bucket=BUCKET,
            ObjectLockEnabledForBucket=True,
            CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name},
        )
    else:
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return s3


def fill(s3: Any) -> None:
    for _ in range(2):
        s3.put_object(Bucket=BUCKET, Key="a", Body=b"versioned")
    s3.put_object(Bucket=BUCKET, Key="b", Body=b"deleted")
    s3.delete_object(Bucket=BUCKET, Key="b")


def left(s3: Any) -> int:
    """The versions and delete markers in the bucket."""
    page = s3.list_object_versions(Bucket=BUCKET)
    return len(page.get("Versions", [])) + len(page.get("DeleteMarkers", []))


def noted(s3: Any) -> list[str | None]:
    """Note for each deletion whether it bypasses governance."""
    found: list[str | None] = []

    def note(request: Any, **_: object) -> None:
        found.append(request.headers.get("x-amz-bypass-governance-retention"))

    s3.meta.events.register("before-sign.s3.DeleteObjects", note)
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("locked", [True, False])
def test_governance_is_bypassed_only_where_the_bucket_has_object_lock(*, locked: bool) -> None:
    s3 = deployed(locked=locked)
    fill(s3)
    assert left(s3) == 4
    bypassed = noted(s3)
    empty_buckets(STACK, s3=s3)
    assert left(s3) == 0
    assert bypassed == ["true" if locked else None]


@pytest.mark.usefixtures("aws")
def test_an_empty_bucket_needs_no_deletion() -> None:
    s3 = deployed(locked=False)
    bypassed = noted(s3)
    empty_buckets(STACK, s3=s3)
    assert bypassed == []


@pytest.mark.usefixtures("aws")
def test_a_refused_deletion_is_an_error_with_the_reason() -> None:
    s3 = deployed(locked=True)
    s3.put_object(
        Bucket=BUCKET,
        Key="a",
        Body=b"held",
        ObjectLockMode="COMPLIANCE",
        ObjectLockRetainUntilDate="2099-01-01T00:00:00Z",
    )
    with pytest.raises(
        CommandError, match=rf"^Bucket {BUCKET} cannot be emptied: Access Denied\.?"
    ):
        empty_buckets(STACK, s3=s3)
    assert left(s3) == 1


@pytest.mark.usefixtures("aws")
def test_a_stack_that_does_not_exist_has_nothing_to_empty() -> None:
    s3 = boto3.client("s3")
    bypassed = noted(s3)
    empty_buckets(STACK, s3=s3)
    assert bypassed == []
