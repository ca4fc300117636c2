"""Metrics of AWS that alarms and the dashboard show.

They go by physical names, not by references: what watches a function must not keep it from being
removed.
"""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.permissions import PERMISSIONS, TableName
from infra.stages import BASE_PATH, Stage

_PERIOD = cdk.Duration.minutes(5)
_READING = {"GetItem", "BatchGetItem", "Query"}
_FEW_REQUESTS = 20


def api_metric(stage: Stage, name: str, statistic: str) -> cloudwatch.Metric:
    """Return a metric of the API."""
    dimensions = {"ApiName": stage.prefix, "Stage": BASE_PATH}
    return _metric("AWS/ApiGateway", name, statistic, dimensions, label=f"{name} ({statistic})")


def api_error_rate(stage: Stage) -> cloudwatch.MathExpression:
    """Return the percentage of 5xx; 0 while requests are so few that one would be many percent."""
    return cloudwatch.MathExpression(
        expression=f"IF(requests < {_FEW_REQUESTS}, 0, 100 * errors / requests)",
        using_metrics={
            "errors": api_metric(stage, "5XXError", "Sum"),
            "requests": api_metric(stage, "Count", "Sum"),
        },
        label="5xx, percent of requests",
        period=_PERIOD,
    )


def function_metric(stage: Stage, folder: str, name: str, statistic: str) -> cloudwatch.Metric:
    """Return a metric of a function, over all its versions."""
    dimensions = {"FunctionName": stage.named(folder)}
    return _metric("AWS/Lambda", name, statistic, dimensions, label=folder)


def table_metric(stage: Stage, table: TableName, name: str, **more: str) -> cloudwatch.Metric:
    """Return the sum of a metric of a table; `more` are further dimensions."""
    dimensions = {"TableName": stage.named(table), **more}
    return _metric("AWS/DynamoDB", name, "Sum", dimensions, label=table)


def table_throttles(stage: Stage, table: TableName) -> cloudwatch.MathExpression:
    """Return how many reads and writes of a table were throttled, those retried included."""
    return _total(
        table, [table_metric(stage, table, f"{kind}ThrottleEvents") for kind in ("Read", "Write")]
    )


def table_errors(stage: Stage, table: TableName) -> cloudwatch.MathExpression:
    """Return how often DynamoDB failed the functions, over the operations they use on a table."""
    return _total(
        table,
        [
            table_metric(stage, table, "SystemErrors", Operation=operation)
            for operation in operations_on(table)
        ],
    )


def operations_on(table: TableName) -> list[str]:
    """Return the operations that the functions use on a table; a write may be in a transaction."""
    actions = {
        action
        for grants in PERMISSIONS.values()
        for grant in grants
        if grant.table is table
        for action in grant.actions
    }
    if actions - _READING:
        actions.add("TransactWriteItems")
    # A permission alone: such a check is always part of a transaction.
    return sorted(actions - {"ConditionCheckItem"})


def _metric(
    namespace: str, name: str, statistic: str, dimensions: dict[str, str], *, label: str
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        statistic=statistic,
        dimensions_map=dimensions,
        label=label,
        period=_PERIOD,
    )


def _total(table: TableName, metrics: Sequence[cloudwatch.Metric]) -> cloudwatch.MathExpression:
    # Their ids are unique in a widget of all tables.
    prefix = table.replace("-", "_")
    named = {f"{prefix}_{index}": metric for index, metric in enumerate(metrics)}
    return cloudwatch.MathExpression(
        # Without the zeros, a metric that has no data would make the sum one that has none.
        expression=" + ".join(f"FILL({name}, 0)" for name in named),
        using_metrics=dict(named),
        label=table,
        period=_PERIOD,
    )
