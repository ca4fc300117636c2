"""Alarms: one for each failure, with a meaning, a runbook entry and the metrics it names."""

import re
from pathlib import Path

import pytest

from infra.constructs.alarms import BURNS
from infra.metrics import MOST_METRICS
from infra.permissions import PERMISSIONS, TableName
from tests.infra.assembly import Assembly, Template
from tests.infra.chosen import CHOSEN, OPERATED_STAGES
from tests.infra.metric_math import evaluate
from tests.infra.operations import (
    COMPOSITE,
    alarms,
    by_stage,
    dimensions,
    everything_that_alarms,
    formula,
    metrics,
    rule,
    statistics,
    topics,
    up,
)

RUNBOOK = Path(__file__).parents[2] / "docs" / "operations.md"

PAGES = {"availability"}

MATTERS = {
    "api-errors": "api-errors",
    "unreachable": "unreachable",
    **{f"burn-{each.name}-{end}": "availability" for each in BURNS for end in ("long", "short")},
    "burn-slow-long": "error-budget",
    "burn-slow-short": "error-budget",
}
"""Alarms that speak only through a composite alarm, by the runbook's heading."""

OF_SOME_STAGES = {"concurrency-reserved", "mail-refused", "requests-blocked"}
"""Alarms on what only some stages have."""


def anchors() -> set[str]:
    headings = re.findall(r"^#+ (.+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


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
    assert anchors() == {"operations", "budget", "canary", "restore", *named}


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


def test_the_page_is_for_both_windows_of_a_burn_or_for_many_errors(operations: Template) -> None:
    composite = alarms(operations, COMPOSITE)
    assert rule(composite["availability"], operations) == (
        "((ALARM(burn-fast-long) AND ALARM(burn-fast-short)) OR "
        "(ALARM(burn-medium-long) AND ALARM(burn-medium-short)) OR ALARM(api-errors) OR "
        "ALARM(unreachable))"
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
        bad = alarm["AlarmName"].endswith("-unreachable")
        assert alarm["TreatMissingData"] == ("breaching" if bad else "notBreaching")
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
