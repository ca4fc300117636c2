"""The dashboard: it shows every declared metric, and nothing that nobody emits."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.metrics import SYNTHETIC, emitted, operations_on
from infra.permissions import PERMISSIONS, TableName
from lambdas.shared.telemetry.metrics import LATENCY, METRICS, NAMESPACE
from tests.infra.assembly import Assembly, Template
from tests.infra.chosen import CHOSEN, OPERATED_STAGES
from tests.infra.operations import ALARM, by_stage, dimensions, everything_that_alarms, metrics

AWS_METRICS = {
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/
    # api-gateway-metrics-and-dimensions.html
    "AWS/ApiGateway": {
        "4XXError",
        "5XXError",
        "CacheHitCount",
        "CacheMissCount",
        "Count",
        "IntegrationLatency",
        "Latency",
    },
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    "AWS/Lambda": {
        "ConcurrentExecutions",
        "Duration",
        "Errors",
        "Invocations",
        "IteratorAge",
        "ProvisionedConcurrencySpilloverInvocations",
        "ProvisionedConcurrencyUtilization",
        "Throttles",
    },
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    "AWS/DynamoDB": {
        "ConsumedReadCapacityUnits",
        "ConsumedWriteCapacityUnits",
        "ReadThrottleEvents",
        "SuccessfulRequestLatency",
        "SystemErrors",
        "ThrottledRequests",
        "TransactionConflict",
        "UserErrors",
        "WriteThrottleEvents",
    },
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
    # sqs-available-cloudwatch-metrics.html
    "AWS/SQS": {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
    # https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html
    "AWS/Firehose": {"DeliveryToS3.DataFreshness", "DeliveryToS3.Success", "IncomingRecords"},
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/
    # CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html
    "AWS/Logs": {"IncomingBytes", "IncomingLogEvents"},
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
    # CloudWatch-Service-Quota-Integration.html
    # https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-cloudwatch.html
    # https://docs.aws.amazon.com/cognito/latest/developerguide/metrics-for-cognito-user-pools.html
    "AWS/Cognito": {
        "SignInSuccesses",
        "SignInThrottles",
        "SignUpSuccesses",
        "SignUpThrottles",
        "TokenRefreshSuccesses",
        "TokenRefreshThrottles",
    },
    # https://docs.aws.amazon.com/waf/latest/developerguide/waf-metrics.html
    "AWS/WAFV2": {"AllowedRequests", "BlockedRequests", "CountedRequests"},
    "AWS/SES": {"Bounce", "Complaint", "Delivery", "Reject", "RenderingFailure", "Send"},
    "AWS/Usage": {"CallCount", "ResourceCount"},
}
"""The metrics of AWS that could be shown here, as its documentation lists them, November 2026."""


def shown(template: Template) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Namespace, name and dimensions of all metrics that alarms and widgets name."""
    for alarm in template.resources(ALARM).values():
        for metric in metrics(alarm):
            yield metric["Namespace"], metric["MetricName"], dimensions(metric)
    for widget in widgets(template):
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], str):
                names = [part for part in metric[2:] if isinstance(part, str)]
                yield metric[0], metric[1], dict(zip(names[::2], names[1::2], strict=True))


def test_no_widget_and_no_alarm_names_a_metric_that_nobody_emits(assembly: Assembly) -> None:
    namespaces = set()
    for namespace, name, found in (
        each
        for stage in OPERATED_STAGES
        for each in shown(assembly.template(f"quiz-{stage}-operations"))
    ):
        namespaces.add(namespace)
        if namespace == NAMESPACE:
            assert set(found) == set(METRICS[name].dimensions)
        else:
            assert name in AWS_METRICS[namespace]
    assert namespaces == {NAMESPACE, *AWS_METRICS}


def test_every_metric_declared_is_shown(operations: Template) -> None:
    queries = " ".join(
        widget["properties"]["query"]
        for widget in widgets(operations)
        if "query" in widget["properties"]
    )
    fields = {name for name, metric in METRICS.items() if metric.operations == ()}
    assert all(name in queries for name in fields)
    assert METRICS.keys() - fields == {
        name for namespace, name, _ in shown(operations) if namespace == NAMESPACE
    }


def test_a_metric_is_not_to_be_had_under_other_dimensions() -> None:
    with pytest.raises(ValueError, match="Operation"):
        emitted(CHOSEN["dev"], LATENCY, "p95")


def test_a_table_is_shown_with_every_operation_used_on_it(operations: Template) -> None:
    for table in TableName:
        watched = {
            found["Operation"]
            for namespace, name, found in shown(operations)
            if (namespace, name) == ("AWS/DynamoDB", "SystemErrors")
            and found["TableName"].endswith(f"-{table}")
        }
        assert watched == set(operations_on(table))
        assert watched >= {
            action
            for grants in PERMISSIONS.values()
            for grant in grants
            if grant.table is table
            for action in grant.actions
        }


