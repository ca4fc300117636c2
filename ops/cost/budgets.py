"""Cost of calls: the numbers that the tests assert and the capacity model uses.

Exact for a warm function, with any bank and any number of pending corrections
(docs/limits.md, "Budgets", has the tables made here). Bytes are upper bounds.
"""

from collections.abc import Mapping
from typing import NamedTuple

from ops.record import table


class CallCost(NamedTuple):
    """Calls to DynamoDB, and the read and write units they consume."""

    round_trips: int
    read_units: float
    write_units: float


GET_QUESTION = CallCost(1, 1.0, 0.0)
REPEATED_ANSWER = CallCost(1, 1.0, 0.0)
WRONG = CallCost(2, 1.0, 4.0)
FRESH_AND_RIGHT = CallCost(2, 1.0, 4.0)
POOL_CHANGES = CallCost(2, 1.0, 7.0)
"""The question enters the pool, owes a try less, or leaves it: 1 write unit is the index's."""
POOL_ENTRY_STARTS_AGAIN = CallCost(2, 1.0, 10.0)
"""Missed again from the pool, then right: the old entry goes and a new one comes."""
BEYOND_HEAD = CallCost(0, 0.0, 1.0)
"""Added for an entry that the session does not carry, when it is queued beyond the head of 16 and
when it is lowered after a refill: the index that refills read."""
REFILLED = CallCost(3, 2.0, 8.0)
"""As POOL_CHANGES and BEYOND_HEAD, with one query for the next entries: at most once in some 16
draws of the pool, whatever other sessions of the learner owe."""
SESSION_ENDS = CallCost(0, 0.0, 1.0)
"""Added by the answer that completes a session, and by abandoning one: the index of unfinished
sessions. The first use of a session on a later UTC day adds 2."""
START_SESSION = CallCost(2, 1.5, 5.0)
"""The session with its index entry, and the count in its learner's item."""
START_SESSION_WITH_KEY = CallCost(2, 1.5, 7.0)

WORST_START = CallCost(3, 12.0, 7.0)
"""A start that recounts the unfinished sessions; and of a refused one, without the write."""
WORST_REFILL = CallCost(3, 2.0, 12.0)
"""An answer with a refill, whatever it changes."""
WORST_REVIEW = CallCost(6, 40.0, 0.0)
"""A review that finds nothing; what it takes up adds its writes. It reads at most 400 entries, and
those of sessions in progress count only where it cannot skip them."""
QUESTIONS_NOT_IN_MEMORY = CallCost(1, 0.5, 0.0)
"""Added by a question of up to 4 KB; for several, the call is one and the units add up."""

QUESTION_DUE = CallCost(0, 0.5, 0.0)
"""Added to an answer whose question, of up to 4 KB, was read more than five seconds ago: it is read
again in the same call as the session."""

SESSION_ITEM_BYTES = 1024
SESSION_ITEM_BYTES_AT_THE_EXTREMES = 2048
LOG_LINE_BYTES = 640
"""Logged for a warm request of any route, the audit record apart."""


class RouteBudget(NamedTuple):
    """Budget of a warm request that succeeds, for a learner as the tests make one.

    A category has 20 questions, of 200 bytes with four choices of 50 and an explanation of 300. The
    learner began 20 sessions; in one, each question was missed and put right; all of it is counted.

    `response_bytes` are the body's, at most, and `log_bytes` those of the line a request leaves,
    the audit record apart.
    """

    cost: CallCost
    response_bytes: int
    log_bytes: int
    case: str = ""


