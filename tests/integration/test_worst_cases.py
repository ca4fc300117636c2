"""Worst case of every route, on the real engine, at the limits of the contract and of the data.

Each case of ops/cost/budgets.py is arranged in worst_cases.py. A route of the table of routes
without a case, and a case without an arrangement, fail.
"""

import pytest

from lambdas.contract.routes import ROUTES
from local.data_folder import ROOT
from ops.cost.budgets import WORST_CASES, WorstCase, worst_table
from tests.integration.stage import ROUTE, InvokedStage
from tests.integration.test_budgets import within
from tests.integration.worst_cases import ARRANGEMENTS

SLACK = 0.9
"""A bound that is more than a tenth too high is none."""

RESPONSE_BYTES = 6 * 1024 * 1024
"""Limit of Lambda."""

CASES = {(each.operation, each.case): each for each in WORST_CASES}
REFUSED = {("submitAnswer", "the question on screen is gone"): 409}
"""The worst case of a route that answers with an error."""


def test_every_route_has_a_worst_case_and_each_case_is_arranged() -> None:
    assert list(dict.fromkeys(each.operation for each in WORST_CASES)) == [
        route.operation for route in ROUTES
    ]
    assert list(CASES) == list(ARRANGEMENTS)
    assert len(CASES) == len(WORST_CASES)


@pytest.mark.parametrize("case", WORST_CASES, ids=lambda each: f"{each.operation}-{each.case}")
def test_the_worst_case_of_a_route_costs_no_more_than_it_may(
    stage: InvokedStage, case: WorstCase
) -> None:
    arguments = ARRANGEMENTS[case.operation, case.case](stage)

    reply = stage.call(case.operation, **arguments)

    expected = REFUSED.get((case.operation, case.case), ROUTE[case.operation].status)
    assert reply.status == expected, reply.body
    assert within(reply.cost, case.cost), reply.cost
    least = [SLACK * each for each in case.cost]
    assert all(found >= bound for found, bound in zip(reply.cost, least, strict=True)), reply.cost
    assert len(reply.text.encode()) <= RESPONSE_BYTES


def test_the_document_of_limits_lists_the_worst_cases() -> None:
    document = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    assert worst_table() in document, f"docs/limits.md must contain\n\n{worst_table()}"
