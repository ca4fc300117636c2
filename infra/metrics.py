"""Metrics that alarms and the dashboard show: those of AWS, and those the functions emit.

They go by physical names, not by references: what watches a function must not keep it from being
removed. `lambdas.shared.telemetry.metrics` is the table of the metrics the functions emit.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.permissions import PERMISSIONS, TableName
from infra.stages import BASE_PATH, Stage
from lambdas.shared.telemetry.metrics import NAMESPACE, Metric

PERIOD = cdk.Duration.minutes(5)
_MINUTE = cdk.Duration.minutes(1)
_HOUR = cdk.Duration.hours(1)

AVAILABILITY_OBJECTIVE = 99.9
"""Percent of requests over 30 days that are not answered with 5xx."""

ERROR_BUDGET = 0.001
"""The share of requests that may fail: what the objective leaves."""

FEW_REQUESTS = 20
"""Requests in a period, below which one failure would be 5% and a few cold starts the p95."""

MOST_METRICS = 10
"""Metrics that the expression of one alarm takes.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html
"""

SYNTHETIC = "synthetic"
"""The function that calls the public address, by the last part of its name."""

_READING = {"GetItem", "BatchGetItem", "Query"}


def emitted(
    stage: Stage, metric: Metric, statistic: str, *, of: str | None = None, label: str | None = None
) -> cloudwatch.Metric:
    """Return a metric of the functions; `of` is the value of its second dimension, if it has one.

    Raises:
        ValueError: the metric does not have those dimensions, or is none of that operation.
    """
    values = (stage.name,) if of is None else (stage.name, of)
    if len(values) != len(metric.dimensions):
        raise ValueError(f"{metric.name} has the dimensions {metric.dimensions}, not {values}")
    if metric.operations is not None and of not in metric.operations:
        raise ValueError(f"{metric.name} is no metric of {of}")
    dimensions = dict(zip(metric.dimensions, values, strict=True))
    return _metric(NAMESPACE, metric.name, statistic, dimensions, label=label or of or metric.name)


def api_metric(
    stage: Stage, name: str, statistic: str, *, period: cdk.Duration = PERIOD
) -> cloudwatch.Metric:
    """Return a metric of the API."""
    dimensions = {"ApiName": stage.prefix, "Stage": BASE_PATH}
    label = f"{name} ({statistic})"
    return _metric("AWS/ApiGateway", name, statistic, dimensions, label=label, period=period)


def api_error_rate(stage: Stage) -> cloudwatch.MathExpression:
    """Return the percentage of 5xx; 0 while requests are so few that one would be many percent."""
    return expression(
        f"IF(requests < {FEW_REQUESTS}, 0, 100 * errors / requests)",
        {
            "errors": api_metric(stage, "5XXError", "Sum"),
            "requests": api_metric(stage, "Count", "Sum"),
        },
        label="5xx, percent of requests",
    )


def api_latency(stage: Stage) -> cloudwatch.MathExpression:
    """Return the 95th percentile in ms; 0 while requests are too few to have one."""
    return expression(
        f"IF(served < {FEW_REQUESTS}, 0, slow)",
        {
            "slow": api_metric(stage, "Latency", "p95"),
            "served": api_metric(stage, "Count", "Sum"),
        },
        label="p95 (ms)",
    )


def burn_rate(
    stage: Stage, window: cdk.Duration, *, fewest_failures: int, name: str = "burn"
) -> cloudwatch.MathExpression:
    """Return how fast the error budget goes over a window: at 1 it lasts exactly its 30 days.

    Fewer failures than `fewest_failures` burn nothing: one in three requests is 333 times the
    budget, and shows nothing. CloudWatch slides the window by the minute, one of more than a day by
    the hour.
    """
    return expression(
        f"IF({name}_errors < {fewest_failures}, 0, "
        f"{name}_errors / {name}_requests / {ERROR_BUDGET})",
        {
            f"{name}_errors": api_metric(stage, "5XXError", "Sum", period=window),
            f"{name}_requests": api_metric(stage, "Count", "Sum", period=window),
        },
        label=f"burn rate over {window.to_human_string()}",
        period=window,
    )


def function_metric(
    stage: Stage,
    folder: str,
    name: str,
    statistic: str,
    *,
    alias: str | None = None,
    period: cdk.Duration = PERIOD,
) -> cloudwatch.Metric:
    """Return a metric of a function, over all its versions or of those called by an alias."""
    function = stage.named(folder)
    dimensions = {"FunctionName": function}
    if alias:
        dimensions["Resource"] = f"{function}:{alias}"
    return _metric("AWS/Lambda", name, statistic, dimensions, label=folder, period=period)


def unanswered(stage: Stage) -> cloudwatch.MathExpression:
    """Return 1 for a minute in which the public address gave no good answer, else 0.

    There is no data for a minute in which nobody asked.
    """
    return expression(
        "IF(asked > failed, 0, 1)",
        {
            "asked": function_metric(stage, SYNTHETIC, "Invocations", "Sum", period=_MINUTE),
            "failed": function_metric(stage, SYNTHETIC, "Errors", "Sum", period=_MINUTE),
        },
        label="minutes without a good answer",
        period=_MINUTE,
    )


def account_concurrency() -> cloudwatch.MathExpression:
    """Return the account's environments in use, in percent of its quota in the region.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
    CloudWatch-Quotas-Visualize-Alarms.html
    """
    dimensions = {
        "Service": "Lambda",
        "Type": "Resource",
        "Resource": "ConcurrentExecutions",
        "Class": "None",
    }
    used = _metric("AWS/Usage", "ResourceCount", "Maximum", dimensions, label="environments")
    return expression(
        "100 * environments / SERVICE_QUOTA(environments)",
        {"environments": used},
        label="percent of the account's",
    )


def reserved_concurrency(stage: Stage) -> cloudwatch.MathExpression:
    """Return the environments in use, in percent of those reserved, of the fullest function."""
    metrics = {
        f"{folder}_in_use": function_metric(stage, folder, "ConcurrentExecutions", "Maximum")
        for folder in stage.reserved_concurrency
    }
    shares = (f"{folder}_in_use / {most}" for folder, most in stage.reserved_concurrency.items())
    return expression(f"100 * MAX([{', '.join(shares)}])", metrics, label="percent of the reserved")


def table_metric(stage: Stage, table: TableName, name: str, **more: str) -> cloudwatch.Metric:
    """Return the sum of a metric of a table; `more` are further dimensions."""
    dimensions = {"TableName": stage.named(table), **more}
    return _metric("AWS/DynamoDB", name, "Sum", dimensions, label=table)


def table_latency(stage: Stage, table: TableName, operation: str) -> cloudwatch.Metric:
    """Return how long DynamoDB itself took for an operation, on average, in ms."""
    dimensions = {"TableName": stage.named(table), "Operation": operation}
    label = f"{table} {operation}"
    return _metric("AWS/DynamoDB", "SuccessfulRequestLatency", "Average", dimensions, label=label)


def table_throttles(stage: Stage, table: TableName) -> cloudwatch.MathExpression:
    """Return how many reads and writes of a table were throttled, those retried included."""
    return total(
        table,
        [table_metric(stage, table, f"{kind}ThrottleEvents") for kind in ("Read", "Write")],
    )


def table_errors(stage: Stage, table: TableName) -> cloudwatch.MathExpression:
    """Return how often DynamoDB failed the functions, over the operations they use on a table."""
    return total(
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
    return sorted(actions | {"TransactWriteItems"} if actions - _READING else actions)


def queue_metric(stage: Stage, queue: str, name: str) -> cloudwatch.Metric:
    """Return the maximum of a metric of a queue."""
    dimensions = {"QueueName": stage.named(queue)}
    return _metric("AWS/SQS", name, "Maximum", dimensions, label=queue)


def delivery_metric(stage: Stage, stream: str, name: str, statistic: str) -> cloudwatch.Metric:
    """Return a metric of a delivery stream."""
    dimensions = {"DeliveryStreamName": stage.named(stream)}
    return _metric("AWS/Firehose", name, statistic, dimensions, label=stream)


class Accounts(NamedTuple):
    """The user pool and its client: Cognito's metrics know both by their ids alone."""

    user_pool_id: str
    client_id: str