ROUTE_BUDGETS: Mapping[str, RouteBudget] = {
    "getHealth": RouteBudget(CallCost(0, 0.0, 0.0), 50, 315),
    "listCategories": RouteBudget(CallCost(1, 0.5, 0.0), 115, 345, case="of one"),
    "startSession": RouteBudget(START_SESSION, 520, 475),
    "listSessions": RouteBudget(CallCost(1, 2.0, 0.0), 10_500, 345, case="a page of 20"),
    "getSession": RouteBudget(CallCost(1, 1.0, 0.0), 550, 340),
    "updateSession": RouteBudget(CallCost(2, 1.0, 1.0), 560, 400),
    "abandonSession": RouteBudget(CallCost(2, 1.0, 2.0), 0, 365),
    "getQuestion": RouteBudget(GET_QUESTION, 1_210, 460),
    "submitAnswer": RouteBudget(
        POOL_CHANGES._replace(read_units=1.5), 1_650, LOG_LINE_BYTES, case="the revision is due"
    ),
    "listSessionQuestions": RouteBudget(CallCost(3, 31.0, 0.0), 22_500, 375, case="a page of 20"),
    "getUser": RouteBudget(CallCost(1, 1.0, 0.0), 265, 335),
    "updateUser": RouteBudget(CallCost(1, 0.0, 1.0), 265, 385),
    "eraseUser": RouteBudget(
        CallCost(11, 9.0, 109.0), 0, 480, case="of 21 sessions, 20 pool entries, 20 records"
    ),
    "exportUser": RouteBudget(CallCost(4, 7.0, 0.0), 26_900, 365, case="of the same"),
    "getProgress": RouteBudget(CallCost(2, 1.5, 0.0), 445, 355),
    "listQuestionProgress": RouteBudget(CallCost(1, 1.0, 0.0), 4_300, 355, case="a page of 20"),
    "listWrongAnswers": RouteBudget(CallCost(1, 1.0, 0.0), 3_300, 350, case="a page of 20"),
    "saveQuestions": RouteBudget(CallCost(4, 20.0, 106.0), 1_250, 405, case="20 new ones"),
    "listQuestions": RouteBudget(CallCost(2, 3.5, 0.0), 22_800, 355, case="a page of 20"),
    "getBankQuestion": RouteBudget(CallCost(1, 2.0, 0.0), 1_150, 350),
    "replaceQuestion": RouteBudget(CallCost(4, 2.0, 8.0), 1_150, 430),
    "retireQuestion": RouteBudget(CallCost(3, 1.0, 7.0), 0, 395),
    "openImport": RouteBudget(CallCost(2, 0.0, 5.0), 200, 370, case="of one category"),
    "getImport": RouteBudget(CallCost(1, 1.0, 0.0), 215, 355),
    "addImportPart": RouteBudget(CallCost(4, 21.0, 107.0), 1_600, 420, case="20 new ones"),
    "publishImport": RouteBudget(CallCost(3, 1.0, 6.0), 220, 400, case="20 new ones"),
    "deleteImport": RouteBudget(CallCost(3, 1.0, 5.0), 0, 395),
    "updateCategory": RouteBudget(CallCost(1, 0.0, 2.0), 140, 350),
    "getQuestionStatistics": RouteBudget(CallCost(2, 2.5, 0.0), 1_100, 365),
    "getCategoryStatistics": RouteBudget(CallCost(3, 13.5, 0.0), 1_170, 380, case="of 20"),
}
"""By operation, every route's."""


class WorstCase(NamedTuple):
    """Most that a request of a route may cost, retries after conflicts and faults apart.

    Attributes:
        operation: The route.
        case: The data and the request that make it cost the most.
        cost: The cost of this case.
        growth: Cost added by larger data, for a route whose cost follows an amount.
    """

    operation: str
    case: str
    cost: CallCost
    growth: str = ""


