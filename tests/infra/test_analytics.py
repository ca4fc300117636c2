"""The stream's consumer: what it may do, how records reach it, and where failed batches go."""

from dataclasses import replace
from typing import Any

import pytest

from domain.statistics.learner import OLDEST
from infra.permissions import PERMISSIONS
from infra.stages import ImpossibleStageError
from lambdas.contract.delivery import CONSUMER, DELIVERY, FAILED_BATCH_DAYS, LAPTOP_DELIVERY
from ops.deploy.redrive import bucket_of, queue_of
from tests.infra.assembly import Assembly, Properties, Template
from tests.infra.chosen import CHOSEN, SERVICE_STAGES

DAY_MS = 24 * 3_600 * 1_000
BUCKET = "arn:<AWS::Partition>:s3:::quiz-{}-failures-<AWS::AccountId>-<AWS::Region>"

on_aws = pytest.mark.parametrize("stage", [s for s in SERVICE_STAGES if CHOSEN[s].deploy_roles])


@pytest.fixture
def analytics(assembly: Assembly, stage_name: str) -> Template:
    return assembly.template(f"quiz-{stage_name}-analytics")


@pytest.fixture
def failures(assembly: Assembly, stage_name: str) -> Template:
    return assembly.template(f"quiz-{stage_name}-failures")


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def role_of_consumer(template: Template) -> str:
    """The other role, if there is one, is that of CodeDeploy: it shifts calls to a new version."""
    role: str = template.only("AWS::Lambda::Function")["Role"]["Fn::GetAtt"][0]
    return role


def allowed(template: Template) -> dict[tuple[str, str], Any]:
    """Conditions by action and resource, of the consumer's role."""
    policy = template.only("AWS::IAM::Policy")
    assert policy["Roles"] == [{"Ref": role_of_consumer(template)}]
    found = {}
    for statement in policy["PolicyDocument"]["Statement"]:
        assert statement["Effect"] == "Allow"
        for action in listed(statement["Action"]):
            for resource in listed(statement["Resource"]):
                found[action, template.text(resource)] = statement.get("Condition")
    return found


def test_the_consumer_may_count_read_one_stream_and_keep_failed_batches(
    analytics: Template, stage_name: str
) -> None:
    bucket = BUCKET.format(stage_name)
    own = {"StringEquals": {"s3:ResourceAccount": {"Ref": "AWS::AccountId"}}}
    stream = f"<quiz-{stage_name}-progress.StreamArn>"
    streams = (
        "arn:<AWS::Partition>:dynamodb:<AWS::Region>:<AWS::AccountId>:table/"
        f"quiz-{stage_name}-progress/stream/*"
    )
    log_group = f"</aws/lambda/quiz-{stage_name}-analytics.Arn>"
    assert allowed(analytics) == {
        **{
            (f"dynamodb:{action}", f"<quiz-{stage_name}-{grant.table}.Arn>"): None
            for grant in PERMISSIONS[CONSUMER]
            for action in grant.actions
        },
        ("dynamodb:DescribeStream", stream): None,
        ("dynamodb:GetRecords", stream): None,
        ("dynamodb:GetShardIterator", stream): None,
        ("dynamodb:ListStreams", streams): None,
        ("s3:PutObject", f"{bucket}/aws/lambda/*"): own,
        ("s3:ListBucket", bucket): own,
        ("logs:CreateLogStream", log_group): None,
        ("logs:PutLogEvents", log_group): None,
        ("xray:PutTraceSegments", "*"): None,
        ("xray:PutTelemetryRecords", "*"): None,
    }


def test_its_role_has_no_other_policies(analytics: Template) -> None:
    role = analytics.resources("AWS::IAM::Role")[role_of_consumer(analytics)]
    assert not {"Policies", "ManagedPolicyArns"} & set(role)
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_nobody_may_call_it_but_the_mapping_by_its_role(analytics: Template) -> None:
    assert analytics.resources("AWS::Lambda::Permission") == {}
    assert analytics.resources("AWS::Lambda::Url") == {}


def test_it_is_a_function_like_the_others(assembly: Assembly, stage_name: str) -> None:
    function = assembly.template(f"quiz-{stage_name}-analytics").only("AWS::Lambda::Function")
    other = next(
        iter(
            assembly.template(f"quiz-{stage_name}-api").resources("AWS::Lambda::Function").values()
        )
    )
    same = ("Runtime", "Architectures", "Code", "MemorySize", "TracingConfig")
    assert [function[name] for name in same] == [other[name] for name in same]
    assert function["FunctionName"] == f"quiz-{stage_name}-analytics"
    assert function["Handler"] == "lambdas.analytics.handler.handler"
    assert function["Timeout"] == 60


