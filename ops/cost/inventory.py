"""Fixed costs of a stage, counted in its templates."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.decisions import EXAMPLES
from infra.metrics import SYNTHETIC
from local.data_folder import ROOT
from local.errors import CommandError

Resource = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Numbers of things; `log_months` is how long logs are kept.

    `copied_buckets` are replicated, `scaling_policies` have two alarms each.

    `scheduled_calls` are those that schedules make in a month, `checks` those of them that call the
    public address.

    `provisioned_mb` is memory kept warm, `most_provisioned_mb` as far as it grows, so that
    `utilization` of it is in use.

    `trace_rate` and `trace_reservoir` are the share of requests that are traced, and the number a
    second before it.
    """

    alarm_metrics: int
    composite_alarms: int
    dashboards: int
    web_acls: int
    web_acl_rules: int
    scaling_policies: int
    copied_buckets: int
    keys: int
    secrets: int
    scheduled_calls: float
    checks: float
    provisioned_mb: int
    most_provisioned_mb: int
    utilization: float
    table_recovery: bool
    log_months: float
    trace_rate: float
    trace_reservoir: float


DEFAULT_TRACE_RATE = 0.05
DEFAULT_TRACE_RESERVOIR = 1.0
"""X-Ray's own rule, where a stage has none."""


def inventory(resources: Iterable[Resource]) -> Inventory:
    """Count the resources of a stage's templates."""
    by_type: dict[str, list[Resource]] = {}
    for resource in resources:
        by_type.setdefault(resource["Type"], []).append(resource.get("Properties", {}))

    def every(kind: str) -> list[Resource]:
        return by_type.get(kind, [])

    memory = {function["FunctionName"]: function["MemorySize"] for function in every(_FUNCTION)}
    warm = sum(
        alias.get("ProvisionedConcurrencyConfig", {}).get("ProvisionedConcurrentExecutions", 0)
        for alias in every("AWS::Lambda::Alias")
    )
    grown = sum(target["MaxCapacity"] for target in every(f"{_SCALING}::ScalableTarget"))
    policies = every(f"{_SCALING}::ScalingPolicy")
    days = [group.get("RetentionInDays", 0) for group in every("AWS::Logs::LogGroup")]
    schedules = every("AWS::Events::Rule")
    rules = every("AWS::XRay::SamplingRule")
    rule = rules[0]["SamplingRule"] if rules else {}
    return Inventory(
        alarm_metrics=sum(_metrics(alarm) for alarm in every("AWS::CloudWatch::Alarm")),
        composite_alarms=len(every("AWS::CloudWatch::CompositeAlarm")),
        dashboards=len(every("AWS::CloudWatch::Dashboard")),
        web_acls=len(every("AWS::WAFv2::WebACL")),
        web_acl_rules=sum(len(acl["Rules"]) for acl in every("AWS::WAFv2::WebACL")),
        scaling_policies=len(policies),
        copied_buckets=sum(
            "ReplicationConfiguration" in bucket for bucket in every("AWS::S3::Bucket")
        ),
        keys=len(every("AWS::KMS::Key")),
        secrets=len(every("AWS::SecretsManager::Secret")),
        scheduled_calls=sum(_a_month(rule) for rule in schedules),
        checks=sum(_a_month(rule) for rule in schedules if rule["Name"].endswith(SYNTHETIC)),
        provisioned_mb=warm * max(memory.values(), default=0),
        most_provisioned_mb=max(grown, warm) * max(memory.values(), default=0),
        utilization=min(
            (
                policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
                for policy in policies
            ),
            default=1.0,
        ),
        table_recovery=any(
            table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled")
            for table in every("AWS::DynamoDB::Table")
        ),
        log_months=max(days, default=0) / 30.4,
        trace_rate=rule.get("FixedRate", DEFAULT_TRACE_RATE),
        trace_reservoir=rule.get("ReservoirSize", DEFAULT_TRACE_RESERVOIR),
    )


_FUNCTION = "AWS::Lambda::Function"
_SCALING = "AWS::ApplicationAutoScaling"


def _a_month(rule: Resource) -> float:
    """Return the calls that a schedule makes: `rate(1 minute)`, `rate(6 hours)`."""
    number, unit = rule["ScheduleExpression"].removeprefix("rate(").removesuffix(")").split()
    return 30.4 * 24 * 60 / (int(number) * _MINUTES[unit.removesuffix("s")])


_MINUTES = {"minute": 1, "hour": 60, "day": 1440}


def _metrics(alarm: Resource) -> int:
    """An alarm is billed by the metrics it looks at; an expression over them is none."""
    queries = alarm.get("Metrics")
    return sum("MetricStat" in query for query in queries) if queries else 1


def synthesized(stage: str) -> Inventory:
    """Return the inventory of a stage, by a synthesis of its stacks.

    Raises:
        CommandError: it cannot be synthesized.
    """
    with tempfile.TemporaryDirectory(prefix="quiz-synth-") as assembly:
        environment = os.environ | {
            # Node is installed beside the interpreter.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "CDK_OUTDIR": assembly,
            # Prices do not depend on the settings that a deployer decides.
            "CDK_CONTEXT_JSON": json.dumps(
                {"stage": stage, "aws:cdk:bundling-stacks": [], **EXAMPLES}
            ),
            "CDK_VALIDATION": "false",
        }
        done = subprocess.run(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandError(done.stderr.strip().splitlines()[-1])
        return inventory(
            resource
            for template in sorted(Path(assembly).glob("*.template.json"))
            for resource in json.loads(template.read_text())["Resources"].values()
        )
