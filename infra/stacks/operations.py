"""What tells how the stage does: alarms and a topic for them, a dashboard, a budget."""

from collections.abc import Iterator

import aws_cdk as cdk
from constructs import Construct

from infra.constructs.alarm import Alarm, Condition
from infra.constructs.alarm_topic import AlarmTopic
from infra.constructs.budget import Budget
from infra.constructs.dashboard import Dashboard
from infra.metrics import (
    api_error_rate,
    api_metric,
    function_metric,
    table_errors,
    table_throttles,
)
from infra.permissions import PERMISSIONS, TableName
from infra.stacks.base import StageStack
from infra.stages import Stage

_SLOW_MS = 200
_MANY_ERRORS_PERCENT = 5


class OperationsStack(StageStack):
    """Watches the other stacks, none of which knows of it."""

    def __init__(self, scope: Construct, *, stage: Stage) -> None:
        super().__init__(scope, "operations", stage=stage, purpose="Alarms of the quiz")
        self._stage = stage
        self._topic = AlarmTopic(self, "Topic", stage=stage)
        alarms = [*self._api_alarms(), *self._function_alarms(), *self._table_alarms()]
        Dashboard(self, "Dashboard", stage=stage, alarms=alarms)
        Budget(self, "Budget", stage=stage, topic=self._topic)
        cdk.CfnOutput(
            self, "AlarmTopicArn", value=self._topic.topic_arn, description="Topic of all alarms"
        )

    def _api_alarms(self) -> Iterator[Alarm]:
        yield self._alarm(
            "api-errors",
            meaning=f"More than {_MANY_ERRORS_PERCENT}% of requests failed with 5xx.",
            when=Condition(metric=api_error_rate(self._stage), above=_MANY_ERRORS_PERCENT),
        )
        yield self._alarm(
            "api-latency",
            meaning=f"One request in 20 took longer than {_SLOW_MS} ms, for a quarter of an hour.",
            when=Condition(
                metric=api_metric(self._stage, "Latency", "p95"), above=_SLOW_MS, periods=3
            ),
        )

    def _function_alarms(self) -> Iterator[Alarm]:
        for folder in PERMISSIONS:
            yield self._alarm(
                "function-errors",
                of=folder,
                meaning=f"Function {folder} ended in an error or ran out of time.",
                when=Condition(
                    metric=function_metric(self._stage, folder, "Errors", "Sum"), above=0
                ),
            )
            yield self._alarm(
                "function-throttles",
                of=folder,
                meaning=f"Calls of function {folder} were refused for want of concurrency.",
                when=Condition(
                    metric=function_metric(self._stage, folder, "Throttles", "Sum"), above=0
                ),
            )

    def _table_alarms(self) -> Iterator[Alarm]:
        # DynamoDB's passing troubles are retried: what lasts for two periods is worth a look.
        for table in TableName:
            yield self._alarm(
                "table-throttles",
                of=table,
                meaning=f"Table {table} throttled calls, ten minutes in a row.",
                when=Condition(metric=table_throttles(self._stage, table), above=0, periods=2),
            )
            yield self._alarm(
                "table-errors",
                of=table,
                meaning=f"DynamoDB failed calls to table {table}, ten minutes in a row.",
                when=Condition(metric=table_errors(self._stage, table), above=0, periods=2),
            )

    def _alarm(self, kind: str, *, meaning: str, when: Condition, of: str | None = None) -> Alarm:
        return Alarm(
            self,
            f"{kind}-{of}" if of else kind,
            stage=self._stage,
            topic=self._topic,
            meaning=meaning,
            runbook=kind,
            when=when,
        )
