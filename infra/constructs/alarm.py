"""Alarms: on a metric, and on other alarms."""

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.stages import Stage

RUNBOOK = "docs/operations.md"

_SETTLING = cdk.Duration.minutes(5)
"""How long a ticket waits for the page that would make it needless, and after that page's end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A metric above a threshold, in each of `periods` periods in a row.

    A period without data is good, as nothing happened that the metric would record, unless
    `silence_is_bad`.
    """

    metric: cloudwatch.IMetric
    above: float
    periods: int = 1
    silence_is_bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """Description of an alarm: a sentence, and the anchor of its heading in the runbook."""

    text: str
    runbook: str

    def description(self, stage: Stage) -> str:
        """Return the alarm's description."""
        return f"{self.text} Stage: {stage.name}. Runbook: {RUNBOOK}#{self.runbook}"


class Alarm(cloudwatch.Alarm):
    """An alarm on a metric; without a topic it speaks only through a composite alarm."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: Stage,
        meaning: Meaning,
        when: Condition,
        topic: sns.ITopic | None = None,
    ) -> None:
        super().__init__(
            scope,
            _construct_id(name),
            alarm_name=f"{stage.prefix}-{name}",
            alarm_description=meaning.description(stage),
            metric=when.metric,
            threshold=when.above,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=when.periods,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING
            if when.silence_is_bad
            else cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        if topic:
            _speak(self, topic)


class CompositeAlarm(cloudwatch.CompositeAlarm):
    """An alarm on other alarms, so that one incident is reported once.

    While `beneath` is in alarm, it is suppressed: that one was reported already.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: Stage,
        meaning: Meaning,
        rule: cloudwatch.IAlarmRule,
        topic: sns.ITopic,
        beneath: cloudwatch.IAlarm | None = None,
    ) -> None:
        super().__init__(
            scope,
            _construct_id(name),
            composite_alarm_name=f"{stage.prefix}-{name}",
            alarm_description=meaning.description(stage),
            alarm_rule=rule,
            actions_suppressor=beneath,
            actions_suppressor_wait_period=_SETTLING if beneath else None,
            actions_suppressor_extension_period=_SETTLING if beneath else None,
        )
        _speak(self, topic)


def rises(alarm: cloudwatch.IAlarm) -> cloudwatch.IAlarmRule:
    """Return the rule that an alarm is in alarm."""
    return cloudwatch.AlarmRule.from_alarm(alarm, cloudwatch.AlarmState.ALARM)


def _speak(alarm: cloudwatch.AlarmBase, topic: sns.ITopic) -> None:
    alarm.add_alarm_action(actions.SnsAction(topic))
    alarm.add_ok_action(actions.SnsAction(topic))


def _construct_id(name: str) -> str:
    return name.title().replace("-", "")
