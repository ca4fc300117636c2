"""The dashboard: one look at the stage, from what learners notice down to what it costs."""

from collections.abc import Iterator, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.constructs.alarms import (
    BURNS,
    DEAD_LETTERS,
    LAG_MS,
    MANY_ERRORS_PERCENT,
    NEAR_THE_LIMIT_PERCENT,
    SLOW_MS,
)
from infra.constructs.function import LIVE, MEMORY_MB
from infra.metrics import (
    account_concurrency,
    api_error_rate,
    api_metric,
    burn_rate,
    emitted,
    expression,
    function_metric,
    log_metric,
    operations_on,
    queue_metric,
    reserved_concurrency,
    table_errors,
    table_latency,
    table_metric,
    table_throttles,
    total,
)
from infra.permissions import PERMISSIONS, TableName
from infra.queries import POLICIES
from infra.stages import Stage
from lambdas.contract.delivery import CONSUMER
from lambdas.contract.errors import ERROR_CODES
from lambdas.contract.routes import ROUTES
from lambdas.shared.store.breaker import Direction
from lambdas.shared.telemetry import metrics
from lambdas.shared.telemetry.metrics import CALLS, PLAY, Metric

_WIDTH = 24
_RANKS = ("p50", "p95", "p99")
_OPERATIONS = tuple(route.operation for route in ROUTES)

_Metrics = Sequence[cloudwatch.IMetric]


