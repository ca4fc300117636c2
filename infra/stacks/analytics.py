"""The consumer of the Progress table's stream, and how records reach it."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.asset import function_code
from infra.constructs.audit_trail import AuditTrail
from infra.constructs.function import Calls, Function
from infra.constructs.table import Table
from infra.findings import acknowledge
from infra.permissions import PERMISSIONS, TableName
from infra.stacks.base import StageStack
from infra.stacks.failures import bucket_arn
from infra.stages import Stage
from lambdas.contract.delivery import CONSUMER, CONSUMER_SECONDS

_WRITTEN = "aws/lambda/*"
"""Batches that Lambda gives up, and records that the function sets aside."""

_BY_MAPPING = Calls(
    seconds=CONSUMER_SECONDS,
    no_dead_letters="Its event source mapping alone calls it, and waits; records that cannot be "
    "counted go to the bucket of failed batches. A queue would take asynchronous calls only.",
)


class AnalyticsStack(StageStack):
    """Counts what the API writes; holds no state, and the API does not know of it."""

    def __init__(
        self,
        scope: Construct,
        *,
        stage: Stage,
        tables: Mapping[TableName, Table],
        audit: AuditTrail,
        failed_batches: s3.IBucket,
    ) -> None:
        super().__init__(scope, "analytics", stage=stage, purpose="Statistics of the quiz")
        stream = tables[TableName.PROGRESS].table_stream_arn
        assert stream is not None  # noqa: S101 - it is declared with one
        streams = self.format_arn(
            service="dynamodb",
            resource="table",
            resource_name=f"{stage.named(TableName.PROGRESS)}/stream/*",
        )
        counting = Function(
            self,
            CONSUMER,
            stage=stage,
            code=function_code(platform=stage.asset_platform),
            grants=PERMISSIONS[CONSUMER],
            tables=tables,
            audit=audit,
            calls=_BY_MAPPING,
        )
        for statement in (*_reading(stream, streams), *_keeping(bucket_arn(stage))):
            counting.role.add_to_policy(statement)
        counting.function.add_environment("FAILED_BATCHES_BUCKET", failed_batches.bucket_name)
        delivery = stage.delivery
        mapping = lambda_.CfnEventSourceMapping(
            self,
            "Delivery",
            function_name=counting.live.function_arn,
            event_source_arn=stream,
            # Answers written before the consumer existed are counted too.
            starting_position="TRIM_HORIZON",
            batch_size=delivery.batch_size,
            maximum_batching_window_in_seconds=delivery.window_seconds,
            parallelization_factor=delivery.parallelization,
            function_response_types=["ReportBatchItemFailures"],
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=delivery.retries,
            maximum_record_age_in_seconds=delivery.record_age_seconds,
            destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(
                    destination=failed_batches.bucket_arn
                )
            ),
        )
        mapping.node.add_dependency(counting.role)  # Lambda tries whether it may read
        acknowledge(
            counting.role,
            {
                f"AwsSolutions-IAM5[Resource::{_shown(streams)}]": "Lambda lists the streams of "
                "this one table before it reads; their names are the times of their making.",
                f"AwsSolutions-IAM5[Resource::{_shown(bucket_arn(stage))}/{_WRITTEN}]": "Lambda "
                "and the function name failed batches under this prefix, in one bucket.",
            },
        )


def _shown(arn: str) -> str:
    """Return an ARN as findings name it."""
    for token, name in (
        (cdk.Aws.PARTITION, "<AWS::Partition>"),
        (cdk.Aws.REGION, "<AWS::Region>"),
        (cdk.Aws.ACCOUNT_ID, "<AWS::AccountId>"),
    ):
        arn = arn.replace(token, name)
    return arn


def _reading(stream: str, streams: str) -> list[iam.PolicyStatement]:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html."""
    return [
        iam.PolicyStatement(
            actions=["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
            resources=[stream],
        ),
        iam.PolicyStatement(actions=["dynamodb:ListStreams"], resources=[streams]),
    ]


def _keeping(bucket: str) -> list[iam.PolicyStatement]:
    """Both actions are asked for by the Lambda Developer Guide, and the condition advised.

    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html: without it, whoever
    takes the name of a deleted bucket would be sent the batches.
    """
    own = {"StringEquals": {"s3:ResourceAccount": cdk.Aws.ACCOUNT_ID}}
    return [
        iam.PolicyStatement(
            actions=["s3:PutObject"], resources=[f"{bucket}/{_WRITTEN}"], conditions=own
        ),
        iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket], conditions=own),
    ]
