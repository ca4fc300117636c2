"""Where audit records go: by construction, from every function, to where no function reaches."""

import json
import re
from typing import Any

import pytest

from infra.permissions import AUDITED
from lambdas.shared.telemetry.audit_record import KIND
from tests.infra.assembly import Assembly, Properties, Template
from tests.infra.chosen import CHOSEN, SERVICE_STAGES

FILTER = "AWS::Logs::SubscriptionFilter"
BUCKET = "AWS::S3::Bucket"
STREAM = "AWS::KinesisFirehose::DeliveryStream"

by_stage = pytest.mark.parametrize("stage", SERVICE_STAGES)


def stacks_of(assembly: Assembly, stage: str) -> list[Template]:
    return [t for name, t in assembly.templates.items() if name.split("-")[1] == stage]


def functions(assembly: Assembly, stage: str) -> list[tuple[Template, Properties]]:
    """Every function of a stage, whichever stack it is in."""
    return [
        (template, function)
        for template in stacks_of(assembly, stage)
        for function in template.resources("AWS::Lambda::Function").values()
    ]


def statements(document: Properties) -> list[Properties]:
    found: list[Properties] = document["Statement"]
    return found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# From the logs


@by_stage
def test_the_records_of_every_function_are_taken_out_of_its_log(
    assembly: Assembly, stage: str
) -> None:
    """Future functions included: none is made without it."""
    followed = {
        template.text(each["LogGroupName"]): each
        for template in stacks_of(assembly, stage)
        for each in template.resources(FILTER).values()
    }
    logs = {t.text(f["LoggingConfig"]["LogGroup"]) for t, f in functions(assembly, stage)}
    assert logs
    # The synthetic monitor serves nobody: nothing that it does is a user's action.
    assert set(followed) == logs - {f"</aws/lambda/quiz-{stage}-synthetic>"}
    for each in followed.values():
        assert each["FilterPattern"] == f'{{ $.kind = "{KIND}" }}'


@by_stage
def test_they_go_to_the_stages_own_stream_by_a_role_that_can_do_nothing_else(
    assembly: Assembly, stage: str
) -> None:
    audit = assembly.template(f"quiz-{stage}-audit")
    for template in stacks_of(assembly, stage):
        for each in template.resources(FILTER).values():
            assert template.text(each["DestinationArn"]) == f"<quiz-{stage}-audit.Arn>"
            role = template.text(each["RoleArn"]).strip("<>").removesuffix(".Arn")
            (policy,) = policies(audit, role)
            (allowed,) = statements(policy["PolicyDocument"])
            assert allowed["Action"] == ["firehose:PutRecord", "firehose:PutRecordBatch"]
            assert audit.text(allowed["Resource"]) == f"<quiz-{stage}-audit.Arn>"
            (trust,) = statements(
                audit.resources("AWS::IAM::Role")[role]["AssumeRolePolicyDocument"]
            )
            assert trust["Principal"] == {"Service": "logs.amazonaws.com"}
            assert "<AWS::AccountId>" in audit.text(trust["Condition"]["ArnLike"]["aws:SourceArn"])


def policies(template: Template, role: str) -> list[Properties]:
    return [
        p for p in template.resources("AWS::IAM::Policy").values() if {"Ref": role} in p["Roles"]
    ]


# Pseudonyms


@by_stage
def test_functions_that_write_records_may_read_the_key_and_no_template_holds_it(
    assembly: Assembly, stage: str
) -> None:
    audit = assembly.template(f"quiz-{stage}-audit")
    ((secret_id, secret),) = audit.resources("AWS::SecretsManager::Secret").items()
    assert secret["GenerateSecretString"] == {"ExcludePunctuation": True, "PasswordLength": 64}
    assert "SecretString" not in secret
    named = {}
    for template, function in functions(assembly, stage):
        assert "resolve:secretsmanager" not in json.dumps(function)
        folder = function["FunctionName"].removeprefix(f"quiz-{stage}-")
        variable = function["Environment"]["Variables"].get("AUDIT_KEY_SECRET")
        if variable is not None:
            named[folder] = template.text(variable)
    assert named == dict.fromkeys(AUDITED, f"<{secret_id}>")


# Out of reach


