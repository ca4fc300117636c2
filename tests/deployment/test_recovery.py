"""Verification of the audit, restore and rollback."""

import gzip
import io
import json
import re
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from infra.permissions import PERMISSIONS
from tests.deployment.api_user import ApiUser, signed_in
from tests.deployment.local_cloud import (
    PREFIX,
    STAGE,
    TOO_LONG,
    Deployment,
)


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