def test_it_is_told_its_stage_and_the_tables_it_uses(analytics: Template, stage_name: str) -> None:
    function = analytics.only("AWS::Lambda::Function")
    variables = function["Environment"]["Variables"]
    assert variables["STAGE"] == stage_name
    told = {k: analytics.text(v) for k, v in variables.items() if k.endswith("_TABLE")}
    assert told == {
        grant.table.variable: f"<quiz-{stage_name}-{grant.table}>"
        for grant in PERMISSIONS[CONSUMER]
    }
    bucket = analytics.text(variables["FAILED_BATCHES_BUCKET"])
    assert bucket.startswith("<FailedBatches")


def mapping(template: Template) -> Properties:
    return template.only("AWS::Lambda::EventSourceMapping")


def test_the_stream_of_progress_goes_to_the_live_version_from_its_first_record(
    analytics: Template, stage_name: str
) -> None:
    found = mapping(analytics)
    (alias,) = analytics.resources("AWS::Lambda::Alias")
    assert found["FunctionName"] == {"Ref": alias}
    assert analytics.only("AWS::Lambda::Alias")["Name"] == "live"
    assert analytics.text(found["EventSourceArn"]) == f"<quiz-{stage_name}-progress.StreamArn>"
    assert found["StartingPosition"] == "TRIM_HORIZON"
    assert found.get("Enabled", True) is True
    assert "FilterCriteria" not in found


def test_every_setting_of_failure_is_set(analytics: Template, stage_name: str) -> None:
    found = mapping(analytics)
    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert found["BisectBatchOnFunctionError"] is True
    assert found["MaximumRetryAttempts"] == 5
    assert found["MaximumRecordAgeInSeconds"] == 6 * 3_600
    (destination,) = found["DestinationConfig"].values()
    bucket = analytics.text(destination["Destination"])
    assert bucket.startswith("<FailedBatches")
    assert bucket.endswith(".Arn>")
    assert set(found["DestinationConfig"]) == {"OnFailure"}
    assert CHOSEN[stage_name].delivery is DELIVERY


def test_a_batch_is_large_and_soon(analytics: Template) -> None:
    found = mapping(analytics)
    assert found["BatchSize"] == 1_000
    assert found["MaximumBatchingWindowInSeconds"] == 30
    assert found["ParallelizationFactor"] == 1


def test_lambda_is_asked_to_read_only_once_it_may(analytics: Template) -> None:
    (policy,) = analytics.resources("AWS::IAM::Policy")
    (resource,) = (
        each
        for each in analytics.body["Resources"].values()
        if each["Type"] == "AWS::Lambda::EventSourceMapping"
    )
    assert policy in resource["DependsOn"]


def test_what_can_be_redriven_can_still_be_told_from_what_was_counted() -> None:
    """A day in the stream, 30 in the bucket; the consumer knows what it has counted for longer."""
    assert (1 + FAILED_BATCH_DAYS) * DAY_MS < OLDEST


# Where failed batches go


def test_the_bucket_is_private_and_encrypted(failures: Template, stage_name: str) -> None:
    bucket = failures.only("AWS::S3::Bucket")
    assert f"arn:<AWS::Partition>:s3:::{failures.text(bucket['BucketName'])}" == (
        BUCKET.format(stage_name)
    )
    redriven = bucket_of(stage_name, "<AWS::AccountId>", "<AWS::Region>")
    assert redriven == failures.text(bucket["BucketName"])
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


