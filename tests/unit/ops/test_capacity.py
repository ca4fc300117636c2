"""The capacity model's prices and limits, by hand, and the inventory of a template."""

from dataclasses import replace
from typing import Any

import pytest

from infra.stages import STAGES
from lambdas.contract.delivery import DELIVERY
from lambdas.contract.errors import ApiError
from lambdas.contract.route import Access
from lambdas.contract.routes import ROUTES
from lambdas.shared.telemetry.metrics import METRICS
from ops.cost import prices
from ops.cost.capacity import (
    COGNITO,
    FUNCTION_GB,
    LEARNERS_IN_SESSION,
    REQUEST_SECONDS,
    cost_table,
    functions_cost,
    in_session,
    limits,
    metrics_in_use,
    monthly_cost,
    traces,
)
from ops.cost.inventory import Inventory, inventory
from ops.cost.workload import Profile, demand

NOTHING = inventory([])


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


TEMPLATE = [
    resource("AWS::CloudWatch::Alarm", MetricName="Errors"),
    resource(
        "AWS::CloudWatch::Alarm",
        Metrics=[{"Expression": "a + b"}, {"MetricStat": {}}, {"MetricStat": {}}],
    ),
    resource("AWS::CloudWatch::CompositeAlarm"),
    resource("AWS::CloudWatch::Dashboard"),
    resource("AWS::WAFv2::WebACL", Rules=[{}, {}]),
    resource("AWS::KMS::Key"),
    resource("AWS::S3::Bucket", ReplicationConfiguration={"Rules": [{}]}),
    resource("AWS::S3::Bucket"),
    resource("AWS::Lambda::Function", FunctionName="f", MemorySize=512),
    resource(
        "AWS::Lambda::Alias",
        ProvisionedConcurrencyConfig={"ProvisionedConcurrentExecutions": 2},
    ),
    resource("AWS::Lambda::Alias"),
    resource("AWS::ApplicationAutoScaling::ScalableTarget", MaxCapacity=4),
    resource(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 0.7},
    ),
    resource("AWS::Logs::LogGroup", RetentionInDays=90),
    resource("AWS::Events::Rule", Name="quiz-erasures", ScheduleExpression="rate(1 hour)"),
    resource("AWS::Events::Rule", Name="quiz-synthetic", ScheduleExpression="rate(1 minute)"),
    resource(
        "AWS::DynamoDB::Table",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    ),
]


HOURLY, EVERY_MINUTE = 30.4 * 24 * 60 / 60, 30.4 * 24 * 60
"""Calls a month."""


def test_an_inventory_counts_what_costs_money_by_itself() -> None:
    assert inventory(TEMPLATE) == Inventory(
        alarm_metrics=3,
        composite_alarms=1,
        dashboards=1,
        web_acls=1,
        web_acl_rules=2,
        scaling_policies=1,
        copied_buckets=1,
        keys=1,
        secrets=0,
        scheduled_calls=HOURLY + EVERY_MINUTE,
        checks=EVERY_MINUTE,
        provisioned_mb=1024,
        most_provisioned_mb=4 * 512,
        utilization=0.7,
        table_recovery=True,
        log_months=90 / 30.4,
        trace_rate=0.05,
        trace_reservoir=1.0,
    )


def test_a_sampling_rule_of_ones_own_replaces_that_of_x_ray() -> None:
    rule = resource("AWS::XRay::SamplingRule", SamplingRule={"FixedRate": 0.01, "ReservoirSize": 0})
    month = demand(10_000, Profile())
    of_requests = 0.01 * month.requests
    assert traces(month, inventory([rule])) == pytest.approx(of_requests + month.counting_calls)
    assert traces(month, NOTHING) > 0.05 * month.requests + month.counting_calls


def test_an_empty_stage_without_learners_costs_nothing() -> None:
    assert sum(monthly_cost(demand(0, Profile()), NOTHING).values()) == 0


def test_a_month_with_learners_counts_messages_copies_and_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    month, has = demand(10_000, Profile()), inventory(TEMPLATE)
    cost, bare = monthly_cost(month, has), monthly_cost(month, NOTHING)
    assert cost["SES: messages"] == pytest.approx(1.0)
    # A copy of each object that the stream writes, every five minutes.
    copies = cost["Audit: Firehose and S3"] - bare["Audit: Firehose and S3"]
    assert copies == pytest.approx(30.4 * 86_400 / 300 * 5e-6)
    # 30,000 requests of the keys above the free ones.
    assert bare["Keys and secrets"] == pytest.approx(30_000 * 3e-6)
    many = demand(100_000, Profile())  # beyond what is free
    billed = functions_cost(many, NOTHING).run
    monkeypatch.setattr("ops.cost.capacity.COLD_SHARE", 0.0)
    started = billed - functions_cost(many, NOTHING).run
    assert started == pytest.approx(13.3334e-6 * many.requests * 0.01 * FUNCTION_GB)


