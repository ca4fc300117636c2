"""Costs of the stages by the capacity model, from the templates, against their goals."""

import json

import pytest

from lambdas.contract.delivery import DELIVERY
from lambdas.shared.telemetry.metrics import METRICS
from ops.cost.capacity import COGNITO, metrics_in_use, monthly_cost
from ops.cost.inventory import Inventory, inventory
from ops.cost.workload import ACCESS_LOG_BYTES, Profile, demand
from tests.infra.assembly import Assembly


def of_stage(assembly: Assembly, stage: str) -> Inventory:
    return inventory(
        resource
        for name, template in assembly.templates.items()
        if name.startswith(f"quiz-{stage}-")
        for resource in template.body["Resources"].values()
    )


def usd(has: Inventory, learners: int, window: float = DELIVERY.window_seconds) -> float:
    cost = monthly_cost(demand(learners, Profile(), window), has)
    return sum(cost.values()) - cost[COGNITO]


@pytest.mark.parametrize(("learners", "most"), [(1_000, 72), (10_000, 236)])
def test_prod_costs_no_more_than_its_goal(assembly: Assembly, learners: int, most: float) -> None:
    assert 0.9 * most <= usd(of_stage(assembly, "prod"), learners) <= most


@pytest.mark.parametrize(("stage", "most"), [("dev", 25), ("staging", 30), ("prod", 50)])
def test_an_idle_stage_costs_little(assembly: Assembly, stage: str, most: float) -> None:
    assert usd(of_stage(assembly, stage), 0) <= most


def test_the_window_of_the_consumer_is_worth_its_lag(assembly: Assembly) -> None:
    has = of_stage(assembly, "prod")
    assert usd(has, 10_000, window=5) - usd(has, 10_000) >= 10


def test_warm_environments_are_counted_with_their_bounds(assembly: Assembly) -> None:
    has = of_stage(assembly, "prod")
    assert (has.provisioned_mb, has.most_provisioned_mb) == (2 * 512, 2 * 20 * 512)
    assert has.utilization == 0.7


def test_a_line_of_the_gateway_takes_the_bytes_that_are_counted(assembly: Assembly) -> None:
    (stage,) = assembly.template("quiz-prod-api").resources("AWS::ApiGateway::Stage").values()
    usual = {
        "$context.requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "$context.xrayTraceId": "Root=1-67891233-abcdef012345678912345678",
        "$context.requestTimeEpoch": "1795384102600",
        "$context.httpMethod": "POST",
        "$context.resourcePath": "/sessions/{sessionId}/answer",
        "$context.status": "200",
        "$context.error.responseType": "-",
        "$context.integrationStatus": "200",
        "$context.integrationLatency": "23",
        "$context.responseLatency": "25",
        "$context.responseLength": "1460",
    }
    line: str = stage["AccessLogSetting"]["Format"]
    assert set(json.loads(line).values()) == usual.keys()
    for variable, value in usual.items():
        line = line.replace(f'"{variable}"', f'"{value}"')
    assert 0.9 * ACCESS_LOG_BYTES <= len(f"{line}\n") <= ACCESS_LOG_BYTES


def test_metrics_are_counted_by_who_emits_them() -> None:
    # Each route of a learner and each refusal alone are that many.
    assert 27 < metrics_in_use() < 65


def test_fields_of_the_log_are_not_counted_as_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = metrics_in_use()
    fields = [each for each in METRICS.values() if each.operations == ()]
    assert {each.name for each in fields} >= {"Spaced", "DueLag"}
    for each in fields:
        monkeypatch.delitem(METRICS, each.name)
    assert metrics_in_use() == counted


@pytest.mark.parametrize(("stage", "learners"), [("dev", 0), ("staging", 0), ("prod", 10_000)])
def test_a_budget_is_above_the_forecast(assembly: Assembly, stage: str, learners: int) -> None:
    (budget,) = (
        assembly.template(f"quiz-{stage}-operations").resources("AWS::Budgets::Budget").values()
    )
    amount = float(budget["Budget"]["BudgetLimit"]["Amount"])
    assert usd(of_stage(assembly, stage), learners) < amount
