import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.metrics import operations_on
from infra.permissions import PERMISSIONS, TableName
from infra.stages import STAGES
from tests.infra.assembly import Assembly, Properties, Template
from tests.infra.chosen import OPERATED_STAGES

ALARM = "AWS::CloudWatch::Alarm"
RUNBOOK = Path(__file__).parents[2] / "docs" / "operations.md"

by_stage = pytest.mark.parametrize("stage", OPERATED_STAGES)


def anchors() -> set[str]:
    headings = re.findall(r"^#+ (.+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def alarms(template: Template) -> dict[str, Properties]:
    """By name, without the stage."""
    return {
        alarm["AlarmName"].split("-", 2)[2]: alarm for alarm in template.resources(ALARM).values()
    }


def metrics(alarm: Properties) -> Iterator[Properties]:
    for part in alarm["Metrics"]:
        if "MetricStat" in part:
            yield part["MetricStat"]["Metric"]


def shown(alarm: Properties) -> tuple[str, str]:
    """Metric and statistic of an alarm on one metric."""
    (part,) = alarm["Metrics"]
    stat = part["MetricStat"]
    assert stat["Period"] == 300
    return stat["Metric"]["MetricName"], stat["Stat"]


def dimensions(metric: Properties) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in metric["Dimensions"]}


def test_there_is_an_alarm_for_all_that_exists(operations: Template) -> None:
    assert set(alarms(operations)) == {
        "api-errors",
        "api-latency",
        *(f"function-{kind}-{f}" for f in PERMISSIONS for kind in ("errors", "throttles")),
        *(f"table-{kind}-{t}" for t in TableName for kind in ("errors", "throttles")),
    }


@by_stage
def test_an_alarm_tells_meaning_stage_and_runbook(assembly: Assembly, stage: str) -> None:
    for alarm in alarms(assembly.template(f"quiz-{stage}-operations")).values():
        told = re.fullmatch(
            r"(.{20,}\.) Stage: (\w+)\. Runbook: docs/operations\.md#([a-z-]+)",
            alarm["AlarmDescription"],
        )
        assert told is not None, alarm["AlarmDescription"]
        assert told[2] == stage
        assert told[3] in anchors()


def test_the_runbook_has_an_entry_per_kind_of_alarm_and_no_other() -> None:
    kinds = {f"{what}-{kind}" for what in ("function", "table") for kind in ("errors", "throttles")}
    assert anchors() == {"operations", "api-errors", "api-latency", "budget", *kinds}


@pytest.mark.parametrize("field", ["Means", "Look", "Do"])
def test_an_entry_says_what_it_means_where_to_look_and_what_to_do(field: str) -> None:
    _, *entries = re.split(r"^## ", RUNBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for entry in entries:
        assert f"**{field}**" in entry


def test_an_alarm_tells_the_topic_when_it_rises_and_when_it_ends(operations: Template) -> None:
    (topic_id,) = operations.resources("AWS::SNS::Topic")
    for alarm in alarms(operations).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic_id}]
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


def test_what_alarms_and_why(operations: Template) -> None:
    by_name = alarms(operations)
    errors, slow = by_name["api-errors"], by_name["api-latency"]
    assert errors["Threshold"] == 5
    assert errors["Metrics"][0]["Expression"] == "IF(requests < 20, 0, 100 * errors / requests)"
    assert {m["MetricName"] for m in metrics(errors)} == {"5XXError", "Count"}
    assert (slow["Threshold"], slow["EvaluationPeriods"]) == (200, 3)
    assert shown(slow) == ("Latency", "p95")
    for name, alarm in by_name.items():
        if not name.startswith("api-"):
            assert alarm["Threshold"] == 0
        if name.startswith("function-"):
            kind = name.split("-")[1].title()
            assert shown(alarm) == (kind, "Sum")


def test_a_table_is_watched_over_every_operation_used_on_it(operations: Template) -> None:
    for table in TableName:
        by_name = alarms(operations)
        throttles = by_name[f"table-throttles-{table}"]
        assert {m["MetricName"] for m in metrics(throttles)} == {
            "ReadThrottleEvents",
            "WriteThrottleEvents",
        }
        errors = by_name[f"table-errors-{table}"]
        watched = {dimensions(metric)["Operation"] for metric in metrics(errors)}
        assert watched == set(operations_on(table))
        assert len(watched) <= 10  # what an alarm takes
        assert watched >= {
            action
            for grants in PERMISSIONS.values()
            for grant in grants
            if grant.table is table
            for action in grant.actions
            if action != "ConditionCheckItem"  # part of TransactWriteItems
        }
        (total,) = (part for part in errors["Metrics"] if "Expression" in part)
        assert total["Expression"].count("FILL(") == len(watched)


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


