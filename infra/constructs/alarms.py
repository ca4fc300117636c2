"""The alarms of a stage: what learners notice pages, what may become that is a ticket.

An outage pages once, whatever its cause: the rates of failed requests share one composite
alarm. Causes are tickets; they show where to look.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.constructs.alarm import Alarm, CompositeAlarm, Condition, Meaning, rises
from infra.constructs.audit_trail import AUDIT
from infra.constructs.function import LIVE
from infra.metrics import (
    FEW_REQUESTS,
    MOST_METRICS,
    Accounts,
    account_concurrency,
    api_error_rate,
    api_latency,
    burn_rate,
    delivery_metric,
    emitted,
    expression,
    function_metric,
    mail_refused,
    queue_metric,
    requests_blocked,
    reserved_concurrency,
    sign_ins_throttled,
    slowest_read,
    table_throttles,
    total,
    unanswered,
)
from infra.permissions import PERMISSIONS, TableName
from infra.stages import Stage
from lambdas.contract.delivery import CONSUMER
from lambdas.shared.store.breaker import Direction
from lambdas.shared.telemetry.metrics import AUDIT_KEY_FAILURES, CIRCUITS_OPENED, LATENCY

SLOW_MS = 200
SLOW_READ_MS = 10
MANY_BLOCKED = 100
MANY_ERRORS_PERCENT = 5
NEAR_THE_LIMIT_PERCENT = 80

DEAD_LETTERS = "dead-letters"

LAG_MS = 5 * 60 * 1000
"""A batch waits for seconds and is counted in one: figures minutes old mean that it is not."""


AUDIT_LATE_SECONDS = 30 * 60
"""The stream fills an object for 5 minutes: records six times as old do not get to their bucket."""


FEW_REFUSALS = 5
"""Messages of an hour: addresses with a typing error bounce now and then."""


class Burn(NamedTuple):
    """A rate at which the budget goes, over a long window and, to end soon, over a short one."""

    name: str
    rate: float
    long: cdk.Duration
    short: cdk.Duration


BURNS = (
    Burn("fast", 14.4, cdk.Duration.hours(1), cdk.Duration.minutes(5)),
    Burn("medium", 6, cdk.Duration.hours(6), cdk.Duration.minutes(30)),
    Burn("slow", 1, cdk.Duration.days(3), cdk.Duration.hours(6)),
)
"""The three of the SRE Workbook, chapter 5, table 5-8: 2% of the budget in an hour, 5% in six, 10%
in three days. The first two page. https://sre.google/workbook/alerting-on-slos/"""

FEWEST_FAILURES = 10
"""In a long window; below, hardly anybody met one. Where nobody calls, a total outage of 10
requests an hour is reported after an hour. The short window only ends the alarm: one is enough."""


