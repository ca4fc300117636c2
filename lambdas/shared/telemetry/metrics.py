"""The metrics the functions emit: name, unit, dimensions, meaning. The one table of them.

Functions emit by it, the stacks make dashboard and alarms of it, tests hold both to it. Counts of 0
are left out: read sums, or divide them by a number of samples.

A name and a set of dimension values is one custom metric, billed for the hours it is emitted in. So
an operation is a dimension only where somebody looks at it by operation: other facts about a
request are members of its line, for queries.
"""

from typing import NamedTuple

NAMESPACE = "AdaptiveQuiz"

Dimensions = tuple[str, ...]

BY_STAGE: Dimensions = ("Stage",)
"""Failure metrics. Use the log queries to break them down by operation."""

BY_OPERATION: Dimensions = ("Stage", "Operation")
"""Operation is an operation of the route table, `COUNTING`, or `NO_OPERATION`."""

BY_CODE: Dimensions = ("Stage", "Code")
"""Code is a code of the HTTP contract (`lambdas.contract.errors`)."""

BY_DIRECTION: Dimensions = ("Stage", "Direction")
"""Direction is `read` or `write`."""

NO_OPERATION = "none"
"""The operation of a request that is for no route."""

COUNTING = "countAnswers"
"""The operation of the stream's consumer: a batch is its request."""

PLAY = ("getQuestion", "submitAnswer")
"""Operations a learner waits for again and again."""

_STARTING, _ANSWERING, _COUNTING = ("startSession",), ("submitAnswer",), (COUNTING,)
_WRITING = _ANSWERING + _COUNTING
"""A question that is shown is read, and written only where it is gone from the bank."""

COUNT = "Count"
MILLISECONDS = "Milliseconds"


class Metric(NamedTuple):
    """A metric; `unit` is one of CloudWatch's.

    `operations` are those it is a metric of, None for all: on the lines of others its value is a
    member like any other. With none it is a field of the log alone, for queries, and not billed.

    Graphs and alarms name no unit and so take values of any. It labels the dashboard's axes.
    """

    name: str
    unit: str
    dimensions: Dimensions
    meaning: str
    operations: tuple[str, ...] | None = None


LATENCY = Metric("Latency", MILLISECONDS, BY_OPERATION, "From event to response, in the function")
COLD_STARTS = Metric("ColdStarts", COUNT, BY_STAGE, "First requests of an environment")
FAULTS = Metric("Faults", COUNT, BY_OPERATION, "Requests answered with 5xx")
ERRORS = Metric("Errors", COUNT, BY_CODE, "Requests answered with an error of the contract")

READ_UNITS = Metric("RRU", COUNT, BY_OPERATION, "Read request units consumed", (*PLAY, COUNTING))
WRITE_UNITS = Metric("WRU", COUNT, BY_OPERATION, "Write request units consumed", _WRITING)

GET = Metric("Get", MILLISECONDS, BY_OPERATION, "A GetItem, retries of the SDK included", PLAY)
BATCH_GET = Metric("BatchGet", MILLISECONDS, BY_OPERATION, "A BatchGetItem, likewise", _WRITING)
QUERY = Metric("Query", MILLISECONDS, BY_OPERATION, "A Query, likewise", _ANSWERING)
PUT = Metric("Put", MILLISECONDS, BY_OPERATION, "A PutItem, likewise", ("updateSession",))
UPDATE = Metric("Update", MILLISECONDS, BY_OPERATION, "An UpdateItem, likewise", ("updateUser",))
BATCH_WRITE = Metric(
    "BatchWrite", MILLISECONDS, BY_OPERATION, "A BatchWriteItem, likewise", ("eraseUser",)
)
TRANSACT_WRITE = Metric(
    "TransactWrite",
    MILLISECONDS,
    BY_OPERATION,
    "A TransactWriteItems, likewise",
    _WRITING,
)