def watched(template: Template) -> Iterator[dict[str, str]]:
    """Dimensions of all metrics that alarms and widgets show."""
    for alarm in template.resources(ALARM).values():
        yield from (dimensions(metric) for metric in metrics(alarm))
    for widget in widgets(template):
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], str):
                names = [part for part in metric[2:] if isinstance(part, str)]
                yield dict(zip(names[::2], names[1::2], strict=True))


@by_stage
def test_whatever_is_watched_is_there(assembly: Assembly, stage: str) -> None:
    """Metrics go by physical names: a renamed resource would be watched in vain."""
    api = assembly.template(f"quiz-{stage}-api")
    consumer = assembly.template(f"quiz-{stage}-analytics").only("AWS::Lambda::Function")
    tables = assembly.template(f"quiz-{stage}-data").resources("AWS::DynamoDB::Table").values()
    there = {
        "FunctionName": {
            consumer["FunctionName"],
            *(f["FunctionName"] for f in api.resources("AWS::Lambda::Function").values()),
        },
        "TableName": {table["TableName"] for table in tables},
        "ApiName": {api.only("AWS::ApiGateway::RestApi")["Name"]},
        "Stage": {api.only("AWS::ApiGateway::Stage")["StageName"]},
    }
    seen: dict[str, set[str]] = {}
    for found in watched(assembly.template(f"quiz-{stage}-operations")):
        for name, value in found.items():
            seen.setdefault(name, set()).add(value)
    seen.pop("Operation")
    assert seen == there


def test_the_dashboard_shows_alarms_api_functions_and_tables(operations: Template) -> None:
    titles = {widget["properties"]["title"].split(":")[0] for widget in widgets(operations)}
    assert titles == {"Alarms", "API", "Functions", "Tables"}
    (status,) = (w for w in widgets(operations) if w["type"] == "alarm")
    assert len(status["properties"]["alarms"]) == len(operations.resources(ALARM))


def test_the_watchers_hold_nothing_they_watch(operations: Template) -> None:
    """An import would keep a function from being removed."""
    assert "Fn::ImportValue" not in json.dumps(operations.body)


def test_the_topic_is_encrypted_by_a_key_that_alarms_and_budgets_may_use(
    operations: Template,
) -> None:
    topic = operations.only("AWS::SNS::Topic")
    ((key_id, key),) = operations.resources("AWS::KMS::Key").items()
    assert topic["KmsMasterKeyId"] == {"Fn::GetAtt": [key_id, "Arn"]}
    assert key["EnableKeyRotation"] is True
    (services,) = (s for s in key["KeyPolicy"]["Statement"] if "Service" in s["Principal"])
    assert set(services["Principal"]["Service"]) == PUBLISHERS
    assert set(services["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}


PUBLISHERS = {"cloudwatch.amazonaws.com", "budgets.amazonaws.com"}


def test_only_this_accounts_alarms_and_budgets_may_publish_and_over_tls(
    operations: Template,
) -> None:
    policy = operations.only("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
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


def test_nobody_is_subscribed_unless_the_context_says_whom(operations: Template) -> None:
    assert operations.resources("AWS::SNS::Subscription") == {}


@by_stage
def test_the_budget_is_of_what_carries_the_stages_tag(assembly: Assembly, stage: str) -> None:
    budget = assembly.template(f"quiz-{stage}-operations").only("AWS::Budgets::Budget")["Budget"]
    assert budget["BudgetType"] == "COST"
    assert budget["TimeUnit"] == "MONTHLY"
    assert budget["BudgetLimit"] == {"Amount": STAGES[stage].monthly_budget, "Unit": "USD"}
    assert budget["CostFilters"] == {"TagKeyValue": [f"user:stage${stage}"]}


def test_the_budget_tells_the_topic_at_80_and_100_percent(operations: Template) -> None:
    (topic_id,) = operations.resources("AWS::SNS::Topic")
    told = operations.only("AWS::Budgets::Budget")["NotificationsWithSubscribers"]
    assert [each["Notification"]["Threshold"] for each in told] == [80, 100]
    for each in told:
        assert each["Notification"]["ThresholdType"] == "PERCENTAGE"
        assert each["Notification"]["NotificationType"] == "ACTUAL"
        assert each["Subscribers"] == [{"SubscriptionType": "SNS", "Address": {"Ref": topic_id}}]