class Alarms(Construct):
    """All alarms of a stage; `all` holds them, those that page first."""

    all: list[cloudwatch.IAlarm]

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        pages: sns.ITopic,
        tickets: sns.ITopic,
        accounts: Accounts,
    ) -> None:
        """`pages` and `tickets` are the topics, or one; `accounts` is where learners sign in."""
        super().__init__(scope, construct_id)
        self._stage = stage
        self._tickets = tickets
        errors = self._alarm(
            "api-errors",
            f"More than {MANY_ERRORS_PERCENT}% of requests failed with 5xx.",
            # FEW_REQUESTS and no data: nobody called. The burn rates cover too few requests.
            Condition(metric=api_error_rate(stage), above=MANY_ERRORS_PERCENT),
        )
        unreachable = self._alarm(
            "unreachable",
            "The public address gave no good answer three minutes in a row, or was not asked.",
            Condition(metric=unanswered(stage), above=0, periods=3, silence_is_bad=True),
        )
        burning = {burn.name: list(self._burning(burn)) for burn in BURNS}
        unavailable = CompositeAlarm(
            self,
            "availability",
            stage=stage,
            topic=pages,
            meaning=Meaning(
                text="The API is unreachable, or the month's error budget is gone within days.",
                runbook="availability",
            ),
            rule=cloudwatch.AlarmRule.any_of(
                _both(burning["fast"]), _both(burning["medium"]), rises(errors), rises(unreachable)
            ),
        )
        spending = CompositeAlarm(
            self,
            "error-budget",
            stage=stage,
            topic=tickets,
            meaning=Meaning(
                text="Requests failed for three days so that the error budget will not last.",
                runbook="error-budget",
            ),
            rule=_both(burning["slow"]),
            beneath=unavailable,
        )
        self.all = [
            unavailable,
            spending,
            errors,
            unreachable,
            *(alarm for pair in burning.values() for alarm in pair),
            *self._causes(),
            *self._consumer(),
            *self._audit(),
            *self._mail(),
            *self._entrance(accounts),
        ]

    def _burning(self, burn: Burn) -> Iterator[Alarm]:
        for window, length, fewest in (
            ("long", burn.long, FEWEST_FAILURES),
            ("short", burn.short, 1),
        ):
            yield self._alarm(
                f"burn-{burn.name}-{window}",
                f"The error budget went {burn.rate} times too fast for {length.to_human_string()}.",
                # Without requests there is no rate, and nobody was failed.
                Condition(
                    metric=burn_rate(self._stage, length, fewest_failures=fewest), above=burn.rate
                ),
                runbook="error-budget" if burn.name == "slow" else "availability",
            )

    def _causes(self) -> Iterator[Alarm]:
        stage = self._stage
        yield self._ticket(
            "api-latency",
            f"One request in 20 took longer than {SLOW_MS} ms, for a quarter of an hour.",
            # A percentile of few requests is that of their cold starts: not counted.
            Condition(metric=api_latency(stage), above=SLOW_MS, periods=3),
        )
        yield self._ticket(
            "circuit-opened",
            "A function stopped calling a table that was in trouble.",
            # Emitted when it happens, never as 0.
            Condition(
                metric=total(
                    "opened",
                    [emitted(stage, CIRCUITS_OPENED, "Sum", of=d.value) for d in Direction],
                ),
                above=0,
            ),
        )
        yield self._ticket(
            "audit-key",
            "A function could not read the audit's key; without one, records name nobody.",
            # Emitted when it happens, never as 0.
            Condition(metric=emitted(stage, AUDIT_KEY_FAILURES, "Sum"), above=0),
        )
        for kind, name, text in (
            ("function-errors", "Errors", "A function ended in an error or ran out of time."),
            ("function-throttles", "Throttles", "Calls were refused for want of concurrency."),
        ):
            # Lambda emits both with each call: no data, no calls.
            for number, folders in enumerate(_groups(list(PERMISSIONS), MOST_METRICS)):
                sums = [function_metric(stage, folder, name, "Sum") for folder in folders]
                yield self._ticket(
                    f"{kind}-{number + 1}" if number else kind,
                    text,
                    Condition(metric=total(name, sums), above=0),
                    runbook=kind,
                )
        for table in TableName:
            yield self._ticket(
                f"table-throttles-{table}",
                f"Table {table} throttled calls, ten minutes in a row.",
                # Emitted only when it happens. Failures that retries absorb are no ticket.
                Condition(metric=table_throttles(stage, table), above=0, periods=2),
                runbook="table-throttles",
            )
        yield self._ticket(
            "table-latency",
            f"DynamoDB took more than {SLOW_READ_MS} ms for a read, for a quarter of an hour.",
            # No reads, no latency.
            Condition(metric=slowest_read(stage), above=SLOW_READ_MS, periods=3),
        )
        yield self._ticket(
            "concurrency",
            f"More than {NEAR_THE_LIMIT_PERCENT}% of the account's concurrency was in use.",
            Condition(metric=account_concurrency(), above=NEAR_THE_LIMIT_PERCENT),
        )
        if stage.reserved_concurrency:
            yield self._ticket(
                "concurrency-reserved",
                f"A function used more than {NEAR_THE_LIMIT_PERCENT}% of its concurrency.",
                Condition(metric=reserved_concurrency(stage), above=NEAR_THE_LIMIT_PERCENT),
                runbook="concurrency",
            )

    def _consumer(self) -> Iterator[Alarm]:
        stage = self._stage
        yield self._ticket(
            "consumer-lag",
            "Answers were counted more than five minutes late, ten minutes in a row.",
            # Emitted with each batch; that there are none at all is the next alarm's affair.
            Condition(
                metric=function_metric(stage, CONSUMER, "IteratorAge", "Maximum", alias=LIVE),
                above=LAG_MS,
                periods=2,
            ),
        )
        yield self._ticket(
            "consumer-silent",
            "Answers were given for a quarter of an hour, and nothing counted them.",
            self._answers_without(
                "batches",
                function_metric(stage, CONSUMER, "Invocations", "Sum"),
                label="answers that nothing counted",
            ),
        )
        yield self._ticket(
            "dead-letters",
            "Batches of answers could not be counted and wait to be redriven.",
            # SQS is silent about a queue that was empty for hours.
            Condition(
                metric=queue_metric(stage, DEAD_LETTERS, "ApproximateNumberOfMessagesVisible"),
                above=0,
            ),
        )

    def _audit(self) -> Iterator[Alarm]:
        stage = self._stage
        yield self._ticket(
            "audit-late",
            "Audit records waited more than half an hour for their bucket, ten minutes in a row.",
            # Emitted while there is anything to deliver.
            Condition(
                metric=delivery_metric(stage, AUDIT, "DeliveryToS3.DataFreshness", "Maximum"),
                above=AUDIT_LATE_SECONDS,
                periods=2,
            ),
        )
        yield self._ticket(
            "audit-silent",
            "Answers were given for a quarter of an hour, and no audit record left the logs.",
            self._answers_without(
                "records",
                delivery_metric(stage, AUDIT, "IncomingRecords", "Sum"),
                label="answers without an audit record",
            ),
        )

    def _entrance(self, accounts: Accounts) -> Iterator[Alarm]:
        yield self._ticket(
            "sign-in-throttled",
            "Cognito throttled sign-ups, sign-ins or renewals of tokens, ten minutes in a row.",
            # Emitted only when it happens.
            Condition(metric=sign_ins_throttled(accounts), above=0, periods=2),
        )
        if self._stage.waf:
            yield self._ticket(
                "requests-blocked",
                f"The web ACLs blocked more than {MANY_BLOCKED} requests in five minutes, twice.",
                # Emitted only when it happens.
                Condition(metric=requests_blocked(self._stage), above=MANY_BLOCKED, periods=2),
            )

    def _mail(self) -> Iterator[Alarm]:
        if self._stage.mail_sender is None:
            return  # Cognito's own sender emits no metric
        yield self._ticket(
            "mail-refused",
            f"More than {FEW_REFUSALS} messages of an hour were refused or came back.",
            # Emitted when messages are sent: no data, no messages.
            Condition(metric=mail_refused(), above=FEW_REFUSALS),
        )

    def _answers_without(self, name: str, follows: cloudwatch.IMetric, *, label: str) -> Condition:
        """Answers were given, three periods in a row, and nothing that follows them happened."""
        answers = emitted(self._stage, LATENCY, "SampleCount", of="submitAnswer")
        metric = expression(
            f"IF(FILL({name}, 0) > 0, 0, answers)", {name: follows, "answers": answers}, label=label
        )
        return Condition(metric=metric, above=FEW_REQUESTS, periods=3)

    def _ticket(
        self, name: str, text: str, when: Condition, *, runbook: str | None = None
    ) -> Alarm:
        return self._alarm(name, text, when, runbook=runbook, topic=self._tickets)

    def _alarm(
        self,
        name: str,
        text: str,
        when: Condition,
        *,
        runbook: str | None = None,
        topic: sns.ITopic | None = None,
    ) -> Alarm:
        return Alarm(
            self,
            name,
            stage=self._stage,
            meaning=Meaning(text=text, runbook=runbook or name),
            when=when,
            topic=topic,
        )


def _both(pair: Sequence[Alarm]) -> cloudwatch.IAlarmRule:
    return cloudwatch.AlarmRule.all_of(*(rises(alarm) for alarm in pair))


def _groups(names: Sequence[str], most: int) -> list[Sequence[str]]:
    return [names[at : at + most] for at in range(0, len(names), most)]