@by_stage
def test_no_policy_of_a_function_names_the_store(assembly: Assembly, stage: str) -> None:
    """Nor by a wildcard: test_functions.py holds each function to its rows, and those to tables."""
    for template, function in functions(assembly, stage):
        role = function["Role"]["Fn::GetAtt"][0]
        for policy in policies(template, role):
            for statement in statements(policy["PolicyDocument"]):
                if listed(statement["Action"]) == ["secretsmanager:GetSecretValue"]:
                    continue  # the key of pseudonyms, and no other secret: test_functions.py
                services = {action.split(":")[0] for action in listed(statement["Action"])}
                assert not services & {"firehose", "secretsmanager", "iam", "kms"}
                if "s3" in services:  # the consumer's failed batches
                    assert f":s3:::quiz-{stage}-failures-" in template.text(statement["Resource"])
                assert "audit" not in json.dumps(statement).lower()


@by_stage
def test_no_function_may_touch_the_way_out_of_its_log(assembly: Assembly, stage: str) -> None:
    for template, function in functions(assembly, stage):
        for policy in policies(template, function["Role"]["Fn::GetAtt"][0]):
            text = json.dumps(policy)
            assert set(re.findall(r"logs:\w+", text)) <= {
                "logs:CreateLogStream",
                "logs:PutLogEvents",
            }
            assert "logs:*" not in text


# Into the bucket


def buckets(audit: Template) -> dict[str, tuple[str, Properties]]:
    """Logical id and properties of the store and, where there is one, the landing bucket."""
    return {
        "landing" if "Landing" in logical_id else "store": (logical_id, properties)
        for logical_id, properties in audit.resources(BUCKET).items()
    }


def store(audit: Template) -> Properties:
    return buckets(audit)["store"][1]


def denied(audit: Template, which: str) -> list[Properties]:
    bucket_id, _ = buckets(audit)[which]
    (policy,) = (
        each["PolicyDocument"]
        for each in audit.resources("AWS::S3::BucketPolicy").values()
        if each["Bucket"] == {"Ref": bucket_id}
    )
    found = statements(policy)
    assert {each["Effect"] for each in found} == {"Deny"}
    assert {each["Principal"]["AWS"] for each in found} == {"*"}
    return found


def test_only_the_stream_may_write_and_only_over_tls(audit: Template) -> None:
    for which in buckets(audit):
        conditions = [each.get("Condition") for each in denied(audit, which)]
        assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
        assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in conditions
    entered = "landing" if "landing" in buckets(audit) else "store"
    (writes,) = (each for each in denied(audit, entered) if each["Action"] == "s3:PutObject")
    assert audit.text(writes["Resource"]) == f"<{buckets(audit)[entered][0]}.Arn>/*"
    writer = destination(audit)["RoleARN"]
    assert writes["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": writer}}
    assert audit.text(destination(audit)["BucketARN"]) == f"<{buckets(audit)[entered][0]}.Arn>"


@by_stage
def test_locked_records_are_replicated_and_never_written(assembly: Assembly, stage: str) -> None:
    audit = assembly.template(f"quiz-{stage}-audit")
    assert ("landing" in buckets(audit)) == (CHOSEN[stage].audit.lock is not None)
    if "landing" not in buckets(audit):
        return
    landing_id, landing = buckets(audit)["landing"]
    store_id, _ = buckets(audit)["store"]
    assert "ObjectLockEnabled" not in landing
    assert landing["VersioningConfiguration"] == {"Status": "Enabled"}
    replication = landing["ReplicationConfiguration"]
    (rule,) = replication["Rules"]
    assert audit.text(rule["Destination"]["Bucket"]) == f"<{store_id}.Arn>"
    assert rule["Status"] == "Enabled"
    assert rule["Filter"] == {"Prefix": ""}
    assert rule["DeleteMarkerReplication"] == {"Status": "Disabled"}
    by_action = {str(each["Action"]): each.get("Condition") for each in denied(audit, "store")}
    assert by_action["s3:PutObject"] is None  # nobody writes there
    assert by_action["s3:ReplicateObject"] == {
        "ArnNotEquals": {"aws:PrincipalArn": replication["Role"]}
    }
    (policy,) = policies(audit, replication["Role"]["Fn::GetAtt"][0])
    allowed = {
        (action, audit.text(resource))
        for each in statements(policy["PolicyDocument"])
        for action in listed(each["Action"])
        for resource in listed(each["Resource"])
    }
    assert allowed == {
        ("s3:GetReplicationConfiguration", f"<{landing_id}.Arn>"),
        ("s3:ListBucket", f"<{landing_id}.Arn>"),
        ("s3:GetObjectVersionForReplication", f"<{landing_id}.Arn>/*"),
        ("s3:GetObjectVersionAcl", f"<{landing_id}.Arn>/*"),
        ("s3:GetObjectVersionTagging", f"<{landing_id}.Arn>/*"),
        ("s3:ReplicateObject", f"<{store_id}.Arn>/*"),
        ("s3:ReplicateTags", f"<{store_id}.Arn>/*"),
    }