WORST_CASES: tuple[WorstCase, ...] = (
    WorstCase("getHealth", "", CallCost(0, 0.0, 0.0)),
    WorstCase("listCategories", "a page of 100", CallCost(1, 46.0, 0.0)),
    WorstCase(
        "startSession",
        "8 sources at the limit of sessions",
        CallCost(4, 28.0, 121.0),
        "a call for 100 retired questions passed over",
    ),
    WorstCase("startSession", "a review of 50 questions of 47 sessions", CallCost(6, 45.0, 638.0)),
    WorstCase("listSessions", "1,000 sessions filtered", CallCost(4, 460.0, 0.0)),
    WorstCase("getSession", "", CallCost(1, 1.0, 0.0)),
    WorstCase("updateSession", "on a later day", CallCost(2, 1.0, 4.0)),
    WorstCase("abandonSession", "", CallCost(2, 1.0, 3.0)),
    WorstCase("getQuestion", "the question on screen is gone", CallCost(8, 14.5, 8.0)),
    WorstCase(
        "submitAnswer",
        "both queues refilled, missed again",
        CallCost(6, 22.5, 16.0),
        "a call for 100 retired questions passed over",
    ),
    WorstCase("submitAnswer", "the question on screen is gone", CallCost(10, 16.0, 8.0)),
    WorstCase("listSessionQuestions", "most of them answered elsewhere", CallCost(6, 946.0, 0.0)),
    WorstCase("getUser", "", CallCost(1, 15.0, 0.0)),
    WorstCase("updateUser", "", CallCost(1, 0.0, 57.0)),
    WorstCase(
        "eraseUser",
        "100 sessions, 500 pool entries, 100 records",
        CallCost(36, 111.0, 1960.0),
        "a call for 25 items; a schedule goes on after the function's time",
    ),
    WorstCase("exportUser", "a page of 100", CallCost(4, 63.0, 0.0)),
    WorstCase(
        "getProgress",
        "500 pool entries",
        CallCost(2, 34.5, 0.0),
        "a call and 128 read units for 1 MB of entries",
    ),
    WorstCase("listQuestionProgress", "with questions", CallCost(2, 668.0, 0.0)),
    WorstCase("listWrongAnswers", "with questions", CallCost(3, 704.0, 0.0)),
    WorstCase("saveQuestions", "100 new ones in 100 categories", CallCost(107, 200.0, 1900.0)),
    WorstCase("saveQuestions", "100 changed ones in 100 categories", CallCost(109, 300.0, 1600.0)),
    WorstCase("listQuestions", "a page of 1 MB", CallCost(4, 123.5, 0.0)),
    WorstCase("getBankQuestion", "", CallCost(1, 20.0, 0.0)),
    WorstCase("replaceQuestion", "", CallCost(4, 21.0, 232.0)),
    WorstCase("retireQuestion", "", CallCost(3, 19.0, 230.0)),
    WorstCase("openImport", "90 categories", CallCost(91, 0.0, 280.0)),
    WorstCase("getImport", "90 categories", CallCost(1, 2.0, 0.0)),
    WorstCase("addImportPart", "100 new ones in 90 categories", CallCost(10, 290.0, 1905.0)),
    WorstCase("publishImport", "new ones in 90 categories", CallCost(4, 90.0, 475.0)),
    WorstCase("publishImport", "ten transactions of updates", CallCost(24, 710.0, 5803.0)),
    WorstCase("deleteImport", "90 categories", CallCost(3, 90.0, 195.0)),
    WorstCase("updateCategory", "", CallCost(1, 0.0, 10.0)),
    WorstCase("getQuestionStatistics", "", CallCost(2, 20.5, 0.0)),
    WorstCase(
        "getCategoryStatistics",
        "30 questions",
        CallCost(5, 296.5, 0.0),
        "a call for 1 MB of questions, and for 100 of them",
    ),
)
"""In the order of the routes. Texts are at the contract's limits, in characters of four bytes: a
question takes 77 KB, a session 2 KB, a learner's item 62 KB."""

QUESTION_FRAME_BYTES = 1_030
ANSWER_FRAME_BYTES = 1_280
"""Bytes of a question's and an answer's response beside its texts, at the contract's extremes: the
longest category, ten choices, nine of them right, six digits of turns and answers."""

CALLS: tuple[tuple[str, CallCost], ...] = (
    ("GET question", GET_QUESTION),
    ("the same answer again", REPEATED_ANSWER),
    ("answer: wrong", WRONG),
    ("answer: fresh and right", FRESH_AND_RIGHT),
    ("answer: the question enters, stays in or leaves the pool", POOL_CHANGES),
    ("… and the head is refilled", REFILLED),
    ("answer: missed again from the pool, then right", POOL_ENTRY_STARTS_AGAIN),
    ("added for an entry beyond the head", BEYOND_HEAD),
    ("added by the answer that completes a session", SESSION_ENDS),
    ("added by a question of up to 4 KB not in memory", QUESTIONS_NOT_IN_MEMORY),
    ("added to an answer whose question was read over 5 s ago", QUESTION_DUE),
    ("POST sessions", START_SESSION),
    ("POST sessions with an `Idempotency-Key`", START_SESSION_WITH_KEY),
    ("POST sessions at the limit, at worst", WORST_START),
    ("answer with a refill, at worst", WORST_REFILL),
    ("review that finds nothing, at worst", WORST_REVIEW),
)

_COST_HEAD = ("round trips", "read units", "write units")


def call_table() -> str:
    """Return what the calls of play cost, in Markdown."""
    rows = [(call, *map(_number, cost)) for call, cost in CALLS]
    return table(["call (warm)", *_COST_HEAD], rows)


def route_table() -> str:
    """Return the budget of each route, in Markdown."""
    rows = [
        (
            f"`{operation}`{budget.case and ': '}{budget.case}",
            *map(_number, budget.cost),
            f"{budget.response_bytes:,}",
            budget.log_bytes,
        )
        for operation, budget in ROUTE_BUDGETS.items()
    ]
    return table(["route", *_COST_HEAD, "response bytes", "logged bytes"], rows)


def worst_table() -> str:
    """Return the worst case of each route, in Markdown."""
    rows = [
        (
            f"`{each.operation}`{each.case and ': '}{each.case}",
            *map(_number, each.cost),
            each.growth,
        )
        for each in WORST_CASES
    ]
    return table(["route", *_COST_HEAD, "grows"], rows)


def _number(units: float) -> str:
    return f"{units:g}"
