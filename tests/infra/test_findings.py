"""Acknowledged findings of cdk-nag: each at its resource, by exact id, with a reason."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.infra.assembly import Assembly

GATEWAY_LOGS = (
    "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/"
    "service-role/AmazonAPIGatewayPushToCloudWatchLogs]"
)
EVERYWHERE = {
    "AwsSolutions-APIG2",
    "AwsSolutions-APIG4",
    "AwsSolutions-COG2",
    "AwsSolutions-COG4",
    "AwsSolutions-COG8",
    GATEWAY_LOGS,
    "AwsSolutions-IAM5[Resource::*]",
    "AwsSolutions-IAM5[Resource::<TrailBucket6C1E344E.Arn>/*]",
    "AwsSolutions-L1",
    "AwsSolutions-S1",
    "AwsSolutions-SMG4",
    "AwsSolutions-SQS3",
    "Serverless-EventBusDLQ",
    "Serverless-LambdaDLQ",
    "Serverless-LambdaLatestVersion",
    "Serverless-SQSRedrivePolicy",
}
OF_THE_STAGE = {
    f"AwsSolutions-IAM5[Resource::{arn}]"
    for arn in (
        "arn:<AWS::Partition>:s3:::quiz-{}-failures-<AWS::AccountId>-<AWS::Region>/aws/lambda/*",
        "arn:<AWS::Partition>:dynamodb:<AWS::Region>:<AWS::AccountId>:table/quiz-{}-progress/stream/*",
    )
}
LOCKED = {"AwsSolutions-IAM5[Resource::<TrailLanding5BCA3E57.Arn>/*]"}
CHEAP = {"AwsSolutions-APIG3", "AwsSolutions-DDB3"}
CANARY = {
    f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/{policy}]"
    for policy in ("AWSCodeDeployRoleForLambdaLimited",)
}
WATCHED = {"Serverless-LambdaAsyncFailureDestination"}


def kept(assembly: Assembly, stage: str) -> Iterator[tuple[str, str, str]]:
    """Path of a construct, finding and reason."""
    for file in assembly.folder.glob(f"quiz-{stage}-*.metadata.json"):
        for path, entries in json.loads(file.read_text()).items():
            for entry in entries:
                if entry["type"] == "aws:cdk:acknowledged-rules":
                    for finding, reason in entry["data"].items():
                        yield path, finding.removeprefix("Annotation::"), reason


@pytest.mark.parametrize(
    ("stage", "findings"),
    [
        ("dev", EVERYWHERE | CHEAP | WATCHED),
        ("staging", EVERYWHERE | LOCKED | CANARY | WATCHED),
        ("prod", EVERYWHERE | LOCKED | CANARY | WATCHED | {"Serverless-SNSRedrivePolicy"}),
        ("rehearsal", EVERYWHERE | CHEAP | {"AwsSolutions-S10", "AwsSolutions-SQS4"}),
        ("local", {"AwsSolutions-DDB3"}),
    ],
)
def test_these_findings_are_kept_and_no_others(
    assembly: Assembly, stage: str, findings: set[str]
) -> None:
    if stage != "local":
        findings = findings | {finding.format(stage) for finding in OF_THE_STAGE}
    assert {finding for _, finding, _ in kept(assembly, stage)} == findings


def test_a_finding_is_kept_at_its_resource_and_for_a_reason(assembly: Assembly) -> None:
    for path, _, reason in kept(assembly, "*"):
        assert path.count("/") >= 2, "a whole stack is no resource"
        assert re.fullmatch(r"[A-Z].{50,}\.", reason), reason
        assert "false positive" not in reason.lower()
