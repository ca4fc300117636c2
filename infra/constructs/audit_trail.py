"""The audit's own store: from the functions' logs to a bucket that nobody writes over."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.findings import acknowledge
from infra.stages import Stage
from lambdas.shared.telemetry.audit_record import KIND

AUDIT = "audit"
"""The delivery stream, by the last part of its physical name."""

_BUFFER_SECONDS = 300
"""Longest wait for a fuller object: a bucket of small objects costs more to write and to read."""

_BUFFER_MB = 5
_KEY_CHARACTERS = 64
_LANDING_DAYS = 14
_RETENTION = {
    s3.ObjectLockMode.GOVERNANCE: s3.ObjectLockRetention.governance,
    s3.ObjectLockMode.COMPLIANCE: s3.ObjectLockRetention.compliance,
}


class AuditTrail(Construct):
    """The buckets of the records, the stream that alone writes them, and the key of pseudonyms.

    Whether Firehose can write to a bucket whose objects are locked by default is not documented:
    S3 refuses a locked object without a checksum. So where records are locked, the stream writes
    to a landing bucket, and S3 replicates each object to the locked bucket, which gives it its own
    default retention. Elsewhere there is one bucket.

    Records arrive at least once: duplicates have the same `requestId`. Records that could not be
    unpacked is kept too, under `failed/`.

    Attributes:
        bucket: The bucket that keeps the records.
    """

    bucket: s3.Bucket

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self.bucket = self._bucket(stage)
        self._landing = self._landing_bucket(stage) if stage.audit.lock else self.bucket
        delivery = iam.Role(
            self,
            "Delivery",
            # https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html
            assumed_by=iam.ServicePrincipal(
                "firehose.amazonaws.com",
                conditions={"StringEquals": {"sts:ExternalId": cdk.Stack.of(self).account}},
            ),
            description=f"Writes the audit of {stage.prefix} to its bucket",
        )
        self._stream = self._delivery_stream(stage, delivery)
        _allow_only(self._landing, "s3:PutObject", delivery)
        if self._landing is not self.bucket:
            self._replicate()
        self._subscription = iam.Role(
            self,
            "Subscription",
            assumed_by=iam.ServicePrincipal(
                "logs.amazonaws.com",
                conditions={"ArnLike": {"aws:SourceArn": self._logs_of_this_account}},
            ),
            description=f"Takes the audit of {stage.prefix} out of the logs",
        )
        self._subscription.add_to_policy(
            iam.PolicyStatement(
                actions=["firehose:PutRecord", "firehose:PutRecordBatch"],
                resources=[self._stream.attr_arn],
            )
        )
        self._secret = self._key(stage)

    def let_record(self, role: iam.Role) -> dict[str, str]:
        """Let a function read the pseudonym key; return the environment it needs for that.

        The secret is encrypted with AWS's key for Secrets Manager, which needs no grant.
        """
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["secretsmanager:GetSecretValue"], resources=[self._secret.secret_arn]
            )
        )
        return {"AUDIT_KEY_SECRET": self._secret.secret_arn}

    def follow(self, log_group: logs.LogGroup) -> None:
        """Take the audit records, and nothing else, out of a function's log."""
        logs.CfnSubscriptionFilter(
            log_group,
            "Audit",
            log_group_name=log_group.log_group_name,
            filter_pattern=f'{{ $.kind = "{KIND}" }}',
            destination_arn=self._stream.attr_arn,
            role_arn=self._subscription.role_arn,
        )

    @property
    def _logs_of_this_account(self) -> str:
        return cdk.Stack.of(self).format_arn(service="logs", resource="*")

    def _bucket(self, stage: Stage) -> s3.Bucket:
        days = cdk.Duration.days(stage.audit.days)
        bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            object_lock_default_retention=(
                _RETENTION[stage.audit.lock](days) if stage.audit.lock else None
            ),
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=days,
                    # An expired object becomes an older version first, which may be locked.
                    noncurrent_version_expiration=cdk.Duration.days(1),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                ),
                s3.LifecycleRule(expired_object_delete_marker=True),
            ],
            removal_policy=stage.removal_policy,
        )
        acknowledge(
            bucket,
            {
                "AwsSolutions-S1": "An access log would be a second bucket to guard. The lock "
                "keeps records from being changed, whoever tries; who reads them is told by "
                "CloudTrail's data events, which an operator switches on: docs/security.md."
            },
        )
        return bucket

    def _landing_bucket(self, stage: Stage) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Landing",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,  # replication requires it
            lifecycle_rules=[
                s3.LifecycleRule(
                    # Long enough to notice that nothing is replicated, and to repeat it.
                    expiration=cdk.Duration.days(_LANDING_DAYS),
                    noncurrent_version_expiration=cdk.Duration.days(1),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                ),
                s3.LifecycleRule(expired_object_delete_marker=True),
            ],
            removal_policy=stage.removal_policy,
        )
        acknowledge(
            bucket,
            {
                "AwsSolutions-S1": "Its objects are copied to the locked bucket within minutes: "
                "whoever changes one here changes no record. CloudTrail's data events name them."
            },
        )
        return bucket

    def _delivery_stream(self, stage: Stage, role: iam.Role) -> firehose.CfnDeliveryStream:
        log_group = logs.LogGroup(
            self,
            "DeliveryLog",
            log_group_name=f"/aws/kinesisfirehose/{stage.named(AUDIT)}",
            retention=stage.log_retention,
            removal_policy=stage.removal_policy,
        )
        log_stream = logs.LogStream(
            self, "Failures", log_group=log_group, removal_policy=stage.removal_policy
        )
        writes = iam.Policy(
            self,
            "Writes",
            roles=[role],
            # The rights Firehose asks for, without GetObject: it reads nothing back.
            # https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3
            statements=[
                iam.PolicyStatement(
                    actions=["s3:AbortMultipartUpload", "s3:PutObject"],
                    resources=[self._landing.arn_for_objects("*")],
                ),
                iam.PolicyStatement(
                    actions=[
                        "s3:GetBucketLocation",
                        "s3:ListBucket",
                        "s3:ListBucketMultipartUploads",
                    ],
                    resources=[self._landing.bucket_arn],
                ),
                iam.PolicyStatement(
                    actions=["logs:PutLogEvents"], resources=[log_group.log_group_arn]
                ),
            ],
        )
        acknowledge(
            writes,
            {
                f"AwsSolutions-IAM5[Resource::<{self._logical_id(self._landing)}.Arn>/*]": "It may "
                "write any object of this one bucket: their names hold the time.",
            },
        )
        stream = firehose.CfnDeliveryStream(
            self,
            "Stream",
            delivery_stream_name=stage.named(AUDIT),
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input=(
                firehose.CfnDeliveryStream.DeliveryStreamEncryptionConfigurationInputProperty(
                    key_type="AWS_OWNED_CMK"
                )
            ),
            extended_s3_destination_configuration=(
                firehose.CfnDeliveryStream.ExtendedS3DestinationConfigurationProperty(
                    bucket_arn=self._landing.bucket_arn,
                    role_arn=role.role_arn,
                    prefix="records/!{timestamp:yyyy/MM/dd}/",
                    error_output_prefix="failed/!{firehose:error-output-type}/"
                    "!{timestamp:yyyy/MM/dd}/",
                    file_extension=".jsonl.gz",
                    compression_format="GZIP",
                    buffering_hints=firehose.CfnDeliveryStream.BufferingHintsProperty(
                        interval_in_seconds=_BUFFER_SECONDS, size_in_m_bs=_BUFFER_MB
                    ),
                    cloud_watch_logging_options=(
                        firehose.CfnDeliveryStream.CloudWatchLoggingOptionsProperty(
                            enabled=True,
                            log_group_name=log_group.log_group_name,
                            log_stream_name=log_stream.log_stream_name,
                        )
                    ),
                    # Logs come compressed and in an envelope: what is kept is the lines themselves.
                    processing_configuration=(
                        firehose.CfnDeliveryStream.ProcessingConfigurationProperty(
                            enabled=True,
                            processors=[
                                _processor("Decompression", "CompressionFormat", "GZIP"),
                                _processor(
                                    "CloudWatchLogProcessing", "DataMessageExtraction", "true"
                                ),
                            ],
                        )
                    ),
                )
            ),
        )
        stream.node.add_dependency(writes)
        return stream

    def _replicate(self) -> None:
        """Have S3 copy each object of the landing bucket into the locked bucket."""
        role = iam.Role(
            self,
            "Replication",
            assumed_by=iam.ServicePrincipal("s3.amazonaws.com"),
            description="Copies audit records into the locked bucket",
        )
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
        copies = iam.Policy(
            self,
            "Copies",
            roles=[role],
            statements=[
                iam.PolicyStatement(
                    actions=["s3:GetReplicationConfiguration", "s3:ListBucket"],
                    resources=[self._landing.bucket_arn],
                ),
                iam.PolicyStatement(
                    actions=[
                        "s3:GetObjectVersionForReplication",
                        "s3:GetObjectVersionAcl",
                        "s3:GetObjectVersionTagging",
                    ],
                    resources=[self._landing.arn_for_objects("*")],
                ),
                iam.PolicyStatement(
                    actions=["s3:ReplicateObject", "s3:ReplicateTags"],
                    resources=[self.bucket.arn_for_objects("*")],
                ),
            ],
        )
        acknowledge(
            copies,
            {
                f"AwsSolutions-IAM5[Resource::<{self._logical_id(bucket)}.Arn>/*]": "It copies any "
                "object from this one bucket to that: their names hold the time."
                for bucket in (self._landing, self.bucket)
            },
        )
        landing = self._landing.node.default_child
        assert isinstance(landing, s3.CfnBucket)  # noqa: S101 - for the type checker
        landing.replication_configuration = s3.CfnBucket.ReplicationConfigurationProperty(
            role=role.role_arn,
            rules=[
                s3.CfnBucket.ReplicationRuleProperty(
                    id="Lock",
                    status="Enabled",
                    priority=0,
                    filter=s3.CfnBucket.ReplicationRuleFilterProperty(prefix=""),
                    delete_marker_replication=s3.CfnBucket.DeleteMarkerReplicationProperty(
                        status="Disabled"
                    ),
                    destination=s3.CfnBucket.ReplicationDestinationProperty(
                        bucket=self.bucket.bucket_arn
                    ),
                )
            ],
        )
        _allow_only(self.bucket, "s3:ReplicateObject", role)
        _allow_only(self.bucket, "s3:PutObject", None)

    def _key(self, stage: Stage) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            "Key",
            description=f"Makes the pseudonyms in the audit of {stage.prefix}",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=_KEY_CHARACTERS, exclude_punctuation=True
            ),
            removal_policy=stage.removal_policy,
        )
        acknowledge(
            secret,
            {
                "AwsSolutions-SMG4": "It opens nothing, and a new key would give everybody a new "
                "pseudonym: actions before and after could not be told to be one person's."
            },
        )
        return secret

    def _logical_id(self, bucket: s3.Bucket) -> str:
        resource = bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)  # noqa: S101 - for the type checker
        return str(cdk.Stack.of(self).get_logical_id(resource))


def _allow_only(bucket: s3.Bucket, action: str, role: iam.Role | None) -> None:
    """Deny an action on the bucket's objects to everybody but a role, or to everybody."""
    exception = {"ArnNotEquals": {"aws:PrincipalArn": role.role_arn}} if role else None
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=[action],
            resources=[bucket.arn_for_objects("*")],
            conditions=exception,
        )
    )


def _processor(
    kind: str, parameter: str, value: str
) -> firehose.CfnDeliveryStream.ProcessorProperty:
    return firehose.CfnDeliveryStream.ProcessorProperty(
        type=kind,
        parameters=[
            firehose.CfnDeliveryStream.ProcessorParameterProperty(
                parameter_name=parameter, parameter_value=value
            )
        ],
    )