def test_an_idle_stage_costs_what_it_has() -> None:
    cost = monthly_cost(demand(0, Profile()), inventory(TEMPLATE))
    assert cost["WAF"] == 5 + 2
    assert cost["Keys and secrets"] == 1
    # 1 GB for 30.4 days.
    assert cost["Lambda: kept warm"] == pytest.approx(3.3334e-6 * 30.4 * 86_400)
    # Its alarms are within the free ones.
    assert cost["CloudWatch: metrics, alarms, dashboards"] == 0.5 + 3


def test_what_is_kept_warm_grows_with_what_is_in_use_as_far_as_it_may() -> None:
    has = inventory(TEMPLATE)
    few, many, too_many = (
        functions_cost(demand(learners, Profile()), has).kept_warm
        for learners in (1_000, 100_000, 10_000_000)
    )
    assert few == monthly_cost(demand(0, Profile()), has)["Lambda: kept warm"]
    in_use = 100_000 * (1_500 + 15 + 75) * REQUEST_SECONDS * FUNCTION_GB
    assert many == pytest.approx(in_use / 0.7 * 3.3334e-6)
    assert too_many == 2 * few


def test_nothing_is_free_for_functions_that_are_kept_warm() -> None:
    month = demand(100, Profile())
    assert functions_cost(month, NOTHING) == (0, 0)
    played = month.by_operation["submitAnswer"] + month.by_operation["getQuestion"]
    assert functions_cost(month, inventory(TEMPLATE)).run == pytest.approx(
        played * (0.2e-6 + REQUEST_SECONDS * FUNCTION_GB * 7.7778e-6)
    )


def test_an_hour_of_learners_emits_no_metric_of_trouble_and_every_route() -> None:
    by_route = sum(
        route.access in (Access.LEARNER, Access.SELF, Access.SELF_OR_ADMIN) for route in ROUTES
    )
    of_administrators = 2  # IMPORT_OVER and IMPORT_EXPIRED
    refusals = sum(error.status < 500 for error in ApiError.__subclasses__()) - of_administrators
    of_some = sum(len(metric.operations or ()) for metric in METRICS.values())
    in_trouble = 2  # Unfinished and Malformed are of the consumer alone
    cold_starts_and_conflicts = 2
    assert metrics_in_use() == (
        by_route + 1 + refusals + of_some - in_trouble + cold_starts_and_conflicts
    )


@pytest.mark.parametrize(
    ("millions", "usd"),
    [(0, 0), (1, 3.5), (333, 1165.5), (1_000, 1165.5 + 667 * 2.8), (1_100, 3033.1 + 238)],
)
def test_requests_get_cheaper_by_tiers(millions: float, usd: float) -> None:
    assert prices.gateway(millions * 1e6) == pytest.approx(usd)


def test_the_first_of_a_month_are_free_where_they_are() -> None:
    assert prices.COGNITO.of(9_999) == 0
    assert prices.COGNITO.of(10_100) == pytest.approx(1.5)


def test_cognito_is_no_part_of_the_sum() -> None:
    month = demand(100_000, Profile())
    table = cost_table(["x"], [month], [NOTHING])
    cost = monthly_cost(month, NOTHING)
    assert f"{sum(cost.values()) - cost[COGNITO]:,.2f}" in table
    assert f"Cognito, apart | {cost[COGNITO]:,.2f}" in table


def test_limits_come_scarcest_first_and_the_first_to_break_is_the_throttle() -> None:
    month = demand(1_000_000, Profile())
    found = limits(month, STAGES["prod"], window=30)
    assert [each.used for each in found] == sorted((each.used for each in found), reverse=True)
    assert found[0].what == "Throttle of POST answer"
    assert found[0].used > 1
    # Its lever, by the amount that is missing, and it breaks no more.
    scale = 1.1 * found[0].used * STAGES["prod"].throttle_scale
    wider = replace(STAGES["prod"], throttle_scale=scale)
    (throttle,) = (each for each in limits(month, wider, 30) if each.what == found[0].what)
    assert throttle.used < 1


def test_at_a_thousand_learners_nothing_is_near_its_limit() -> None:
    assert all(each.used < 0.1 for each in limits(demand(1_000, Profile()), STAGES["prod"], 30))


def test_prod_serves_ten_thousand_learners_in_session_at_once() -> None:
    month = in_session(LEARNERS_IN_SESSION, Profile())
    assert month.active_at_once == pytest.approx(LEARNERS_IN_SESSION, rel=1e-3)
    assert month.peak_answers == pytest.approx(500, rel=1e-3)
    found = {each.what: each for each in limits(month, STAGES["prod"], DELIVERY.window_seconds)}
    assert all(each.used <= 1 for each in found.values()), found
    assert found["Throttle of POST answer"].limit == 600
    # Four shards, each of which counts 250 answers a second.
    assert found["Counting, a shard at a time"].limit == 1_000


def test_dev_is_no_stage_for_ten_thousand_learners() -> None:
    found = limits(in_session(LEARNERS_IN_SESSION, Profile()), STAGES["dev"], 30)
    assert found[0].what == "Throttle of POST answer"
    assert found[0].used > 1
