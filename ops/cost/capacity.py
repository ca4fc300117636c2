"""Demand and cost of a number of learners on AWS, from counts that the tests assert.

Without a stage, prod is meant. Figures are for us-east-1, by list price; how much of it is guessed
(what learners do, how long a function runs) is in `Profile` and in the assumptions of this module.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from infra.stages import STAGES, Stage
from lambdas.contract.delivery import DELIVERY
from lambdas.contract.errors import ApiError, ImportExpiredError, ImportOverError
from lambdas.contract.route import Access
from lambdas.contract.routes import ROUTES
from lambdas.shared.telemetry.metrics import (
    AUDIT_KEY_FAILURES,
    BY_CODE,
    BY_OPERATION,
    CIRCUITS_OPENED,
    COUNTING,
    FAILED_ATTEMPTS,
    FAULTS,
    FROM_MEMORY,
    MALFORMED,
    METRICS,
    PLAY,
    REFUSED_CALLS,
    THROTTLES,
    UNFINISHED,
)
from local.data_folder import ROOT
from ops.cost import prices
from ops.cost.inventory import (
    DEFAULT_TRACE_RATE,
    DEFAULT_TRACE_RESERVOIR,
    Inventory,
    synthesized,
)
from ops.cost.workload import (
    AUDIT_BYTES,
    LOG_EVENTS,
    MONTH_SECONDS,
    RESPONSE_BYTES,
    SHARDS,
    TRACED_LOG_BYTES,
    Demand,
    Profile,
    demand,
    logged_bytes,
)
from ops.record import table, write_section

SIZES = (1_000, 10_000, 100_000, 1_000_000)
IDLE_STAGES = ("dev", "staging", "prod")

REQUEST_SECONDS = 0.025
"""Duration of a warm request at 512 MB: two calls of 5 ms, and some ms of a third of a core."""

COUNTING_CALL_SECONDS = 0.05
COUNTING_ANSWER_SECONDS = 0.004
"""Time of an answer in a batch, at a third of a core: a whole laptop core counts 900 a second."""

FUNCTION_GB = 0.5

COLD_SHARE = 0.01
INITIALIZATION_SECONDS = 1.0
"""A request in a hundred meets a cold start, and an initialization takes a second: both assumed."""

CHECK_SECONDS = 0.2
"""Duration of a call to the public address with a new TLS connection: assumed."""

ALARMS_OF_SCALING = 2
"""Alarms that a target-tracking policy makes by itself, one for each direction."""

KEY_REQUESTS = 50_000
"""A month: DynamoDB asks for the key of each of five tables about every five minutes."""

MESSAGES_A_LEARNER = 1.0
"""A month: a confirmation code or a forgotten password."""

BLOCKED_LOG_BYTES = 2_000
BLOCKED_SHARE = 0.001
"""The log of a request that WAF blocked, and the share of those: both assumed."""

ONLY_IN_TROUBLE = (
    *(FAULTS, FAILED_ATTEMPTS, THROTTLES, REFUSED_CALLS, CIRCUITS_OPENED),
    *(UNFINISHED, MALFORMED, AUDIT_KEY_FAILURES, FROM_MEMORY),
)
"""Metrics that are not emitted, and so not billed, in an hour without trouble."""

COMPRESSED = 0.15
"""Share of its size that a log takes once it is stored."""

BUSY_SECONDS_SHARE = 0.9
"""Largest share of a month's seconds in which X-Ray's reservoir finds a request."""

COGNITO = "Cognito"


def metrics_in_use() -> int:
    """Return the custom metrics of an hour of learners, by name and dimensions.

    Each of their routes is called in it, and each refusal (4xx) that a learner can meet, met.
    """
    of_learners = {route.operation for route in ROUTES if route.access in _OF_LEARNERS}
    refusals = learner_refusals()
    found = 0
    for metric in METRICS.values():
        if metric in ONLY_IN_TROUBLE:
            continue
        if metric.dimensions == BY_OPERATION:
            operations = of_learners | {COUNTING}
            of = operations if metric.operations is None else metric.operations
            found += len(operations.intersection(of))
        else:
            found += len(refusals) if metric.dimensions == BY_CODE else 1
    return found


def learner_refusals() -> set[str]:
    """Return the codes of the refusals (4xx) that a learner can meet."""
    return {
        error.code
        for error in ApiError.__subclasses__()
        if error.status < 500 and error not in _OF_ADMINISTRATORS
    }


_OF_ADMINISTRATORS = (ImportOverError, ImportExpiredError)
_OF_LEARNERS = (Access.LEARNER, Access.SELF, Access.SELF_OR_ADMIN)


def monthly_cost(month: Demand, has: Inventory) -> dict[str, float]:
    """Return USD by service."""
    traced = traces(month, has)
    logs = logged_bytes(month) + traced * TRACED_LOG_BYTES
    if has.web_acls:
        logs += month.requests * BLOCKED_SHARE * BLOCKED_LOG_BYTES
    stored = logs * COMPRESSED + month.requests * LOG_EVENTS * prices.LOG_EVENT_BYTES
    recovery = prices.TABLE_RECOVERY.of(month.stored_bytes) if has.table_recovery else 0.0
    run, kept = functions_cost(month, has)
    return {
        "DynamoDB: answers and the rest": prices.WRITE_UNITS.of(month.write_units)
        + prices.READ_UNITS.of(month.read_units),
        "DynamoDB: counting": prices.WRITE_UNITS.of(month.counting_write_units),
        "DynamoDB: storage and recovery": prices.TABLE_STORAGE.of(month.stored_bytes) + recovery,
        "API Gateway": prices.gateway(month.requests + has.checks),
        "Transfer out": prices.TRANSFER.of(month.requests * RESPONSE_BYTES),
        "Lambda": run,
        "Lambda: kept warm": kept,
        "CloudWatch: logs": prices.LOGS.of(logs) + prices.LOG_STORAGE.of(stored * has.log_months),
        "CloudWatch: metrics, alarms, dashboards": prices.METRICS.of(
            metrics_in_use() if month.requests else 0
        )
        + prices.ALARM_METRICS.of(has.alarm_metrics + ALARMS_OF_SCALING * has.scaling_policies)
        + prices.COMPOSITE_ALARMS.of(has.composite_alarms)
        + prices.DASHBOARDS.of(has.dashboards),
        "X-Ray": prices.TRACES.of(traced),
        "WAF": prices.WEB_ACLS.of(has.web_acls)
        + prices.WEB_ACL_RULES.of(has.web_acl_rules)
        + (prices.WEB_ACL_REQUESTS.of(month.requests) if has.web_acls else 0.0),
        # At most: a record of Firehose holds what a function wrote meanwhile, often of several.
        "Audit: Firehose and S3": prices.FIREHOSE.of(month.requests * prices.FIREHOSE_STEP)
        + prices.BUCKET_STORAGE.of(month.requests * AUDIT_BYTES * COMPRESSED * 12)
        + (
            prices.BUCKET_PUTS.of((1 + has.copied_buckets) * MONTH_SECONDS / 300)
            if month.requests
            else 0.0
        ),
        "Keys and secrets": prices.KEYS.of(has.keys)
        + prices.SECRETS.of(has.secrets)
        + (prices.KEY_REQUESTS.of(KEY_REQUESTS) if month.requests else 0.0),
        "SES: messages": prices.MESSAGES.of(month.learners * MESSAGES_A_LEARNER),
        COGNITO: prices.COGNITO.of(month.learners),
    }


class FunctionsCost(NamedTuple):
    """USD for what functions run, and for being kept warm."""

    run: float
    kept_warm: float


def functions_cost(month: Demand, has: Inventory) -> FunctionsCost:
    """Return the price of the functions: those of play are kept warm if the stage is set to."""
    of_play = sum(month.by_operation.get(operation, 0.0) for operation in PLAY)
    others = month.requests - of_play
    gb_seconds = REQUEST_SECONDS * FUNCTION_GB
    # Initialization is billed like any other duration; the functions of play are kept warm.
    starts = (others if has.provisioned_mb else month.requests) * COLD_SHARE
    initialization = starts * INITIALIZATION_SECONDS * FUNCTION_GB
    # A check calls the health function, through the gateway.
    checks = has.checks * (CHECK_SECONDS + REQUEST_SECONDS) * FUNCTION_GB
    scheduled = has.scheduled_calls + has.checks
    counting = checks + FUNCTION_GB * (
        month.counting_calls * COUNTING_CALL_SECONDS + month.answers * COUNTING_ANSWER_SECONDS
    )
    if not has.provisioned_mb:
        return FunctionsCost(
            prices.INVOCATIONS.of(month.requests + month.counting_calls + scheduled)
            + prices.GB_SECONDS.of(month.requests * gb_seconds + counting + initialization),
            0.0,
        )
    run = (
        prices.PROVISIONED_INVOCATIONS.of(of_play)
        + prices.PROVISIONED_DURATION.of(of_play * gb_seconds)
        + prices.INVOCATIONS.of(others + month.counting_calls + scheduled)
        + prices.GB_SECONDS.of(others * gb_seconds + counting + initialization)
    )
    wanted = of_play * gb_seconds / has.utilization
    least, most = (
        megabytes / 1024 * MONTH_SECONDS
        for megabytes in (has.provisioned_mb, has.most_provisioned_mb)
    )
    return FunctionsCost(run, prices.PROVISIONED_GB_SECONDS.of(min(max(wanted, least), most)))


def traces(month: Demand, has: Inventory) -> float:
    """Return traces recorded: a reservoir of each second, and a share of the rest.

    Calls that no gateway made are sampled by Lambda's own rule, whatever the stage's is.
    """
    busy = MONTH_SECONDS * BUSY_SECONDS_SHARE
    return _traced(month.requests, has.trace_reservoir * busy, has.trace_rate) + _traced(
        month.counting_calls + has.checks, DEFAULT_TRACE_RESERVOIR * busy, DEFAULT_TRACE_RATE
    )


def _traced(requests: float, reservoir: float, rate: float) -> float:
    first = min(requests, reservoir)
    return first + rate * (requests - first)


class Limit(NamedTuple):
    """Something that ends: how much of it there is, how much is needed, and what to do."""

    what: str
    limit: float
    needed: float
    unit: str
    lever: str

    @property
    def used(self) -> float:
        """Share of it in the busiest hour; above 1 it breaks."""
        return self.needed / self.limit


PARTITION_WRITE_UNITS = 1_000
PARTITION_READ_UNITS = 3_000
"""A second. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"""

TABLE_UNITS = 40_000
"""A second and table, until raised; reads and writes each.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"""

NEW_TABLE_WRITE_UNITS = 4_000
"""Taken at once by a table that never had traffic; it doubles within half an hour of a peak."""

ACCOUNT_CONCURRENCY = 1_000
GATEWAY_RATE = 10_000
COGNITO_REFRESHES = 120
TOKEN_SECONDS = 900
HURRIED_RATE = 1 / 2.0
"""Answers a second of a learner in a hurry."""


LEARNERS_IN_SESSION = 10_000
"""Learners in session at once that the profile of prod must serve with these quotas: 500 answers a
second, at one answer in 20 seconds each."""


def in_session(learners: int, profile: Profile) -> Demand:
    """Return the demand whose busiest hour has so many learners in session at once."""
    per_user = demand(1_000_000, profile).active_at_once / 1_000_000
    return demand(round(learners / per_user), profile)


def limits(month: Demand, stage: Stage, window: float) -> list[Limit]:
    """Return what the busiest hour needs of each limit, the scarcest first."""
    answer = next(route for route in ROUTES if route.operation == "submitAnswer")
    concurrency = month.peak_answers * REQUEST_SECONDS
    per_second = month.profile.peak / MONTH_SECONDS
    sessions_writes = 2 * month.peak_answers
    wrong = 0.4 * 2 * month.peak_answers
    # Half of what counting writes; the other half are totals in Users.
    questions_writes = month.counting_write_units * per_second / 2
    found = [
        Limit(
            "Throttle of POST answer",
            answer.throttle.rate * stage.throttle_scale,
            month.peak_answers,
            "requests/s",
            "throttle_scale of the stage",
        ),
        Limit(
            "Concurrency of function answer",
            stage.reserved_concurrency.get("answer", ACCOUNT_CONCURRENCY),
            concurrency,
            "environments",
            "reserved_concurrency of the stage",
        ),
        Limit(
            "Concurrency of the account",
            ACCOUNT_CONCURRENCY,
            month.peak_requests * REQUEST_SECONDS + SHARDS,
            "environments",
            "quota of Lambda (a new account may have 10)",
        ),
        Limit(
            "Requests of the account",
            GATEWAY_RATE,
            month.peak_requests,
            "requests/s",
            "quota of API Gateway",
        ),
        Limit(
            "Write units of Sessions, never used before",
            NEW_TABLE_WRITE_UNITS,
            sessions_writes,
            "WRU/s",
            "warm throughput of the table, set before the day",
        ),
        Limit("Write units of Sessions", TABLE_UNITS, sessions_writes, "WRU/s", _TABLE_QUOTA),
        Limit(
            "Write units of Progress", TABLE_UNITS, 2 * month.peak_answers, "WRU/s", _TABLE_QUOTA
        ),
        Limit("Write units of WrongAnswers", TABLE_UNITS, wrong, "WRU/s", _TABLE_QUOTA),
        Limit(
            "A learner's partition of Sessions",
            PARTITION_WRITE_UNITS,
            HURRIED_RATE * 2,
            "WRU/s",
            "none needed: one learner is one partition key",
        ),
        Limit(
            "A popular category's item",
            PARTITION_READ_UNITS,
            month.sessions * per_second * 0.5,
            "RRU/s",
            "keep categories in memory, as questions are",
        ),
        Limit(
            "A popular question's tally",
            PARTITION_WRITE_UNITS,
            min(questions_writes, 2 * SHARDS / max(window, 1.0)),
            "WRU/s",
            "a longer window of the consumer",
        ),
        Limit(
            "Counting, a shard at a time",
            SHARDS / COUNTING_ANSWER_SECONDS,
            month.peak_answers,
            "answers/s",
            "parallelization of the mapping; shards grow with the table",
        ),
        Limit(
            "Refreshes of tokens",
            COGNITO_REFRESHES,
            month.active_at_once / TOKEN_SECONDS,
            "requests/s",
            "quota of Cognito, or tokens that live longer",
        ),
    ]
    return sorted(found, key=lambda limit: -limit.used)


_TABLE_QUOTA = "quota of DynamoDB for a table"


def write_capacity(
    stage: str, users: int | None, profile: Profile, window: float | None, *, record: bool
) -> None:
    """Print the tables for a number of learners, or for several sizes; record them in scale.md.

    `window` is the batch window of counting in seconds, if not that of the stages.

    Raises:
        CommandError: The stage cannot be synthesized.
    """
    for name, text in _sections(
        stage, users, profile, DELIVERY.window_seconds if window is None else window
    ):
        print(f"\n{text}")
        if record:
            write_section(name, text, ROOT / "docs" / "scale.md")


def _sections(
    name: str, users: int | None, profile: Profile, window: float
) -> Iterator[tuple[str, str]]:
    sizes = (users,) if users else SIZES
    months = [demand(size, profile, window) for size in sizes]
    stage, has = STAGES[name], synthesized(name)
    yield "cost", cost_table([f"{size:,} learners" for size in sizes], months, [has] * len(months))
    yield "demand", _demand_table(months)
    found = ((month.learners, limits(month, stage, window)) for month in months)
    tables = (f"**{size:,} learners**\n\n{_limit_table(some)}" for size, some in found)
    yield "limits", "\n\n".join(tables)
    if not users:
        idle = demand(0, profile, window)
        has_all = [synthesized(name) for name in IDLE_STAGES]
        yield "idle", cost_table(IDLE_STAGES, [idle] * len(has_all), has_all)


def cost_table(
    heads: Sequence[str], months: Sequence[Demand], inventories: Sequence[Inventory]
) -> str:
    """Return USD a month by service, what costs nothing left out, Cognito apart."""
    costs = [monthly_cost(month, has) for month, has in zip(months, inventories, strict=True)]
    names = [name for name in costs[0] if name != COGNITO and any(cost[name] for cost in costs)]
    rows = [[name, *(f"{cost[name]:,.2f}" for cost in costs)] for name in names]
    totals = [sum(usd for name, usd in cost.items() if name != COGNITO) for cost in costs]
    rows.append(["**all of it**", *(f"**{total:,.2f}**" for total in totals)])
    rows.append(["Cognito, apart", *(f"{cost[COGNITO]:,.2f}" for cost in costs)])
    return table(["USD a month", *heads], rows)


def _demand_table(months: Sequence[Demand]) -> str:
    rows: list[list[str]] = [
        ["requests a month, millions", *(f"{m.requests / 1e6:,.1f}" for m in months)],
        ["requests a second, busiest hour", *(f"{m.peak_requests:,.0f}" for m in months)],
        ["learners in a session then", *(f"{m.active_at_once:,.0f}" for m in months)],
        [
            "environments of Lambda then",
            *(f"{m.peak_requests * REQUEST_SECONDS:,.1f}" for m in months),
        ],
        ["write units a month, millions", *(f"{m.write_units / 1e6:,.0f}" for m in months)],
        ["… of counting", *(f"{m.counting_write_units / 1e6:,.0f}" for m in months)],
        ["read units a month, millions", *(f"{m.read_units / 1e6:,.0f}" for m in months)],
        ["stored after a year, GB", *(f"{m.stored_bytes / 1e9:,.1f}" for m in months)],
        ["logs a month, GB", *(f"{logged_bytes(m) / 1e9:,.1f}" for m in months)],
    ]
    return table(["", *(f"{m.learners:,} learners" for m in months)], rows)


SHOWN_LIMITS = 6
"""The scarcest: what comes after is far away."""


def _limit_table(found: Sequence[Limit]) -> str:
    rows = [
        [
            limit.what,
            f"{limit.needed:,.1f}",
            f"{limit.limit:,.0f}",
            limit.unit,
            f"{limit.used:.1%}{' **breaks**' if limit.used > 1 else ''}",
            limit.lever,
        ]
        for limit in found[:SHOWN_LIMITS]
    ]
    return table(["limit", "needed", "there is", "", "used", "lever"], rows)
