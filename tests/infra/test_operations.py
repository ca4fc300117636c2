import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.constructs.alarms import BURNS
from infra.metrics import MOST_METRICS, emitted, operations_on
from infra.permissions import PERMISSIONS, TableName
from infra.queries import QUERIES
from lambdas.shared.telemetry.metrics import LATENCY, METRICS, NAMESPACE
from tests.infra.assembly import Assembly, Properties, Template
from tests.infra.chosen import CHOSEN, OPERATED_STAGES
from tests.infra.metric_math import breaching, evaluate

ALARM = "AWS::CloudWatch::Alarm"
COMPOSITE = "AWS::CloudWatch::CompositeAlarm"
RUNBOOK = Path(__file__).parents[2] / "docs" / "operations.md"
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

PAGES = {"availability"}
MATTERS = {
    "api-errors": "api-errors",
    **{f"burn-{each.name}-{end}": "availability" for each in BURNS for end in ("long", "short")},
    "burn-slow-long": "error-budget",
    "burn-slow-short": "error-budget",
}
"""Alarms that speak only through a composite alarm, by the runbook's heading."""

OF_SOME_STAGES = {"concurrency-reserved", "mail-refused", "requests-blocked"}
"""Alarms on what only some stages have."""

by_stage = pytest.mark.parametrize("stage", OPERATED_STAGES)