CALLS = {
    "get_item": GET,
    "batch_get_item": BATCH_GET,
    "query": QUERY,
    "put_item": PUT,
    "update_item": UPDATE,
    "batch_write_item": BATCH_WRITE,
    "transact_write_items": TRANSACT_WRITE,
}
"""Calls to DynamoDB by their Python name. Each is a sample, so their number is the round trips."""

FAILED_ATTEMPTS = Metric(
    "FailedAttempts", COUNT, BY_STAGE, "Attempts at calls that were throttled, broke or got 5xx"
)
THROTTLES = Metric("Throttles", COUNT, BY_STAGE, "Those that were throttled")
CONFLICTS = Metric(
    "Conflicts", COUNT, BY_STAGE, "Writes tried again: they met another one, or a limit"
)
REFUSED_CALLS = Metric("RefusedCalls", COUNT, BY_STAGE, "Calls an open circuit refused")
CIRCUITS_OPENED = Metric("CircuitOpened", COUNT, BY_DIRECTION, "Circuits that opened")

AUDIT_KEY_FAILURES = Metric(
    "AuditKeyFailures", COUNT, BY_STAGE, "Reads of the audit's pseudonym key that failed"
)

FROM_MEMORY = Metric(
    "QuestionsFromMemory",
    COUNT,
    BY_STAGE,
    "Questions shown or graded from memory because their table could not be read",
)

CACHE_HITS = Metric(
    "CacheHits",
    COUNT,
    BY_OPERATION,
    "1 for a question found in memory, 0 for one read: a share",
    PLAY,
)

SESSIONS_STARTED = Metric("SessionsStarted", COUNT, BY_OPERATION, "Sessions begun", _STARTING)
SESSIONS_COMPLETED = Metric(
    "SessionsCompleted", COUNT, BY_OPERATION, "Sessions played to the end", PLAY
)
TURNS_TO_MASTERY = Metric(
    "TurnsToMastery",
    COUNT,
    BY_OPERATION,
    "Turns a question mastered took, of a completed session",
    _ANSWERING,
)
FRESH_DRAWS = Metric("FreshDraws", COUNT, BY_OPERATION, "Next questions that were new", _ANSWERING)
POOL_DEPTH = Metric(
    "PoolDepth",
    COUNT,
    BY_OPERATION,
    "Entries of the pool a next question was drawn from",
    _ANSWERING,
)
SPACED = Metric("Spaced", COUNT, BY_OPERATION, "1 where the policy of the session is SPACED", ())
DUE_LAG = Metric(
    "DueLag",
    COUNT,
    BY_OPERATION,
    "Turns from the one at which a review was due to its draw; negative before",
    (),
)
RETRIES = Metric(
    "Retries", COUNT, BY_OPERATION, "Wrong answers: the question is asked again", _ANSWERING
)

COUNTED = Metric(
    "Counted", COUNT, BY_OPERATION, "Answers that took effect on the figures", _COUNTING
)
DUPLICATES = Metric(
    "Duplicates", COUNT, BY_OPERATION, "Answers that had taken effect before", _COUNTING
)
UNFINISHED = Metric(
    "Unfinished", COUNT, BY_OPERATION, "Batches to be sent again from some record", _COUNTING
)
MALFORMED = Metric(
    "Malformed", COUNT, BY_OPERATION, "Records set aside: they cannot be counted", _COUNTING
)
ANSWER_AGE = Metric(
    "AnswerAge",
    MILLISECONDS,
    BY_OPERATION,
    "From the oldest answer of a batch to its counting",
    _COUNTING,
)
TIME_SPENT = Metric(
    "TimeSpent", MILLISECONDS, BY_OPERATION, "A learner's time for an answer", _COUNTING
)
ATTEMPTS_TO_MASTERY = Metric(
    "AttemptsToMastery",
    COUNT,
    BY_OPERATION,
    "Answers a question mastered took, in all sessions",
    _COUNTING,
)

METRICS: dict[str, Metric] = {
    each.name: each for each in list(globals().values()) if isinstance(each, Metric)
}
"""All of them by name."""
