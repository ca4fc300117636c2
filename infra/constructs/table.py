"""A table."""

from collections.abc import Sequence

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.findings import acknowledge
from infra.permissions import TableName
from infra.stages import Stage


class Table(dynamodb.Table):
    """A table on demand, encrypted, as safe from loss as its stage wants it.

    `AWS::DynamoDB::Table` rather than `GlobalTable`, so that a laptop can create its tables from
    the very template. The key that encrypts is AWS's own for DynamoDB in this account: its use is
    in CloudTrail, and no role needs a grant for it.
    """

    def __init__(
        self,
        scope: Construct,
        name: TableName,
        *,
        stage: Stage,
        partition_key: str,
        sort_key: str | None = None,
        time_to_live: str | None = None,
        stream: dynamodb.StreamViewType | None = None,
    ) -> None:
        """Keys are strings; `time_to_live` names the attribute, in seconds since the epoch."""
        super().__init__(
            scope,
            name.construct_id,
            table_name=stage.named(name),
            partition_key=string_key(partition_key),
            sort_key=string_key(sort_key) if sort_key else None,
            time_to_live_attribute=time_to_live,
            stream=stream,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=stage.table_recovery
            ),
            deletion_protection=stage.protected,
            removal_policy=stage.removal_policy,
        )
        if not stage.table_recovery:
            acknowledge(
                self,
                {
                    "AwsSolutions-DDB3": "This stage holds made-up data that a deployment and an "
                    "import bring back; stages with real data set table_recovery."
                },
            )

    def add_local_index(
        self, name: str, *, sort_key: dynamodb.Attribute, attributes: Sequence[str] = ()
    ) -> None:
        """Add an index over each partition, which can be read with strong consistency.

        Only items that have `sort_key` are in it, with their keys and `attributes`.
        """
        include = dynamodb.ProjectionType.INCLUDE
        self.add_local_secondary_index(
            index_name=name,
            sort_key=sort_key,
            projection_type=include if attributes else dynamodb.ProjectionType.KEYS_ONLY,
            non_key_attributes=list(attributes) or None,
        )


def string_key(name: str) -> dynamodb.Attribute:
    """Return a key attribute of type string."""
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)


def number_key(name: str) -> dynamodb.Attribute:
    """Return a key attribute of type number."""
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.NUMBER)