def anchors() -> set[str]:
    headings = re.findall(r"^#+ (.+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def alarms(template: Template, kind: str = ALARM) -> dict[str, Properties]:
    """By name, without the stage."""
    return {
        alarm["AlarmName"].split("-", 2)[2]: alarm for alarm in template.resources(kind).values()
    }


def everything_that_alarms(template: Template) -> dict[str, Properties]:
    return alarms(template) | alarms(template, COMPOSITE)


def metrics(alarm: Properties) -> Iterator[Properties]:
    for part in alarm["Metrics"]:
        if "MetricStat" in part:
            yield part["MetricStat"]["Metric"]


def statistics(alarm: Properties) -> set[tuple[str, str, int]]:
    """Metric, statistic and period of all that an alarm looks at."""
    parts = (part["MetricStat"] for part in alarm["Metrics"] if "MetricStat" in part)
    return {(part["Metric"]["MetricName"], part["Stat"], part["Period"]) for part in parts}


def formula(alarm: Properties) -> str:
    (found,) = (part["Expression"] for part in alarm["Metrics"] if "Expression" in part)
    return str(found)


def dimensions(metric: Properties) -> dict[str, Any]:
    return {each["Name"]: each["Value"] for each in metric.get("Dimensions", ())}


def topics(template: Template) -> dict[str, str]:
    """Logical ids by the last part of their names."""
    return {
        topic["TopicName"].split("-")[-1]: logical_id
        for logical_id, topic in template.resources("AWS::SNS::Topic").items()
    }


# Alarms


def test_there_is_an_alarm_for_all_that_can_go_wrong(operations: Template) -> None:
    # An alarm takes ten metrics: of more functions there are several, numbered.
    found = {re.sub(r"-\d+$", "", name) for name in everything_that_alarms(operations)}
    assert found - OF_SOME_STAGES == {
        "availability",
        "error-budget",
        *MATTERS,
        "api-latency",
        "circuit-opened",
        "audit-key",
        "function-errors",
        "function-throttles",
        *(f"table-throttles-{table}" for table in TableName),
        "table-latency",
        "sign-in-throttled",
        "concurrency",
        "consumer-lag",
        "consumer-silent",
        "dead-letters",
        "audit-late",
        "audit-silent",
    }


@by_stage
def test_an_alarm_tells_meaning_stage_and_runbook(assembly: Assembly, stage: str) -> None:
    template = assembly.template(f"quiz-{stage}-operations")
    for alarm in everything_that_alarms(template).values():
        told = re.fullmatch(
            r"(.{20,}\.) Stage: (\w+)\. Runbook: docs/operations\.md#([a-z-]+)",
            alarm["AlarmDescription"],
        )
        assert told is not None, alarm["AlarmDescription"]
        assert told[2] == stage
        assert told[3] in anchors()


def test_the_runbook_has_an_entry_per_kind_of_alarm_and_no_other(assembly: Assembly) -> None:
    named = {
        alarm["AlarmDescription"].rpartition("#")[2]
        for stage in OPERATED_STAGES
        for alarm in everything_that_alarms(assembly.template(f"quiz-{stage}-operations")).values()
    }
    assert anchors() == {"operations", "budget", "restore", *named}


@pytest.mark.parametrize("field", ["Means", "Look", "Do"])
def test_an_entry_says_what_it_means_where_to_look_and_what_to_do(field: str) -> None:
    _, *entries = re.split(r"^## ", RUNBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for entry in entries:
        assert f"**{field}**" in entry


@by_stage
def test_one_incident_pages_once_and_causes_are_tickets(assembly: Assembly, stage: str) -> None:
    template = assembly.template(f"quiz-{stage}-operations")
    topic = topics(template)
    assert set(topic) == ({"pages", "tickets"} if CHOSEN[stage].pages else {"tickets"})
    for name, alarm in everything_that_alarms(template).items():
        told = alarm.get("AlarmActions", [])
        assert told == alarm.get("OKActions", [])
        if name in MATTERS:
            assert told == []
        elif name in PAGES:
            assert told == [{"Ref": topic.get("pages", topic["tickets"])}]
        else:
            assert told == [{"Ref": topic["tickets"]}]


def test_only_production_wakes_anybody() -> None:
    assert [name for name, stage in CHOSEN.items() if stage.pages] == ["prod"]


def rule(alarm: Properties, template: Template) -> str:
    """An alarm's rule, the others by their names without the stage."""
    parts = alarm["AlarmRule"]["Fn::Join"][1]
    return "".join(
        part
        if isinstance(part, str)
        else template.body["Resources"][part["Fn::GetAtt"][0]]["Properties"]["AlarmName"].split(
            "-", 2
        )[2]
        for part in parts
    ).replace('"', "")


def test_the_page_is_for_both_windows_of_a_burn_or_for_many_errors(operations: Template) -> None:
    composite = alarms(operations, COMPOSITE)
    assert rule(composite["availability"], operations) == (
        "((ALARM(burn-fast-long) AND ALARM(burn-fast-short)) OR "
        "(ALARM(burn-medium-long) AND ALARM(burn-medium-short)) OR ALARM(api-errors))"
    )
    assert (
        rule(composite["error-budget"], operations)
        == "(ALARM(burn-slow-long) AND ALARM(burn-slow-short))"
    )


def test_the_ticket_for_the_budget_is_silent_beneath_the_page(operations: Template) -> None:
    composite = alarms(operations, COMPOSITE)
    suppressor = composite["error-budget"]["ActionsSuppressor"]["Fn::GetAtt"][0]
    named = operations.body["Resources"][suppressor]["Properties"]["AlarmName"]
    assert named.endswith("-availability")
    assert composite["error-budget"]["ActionsSuppressorWaitPeriod"] == 300
    assert "ActionsSuppressor" not in composite["availability"]


def test_silence_is_health_unless_an_alarm_says_otherwise(operations: Template) -> None:
    for alarm in alarms(operations).values():
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


def test_an_alarm_stays_within_the_limits_of_cloudwatch(operations: Template) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html."""
    for alarm in alarms(operations).values():
        assert len(list(metrics(alarm))) <= MOST_METRICS
        assert len(alarm["Metrics"]) <= 20
        for _, _, period in statistics(alarm):
            longest = 604_800 if period >= 3600 else 86_400
            assert period % 60 == 0
            assert period * alarm["EvaluationPeriods"] <= longest


def test_what_alarms_looks_at_what_it_says(operations: Template) -> None:
    by_name = alarms(operations)
    assert statistics(by_name["api-errors"]) == {("5XXError", "Sum", 300), ("Count", "Sum", 300)}
    assert by_name["api-errors"]["Threshold"] == 5
    assert statistics(by_name["api-latency"]) == {("Latency", "p95", 300), ("Count", "Sum", 300)}
    assert by_name["api-latency"]["Threshold"] == 200
    assert statistics(by_name["circuit-opened"]) == {("CircuitOpened", "Sum", 300)}
    assert {dimensions(each)["Direction"] for each in metrics(by_name["circuit-opened"])} == {
        "read",
        "write",
    }
    assert statistics(by_name["consumer-lag"]) == {("IteratorAge", "Maximum", 300)}
    assert by_name["consumer-lag"]["Threshold"] == 300_000
    assert statistics(by_name["audit-late"]) == {("DeliveryToS3.DataFreshness", "Maximum", 300)}
    assert by_name["audit-late"]["Threshold"] == 1800
    assert by_name["concurrency"]["Threshold"] == 80
    for kind, name in (("function-errors", "Errors"), ("function-throttles", "Throttles")):
        of_kind = [alarm for each, alarm in by_name.items() if each.startswith(kind)]
        watched = [dimensions(each)["FunctionName"] for alarm in of_kind for each in metrics(alarm)]
        assert len(set(watched)) == len(watched) == len(PERMISSIONS)
        for alarm in of_kind:
            assert statistics(alarm) == {(name, "Sum", 300)}


def test_an_alarm_at_the_alias_has_the_dimensions_of_the_alias(operations: Template) -> None:
    """The event source mapping calls `live`, so Lambda reports the age by function and resource."""
    (metric,) = metrics(alarms(operations)["consumer-lag"])
    told = dimensions(metric)
    assert told["Resource"] == f"{told['FunctionName']}:live"


@by_stage
def test_blocked_requests_are_watched_where_there_is_a_web_acl(
    assembly: Assembly, stage: str
) -> None:
    by_name = alarms(assembly.template(f"quiz-{stage}-operations"))
    assert ("requests-blocked" in by_name) == CHOSEN[stage].waf
    if alarm := by_name.get("requests-blocked"):
        watched = {dimensions(each)["WebACL"] for each in metrics(alarm)}
        assert watched == {f"quiz-{stage}", f"quiz-{stage}-accounts"}
        assert up(alarm, blocked_0=[60.0] * 3, blocked_1=[None, 41.0, 41.0]) == [
            False,
            False,
            True,
        ]


def test_a_slow_database_and_throttled_sign_ins_are_tickets(operations: Template) -> None:
    by_name = alarms(operations)
    slow = by_name["table-latency"]
    assert statistics(slow) == {("SuccessfulRequestLatency", "Average", 300)}
    assert up(slow, sessions_read=[11.0] * 3, questions_read=[None] * 3) == [False, False, True]
    assert up(slow, sessions_read=[10.0] * 3, questions_read=[9.0] * 3) == [False] * 3
    throttled = by_name["sign-in-throttled"]
    names = {name for name, _, _ in statistics(throttled)}
    assert names == {"SignUpThrottles", "SignInThrottles", "TokenRefreshThrottles"}
    quiet: dict[str, list[float | None]] = {"throttled_0": [None] * 2, "throttled_2": [None] * 2}
    assert up(throttled, throttled_1=[1.0, 1.0], **quiet) == [False, True]


@by_stage
def test_refused_mail_is_watched_where_the_stage_sends_its_own(
    assembly: Assembly, stage: str
) -> None:
    by_name = alarms(assembly.template(f"quiz-{stage}-operations"))
    assert ("mail-refused" in by_name) == (CHOSEN[stage].mail_sender is not None)
    if alarm := by_name.get("mail-refused"):
        assert {each["Namespace"] for each in metrics(alarm)} == {"AWS/SES"}
        quiet: dict[str, list[float | None]]
        quiet = {"complaint": [None] * 2, "reject": [None] * 2, "renderingfailure": [None] * 2}
        assert up(alarm, bounce=[5.0, 6.0], **quiet) == [False, True]
        assert up(alarm, bounce=[None] * 2, **quiet) == [False, False]


@by_stage
def test_the_reserved_concurrency_is_watched_where_there_is_one(
    assembly: Assembly, stage: str
) -> None:
    by_name = alarms(assembly.template(f"quiz-{stage}-operations"))
    reserved = CHOSEN[stage].reserved_concurrency
    assert ("concurrency-reserved" in by_name) == bool(reserved)
    for folder, most in reserved.items():
        expression = formula(by_name["concurrency-reserved"])
        busy = {f"{each}_in_use": [0.0] for each in reserved}
        assert evaluate(expression, busy) == [0.0]
        busy[f"{folder}_in_use"] = [most * 0.9]
        (value,) = evaluate(expression, busy)
        assert value == pytest.approx(90)


# Behaviour: the formulas over made-up traffic


def up(alarm: Properties, **series: list[float | None]) -> list[bool]:
    return breaching(
        evaluate(formula(alarm), series), alarm["Threshold"], alarm["EvaluationPeriods"]
    )


def test_few_requests_are_no_error_rate_and_many_are(operations: Template) -> None:
    alarm = alarms(operations)["api-errors"]
    assert up(
        alarm, errors=[1.0, 19.0, 5.0, 6.0, None], requests=[3.0, 19.0, 100.0, 100.0, None]
    ) == [
        False,
        False,
        False,
        True,
        False,
    ]


def test_a_few_cold_starts_are_not_slow_and_a_slow_quarter_of_an_hour_is(
    operations: Template,
) -> None:
    alarm = alarms(operations)["api-latency"]
    assert up(alarm, slow=[900.0] * 4, served=[5.0] * 4) == [False] * 4
    assert up(alarm, slow=[201.0] * 4, served=[50.0] * 4) == [False, False, True, True]
    assert up(alarm, slow=[201.0, 199.0, 201.0], served=[50.0] * 3) == [False] * 3


SECONDS = {"fast": (3600, 300), "medium": (6 * 3600, 1800), "slow": (3 * 86_400, 6 * 3600)}
RATES = {"fast": 14.4, "medium": 6, "slow": 1}


@pytest.mark.parametrize("burn", RATES)
@pytest.mark.parametrize(("end", "place"), [("long", 0), ("short", 1)])
def test_a_window_of_a_burn_rises_above_its_rate_and_not_at_the_budgets_own(
    operations: Template, burn: str, end: str, place: int
) -> None:
    """14.4, 6 and 1 times the budget of 0.1%: SRE Workbook, chapter 5, table 5-8."""
    alarm = alarms(operations)[f"burn-{burn}-{end}"]
    assert {period for _, _, period in statistics(alarm)} == {SECONDS[burn][place]}
    assert alarm["Threshold"] == RATES[burn]
    requests = 100_000.0
    budget = requests * 0.001
    failed: list[float | None] = [budget * RATES[burn] * factor for factor in (0.99, 1.01)]
    assert up(alarm, burn_errors=failed, burn_requests=[requests] * 2) == [False, True]
    if burn != "slow":
        assert up(alarm, burn_errors=[budget], burn_requests=[requests]) == [False]


@pytest.mark.parametrize("burn", RATES)
def test_one_failure_in_three_requests_burns_nothing_over_the_long_window(
    operations: Template, burn: str
) -> None:
    alarm = alarms(operations)[f"burn-{burn}-long"]
    # Nothing, few requests, few failures, and an outage where hardly anybody calls.
    failed: list[float | None] = [None, 1.0, 9.0, 10.0]
    assert up(alarm, burn_errors=failed, burn_requests=[None, 3.0, 9.0, 10.0]) == [
        False,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("burn", RATES)
def test_the_short_window_ends_the_alarm_once_requests_are_served_again(
    operations: Template, burn: str
) -> None:
    alarm = alarms(operations)[f"burn-{burn}-short"]
    assert up(alarm, burn_errors=[50.0, 0.0, None], burn_requests=[50.0, 50.0, None]) == [
        True,
        False,
        False,
    ]


def test_answers_that_nothing_counts_alarm_and_counted_or_few_ones_do_not(
    operations: Template,
) -> None:
    alarm = alarms(operations)["consumer-silent"]
    assert up(alarm, batches=[None] * 3, answers=[100.0] * 3) == [False, False, True]
    assert up(alarm, batches=[None, 1.0, None], answers=[100.0] * 3) == [False] * 3
    assert up(alarm, batches=[None] * 3, answers=[3.0] * 3) == [False] * 3
    assert up(alarm, batches=[None] * 3, answers=[None] * 3) == [False] * 3


def test_answers_without_an_audit_record_alarm_and_recorded_or_few_ones_do_not(
    operations: Template,
) -> None:
    alarm = alarms(operations)["audit-silent"]
    assert up(alarm, records=[None] * 3, answers=[100.0] * 3) == [False, False, True]
    assert up(alarm, records=[None, 1.0, None], answers=[100.0] * 3) == [False] * 3
    assert up(alarm, records=[None] * 3, answers=[3.0] * 3) == [False] * 3


def test_one_metric_without_data_does_not_hide_another(operations: Template) -> None:
    alarm = alarms(operations)["circuit-opened"]
    assert up(alarm, opened_0=[None, None], opened_1=[None, 1.0]) == [False, True]


def test_the_concurrency_is_that_of_the_account_against_its_quota(operations: Template) -> None:
    alarm = alarms(operations)["concurrency"]
    # A new account has 10, an old one 1,000.
    series: dict[str, list[float | None]] = {
        "environments": [9.0, 9.0],
        "quota of environments": [10.0, 1000.0],
    }
    assert up(alarm, **series) == [True, False]


# Metrics, declared and shown


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
        if name.startswith(f"quiz-{stage}-") and not name.endswith("-operations")
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
    assert seen["FunctionName"] == {f"quiz-{stage}-{folder}" for folder in PERMISSIONS}
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


# Saved queries


@by_stage
def test_a_query_asks_log_groups_that_there_are(assembly: Assembly, stage: str) -> None:
    groups = {
        group["LogGroupName"]
        for name, template in assembly.templates.items()
        if name.startswith(f"quiz-{stage}-")
        for group in template.resources("AWS::Logs::LogGroup").values()
        if isinstance(group["LogGroupName"], str)
    }
    saved = assembly.template(f"quiz-{stage}-operations").resources("AWS::Logs::QueryDefinition")
    assert {each["Name"] for each in saved.values()} == {
        f"quiz-{stage}/{query.name}" for query in QUERIES
    }
    for query in saved.values():
        assert query["LogGroupNames"]
        assert set(query["LogGroupNames"]) <= groups
        assert len(query["LogGroupNames"]) <= 50  # what Logs Insights takes
        assert len(query["QueryString"]) <= 10_000
        assert query["QueryString"].startswith("# ")


def test_the_watchers_hold_nothing_they_watch(operations: Template) -> None:
    """An import would keep a function from being removed."""
    imported = re.findall(r'"Fn::ImportValue": "([^"]+)"', json.dumps(operations.body))
    # Cognito's metrics know the pool and its client by ids that CloudFormation makes.
    assert len(set(imported)) == 2
    assert all(":ExportsOutputRefUserPool" in each for each in imported)


def test_the_topic_is_encrypted_by_a_key_that_alarms_and_budgets_may_use(
    operations: Template,
) -> None:
    ((key_id, key),) = operations.resources("AWS::KMS::Key").items()
    for topic in operations.resources("AWS::SNS::Topic").values():
        assert topic["KmsMasterKeyId"] == {"Fn::GetAtt": [key_id, "Arn"]}
    assert key["EnableKeyRotation"] is True
    (services,) = (s for s in key["KeyPolicy"]["Statement"] if "Service" in s["Principal"])
    assert set(services["Principal"]["Service"]) == PUBLISHERS
    assert set(services["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}


PUBLISHERS = {"cloudwatch.amazonaws.com", "budgets.amazonaws.com"}


def test_only_this_accounts_alarms_and_budgets_may_publish_and_over_tls(
    operations: Template,
) -> None:
    policies = operations.resources("AWS::SNS::TopicPolicy").values()
    assert len(policies) == len(topics(operations))
    for each in policies:
        policy = each["PolicyDocument"]["Statement"]
        (denied,) = (s for s in policy if s["Effect"] == "Deny")
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        allowed = [s for s in policy if s["Effect"] == "Allow"]
        assert {s["Principal"]["Service"] for s in allowed} == PUBLISHERS
        for statement in allowed:
            assert statement["Action"] == "sns:Publish"
            assert statement["Condition"]["StringEquals"] == {
                "aws:SourceAccount": {"Ref": "AWS::AccountId"}
            }
            assert "aws:SourceArn" in statement["Condition"]["ArnLike"]


@by_stage
def test_only_the_address_that_the_deployer_gives_is_subscribed(
    assembly: Assembly, stage: str
) -> None:
    template = assembly.template(f"quiz-{stage}-operations")
    addresses = [each["Endpoint"] for each in template.resources("AWS::SNS::Subscription").values()]
    given = CHOSEN[stage].alarm_email
    assert addresses == ([given] * len(topics(template)) if given else [])


@by_stage
def test_the_budget_is_of_what_carries_the_stages_tag(assembly: Assembly, stage: str) -> None:
    budget = assembly.template(f"quiz-{stage}-operations").only("AWS::Budgets::Budget")["Budget"]
    assert budget["BudgetType"] == "COST"
    assert budget["TimeUnit"] == "MONTHLY"
    assert budget["BudgetLimit"] == {"Amount": CHOSEN[stage].monthly_budget, "Unit": "USD"}
    assert budget["CostFilters"] == {"TagKeyValue": [f"user:stage${stage}"]}


def test_the_budget_tells_the_topic_at_80_and_100_percent(operations: Template) -> None:
    topic_id = topics(operations)["tickets"]
    told = operations.only("AWS::Budgets::Budget")["NotificationsWithSubscribers"]
    assert [each["Notification"]["Threshold"] for each in told] == [80, 100]
    for each in told:
        assert each["Notification"]["ThresholdType"] == "PERCENTAGE"
        assert each["Notification"]["NotificationType"] == "ACTUAL"
        assert each["Subscribers"] == [{"SubscriptionType": "SNS", "Address": {"Ref": topic_id}}]


@by_stage
def test_traces_are_a_share_of_requests_without_a_reservoir(assembly: Assembly, stage: str) -> None:
    operations = assembly.template(f"quiz-{stage}-operations")
    rule = operations.only("AWS::XRay::SamplingRule")["SamplingRule"]
    assert (rule["ReservoirSize"], rule["FixedRate"]) == (0, CHOSEN[stage].traced_share)
    # The gateway decides for all that follows, by its own name.
    api = assembly.template(f"quiz-{stage}-api")
    gateway = api.only("AWS::ApiGateway::RestApi")["Name"]
    assert rule["ServiceName"] == f"{gateway}/{api.only('AWS::ApiGateway::Stage')['StageName']}"
