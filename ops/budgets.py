"""What a call costs: the numbers that the tests assert and the capacity model counts with.

Exact for a warm function, with any bank and any number of pending corrections
(docs/architecture.md, "Budgets"). Bytes are upper bounds.
"""

from typing import NamedTuple


class CallCost(NamedTuple):
    """Calls to DynamoDB, and the read and write units they consume."""

    round_trips: int
    read_units: float
    write_units: float


GET_QUESTION = CallCost(1, 1.0, 0.0)
REPEATED_ANSWER = CallCost(1, 1.0, 0.0)
WRONG = CallCost(2, 1.0, 4.0)
FRESH_AND_RIGHT = CallCost(2, 1.0, 4.0)
POOL_CHANGES = CallCost(2, 1.0, 6.0)
"""The question enters the pool, owes a try less, or leaves it."""
POOL_ENTRY_STARTS_AGAIN = CallCost(2, 1.0, 8.0)
"""Missed again from the pool, then right: the old entry goes and a new one comes."""
REFILLED = CallCost(3, 2.0, 6.0)
"""As POOL_CHANGES, with a query for the next entries: at most once in some 16 draws of the pool."""
START_SESSION = CallCost(2, 1.5, 4.0)
"""The session, and the check that its learner's account was not erased: twice the units of each."""
START_SESSION_WITH_KEY = CallCost(2, 1.5, 6.0)
QUESTIONS_NOT_IN_MEMORY = CallCost(1, 0.5, 0.0)
"""Added by a question of up to 4 KB; for several, the call is one and the units add up."""

SESSION_ITEM_BYTES = 1024
SESSION_ITEM_BYTES_AT_THE_EXTREMES = 2048
LOG_LINE_BYTES = 500
"""Logged for a request, the audit record apart."""
