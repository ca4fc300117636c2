"""Findings of cdk-nag's packs for HIPAA and NIST 800-53: each rule with the reason it stays.

Neither is a goal of this project, so no stage is stopped by them; a new finding is looked at here.
"""

import json
from pathlib import Path

import aws_cdk as cdk
import pytest
from cdk_nag import HIPAASecurityChecks, NIST80053R5Checks

from infra.application import add_stage
from tests.infra.assembly import NO_BUNDLING
from tests.infra.chosen import CHOSEN

EXPLAINED = {
    "APIGWCacheEnabledAndEncrypted": "Every response is a learner's own or changes with the bank, "
    "so a cache before the functions would mix up learners, or show what was edited.",
    "APIGWSSLEnabled": "It is about certificates for a backend behind HTTP: behind this gateway "
    "stand Lambda functions alone, which it invokes as AWS, with a signature.",
    "CloudWatchAlarmAction": "They are parts of composite alarms, or end a canary: the composite "
    "pages once for all of its parts, and CodeDeploy reads the canary's by itself.",
    "CloudWatchLogGroupEncrypted": "CloudWatch encrypts them with a key of its own. Lines carry no "
    "name, text or token; a customer's key costs $1 a month and needs a right for each writer.",
    "DynamoDBInBackupPlan": "Point-in-time recovery covers each second of 35 days, without a plan; "
    "`make restore` is rehearsed on it. A copy in a second account is left to the operator.",
    "IAMNoInlinePolicy": "Each policy belongs to one role and is deleted with it. A managed policy "
    "could be attached elsewhere, and no two functions have the same rights.",
    "LambdaConcurrency": "New accounts allow 10 environments in all: reserved are those of play "
    "alone, so that nothing else can take them. The route throttles bound the other functions.",
    "LambdaDLQ": "The gateway, the stream and the user pool wait for their functions: there is "
    "nothing to queue. The stream's failed batches go to a bucket; schedules call again.",
    "LambdaInsideVPC": "They call DynamoDB, Cognito, S3 and Secrets Manager over TLS, and nothing "
    "of ours is in a VPC. It would need endpoints or gateways at $7 a month or more for each.",
    "S3BucketLoggingEnabled": "Access logs need a further bucket to guard; CloudTrail's data "
    "events name who reads and writes, once an operator switches them on (docs/security.md).",
    "S3BucketReplicationEnabled": "The audit bucket is itself the replica; failed batches are "
    "copies of what the stream holds, kept until they are counted.",
    "S3DefaultEncryptionKMS": "S3 encrypts with its own keys. Audit records name nobody, and "
    "failed batches are deleted once counted.",
    "SecretsManagerRotationEnabled": "It makes "  # pragma: allowlist secret
    "pseudonyms and opens nothing; a new one separates a "
    "person's actions before from those after. The runbook rotates it on purpose.",
    "SecretsManagerUsingKMSKey": "AWS's own key for Secrets Manager encrypts it. It never leaves "
    "the account, for which alone a customer's key would be needed.",
}


@pytest.mark.slow
@pytest.mark.parametrize("pack", [HIPAASecurityChecks, NIST80053R5Checks])
def test_every_finding_of_prod_is_explained(
    pack: type[HIPAASecurityChecks | NIST80053R5Checks], tmp_path: Path
) -> None:
    app = cdk.App(analytics_reporting=False, context=NO_BUNDLING, outdir=str(tmp_path))
    cdk.Validations.of(app).add_plugins(pack(app))
    add_stage(app, CHOSEN["prod"])
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    report = json.loads((tmp_path / "validation-report.json").read_text(encoding="utf-8"))
    found = {
        violation["ruleName"].rpartition("-")[2]
        for each in report["pluginReports"]
        for violation in each["violations"]
    }
    assert found == set(EXPLAINED)
