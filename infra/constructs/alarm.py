"""An alarm."""

from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.stages import Stage

RUNBOOK = "docs/operations.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A metric above a threshold, in each of `periods` periods in a row."""

    metric: cloudwatch.IMetric
    above: float
    periods: int = 1


class Alarm(cloudwatch.Alarm):
    """An alarm that says what it means, where the runbook is and of which stage it is.

    Silence is health: a metric that nobody emits means that nobody called.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: Stage,
        topic: sns.ITopic,
        meaning: str,
        runbook: str,
        when: Condition,
    ) -> None:
        """`runbook` is the anchor of its heading."""
        super().__init__(
            scope,
            name.title().replace("-", ""),
            alarm_name=f"{stage.prefix}-{name}",
            alarm_description=f"{meaning} Stage: {stage.name}. Runbook: {RUNBOOK}#{runbook}",
            metric=when.metric,
            threshold=when.above,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=when.periods,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self.add_alarm_action(actions.SnsAction(topic))
        self.add_ok_action(actions.SnsAction(topic))
