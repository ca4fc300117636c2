"""Growth from 10 to 100,000, written to docs/img and docs/performance.md (`make plots`)."""

import pytest

from ops.record import write_section
from tests.integration.stage import InvokedStage
from tests.performance import growth

pytestmark = pytest.mark.benchmark


def test_an_answer_costs_the_same_at_any_size(here: InvokedStage) -> None:
    bank, pending = growth.with_the_bank(here), growth.with_the_pending(here)
    for series in (bank, pending):
        points = [point for point in series[growth.OURS] if point]
        assert len(points) == len(growth.SIZES)
        # A bank of ten lets the session end early in the pool: fewer fresh questions are read.
        assert max(point.calls for point in points) - min(point.calls for point in points) <= 1
        assert max(point.units for point in points) <= 1.25 * min(point.units for point in points)
    growth.plot(bank, "questions in the bank", "growth-bank.svg")
    growth.plot(pending, "pending corrections", "growth-pending.svg")
    write_section(
        "growth",
        f"""\
Cost of an answer by the size of the bank, with {growth.PENDING_BESIDE} pending corrections:

![Time and capacity units by the size of the bank](img/growth-bank.svg)

{growth.growth_table(bank, "questions")}

… and by the number of pending corrections, with {growth.POOL_BESIDE:,} questions:

![Time and capacity units by pending corrections](img/growth-pending.svg)

{growth.growth_table(pending, "pending")}

The naive quiz keeps the ids that remain in the session's item, which a table refuses above 400 KB,
and reads the learner's pool at each answer. Questions are not in memory, for either.""",
    )
