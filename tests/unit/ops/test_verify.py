"""The wait for an audit record, and the check of its lock."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from local.errors import CommandError
from ops.deploy.verify import await_record, retention
from tests.unit.ops.stubs import stubbed

NOW = datetime.now(UTC)
PREFIX = f"records/{NOW:%Y/%m/%d}/"
BUCKET = "records"
LOCKS = {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}


def bucket(region: str) -> Any:
    """Return a client of S3, with an empty bucket."""
    s3 = boto3.client("s3")
    s3.create_bucket(
        Bucket=BUCKET,
        CreateBucketConfiguration={"LocationConstraint": region},
    )
    return s3


def keep(s3: Any, key: str, *request_ids: str) -> None:
    lines = "\n".join(json.dumps({"kind": "audit", "requestId": each}) for each in request_ids)
    s3.put_object(Bucket=BUCKET, Key=PREFIX + key, Body=gzip.compress(lines.encode()))


def test_the_object_with_the_record_is_found_when_it_arrives(aws: str) -> None:
    s3 = bucket(aws)
    looks: list[int] = []

    def arrive(**_: object) -> None:
        """Each look at the list finds what the one before did not."""
        looks.append(len(looks))
        if looks[-1] == 1:
            keep(s3, "1.jsonl.gz", "other")
        if looks[-1] == 2:
            keep(s3, "2.jsonl.gz", "more", "mine")

    s3.meta.events.register("before-call.s3.ListObjectsV2", arrive)
    read: list[str] = []
    s3.meta.events.register(
        "provide-client-params.s3.GetObject", lambda params, **_: read.append(params["Key"])
    )
    found = await_record(s3, BUCKET, "mine", NOW, wait_seconds=60, poll_seconds=0)
    assert found == f"{PREFIX}2.jsonl.gz"
    assert read == [f"{PREFIX}1.jsonl.gz", f"{PREFIX}2.jsonl.gz"]  # each once


def test_a_record_that_does_not_arrive_is_an_error(aws: str) -> None:
    s3 = bucket(aws)
    with pytest.raises(CommandError, match="No record of request mine came to records within 0 s"):
        await_record(s3, BUCKET, "mine", NOW, wait_seconds=0, poll_seconds=0)


def test_a_stage_that_locks_nothing_is_reported_as_such(aws: str) -> None:
    s3 = bucket(aws)
    s3.put_object(Bucket=BUCKET, Key="k")
    assert retention(s3, BUCKET, "k") == "not locked, as its stage does not lock records"


# Stubbed from here: moto does not return the retention of an object.


def test_a_locked_record_is_reported_with_its_end() -> None:
    until = NOW + timedelta(days=400)
    with stubbed("s3") as (client, stub):
        stub.add_response("get_object_lock_configuration", LOCKS)
        kept = {"Retention": {"Mode": "COMPLIANCE", "RetainUntilDate": until}}
        stub.add_response("get_object_retention", kept, {"Bucket": "b", "Key": "k"})
        assert retention(client, "b", "k") == f"locked until {until:%Y-%m-%d} in mode COMPLIANCE"


def test_a_record_without_the_lock_of_its_bucket_is_an_error() -> None:
    with stubbed("s3") as (client, stub):
        stub.add_response("get_object_lock_configuration", LOCKS)
        stub.add_client_error("get_object_retention", "NoSuchObjectLockConfiguration")
        with pytest.raises(CommandError, match="k in b is not locked: its retention is missing"):
            retention(client, "b", "k")


def test_a_lock_that_has_ended_is_an_error() -> None:
    ended = {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": NOW - timedelta(days=1)}}
    with stubbed("s3") as (client, stub):
        stub.add_response("get_object_lock_configuration", LOCKS)
        stub.add_response("get_object_retention", ended)
        with pytest.raises(CommandError, match="The lock of k in b has ended already"):
            retention(client, "b", "k")
