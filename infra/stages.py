"""The stages, and everything in which they differ: data, so that no stack branches on a name."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum, auto
from types import MappingProxyType

from aws_cdk import RemovalPolicy
from aws_cdk.aws_cognito import Mfa
from aws_cdk.aws_logs import RetentionDays
from aws_cdk.aws_s3 import ObjectLockMode

from infra.packaging.platforms import LAMBDA, THIS_MACHINE, Platform
from infra.stage_names import StageError
from lambdas.contract.delivery import DELIVERY, LAPTOP_DELIVERY, Delivery
from lambdas.shared.settings import LOG_LEVELS

SERVICE = "quiz"
BASE_PATH = "v1"

PLAYED = ("quiz", "answer")
"""Functions that a learner waits for again and again: kept warm where the stage keeps any so."""

_NAME = re.compile(r"[a-z][a-z0-9]{1,15}")
_ORIGIN = re.compile(r"\*|https?://[a-z0-9.-]+(:[0-9]{1,5})?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
_SIGN_IN_PREFIX = re.compile(r"(?!.*(aws|amazon|cognito))[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_CALLBACK = re.compile(r"https://[^\s#]+|http://localhost(:\d+)?(/[^\s#]*)?")
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
_CERTIFICATE = re.compile(r"arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[a-z0-9-]+")
_MOST_RESERVED = 100  # of an account's limit, which other functions need too
_NO_CAP = 1_000_000
_WAF_RATES = range(10, 2_000_000_001)  # what AWS::WAFv2::WebACL takes


class ImpossibleStageError(StageError):
    """Settings contradict each other or are malformed; the message names every fault."""


class Extent(IntEnum):
    """How much of a stage is made, each with what comes before it."""

    TABLES = auto()
    SERVICE = auto()
    OPERATED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionedConcurrency:
    """Environments kept warm, between two bounds so that `utilization` of them are in use."""

    minimum: int
    maximum: int
    utilization: float

    def faults(self, reserved: int) -> Iterator[str]:
        """Yield each fault, given the least concurrency that a warm function is capped at."""
        if not 0 < self.minimum <= self.maximum:
            yield "provisioned concurrency needs 0 < minimum <= maximum"
        if not 0.1 <= self.utilization <= 0.9:
            yield "the target utilization is not between 0.1 and 0.9"
        if self.maximum > reserved:
            yield f"provisioned concurrency of {self.maximum} is above the {reserved} reserved"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRetention:
    """How long audit records are kept, and who may delete them before.

    Under GOVERNANCE that is whoever has the right to bypass it, under COMPLIANCE nobody, AWS's
    support and the account's root user included; without a lock, an administrator.
    """

    days: int
    lock: ObjectLockMode | None

    def faults(self, removal_policy: RemovalPolicy) -> Iterator[str]:
        """Tell what is wrong with it, given what becomes of the stage."""
        if self.days < 1:
            yield "audit records are kept for less than a day"
        if self.lock is ObjectLockMode.COMPLIANCE and removal_policy is RemovalPolicy.DESTROY:
            yield "an audit nobody can delete in what is to be destroyed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Settings of one stage.

    Attributes:
        production: Whether it holds data of real learners, so that it must not be lost.
        extent: How much of the stage is made.
        deploy_roles: Whether the CDK CLI takes on the roles of the account's bootstrap; else it
            deploys with the very credentials it was given.
        asset_platform: Platform of the functions' asset.
        tls_only: Whether failed batches and their queue refuse whoever comes without TLS.
        owner: Whom to ask about it (tag).
        cost_centre: Who pays for it (tag).
        audit: Retention of the audit records.
        log_level: Lowest level that the functions log.
        cors_origin: The web client's origin, or `*`. One, because the gateway's own error
            responses can name only a fixed origin. Requests carry tokens, not cookies, so `*`
            opens nothing to a page that has no token. The deployer of a production stage sets it.
        domain_name: Address of the API in place of the gateway's own; needs `certificate_arn`, of
            a certificate in the region.
        sign_in_prefix: First label of the address of the user pool's own sign-in page, unique in
            the region; without it there is no such page. It may not name AWS.
        sign_in_callback: Address in the web client that the page returns to with a code; needs
            `sign_in_prefix`.
        admin_mfa: Whether the functions refuse administrators who signed in without a second
            factor.
        authenticator_app: Whether an authenticator app may be a second factor; there is no other.
        table_recovery: Whether tables can be restored to any second of the last 35 days, and failed
            batches for a week after somebody deleted them.
        deletion_protection: Whether tables, users and their stacks refuse to be deleted.
        first_deployment: Whether that protection is left off, so that CloudFormation can roll back
            a first deployment that fails. `make deploy` deploys once so, then with the protection.
        removal_policy: Policy for tables, users, logs and versions that leave the stack.
        throttle_scale: Times the route table's rates and bursts.
        reserved_concurrency: Environments kept for a function, by its folder, and the most that
            it may use. Taken from the account's limit, 1,000 by default but 10 in new accounts,
            of which Lambda keeps up to 100 unreserved.
        provisioned_concurrency: Environments of the quiz and answer functions kept warm.
        canary: Whether functions that are not kept warm get a new version step by step. It makes
            a deployment some minutes longer.
        waf: Whether a web ACL stands before the API, at some $8 a month.
        waf_rate: Requests of one address in 5 minutes, above which it is refused. A school is
            often one address.
        performance_monitoring: Whether the functions emit metrics, at $0.30 a month for each that
            is emitted all the time. Without them half of the dashboard is empty.
        pages: Whether somebody is to be woken; if not, what would page is a ticket.
        circuit_breaker: Whether the functions stop calling a table that keeps failing.
        dynamodb_endpoint: Address of DynamoDB in place of the region's own, such as that of a VPC
            endpoint.
        alarm_email: Address that receives alarms and budget notices, once it has confirmed each
            topic's first message. The deployer of a production stage sets it.
        mail_sender: Address that the user pool sends its messages from, of an identity verified
            in SES. Without one Cognito sends at most 50 messages a day for the whole account. The
            deployer of a production stage sets it.
        monthly_budget: In USD.
        delivery: How answers reach the function that counts them.
        traced_share: Share of the API's requests that X-Ray records: it bills by the trace.
    """

    name: str
    production: bool
    extent: Extent
    deploy_roles: bool
    asset_platform: Platform
    tls_only: bool
    owner: str
    cost_centre: str
    log_level: str
    log_retention: RetentionDays
    audit: AuditRetention
    cors_origin: str
    domain_name: str | None
    certificate_arn: str | None
    sign_in_prefix: str | None
    sign_in_callback: str | None
    mfa: Mfa
    admin_mfa: bool
    authenticator_app: bool
    table_recovery: bool
    deletion_protection: bool
    first_deployment: bool
    removal_policy: RemovalPolicy
    throttle_scale: float
    reserved_concurrency: Mapping[str, int]
    provisioned_concurrency: ProvisionedConcurrency | None
    canary: bool
    waf: bool
    waf_rate: int | None
    performance_monitoring: bool
    pages: bool
    circuit_breaker: bool
    dynamodb_endpoint: str | None
    alarm_email: str | None
    mail_sender: str | None
    monthly_budget: int
    delivery: Delivery
    traced_share: float

    def __post_init__(self) -> None:
        faults = [
            *self._malformed(),
            *self._out_of_range(),
            *self._careless(),
            *self._contradictory(),
        ]
        if faults:
            raise ImpossibleStageError(f"Stage {self.name!r} is impossible: {'; '.join(faults)}.")

    @property
    def protected(self) -> bool:
        """Whether tables, users and their stacks refuse to be deleted by this deployment."""
        return self.deletion_protection and not self.first_deployment

    @property
    def prefix(self) -> str:
        """Prefix of the names of the stage's resources."""
        return f"{SERVICE}-{self.name}"

    def named(self, what: str) -> str:
        """Return the physical name of a table or function."""
        return f"{self.prefix}-{what}"

    @property
    def tags(self) -> dict[str, str]:
        """Tags of everything that takes tags."""
        return {
            "service": SERVICE,
            "stage": self.name,
            "owner": self.owner,
            "cost-centre": self.cost_centre,
        }

    def _malformed(self) -> Iterator[str]:
        if not _NAME.fullmatch(self.name):
            yield "the name is not 2 to 16 lower-case letters and digits"
        if self.log_level not in LOG_LEVELS:
            yield f"log level {self.log_level!r} is none of {', '.join(LOG_LEVELS)}"
        for what, value, grammar in (
            ("an origin", self.cors_origin, _ORIGIN),
            ("an e-mail address", self.alarm_email, _EMAIL),
            ("an e-mail address", self.mail_sender, _EMAIL),
            ("the address of an endpoint", self.dynamodb_endpoint, _ENDPOINT),
            ("a domain name", self.domain_name, _DOMAIN),
            ("a prefix of a sign-in page", self.sign_in_prefix, _SIGN_IN_PREFIX),
            ("an address to return to", self.sign_in_callback, _CALLBACK),
            ("the ARN of an ACM certificate", self.certificate_arn, _CERTIFICATE),
        ):
            if value is not None and not grammar.fullmatch(value):
                yield f"{value!r} is not {what}"
        if not self.owner or not self.cost_centre:
            yield "owner and cost centre have to be named"

    def _out_of_range(self) -> Iterator[str]:
        if self.monthly_budget <= 0:
            yield "the monthly budget is not above 0"
        if not 0 <= self.traced_share <= 1:
            yield "a share of traced requests is 0 to 1"
        if self.throttle_scale <= 0:
            yield "the throttle scale is not above 0"
        reserved = self.reserved_concurrency.values()
        if min(reserved, default=1) <= 0:
            yield "a reserved concurrency of 0 or less would stop the function"
        if sum(reserved) > _MOST_RESERVED:
            yield f"more than {_MOST_RESERVED} environments are reserved in all"
        if self.waf_rate is not None and self.waf_rate not in _WAF_RATES:
            yield f"a WAF rate is {_WAF_RATES.start} to {_WAF_RATES.stop - 1:,}"

    def _careless(self) -> Iterator[str]:
        if not self.production:
            return
        if not self.table_recovery:
            yield "production without table recovery"
        if not self.deletion_protection:
            yield "production without deletion protection"
        if self.removal_policy is RemovalPolicy.DESTROY:
            yield "production that is destroyed with its stack"
        if self.audit.lock is not ObjectLockMode.COMPLIANCE:
            yield "production whose audit somebody can delete"
        if not self.tls_only or (self.dynamodb_endpoint or "https").startswith("http:"):
            yield "production reached without TLS"
        if not self.admin_mfa:
            yield "production whose administrators need no second factor"
        if not (self.performance_monitoring and self.pages):
            yield "production that nobody watches"
        if self.asset_platform != LAMBDA or self.extent is not Extent.OPERATED:
            yield "production that is not all of it on AWS"

    def _contradictory(self) -> Iterator[str]:
        yield from self.audit.faults(self.removal_policy)
        if self.deletion_protection and self.removal_policy is RemovalPolicy.DESTROY:
            yield "deletion protection of what is to be destroyed"
        if (self.admin_mfa or self.mfa is Mfa.REQUIRED) and not self.authenticator_app:
            yield "a second factor is required and there is none"
        if self.mfa is Mfa.OFF and self.authenticator_app:
            yield "a second factor is offered and switched off"
        if self.provisioned_concurrency:
            reserved = min(self.reserved_concurrency.get(each, _NO_CAP) for each in PLAYED)
            yield from self.provisioned_concurrency.faults(reserved)
        yield from self.delivery.faults(on_aws=self.extent is not Extent.TABLES)
        if self.waf != (self.waf_rate is not None):
            yield "WAF and a WAF rate go together"
        if (self.domain_name is None) != (self.certificate_arn is None):
            yield "a domain name and its certificate go together"
        if (self.sign_in_prefix is None) != (self.sign_in_callback is None):
            yield "a sign-in page and the address it returns to go together"


