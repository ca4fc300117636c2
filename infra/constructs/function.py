"""A function."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.constructs.audit_trail import AuditTrail
from infra.constructs.canary import Canary
from infra.constructs.table import Table
from infra.findings import acknowledge
from infra.permissions import AUDITED, Grant, TableName
from infra.stages import ProvisionedConcurrency, Stage
from lambdas.contract.timeouts import USUAL_SECONDS

MEMORY_MB = 512
"""Processor time comes with memory (1,769 MB is one processor). A warm answer is milliseconds of
it, a cold start about a second of imports at this size; half of it would double that for every
learner who meets one."""

LIVE = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """How a function is called.

    Attributes:
        seconds: The longest a call may take.
        no_dead_letters: Why the function itself needs no queue for calls that failed.
        warm: How many environments are kept ready, if any.
        canary: Whether a new version gets a tenth of the calls first, where the stage does that.
    """

    seconds: int
    no_dead_letters: str
    warm: ProvisionedConcurrency | None = None
    canary: bool = True


BY_GATEWAY = Calls(
    seconds=USUAL_SECONDS,
    no_dead_letters="The gateway alone may call it, and waits for the answer: an error goes back "
    "to the client. A queue would take asynchronous calls only.",
)


class Function(Construct):
    """A folder under `lambdas` as a function with a role and a log group of its own.

    It gets the names of the tables it has a grant for, and no others; its audit records go where
    it cannot reach. Callers call `live`, the alias of the version published last: to go back is to
    point it at the one before.
    """

    function: lambda_.Function
    role: iam.Role
    live: lambda_.Alias

    def __init__(  # noqa: PLR0913 - what functions differ in
        self,
        scope: Construct,
        folder: str,
        *,
        stage: Stage,
        code: lambda_.Code,
        grants: tuple[Grant, ...] = (),
        tables: Mapping[TableName, Table] = MappingProxyType({}),
        audit: AuditTrail | None = None,
        calls: Calls = BY_GATEWAY,
        handler: str | None = None,
    ) -> None:
        """Create the function; `handler` is its entry point if not that of its folder."""
        super().__init__(scope, folder.title())
        name = stage.named(folder)
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/lambda/{name}",
            retention=stage.log_retention,
            removal_policy=stage.removal_policy,
        )
        if audit:
            audit.follow(log_group)
        self.role = role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"What {name} may do",
        )
        log_group.grant_write(role)
        for grant in grants:
            role.add_to_policy(_statement(grant, tables[grant.table]))
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=code,
            handler=handler or f"lambdas.{folder}.handler.handler",
            memory_size=MEMORY_MB,
            timeout=cdk.Duration.seconds(calls.seconds),
            role=role,
            log_group=log_group,
            tracing=lambda_.Tracing.ACTIVE,
            reserved_concurrent_executions=stage.reserved_concurrency.get(folder),
            # Versions go with their function; until then `make rollback` can go back to them.
            current_version_options=lambda_.VersionOptions(
                removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
                if stage.deploy_roles
                else stage.removal_policy
            ),
            environment={
                "STAGE": stage.name,
                "LOG_LEVEL": stage.log_level,
                "PERFORMANCE_MONITORING": str(stage.performance_monitoring).lower(),
                "CIRCUIT_BREAKER_ENABLED": str(stage.circuit_breaker).lower(),
                "CORS_ORIGINS": stage.cors_origin,
                **(audit.let_record(role) if audit and folder in AUDITED else {}),
                **{grant.table.variable: tables[grant.table].table_name for grant in grants},
            },
        )
        if stage.dynamodb_endpoint:
            self.function.add_environment("DYNAMODB_ENDPOINT", stage.dynamodb_endpoint)
        self.live = lambda_.Alias(
            self,
            "Live",
            alias_name=LIVE,
            version=self.function.current_version,
            provisioned_concurrent_executions=warm.minimum if (warm := calls.warm) else None,
        )
        if warm:
            scaling = self.live.add_auto_scaling(
                min_capacity=warm.minimum, max_capacity=warm.maximum
            )
            scaling.scale_on_utilization(utilization_target=warm.utilization)
        elif stage.canary and calls.canary:
            # Lambda refuses to provision environments of an alias whose calls are split.
            Canary(self, stage=stage, folder=folder, alias=self.live)
        acknowledge(
            role,
            {
                "AwsSolutions-IAM5[Resource::*]": "X-Ray's PutTraceSegments and "
                "PutTelemetryRecords know no resources; the other statements name theirs."
            },
        )
        runtime = (
            "Python 3.13 is supported until 2029-06-30; the wheels are locked and bundled for it, "
            "so the runtime moves together with them."
        )
        acknowledge(
            self.function,
            {
                "AwsSolutions-L1": runtime,
                "Serverless-LambdaLatestVersion": runtime,
                "Serverless-LambdaDLQ": calls.no_dead_letters,
            },
        )


def _statement(grant: Grant, table: Table) -> iam.PolicyStatement:
    # Not Table.grant: that opens every index of the table together with the table.
    resource = f"{table.table_arn}/index/{grant.index}" if grant.index else table.table_arn
    return iam.PolicyStatement(
        actions=[f"dynamodb:{action}" for action in grant.actions], resources=[resource]
    )
