"""Checks whether an account can take a stage, before anything is deployed to it.

Every check reads. A check that the credentials may not make is reported as not made: the pipeline's
role may do little, and the deployment itself will show it.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.contract.delivery import DELIVERY
from local.errors import CommandError

LEARNERS = {"prod": 10_000}
"""Learners a month that a stage's budget has to suffice for; none on a stage for trying things."""

UNRESERVED = 100
"""Concurrent executions that Lambda keeps unreserved."""

_CONCURRENCY_QUOTA = "L-B99A9384"
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_ABSENT = (
    "ResourceNotFoundException",
    "NotFoundException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "404",
    "NoSuchBucket",
)

Clients = Callable[[str], Any]
"""Returns the client of a service of AWS."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, with its remedy.

    Attributes:
        problem: One sentence.
        remedy: One sentence.
        stops: Whether a deployment would fail.
    """

    problem: str
    remedy: str
    stops: bool

    def __str__(self) -> str:
        """Return both sentences."""
        return f"{'Stops' if self.stops else 'Note'}: {self.problem} {self.remedy}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The synthesized stacks of a stage."""

    stage: str
    assembly: Path

    @property
    def templates(self) -> dict[str, dict[str, Any]]:
        """The resources of each stack, by its name."""
        return {
            file.name.removesuffix(".template.json"): json.loads(file.read_text())["Resources"]
            for file in sorted(self.assembly.glob(f"quiz-{self.stage}-*.template.json"))
        }

    def resources(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield stack and properties of all resources of a type."""
        for stack, resources in self.templates.items():
            for resource in resources.values():
                if resource["Type"] == kind:
                    yield stack, resource.get("Properties", {})

    def bootstrap(self) -> tuple[str, int]:
        """Return the name of the parameter with the bootstrap's version, and the least version.

        Raises:
            LookupError: the stage deploys without the roles of a bootstrap.
        """
        manifest = json.loads((self.assembly / "manifest.json").read_text())
        for artifact in manifest["artifacts"].values():
            properties = artifact.get("properties", {})
            if parameter := properties.get("bootstrapStackVersionSsmParameter"):
                return str(parameter), int(properties["requiresBootstrapStackVersion"])
        raise LookupError


def examine(plan: Plan, clients: Clients) -> Iterator[Finding]:
    """Yield what is wrong with the account for a stage, in the order of its severity."""
    for check in (_bootstrap, _concurrency, _retained_names, _mail, _budget):
        try:
            yield from check(plan, clients)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            reason = "these credentials may not" if code in _DENIED else f"AWS refuses: {code}"
            yield Finding(
                f"The check of {check.__name__.strip('_').replace('_', ' ')} was not made.",
                f"Reason: {reason}.",
                stops=False,
            )
        except BotoCoreError as error:
            raise CommandError(f"AWS cannot be reached: {error}") from None


def require_health(plan: Plan, clients: Clients) -> None:
    """Print all findings.

    Raises:
        CommandError: one of them would make a deployment fail.
    """
    findings = list(examine(plan, clients))
    for finding in findings:
        print(finding)
    if stopping := sum(finding.stops for finding in findings):
        raise CommandError(
            f"Stage {plan.stage} cannot be deployed: {stopping} of the findings above must be "
            "remedied first."
        )
    print(f"Stage {plan.stage} can be deployed.")


def _bootstrap(plan: Plan, clients: Clients) -> Iterator[Finding]:
    try:
        name, least = plan.bootstrap()
    except LookupError:
        return
    ssm = clients("ssm")
    try:
        found = int(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        found = 0
    if found < least:
        state = f"has version {found}" if found else "is not there"
        yield Finding(
            f"The CDK's bootstrap (parameter {name}) {state}, and the stacks need {least}.",
            "Run '.venv/bin/npx cdk bootstrap aws://ACCOUNT/REGION' as docs/bootstrap.md says.",
            stops=True,
        )


def _concurrency(plan: Plan, clients: Clients) -> Iterator[Finding]:
    limit = clients("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    reserved = sum(
        properties.get("ReservedConcurrentExecutions", 0)
        for _, properties in plan.resources("AWS::Lambda::Function")
    )
    least = reserved + UNRESERVED
    if limit < least:
        yield Finding(
            f"The account may run {limit} functions at once, and the stage needs {least}: "
            f"{reserved} reserved and {UNRESERVED} for all others.",
            "Request it: aws service-quotas request-service-quota-increase --service-code lambda "
            f"--quota-code {_CONCURRENCY_QUOTA} --desired-value 1000",
            stops=reserved > 0,
        )


def _retained_names(plan: Plan, clients: Clients) -> Iterator[Finding]:
    existing = {stack for stack in plan.templates if _stack_exists(clients, stack)}
    taken = sorted(
        f"{name} ({kind.split('::')[1]})"
        for kind, (key, service, request) in _NAMED.items()
        for stack, properties in plan.resources(kind)
        if stack not in existing
        and isinstance(name := properties.get(key), str)
        and _exists(clients(service), request(name))
    )
    if taken:
        yield Finding(
            f"Names of the stage are taken by what an earlier one left: {', '.join(taken)}.",
            f"Adopt them with 'make deploy STAGE={plan.stage} ADOPT=1', or delete them "
            "(docs/deployment.md).",
            stops=False,
        )


def _mail(plan: Plan, clients: Clients) -> Iterator[Finding]:
    ((_, pool),) = plan.resources("AWS::Cognito::UserPool")
    sender = pool.get("EmailConfiguration", {})
    if sender.get("EmailSendingAccount") != "DEVELOPER":
        yield Finding(
            "The stage sends by Cognito's own sender, at most 50 messages a day for the account.",
            "For more learners than that set mailSender in cdk.json.",
            stops=False,
        )
        return
    ses = clients("sesv2")
    domain = sender["From"].rstrip(">").rpartition("@")[2]
    try:
        verified = ses.get_email_identity(EmailIdentity=domain)["VerifiedForSendingStatus"]
    except ses.exceptions.NotFoundException:
        verified = False
    if not verified:
        yield Finding(
            f"SES has no verified identity {domain}, and the user pool is to send from it.",
            f"Create it (aws sesv2 create-email-identity --email-identity {domain}) and publish "
            "the DNS records that it returns.",
            stops=True,
        )
    if not ses.get_account()["ProductionAccessEnabled"]:
        yield Finding(
            "SES is in its sandbox here: it sends to verified addresses alone.",
            "Request production access in the console of SES; it takes about a day.",
            stops=False,
        )


def _budget(plan: Plan, _clients: Clients) -> Iterator[Finding]:
    budgets = [properties["Budget"] for _, properties in plan.resources("AWS::Budgets::Budget")]
    if not budgets:
        return
    # The model of costs loads the CDK, which takes seconds.
    from ops.cost.capacity import COGNITO, monthly_cost  # noqa: PLC0415
    from ops.cost.inventory import inventory  # noqa: PLC0415
    from ops.cost.workload import Profile, demand  # noqa: PLC0415

    has = inventory(each for stack in plan.templates.values() for each in stack.values())
    learners = LEARNERS.get(plan.stage, 0)
    cost = monthly_cost(demand(learners, Profile(), DELIVERY.window_seconds), has)
    forecast = sum(cost.values()) - cost[COGNITO]
    for budget in budgets:
        amount = float(budget["BudgetLimit"]["Amount"])
        if amount < forecast:
            yield Finding(
                f"The budget of ${amount:,.0f} is below the forecast of ${forecast:,.0f} a month "
                f"for {learners:,} learners.",
                "Raise monthly_budget in infra/stages.py.",
                stops=False,
            )


def _stack_exists(clients: Clients, stack: str) -> bool:
    try:
        described = clients("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return False
        raise
    return any(each["StackStatus"] != "REVIEW_IN_PROGRESS" for each in described)


Lookup = tuple[str, dict[str, str], str | None]
"""An operation, its parameters, and the list in its response that is empty without a match."""


def _exists(client: Any, lookup: Lookup) -> bool:
    operation, parameters, found = lookup
    try:
        reply = getattr(client, operation)(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return False
        raise
    if found is None:
        return True
    return any(each["logGroupName"] in parameters.values() for each in reply[found])


_NAMED: Mapping[str, tuple[str, str, Callable[[str], Lookup]]] = {
    "AWS::DynamoDB::Table": (
        "TableName",
        "dynamodb",
        lambda name: ("describe_table", {"TableName": name}, None),
    ),
    "AWS::SQS::Queue": (
        "QueueName",
        "sqs",
        lambda name: ("get_queue_url", {"QueueName": name}, None),
    ),
    "AWS::Logs::LogGroup": (
        "LogGroupName",
        "logs",
        lambda name: ("describe_log_groups", {"logGroupNamePrefix": name}, "logGroups"),
    ),
}
"""Types whose names another stage may have retained: the property, the service, and how to ask."""
