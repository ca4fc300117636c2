"""Failed batches of the stream's consumer: stored whole, and announced by a queue."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.findings import acknowledge
from infra.stacks.base import StageStack
from infra.stages import Stage
from lambdas.contract.delivery import FAILED_BATCH_DAYS

_UNDONE_DELETION_DAYS = 7
_READING_SECONDS = 300
"""How long a message is hidden from others while somebody redrives its batch."""


def bucket_arn(stage: Stage) -> str:
    """Return the ARN of the bucket, whose name is its stage's alone among all accounts."""
    name = f"{stage.named('failures')}-{cdk.Aws.ACCOUNT_ID}-{cdk.Aws.REGION}"
    return f"arn:{cdk.Aws.PARTITION}:s3:::{name}"


class FailuresStack(StageStack):
    """A bucket of failed batches, and a queue with a message for each.

    Lambda's own failure record in a queue would hold no data, only where in the stream it was, and
    the stream forgets within a day. In S3 it holds the batch. The queue is what an alarm watches
    and a redrive works off.
    """

    bucket: s3.Bucket
    queue: sqs.Queue

    def __init__(self, scope: Construct, *, stage: Stage) -> None:
        super().__init__(
            scope, "failures", stage=stage, purpose="Failed batches of the quiz", stateful=True
        )
        self.queue = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=stage.named("dead-letters"),
            # The longest possible. A batch that outlives its message stays in the bucket.
            retention_period=cdk.Duration.days(14),
            visibility_timeout=cdk.Duration.seconds(_READING_SECONDS),
            # S3 may send to no queue under the key of AWS for SQS in KMS.
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=stage.tls_only,
            removal_policy=stage.removal_policy,
        )
        # By name, not by reference: the queue's policy has to be there before the bucket.
        arn = bucket_arn(stage)
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.queue.queue_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": self.account},
                    "ArnEquals": {"aws:SourceArn": arn},
                },
            )
        )
        self.bucket = s3.Bucket(
            self,
            "FailedBatches",
            bucket_name=arn.rpartition(":")[2],
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=stage.tls_only,
            minimum_tls_version=1.2 if stage.tls_only else None,
            versioned=stage.table_recovery,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="Forget",
                    # The consumer recognizes counted answers for so long, and not longer.
                    expiration=cdk.Duration.days(FAILED_BATCH_DAYS),
                    noncurrent_version_expiration=(
                        cdk.Duration.days(_UNDONE_DELETION_DAYS) if stage.table_recovery else None
                    ),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                )
            ],
            removal_policy=stage.removal_policy,
        )
        self._notify_queue()
        acknowledge(
            self.queue,
            {
                "AwsSolutions-SQS3": "It is the dead-letter queue itself: its messages say where a "
                "batch is kept, and a redrive that fails leaves them where they are.",
                "Serverless-SQSRedrivePolicy": "It is the dead-letter queue itself: its messages "
                "say where a batch is kept, and a redrive that fails leaves them where they are.",
            },
        )
        acknowledge(
            self.bucket,
            {
                "AwsSolutions-S1": "Lambda alone writes to it, seldom, and whoever redrives reads: "
                "CloudTrail tells of both. Access logs would need a bucket that outlives this one."
            },
        )

        if not stage.tls_only:
            plain = (
                "The local cloud that this stage is deployed to listens on this machine alone, in "
                "plain HTTP; every stage on AWS sets tls_only."
            )
            acknowledge(self.queue, {"AwsSolutions-SQS4": plain})
            acknowledge(self.bucket, {"AwsSolutions-S10": plain})

    def _notify_queue(self) -> None:
        """Set on the resource itself: the construct's own way brings a function to do it."""
        resource = self.bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)  # noqa: S101 - narrows the type
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            queue_configurations=[
                s3.CfnBucket.QueueConfigurationProperty(
                    event="s3:ObjectCreated:*", queue=self.queue.queue_arn
                )
            ]
        )
        self.bucket.node.add_dependency(self.queue)  # S3 tries whether it may send
