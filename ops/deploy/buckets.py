"""Empties the buckets of a stack: CloudFormation deletes no bucket that holds anything."""

from typing import Any

import boto3
from botocore.exceptions import ClientError

from local.errors import CommandError

_NO_LOCK = "ObjectLockConfigurationNotFoundError"


def empty_buckets(stack: str, cloudformation: Any = None, s3: Any = None) -> None:
    """Delete every version and delete marker in every bucket of a stack.

    Raises:
        CommandError: AWS refused a deletion or cannot list the stack's resources.
    """
    cloudformation = cloudformation or boto3.client("cloudformation")
    s3 = s3 or boto3.client("s3")
    try:
        resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return  # the stack does not exist
        raise CommandError(f"The resources of {stack} cannot be listed: {error}") from None
    for resource in resources:
        if resource["ResourceType"] == "AWS::S3::Bucket" and "PhysicalResourceId" in resource:
            _empty(s3, resource["PhysicalResourceId"])


def _empty(s3: Any, bucket: str) -> None:
    # S3 rejects the header for a bucket without Object Lock. Where there is a lock, an
    # administrator may bypass governance; retention in compliance mode is refused all the same.
    bypass = {"BypassGovernanceRetention": True} if _has_object_lock(s3, bucket) else {}
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
        if not objects:
            continue
        result = s3.delete_objects(
            Bucket=bucket, Delete={"Objects": objects, "Quiet": True}, **bypass
        )
        if errors := result.get("Errors"):
            raise CommandError(f"Bucket {bucket} cannot be emptied: {errors[0]['Message']}.")


def _has_object_lock(s3: Any, bucket: str) -> bool:
    try:
        lock = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    except ClientError as error:
        if error.response["Error"]["Code"] == _NO_LOCK:
            return False
        raise CommandError(f"The lock of bucket {bucket} cannot be read: {error}") from None
    return bool(lock.get("ObjectLockEnabled") == "Enabled")