_DEV = Stage(
    name="dev",
    production=False,
    extent=Extent.OPERATED,
    deploy_roles=True,
    asset_platform=LAMBDA,
    tls_only=True,
    owner="quiz-team",
    cost_centre="quiz",
    log_level="DEBUG",
    log_retention=RetentionDays.ONE_WEEK,
    audit=AuditRetention(days=7, lock=None),
    cors_origin="*",
    domain_name=None,
    certificate_arn=None,
    sign_in_prefix=None,
    sign_in_callback=None,
    mfa=Mfa.OPTIONAL,
    admin_mfa=True,
    authenticator_app=True,
    table_recovery=False,
    deletion_protection=False,
    first_deployment=False,
    removal_policy=RemovalPolicy.DESTROY,
    throttle_scale=0.5,
    reserved_concurrency=MappingProxyType({}),
    provisioned_concurrency=None,
    canary=False,
    waf=False,
    waf_rate=None,
    performance_monitoring=True,
    pages=False,
    circuit_breaker=True,
    dynamodb_endpoint=None,
    alarm_email=None,
    mail_sender=None,
    monthly_budget=20,
    delivery=DELIVERY,
    traced_share=1.0,
)
_STAGING = replace(
    _DEV,
    name="staging",
    log_level="INFO",
    log_retention=RetentionDays.ONE_MONTH,
    traced_share=0.01,
    audit=AuditRetention(days=30, lock=ObjectLockMode.GOVERNANCE),
    table_recovery=True,
    throttle_scale=1.0,
    canary=True,
    waf=True,  # so that a rule that refuses good requests is met before production
    waf_rate=10_000,
    monthly_budget=50,
)
_PROD = replace(
    _STAGING,
    name="prod",
    production=True,
    log_retention=RetentionDays.THREE_MONTHS,
    audit=AuditRetention(days=400, lock=ObjectLockMode.COMPLIANCE),  # a year can be looked back on
    deletion_protection=True,
    # POST answer: 600 a second. 10,000 learners in session, an answer in 20 s each, need 500.
    throttle_scale=3.0,
    removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    # A flood of other requests cannot take the environments that learners wait for.
    reserved_concurrency=MappingProxyType({"quiz": 30, "answer": 50}),
    provisioned_concurrency=ProvisionedConcurrency(minimum=1, maximum=20, utilization=0.7),
    pages=True,
    monthly_budget=300,  # above the forecast for 10,000 learners
)
# Only its tables are ever created: on a laptop.
_LOCAL = replace(
    _DEV, name="local", extent=Extent.TABLES, delivery=LAPTOP_DELIVERY, admin_mfa=False
)
# Deployed by CI to a local cloud, which runs the functions on its own interpreter, speaks plain
# HTTP, has no roles of a bootstrap, and refuses budgets, alarms on metric math and associations of
# a web ACL.
_REHEARSAL = replace(
    _DEV,
    name="rehearsal",
    extent=Extent.SERVICE,
    deploy_roles=False,
    asset_platform=THIS_MACHINE,
    tls_only=False,
)

STAGES = {stage.name: stage for stage in (_DEV, _STAGING, _PROD, _LOCAL, _REHEARSAL)}
