"""Canary releases: a tenth of a function's calls try a new version before all of them get it."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.alarm import Alarm, Condition, Meaning
from infra.findings import acknowledge
from infra.stages import Stage

_MANAGED = "arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"


class Canary(Construct):
    """Shifts an alias to a new version: 10% of the calls for five minutes, then all.

    An error of the new version ends that: CodeDeploy shifts back, and CloudFormation rolls the
    stack back. Errors of the version before do not count, so that it can always be replaced.
    """

    def __init__(
        self, scope: Construct, *, stage: Stage, folder: str, alias: lambda_.Alias
    ) -> None:
        super().__init__(scope, "Canary")
        name = stage.named(folder)
        errors = cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name="Errors",
            statistic="Sum",
            period=cdk.Duration.minutes(1),
            dimensions_map={
                "FunctionName": name,
                "Resource": f"{name}:{alias.alias_name}",
                "ExecutedVersion": alias.version.version,
            },
        )
        alarm = Alarm(
            self,
            f"canary-{folder}",
            stage=stage,
            meaning=Meaning(
                text="A new version of a function failed while a tenth of the calls tried it.",
                runbook="canary",
            ),
            when=Condition(metric=errors, above=0),
        )
        codedeploy.LambdaDeploymentGroup(
            self,
            "Group",
            alias=alias,
            application=_Releases.of(self).application,
            role=_Releases.of(self).role,
            deployment_group_name=name,
            deployment_config=codedeploy.LambdaDeploymentConfig.CANARY_10_PERCENT_5_MINUTES,
            alarms=[alarm],
        )


class _Releases(Construct):
    """The application of CodeDeploy and its role, shared by the functions of a stack."""

    application: codedeploy.LambdaApplication
    role: iam.Role

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.application = codedeploy.LambdaApplication(self, "Application")
        self.role = iam.Role(
            self, "Role", assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com")
        )
        acknowledge(
            self.role,
            {
                f"AwsSolutions-IAM4[Policy::{_MANAGED}]": "AWS maintains the actions that "
                "CodeDeploy needs for Lambda; this is the smaller of its two policies."
            },
        )

    @classmethod
    def of(cls, scope: Construct) -> "_Releases":
        stack = cdk.Stack.of(scope)
        found = stack.node.try_find_child("Releases")
        return found if isinstance(found, cls) else cls(stack, "Releases")