class Dashboard(cloudwatch.Dashboard):
    """The alarms, then a section each; every graph shows its unit and, where there is one, a limit.

    A route that nobody called in the time shown has no line.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        alarms: Sequence[cloudwatch.IAlarm],
    ) -> None:
        super().__init__(
            scope, construct_id, dashboard_name=stage.prefix, default_interval=cdk.Duration.days(1)
        )
        self._stage = stage
        self.add_widgets(
            cloudwatch.AlarmStatusWidget(title="Alarms", width=_WIDTH, alarms=list(alarms))
        )
        sections = {
            "What learners notice": self._service(),
            "Functions": self._functions(),
            "Database": self._database(),
            "The algorithm": self._algorithm(),
            "Consumer": self._consumer(),
            "What it costs": self._cost(),
        }
        for title, graphs in sections.items():
            self.add_widgets(cloudwatch.TextWidget(markdown=f"## {title}", width=_WIDTH, height=1))
            row = list(graphs)
            per_row = 4 if len(row) % 4 == 0 else 3
            for at in range(0, len(row), per_row):
                self.add_widgets(*row[at : at + per_row])

    def _service(self) -> Iterator[cloudwatch.IWidget]:
        stage = self._stage
        yield _graph(
            "API: latency",
            "ms",
            [api_metric(stage, "Latency", rank) for rank in _RANKS],
            limit=(SLOW_MS, "alarm for p95"),
        )
        yield _graph(
            "API: failed requests",
            "percent",
            [api_error_rate(stage)],
            limit=(MANY_ERRORS_PERCENT, "alarm"),
        )
        yield _graph(
            "Error budget: burn rate",
            "times",
            [
                burn_rate(stage, burn.long, fewest_failures=1, name=burn.name)
                for burn in BURNS
                if burn.long.to_days(integral=False) <= 1
            ],
            limit=(BURNS[-1].rate, "lasts exactly 30 days"),
        )
        yield _graph(
            "API: requests and errors",
            "requests",
            [api_metric(stage, name, "Sum") for name in ("Count", "4XXError", "5XXError")],
        )
        yield _graph("Routes: p95 in the function", "ms", self._by_route(metrics.LATENCY, "p95"))
        yield _graph("Routes: 5xx", "requests", self._by_route(metrics.FAULTS))
        yield _graph(
            "Errors by code",
            "requests",
            [emitted(stage, metrics.ERRORS, "Sum", of=code) for code in ERROR_CODES],
        )
        yield _graph("Routes: requests", "requests", self._by_route(metrics.LATENCY, "SampleCount"))

    def _functions(self) -> Iterator[cloudwatch.IWidget]:
        stage = self._stage
        yield _graph("Functions: errors", "calls", self._by_function("Errors", "Sum"))
        yield _graph("Functions: throttled", "calls", self._by_function("Throttles", "Sum"))
        yield _graph("Functions: p95 duration", "ms", self._by_function("Duration", "p95"))
        yield _graph("Cold starts", "requests", [emitted(stage, metrics.COLD_STARTS, "Sum")])
        yield _graph(
            "Functions: environments in use",
            "environments",
            self._by_function("ConcurrentExecutions", "Maximum"),
        )
        in_use: list[cloudwatch.IMetric] = [account_concurrency()]
        if stage.reserved_concurrency:
            in_use.append(reserved_concurrency(stage))
        yield _graph(
            "Saturation of concurrency", "percent", in_use, limit=(NEAR_THE_LIMIT_PERCENT, "alarm")
        )

    def _database(self) -> Iterator[cloudwatch.IWidget]:
        stage = self._stage
        for operation in PLAY:
            yield _graph(
                f"{operation}: calls, p95 as the function sees them",
                "ms",
                [
                    emitted(stage, call, "p95", of=operation, label=call.name)
                    for call in CALLS.values()
                    if operation in (call.operations or ())
                ],
            )
        yield _graph("Round trips a request", "calls", [self._round_trips(each) for each in PLAY])
        yield _graph(
            "Questions found in memory",
            "share",
            [emitted(stage, metrics.CACHE_HITS, "Average", of=each) for each in PLAY],
        )
        yield _graph(
            "Calls beside play, p95",
            "ms",
            [
                emitted(stage, call, "p95", of=each, label=f"{call.name} of {each}")
                for call in CALLS.values()
                for each in call.operations or ()
                if each not in PLAY
            ],
        )
        for what, metric in (("read", metrics.READ_UNITS), ("write", metrics.WRITE_UNITS)):
            yield _graph(
                f"Play and counting: {what} units",
                "units",
                [emitted(stage, metric, "Sum", of=each) for each in metric.operations or ()],
            )
        for kind in ("Read", "Write"):
            yield _graph(
                f"Tables: {kind.lower()} units",
                "units",
                [table_metric(stage, table, f"Consumed{kind}CapacityUnits") for table in TableName],
            )
        yield _graph(
            "Tables: latency inside DynamoDB",
            "ms",
            [
                table_latency(stage, table, operation)
                for table in TableName
                for operation in operations_on(table)
            ],
        )
        yield _graph(
            "Tables: throttled", "calls", [table_throttles(stage, table) for table in TableName]
        )
        yield _graph(
            "Tables: failed by DynamoDB",
            "calls",
            [table_errors(stage, table) for table in TableName],
        )
        yield _graph(
            "Attempts that failed, writes that conflicted, circuits",
            "calls",
            [
                *(
                    emitted(stage, metric, "Sum")
                    for metric in (
                        metrics.FAILED_ATTEMPTS,
                        metrics.THROTTLES,
                        metrics.CONFLICTS,
                        metrics.REFUSED_CALLS,
                        metrics.FROM_MEMORY,
                    )
                ),
                *(
                    emitted(
                        stage,
                        metrics.CIRCUITS_OPENED,
                        "Sum",
                        of=direction.value,
                        label=f"circuits opened for {direction.value}s",
                    )
                    for direction in Direction
                ),
            ],
        )

    def _algorithm(self) -> Iterator[cloudwatch.IWidget]:
        stage = self._stage
        yield _graph(
            "Draws from the pool",
            "percent",
            [
                expression(
                    "100 * FILL(pooled, 0) / (FILL(pooled, 0) + FILL(fresh, 0))",
                    {
                        "pooled": emitted(
                            stage, metrics.POOL_DEPTH, "SampleCount", of="submitAnswer"
                        ),
                        "fresh": emitted(stage, metrics.FRESH_DRAWS, "Sum", of="submitAnswer"),
                    },
                    label="of all draws",
                )
            ],
        )
        yield _graph(
            "Depth of the pool at a draw from it",
            "entries",
            [
                emitted(stage, metrics.POOL_DEPTH, rank, of="submitAnswer", label=rank)
                for rank in ("p50", "p95", "Maximum")
            ],
        )
        yield cloudwatch.LogQueryWidget(
            title="Draws, depth of the pool and lateness of reviews by policy",
            log_group_names=list(POLICIES.log_groups(stage)),
            query_string=POLICIES.text,
            view=cloudwatch.LogQueryVisualizationType.TABLE,
            width=8,
        )
        yield _graph(
            "Retries a question",
            "tries",
            [
                expression(
                    "retries / first_shown",
                    {
                        "retries": emitted(stage, metrics.RETRIES, "Sum", of="submitAnswer"),
                        "first_shown": emitted(
                            stage, metrics.FRESH_DRAWS, "Sum", of="submitAnswer"
                        ),
                    },
                    label="wrong answers for each new question",
                )
            ],
        )
        yield _graph(
            "Turns to mastery",
            "turns",
            [
                emitted(stage, metrics.TURNS_TO_MASTERY, rank, of="submitAnswer", label=rank)
                for rank in ("Average", "p95")
            ],
        )
        yield _graph(
            "Time an answer",
            "ms",
            [self._counting(metrics.TIME_SPENT, rank, rank) for rank in ("p50", "p95")],
        )
        yield _graph(
            "Attempts to mastery, in all sessions",
            "answers",
            [
                self._counting(metrics.ATTEMPTS_TO_MASTERY, rank, rank)
                for rank in ("Average", "p95")
            ],
        )
        yield _graph(
            "Sessions",
            "sessions",
            [
                emitted(stage, metrics.SESSIONS_STARTED, "Sum", of="startSession", label="started"),
                self._completed(),
            ],
        )
        yield _graph(
            "Sessions completed of those started",
            "percent",
            [
                expression(
                    "100 * completed_sum / started",
                    {
                        "completed_sum": self._completed("done"),
                        "started": emitted(
                            stage, metrics.SESSIONS_STARTED, "Sum", of="startSession"
                        ),
                    },
                    label="in the same time",
                    period=cdk.Duration.days(1),
                )
            ],
        )

    def _consumer(self) -> Iterator[cloudwatch.IWidget]:
        stage = self._stage
        yield _graph(
            "Consumer: age of what it counts",
            "ms",
            [function_metric(stage, CONSUMER, "IteratorAge", "Maximum", alias=LIVE)],
            limit=(LAG_MS, "alarm"),
        )
        yield _graph(
            "Consumer: answers",
            "answers",
            [self._counting(each, "Sum") for each in (metrics.COUNTED, metrics.DUPLICATES)],
        )
        yield _graph(
            "Consumer: batches",
            "batches",
            [
                function_metric(stage, CONSUMER, "Invocations", "Sum"),
                *(self._counting(each, "Sum") for each in (metrics.UNFINISHED, metrics.MALFORMED)),
            ],
        )
        yield _graph(
            "Consumer: from answer to figures",
            "ms",
            [self._counting(metrics.ANSWER_AGE, "Maximum")],
        )
        yield _graph(
            "Consumer: time a batch",
            "ms",
            [self._counting(metrics.LATENCY, rank, rank) for rank in ("p50", "p95")],
        )
        yield _graph(
            "Dead letters",
            "batches",
            [queue_metric(stage, DEAD_LETTERS, "ApproximateNumberOfMessagesVisible")],
            limit=(0, "alarm"),
        )

    def _cost(self) -> Iterator[cloudwatch.IWidget]:
        stage = self._stage
        yield _graph("Requests", "requests", [api_metric(stage, "Count", "Sum")])
        yield _graph(
            "Functions: GB-seconds",
            "GB-seconds",
            [
                expression(
                    f"duration_{place} / 1000 * {MEMORY_MB} / 1024",
                    {f"duration_{place}": function_metric(stage, folder, "Duration", "Sum")},
                    label=folder,
                )
                for place, folder in enumerate(PERMISSIONS)
            ],
        )
        yield _graph(
            "Request units of all tables",
            "units",
            [
                total(
                    f"{kind} units",
                    [
                        table_metric(stage, table, f"Consumed{kind}CapacityUnits")
                        for table in TableName
                    ],
                )
                for kind in ("Read", "Write")
            ],
        )
        groups = {folder: f"/aws/lambda/{stage.named(folder)}" for folder in PERMISSIONS}
        groups["gateway"] = f"/aws/apigateway/{stage.prefix}"
        yield _graph(
            "Logs written",
            "bytes",
            [log_metric(group, "IncomingBytes", label=name) for name, group in groups.items()],
        )

    def _counting(
        self, metric: Metric, statistic: str, label: str | None = None
    ) -> cloudwatch.IMetric:
        label = label or metric.name
        return emitted(self._stage, metric, statistic, of=metrics.COUNTING, label=label)

    def _by_route(self, metric: Metric, statistic: str = "Sum") -> _Metrics:
        return [emitted(self._stage, metric, statistic, of=each) for each in _OPERATIONS]

    def _by_function(self, name: str, statistic: str) -> _Metrics:
        return [function_metric(self._stage, folder, name, statistic) for folder in PERMISSIONS]

    def _completed(self, name: str = "completed") -> cloudwatch.MathExpression:
        return total(
            name,
            [emitted(self._stage, metrics.SESSIONS_COMPLETED, "Sum", of=each) for each in PLAY],
        )

    def _round_trips(self, operation: str) -> cloudwatch.IMetric:
        calls = {
            f"{operation}_{call.name}": emitted(self._stage, call, "SampleCount", of=operation)
            for call in CALLS.values()
            if operation in (call.operations or ())
        }
        made = " + ".join(f"FILL({each}, 0)" for each in calls)
        served = f"{operation}_served"
        return expression(
            f"({made}) / {served}",
            {
                **calls,
                served: emitted(self._stage, metrics.LATENCY, "SampleCount", of=operation),
            },
            label=operation,
        )


def _graph(
    title: str, unit: str, shown: _Metrics, *, limit: tuple[float, str] | None = None
) -> cloudwatch.GraphWidget:
    annotations = [
        cloudwatch.HorizontalAnnotation(value=value, label=label, color=cloudwatch.Color.RED)
        for value, label in ([limit] if limit else [])
    ]
    return cloudwatch.GraphWidget(
        title=title,
        width=8,
        left=list(shown),
        left_annotations=annotations,
        left_y_axis=cloudwatch.YAxisProps(label=unit, min=0, show_units=False),
    )
