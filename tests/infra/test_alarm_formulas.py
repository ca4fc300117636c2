"""Formulas of alarms, evaluated over made-up traffic."""

import pytest

from tests.infra.assembly import Template
from tests.infra.operations import alarms, statistics, up


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