def widgets(template: Template) -> list[dict[str, Any]]:
    body = template.only("AWS::CloudWatch::Dashboard")["DashboardBody"]
    # Nothing but regions and ARNs is left open in it.
    parts = [
        part if isinstance(part, str) else f"<{next(iter(part.values()))}>".replace('"', "")
        for part in body["Fn::Join"][1]
    ]
    found: list[dict[str, Any]] = json.loads("".join(parts).replace("['", "").replace("']", ""))[
        "widgets"
    ]
    return found


def graphs(template: Template) -> dict[str, dict[str, Any]]:
    return {
        widget["properties"]["title"]: widget["properties"]
        for widget in widgets(template)
        if widget["type"] == "metric"
    }


@by_stage
def test_whatever_is_watched_is_there(assembly: Assembly, stage: str) -> None:
    """Metrics go by physical names: a renamed resource would be watched in vain."""
    stacks = [
        template
        for name, template in assembly.templates.items()
        if name.startswith(f"quiz-{stage}-")
    ]

    def named(resource: str, member: str) -> set[str]:
        """All names that are not left open."""
        found = (each[member] for stack in stacks for each in stack.resources(resource).values())
        return {name for name in found if isinstance(name, str)}

    api = assembly.template(f"quiz-{stage}-api")
    functions = named("AWS::Lambda::Function", "FunctionName")
    there = {
        "FunctionName": functions,
        "TableName": named("AWS::DynamoDB::Table", "TableName"),
        "ApiName": {api.only("AWS::ApiGateway::RestApi")["Name"]},
        "QueueName": named("AWS::SQS::Queue", "QueueName"),
        "DeliveryStreamName": named("AWS::KinesisFirehose::DeliveryStream", "DeliveryStreamName"),
        **({"WebACL": named("AWS::WAFv2::WebACL", "Name")} if CHOSEN[stage].waf else {}),
    }
    seen: dict[str, set[str]] = {}
    for namespace, _, found in shown(assembly.template(f"quiz-{stage}-operations")):
        for name, value in found.items():
            if namespace == NAMESPACE and name == "Stage":
                assert value == stage
            elif not isinstance(value, str):
                continue  # a reference, which CloudFormation checks: the region, the user pool
            elif name == "Stage":
                assert value == api.only("AWS::ApiGateway::Stage")["StageName"]
            else:
                seen.setdefault(name, set()).add(value)
    for name, values in there.items():
        assert seen[name] <= values, name
    assert seen["FunctionName"] == {
        f"quiz-{stage}-{folder}" for folder in (*PERMISSIONS, SYNTHETIC)
    }
    assert seen["TableName"] == there["TableName"]
    assert seen["LogGroupName"] <= named("AWS::Logs::LogGroup", "LogGroupName")


def test_the_dashboard_shows_all_that_the_stage_is_judged_by(operations: Template) -> None:
    headings = [
        widget["properties"]["markdown"]
        for widget in widgets(operations)
        if widget["type"] == "text"
    ]
    assert headings == [
        "## What learners notice",
        "## Functions",
        "## Database",
        "## The algorithm",
        "## Consumer",
        "## What it costs",
    ]
    (status,) = (w for w in widgets(operations) if w["type"] == "alarm")
    assert len(status["properties"]["alarms"]) == len(everything_that_alarms(operations))


def test_a_graph_says_its_unit_and_begins_at_zero(operations: Template) -> None:
    assert len(graphs(operations)) == sum(w["type"] == "metric" for w in widgets(operations))
    for title, graph in graphs(operations).items():
        axis = graph["yAxis"]["left"]
        assert axis["label"], title
        assert axis["min"] == 0
        assert len(graph["metrics"]) <= 500, title  # what CloudWatch takes for one


def test_the_limits_of_alarms_are_lines_in_the_graphs(operations: Template) -> None:
    limits = {
        title: [line["value"] for line in graph["annotations"]["horizontal"]]
        for title, graph in graphs(operations).items()
        if graph.get("annotations", {}).get("horizontal")
    }
    assert limits == {
        "API: latency": [200],
        "API: failed requests": [5],
        "Error budget: burn rate": [1],
        "Saturation of concurrency": [80],
        "Consumer: age of what it counts": [300_000],
        "Dead letters": [0],
    }


def test_widgets_do_not_overlap_and_fill_no_more_than_the_width(operations: Template) -> None:
    taken = set()
    for widget in widgets(operations):
        assert widget["x"] + widget["width"] <= 24
        for x in range(widget["x"], widget["x"] + widget["width"]):
            for y in range(widget["y"], widget["y"] + widget["height"]):
                assert (x, y) not in taken
                taken.add((x, y))
