"""The dashboard: one look at the stage."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.metrics import (
    api_error_rate,
    api_metric,
    function_metric,
    table_metric,
    table_throttles,
)
from infra.permissions import PERMISSIONS, TableName
from infra.stages import Stage

_WIDTH = 24
_RANKS = ("p50", "p95", "p99")

_Row = dict[str, list[cloudwatch.IMetric]]


class Dashboard(cloudwatch.Dashboard):
    """The alarms, then a row each for the API, the functions and the tables."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        alarms: Sequence[cloudwatch.IAlarm],
    ) -> None:
        super().__init__(
            scope, construct_id, dashboard_name=stage.prefix, default_interval=cdk.Duration.days(1)
        )
        self.add_widgets(
            cloudwatch.AlarmStatusWidget(title="Alarms", width=_WIDTH, alarms=list(alarms))
        )
        for row in (_api_row(stage), _functions_row(stage), _tables_row(stage)):
            width = _WIDTH // len(row)
            self.add_widgets(
                *(
                    cloudwatch.GraphWidget(title=title, left=metrics, width=width)
                    for title, metrics in row.items()
                )
            )


def _api_row(stage: Stage) -> _Row:
    return {
        "API: requests": [api_metric(stage, "Count", "Sum")],
        "API: latency (ms)": [api_metric(stage, "Latency", rank) for rank in _RANKS],
        "API: errors": [
            api_metric(stage, "4XXError", "Sum"),
            api_metric(stage, "5XXError", "Sum"),
            api_error_rate(stage),
        ],
    }


def _functions_row(stage: Stage) -> _Row:
    def each(name: str, statistic: str) -> list[cloudwatch.IMetric]:
        return [function_metric(stage, folder, name, statistic) for folder in PERMISSIONS]

    return {
        "Functions: errors": each("Errors", "Sum"),
        "Functions: throttled": each("Throttles", "Sum"),
        "Functions: p95 duration (ms)": each("Duration", "p95"),
        "Functions: environments in use": each("ConcurrentExecutions", "Maximum"),
    }


def _tables_row(stage: Stage) -> _Row:
    return {
        "Tables: read units": [
            table_metric(stage, table, "ConsumedReadCapacityUnits") for table in TableName
        ],
        "Tables: write units": [
            table_metric(stage, table, "ConsumedWriteCapacityUnits") for table in TableName
        ],
        "Tables: throttled": [table_throttles(stage, table) for table in TableName],
    }