@on_aws
def test_bucket_and_queue_are_reached_over_tls_alone(assembly: Assembly, stage: str) -> None:
    failures = assembly.template(f"quiz-{stage}-failures")
    policy = failures.only("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    assert [(s["Effect"], s["Action"], s["Condition"]) for s in policy] == [
        ("Deny", "s3:*", {"Bool": {"aws:SecureTransport": "false"}}),
        ("Deny", "s3:*", {"NumericLessThan": {"s3:TlsVersion": 1.2}}),
    ]
    for statement in policy:
        assert statement["Principal"] == {"AWS": "*"}
        assert len(statement["Resource"]) == 2
    denied, _ = failures.only("AWS::SQS::QueuePolicy")["PolicyDocument"]["Statement"]
    assert (denied["Effect"], denied["Action"]) == ("Deny", "sqs:*")
    assert denied["Principal"] == {"AWS": "*"}
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("stage", SERVICE_STAGES)
def test_a_failed_batch_is_kept_for_30_days(assembly: Assembly, stage: str) -> None:
    bucket = assembly.template(f"quiz-{stage}-failures").only("AWS::S3::Bucket")
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", FAILED_BATCH_DAYS)
    versioned = bucket.get("VersioningConfiguration") == {"Status": "Enabled"}
    assert versioned is CHOSEN[stage].table_recovery
    assert rule.get("NoncurrentVersionExpiration") == ({"NoncurrentDays": 7} if versioned else None)


def test_each_failed_batch_is_a_message_in_the_queue(failures: Template, stage_name: str) -> None:
    bucket, queue = failures.only("AWS::S3::Bucket"), failures.only("AWS::SQS::Queue")
    (queue_id,) = failures.resources("AWS::SQS::Queue")
    assert bucket["NotificationConfiguration"] == {
        "QueueConfigurations": [
            {"Event": "s3:ObjectCreated:*", "Queue": {"Fn::GetAtt": [queue_id, "Arn"]}}
        ]
    }
    assert queue["QueueName"] == queue_of(stage_name) == f"quiz-{stage_name}-dead-letters"
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3_600
    assert {resource["Type"] for resource in failures.body["Resources"].values()} == {
        "AWS::S3::Bucket",
        *(["AWS::S3::BucketPolicy"] if CHOSEN[stage_name].tls_only else []),
        "AWS::SQS::Queue",
        "AWS::SQS::QueuePolicy",
    }


def test_only_that_bucket_of_this_account_may_send(failures: Template, stage_name: str) -> None:
    policy = failures.only("AWS::SQS::QueuePolicy")
    (queue_id,) = failures.resources("AWS::SQS::Queue")
    assert policy["Queues"] == [{"Ref": queue_id}]
    (sent,) = (s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow")
    assert sent["Principal"] == {"Service": "s3.amazonaws.com"}
    assert sent["Action"] == "sqs:SendMessage"
    assert sent["Condition"].keys() == {"StringEquals", "ArnEquals"}
    assert sent["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    (source,) = sent["Condition"]["ArnEquals"].values()
    assert failures.text(source) == BUCKET.format(stage_name)


def test_s3_is_asked_to_notify_only_once_it_may(failures: Template) -> None:
    (policy,) = failures.resources("AWS::SQS::QueuePolicy")
    (bucket,) = (
        each for each in failures.body["Resources"].values() if each["Type"] == "AWS::S3::Bucket"
    )
    assert policy in bucket["DependsOn"]


@pytest.mark.parametrize("stage", SERVICE_STAGES)
def test_failed_batches_of_prod_outlive_their_stack(assembly: Assembly, stage: str) -> None:
    resources = assembly.template(f"quiz-{stage}-failures").body["Resources"].values()
    kept = {
        each["DeletionPolicy"]
        for each in resources
        if each["Type"] in ("AWS::S3::Bucket", "AWS::SQS::Queue")
    }
    assert kept == {"RetainExceptOnCreate" if stage == "prod" else "Delete"}


# Settings that do not go together


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"batch_size": 0}, "a batch: 1 to 10,000, not 0"),
        ({"parallelization": 11}, "batches of a shard at once: 1 to 10, not 11"),
        ({"window_seconds": 301}, "a batch waits for 0 to 300 seconds, not 301"),
        ({"retries": -1}, "failed batches have to be given up at some time"),
        ({"record_age_seconds": 59}, "a record is given up before it is a minute old"),
        (
            {"record_age_seconds": 86_400},
            "a record is forgotten by its stream before it is given up",
        ),
    ],
)
def test_a_delivery_that_cannot_be_is_refused(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ImpossibleStageError) as refused:
        replace(CHOSEN["prod"], delivery=replace(DELIVERY, **changes))
    assert str(refused.value) == f"Stage 'prod' is impossible: {fault}."


def test_a_laptop_delivers_at_once_and_one_batch_at_a_time() -> None:
    assert CHOSEN["local"].delivery is LAPTOP_DELIVERY
    assert (LAPTOP_DELIVERY.window_seconds, LAPTOP_DELIVERY.parallelization) == (0, 1)