def sign_ins_throttled(accounts: Accounts) -> cloudwatch.MathExpression:
    """Return the sign-ups, sign-ins and renewals of tokens that Cognito throttled."""
    dimensions = {"UserPool": accounts.user_pool_id, "UserPoolClient": accounts.client_id}
    return total(
        "throttled",
        [
            _metric("AWS/Cognito", f"{kind}Throttles", "Sum", dimensions, label=kind)
            for kind in ("SignUp", "SignIn", "TokenRefresh")
        ],
    )


def requests_blocked(stage: Stage) -> cloudwatch.MathExpression:
    """Return the requests that the stage's web ACLs blocked."""
    return total(
        "blocked",
        [
            _metric(
                "AWS/WAFV2",
                "BlockedRequests",
                "Sum",
                {"WebACL": name, "Rule": "ALL", "Region": cdk.Aws.REGION},
                label=name,
            )
            for name in (stage.prefix, stage.named("accounts"))
        ],
    )


def slowest_read(stage: Stage) -> cloudwatch.MathExpression:
    """Return how long DynamoDB takes for the slower of the reads that play waits for, in ms."""
    reads = {
        f"{table}_read": table_latency(stage, table, "GetItem")
        for table in (TableName.SESSIONS, TableName.QUESTIONS)
    }
    return expression(f"MAX([{', '.join(reads)}])", reads, label="slowest read (ms)")


