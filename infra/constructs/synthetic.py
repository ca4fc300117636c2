"""The synthetic monitor: a function that calls the public address every minute."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.asset import function_code
from infra.constructs.function import Calls, Function
from infra.findings import acknowledge
from infra.metrics import SYNTHETIC
from infra.stages import Stage
from lambdas.contract.timeouts import USUAL_SECONDS

EVERY = cdk.Duration.minutes(1)

_BY_SCHEDULE = Calls(
    seconds=USUAL_SECONDS,
    no_dead_letters="A check that failed is an error that the alarm counts; the next one follows "
    "within a minute, and an old one is worth nothing.",
    canary=False,  # no learner waits for it
)


class Synthetic(Construct):
    """Calls the API from outside, where an outage shows of which the API itself knows nothing."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, address: str) -> None:
        super().__init__(scope, construct_id)
        function = Function(
            self,
            SYNTHETIC,
            stage=stage,
            code=function_code(platform=stage.asset_platform),
            handler="lambdas.health.synthetic.handler",
            calls=_BY_SCHEDULE,
        )
        function.function.add_environment("API_URL", address)
        # Lambda would repeat a failed call twice: a third of the checks could be repetitions.
        function.live.configure_async_invoke(retry_attempts=0, max_event_age=EVERY)
        acknowledge(
            function.live,
            {"Serverless-LambdaAsyncFailureDestination": _BY_SCHEDULE.no_dead_letters},
        )
        rule = events.Rule(
            self,
            "Schedule",
            rule_name=stage.named(SYNTHETIC),
            description="Calls the public address of the API",
            schedule=events.Schedule.rate(EVERY),
            targets=[targets.LambdaFunction(function.live, retry_attempts=0, max_event_age=EVERY)],
        )
        acknowledge(
            rule,
            {
                "Serverless-EventBusDLQ": "A check that is lost is missing data, which the alarm "
                "treats as a failed one; the next check follows within a minute."
            },
        )
