"""The topics that alarms and the budget speak to."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.findings import acknowledge
from infra.stages import Stage

_CLOUDWATCH = "cloudwatch.amazonaws.com"
_BUDGETS = "budgets.amazonaws.com"


class AlarmKey(kms.Key):
    """The key of the topics.

    It is one of ours, unlike the tables': services may use the one of AWS for SNS only on behalf of
    a caller in the account, and an alarm has none.
    """

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(
            scope,
            construct_id,
            description=f"Alarms of {stage.prefix} on their way",
            enable_key_rotation=True,
            # It encrypts nothing that is kept.
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(service) for service in (_CLOUDWATCH, _BUDGETS)],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],  # in a key's policy: that key
            )
        )


class AlarmTopic(sns.Topic):
    """Encrypted, written to by this account's alarms and budgets alone, over TLS."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage, key: kms.IKey) -> None:
        super().__init__(
            scope,
            name.title(),
            topic_name=f"{stage.prefix}-{name}",
            master_key=key,
            enforce_ssl=True,
        )
        stack = cdk.Stack.of(self)
        sources = {
            _CLOUDWATCH: stack.format_arn(
                service="cloudwatch",
                resource="alarm",
                resource_name="*",
                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            ),
            _BUDGETS: stack.format_arn(service="budgets", region="", resource="*"),
        }
        for service, source in sources.items():
            self.add_to_resource_policy(
                iam.PolicyStatement(
                    principals=[iam.ServicePrincipal(service)],
                    actions=["sns:Publish"],
                    resources=[self.topic_arn],
                    conditions={
                        "StringEquals": {"aws:SourceAccount": stack.account},
                        "ArnLike": {"aws:SourceArn": source},
                    },
                )
            )
        if stage.alarm_email:
            self._tell(stage.alarm_email)

    def _tell(self, address: str) -> None:
        subscription = self.add_subscription(subscriptions.EmailSubscription(address))
        acknowledge(
            subscription,
            {
                "Serverless-SNSRedrivePolicy": "A mail that does not arrive is of no use later; "
                "the alarm's state stays on the dashboard until it is well."
            },
        )
