"""Verifies on a deployed stage that an audit record arrives in its bucket and is locked there."""

import gzip
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import httpx2
from botocore.exceptions import BotoCoreError, ClientError

from local.errors import CommandError
from ops.deploy.api import TIMEOUT
from ops.deploy.outputs import Outputs
from ops.deploy.sign_in import signed_in

WAIT_SECONDS = 20 * 60
"""The stream fills an object for 5 minutes, and S3 replicates most objects within 15."""

_POLL_SECONDS = 15
_NO_LOCK = "ObjectLockConfigurationNotFoundError"


def verify(stage: str, wait_seconds: int = WAIT_SECONDS) -> str:
    """Make a request, wait for its audit record, and check the lock of the object that holds it.

    Returns:
        A sentence on what was found.

    Raises:
        CommandError: the record does not arrive, or is not locked though the bucket locks.
    """
    outputs = Outputs.read(stage)
    started = datetime.now(UTC)
    try:
        bucket = _bucket(boto3.client("cloudformation", region_name=outputs.region), stage)
        request_id = _make_request(outputs)
        print(f"Waiting for the audit record of request {request_id} in {bucket}.", flush=True)
        s3 = boto3.client("s3", region_name=outputs.region)
        key = await_record(s3, bucket, request_id, started, wait_seconds)
        seconds = (datetime.now(UTC) - started).total_seconds()
        return f"The record arrived in {seconds:.0f} s: {key} is {retention(s3, bucket, key)}."
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"The audit of stage {stage} cannot be read: {error}") from None
    except httpx2.HTTPError as error:
        raise CommandError(f"Stage {stage} cannot be reached: {error}") from None


def await_record(
    s3: Any,
    bucket: str,
    request_id: str,
    started: datetime,
    wait_seconds: float,
    poll_seconds: float = _POLL_SECONDS,
) -> str:
    """Return the key of the object that holds the record of a request.

    Raises:
        CommandError: it does not arrive in time.
    """
    deadline = time.monotonic() + wait_seconds
    wanted = f'"requestId":"{request_id}"'
    searched: set[str] = set()
    while True:
        for key in _new_objects(s3, bucket, started, searched):
            body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            if wanted in gzip.decompress(body).decode().replace(": ", ":"):
                return key
        if time.monotonic() >= deadline:
            raise CommandError(
                f"No record of request {request_id} came to {bucket} within {wait_seconds:.0f} s: "
                "see 'audit-late' in docs/operations.md."
            )
        time.sleep(poll_seconds)


def retention(s3: Any, bucket: str, key: str) -> str:
    """Return how an object is locked, in words.

    Raises:
        CommandError: the bucket locks its objects, and this one is not locked.
    """
    try:
        s3.get_object_lock_configuration(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] == _NO_LOCK:
            return "not locked, as its stage does not lock records"
        raise
    try:
        found = s3.get_object_retention(Bucket=bucket, Key=key)["Retention"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchObjectLockConfiguration":
            raise CommandError(
                f"{key} in {bucket} is not locked: its retention is missing."
            ) from None
        raise
    until = found["RetainUntilDate"]
    if until <= datetime.now(UTC):
        raise CommandError(f"The lock of {key} in {bucket} has ended already, at {until}.")
    return f"locked until {until:%Y-%m-%d} in mode {found['Mode']}"


def _bucket(cloudformation: Any, stage: str) -> str:
    (stack,) = cloudformation.describe_stacks(StackName=f"quiz-{stage}-audit")["Stacks"]
    outputs = {each["OutputKey"]: str(each["OutputValue"]) for each in stack["Outputs"]}
    return outputs["AuditBucket"]


def _make_request(outputs: Outputs) -> str:
    with signed_in(outputs) as token:
        response = httpx2.get(
            f"{outputs.apiUrl.rstrip('/')}/users/me",
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT,
        )
    if response.status_code != 200:
        raise CommandError(f"GET /users/me answered {response.status_code}: {response.text}")
    return str(response.headers["X-Request-Id"])


def _new_objects(s3: Any, bucket: str, since: datetime, searched: set[str]) -> Iterator[str]:
    days = {f"{day:%Y/%m/%d}" for day in (since, datetime.now(UTC) + timedelta(minutes=1))}
    for day in sorted(days):
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=f"records/{day}/"
        )
        for page in pages:
            for found in page.get("Contents", []):
                if found["Key"] not in searched:
                    searched.add(found["Key"])
                    yield found["Key"]