def mail_refused() -> cloudwatch.MathExpression:
    """Return the messages of an hour that SES or the recipients' servers refused.

    SES counts by account and region, without dimensions.
    """
    refusals = ("Bounce", "Complaint", "Reject", "RenderingFailure")
    return expression(
        " + ".join(f"FILL({name.lower()}, 0)" for name in refusals),
        {
            name.lower(): _metric("AWS/SES", name, "Sum", {}, label=name, period=_HOUR)
            for name in refusals
        },
        label="messages refused",
        period=_HOUR,
    )


def log_metric(log_group: str, name: str, *, label: str) -> cloudwatch.Metric:
    """Return the sum of a metric of a log group."""
    return _metric("AWS/Logs", name, "Sum", {"LogGroupName": log_group}, label=label)


def total(name: str, metrics: Sequence[cloudwatch.Metric]) -> cloudwatch.MathExpression:
    """Return a sum; `name` is its label, and makes ids that are its own in a widget of several."""
    prefix = f"{name[:1].lower()}{name[1:]}".replace("-", "_").replace(" ", "_")
    named = {f"{prefix}_{index}": metric for index, metric in enumerate(metrics)}
    return expression(
        # Without the zeros, a metric that has no data would make the sum one that has none.
        " + ".join(f"FILL({each}, 0)" for each in named),
        named,
        label=name,
    )


def expression(
    text: str,
    metrics: Mapping[str, cloudwatch.IMetric],
    *,
    label: str,
    period: cdk.Duration = PERIOD,
) -> cloudwatch.MathExpression:
    """Return metric math over metrics by their ids."""
    return cloudwatch.MathExpression(
        expression=text, using_metrics=dict(metrics), label=label, period=period
    )


def _metric(
    namespace: str,
    name: str,
    statistic: str,
    dimensions: dict[str, str],
    *,
    label: str,
    period: cdk.Duration = PERIOD,
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        statistic=statistic,
        dimensions_map=dimensions,
        label=label,
        period=period,
    )