def destination(audit: Template) -> Properties:
    found: Properties = audit.only(STREAM)["ExtendedS3DestinationConfiguration"]
    return found


def test_the_stream_can_write_records_and_neither_read_nor_delete_them(audit: Template) -> None:
    role = destination(audit)["RoleARN"]["Fn::GetAtt"][0]
    (policy,) = policies(audit, role)
    allowed = {
        action
        for statement in statements(policy["PolicyDocument"])
        for action in listed(statement["Action"])
    }
    assert allowed == {
        "s3:AbortMultipartUpload",
        "s3:PutObject",
        "s3:GetBucketLocation",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
        "logs:PutLogEvents",
    }
    (trust,) = statements(audit.resources("AWS::IAM::Role")[role]["AssumeRolePolicyDocument"])
    assert trust["Principal"] == {"Service": "firehose.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": {"Ref": "AWS::AccountId"}}}


def test_the_stream_waits_for_its_permission(audit: Template) -> None:
    ((_, resource),) = ((k, r) for k, r in audit.body["Resources"].items() if r["Type"] == STREAM)
    role = destination(audit)["RoleARN"]["Fn::GetAtt"][0]
    (needed,) = (
        logical_id
        for logical_id, policy in audit.resources("AWS::IAM::Policy").items()
        if {"Ref": role} in policy["Roles"]
    )
    assert needed in resource["DependsOn"]


def test_what_is_kept_is_the_lines_themselves_by_day(audit: Template) -> None:
    kept = destination(audit)
    processing: Any = kept["ProcessingConfiguration"]
    assert processing["Enabled"] is True
    assert [each["Type"] for each in processing["Processors"]] == [
        "Decompression",
        "CloudWatchLogProcessing",
    ]
    assert kept["Prefix"].startswith("records/!{timestamp:")
    assert kept["ErrorOutputPrefix"].startswith("failed/!{firehose:error-output-type}/")
    assert kept["CloudWatchLoggingOptions"]["Enabled"] is True


def test_records_are_encrypted_on_their_way_and_at_rest(audit: Template) -> None:
    key = audit.only(STREAM)["DeliveryStreamEncryptionConfigurationInput"]
    assert key == {"KeyType": "AWS_OWNED_CMK"}
    for _, bucket in buckets(audit).values():
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_the_bucket_is_closed_to_the_public(audit: Template) -> None:
    for _, bucket in buckets(audit).values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4
        assert bucket["OwnershipControls"] == {
            "Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]
        }


# For how long


@pytest.mark.parametrize(
    ("stage", "mode", "days"),
    [
        ("dev", None, 7),
        ("rehearsal", None, 7),
        ("staging", "GOVERNANCE", 30),
        ("prod", "COMPLIANCE", 400),
    ],
)
def test_records_are_locked_and_then_forgotten_as_the_stage_says(
    assembly: Assembly, stage: str, mode: str | None, days: int
) -> None:
    bucket = store(assembly.template(f"quiz-{stage}-audit"))
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    lock = {"DefaultRetention": {"Mode": mode, "Days": days}}
    assert bucket.get("ObjectLockConfiguration", {}).get("Rule") == (lock if mode else None)
    assert bucket.get("ObjectLockEnabled", False) is (mode is not None)
    expiring, markers = bucket["LifecycleConfiguration"]["Rules"]
    assert (expiring["Status"], expiring["ExpirationInDays"]) == ("Enabled", days)
    assert expiring["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
    assert markers == {"ExpiredObjectDeleteMarker": True, "Status": "Enabled"}
    assert CHOSEN[stage].audit.days == days


def test_the_audit_of_prod_outlives_its_stack(assembly: Assembly) -> None:
    resources = assembly.template("quiz-prod-audit").body["Resources"].values()
    kept = {r["Type"] for r in resources if r.get("DeletionPolicy", "").startswith("Retain")}
    assert {BUCKET, "AWS::SecretsManager::Secret"} <= kept
