"""The wait for an audit record, and the check of its lock."""

import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.response import StreamingBody

from local.errors import CommandError
from ops.deploy.verify import await_record, retention
from tests.unit.ops.stubs import stubbed

NOW = datetime.now(UTC)
PREFIX = f"records/{NOW:%Y/%m/%d}/"
LOCKS = {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}


def body(*request_ids: str) -> dict[str, Any]:
    lines = "\n".join(json.dumps({"kind": "audit", "requestId": each}) for each in request_ids)
    content = gzip.compress(lines.encode())
    return {"Body": StreamingBody(io.BytesIO(content), len(content))}


def listed(*keys: str) -> dict[str, Any]:
    return {"Contents": [{"Key": f"{PREFIX}{key}"} for key in keys]}


def test_the_object_with_the_record_is_found_when_it_arrives() -> None:
    with stubbed("s3") as (client, stub):
        stub.add_response("list_objects_v2", {}, {"Bucket": "b", "Prefix": PREFIX})
        stub.add_response("list_objects_v2", listed("1.jsonl.gz"))
        stub.add_response(
            "get_object", body("other"), {"Bucket": "b", "Key": f"{PREFIX}1.jsonl.gz"}
        )
        stub.add_response("list_objects_v2", listed("1.jsonl.gz", "2.jsonl.gz"))
        stub.add_response(
            "get_object", body("more", "mine"), {"Bucket": "b", "Key": f"{PREFIX}2.jsonl.gz"}
        )
        found = await_record(client, "b", "mine", NOW, wait_seconds=60, poll_seconds=0)
        assert found == f"{PREFIX}2.jsonl.gz"


def test_a_record_that_does_not_arrive_is_an_error() -> None:
    with stubbed("s3") as (client, stub):
        stub.add_response("list_objects_v2", {})
        with pytest.raises(CommandError, match="No record of request mine came to b within 0 s"):
            await_record(client, "b", "mine", NOW, wait_seconds=0, poll_seconds=0)


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


def test_a_stage_that_locks_nothing_is_reported_as_such() -> None:
    with stubbed("s3") as (client, stub):
        stub.add_client_error(
            "get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"
        )
        assert retention(client, "b", "k") == "not locked, as its stage does not lock records"
