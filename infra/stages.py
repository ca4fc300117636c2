"""The stages, and everything in which they differ: data, so that no stack branches on a name."""

from dataclasses import dataclass, replace

from aws_cdk import RemovalPolicy
from aws_cdk.aws_cognito import Mfa
from aws_cdk.aws_logs import RetentionDays

SERVICE = "quiz"


class UnknownStageError(ValueError):
    """No stage has that name; the message is for whoever typed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Settings of one stage.

    Attributes:
        cors_origin: The web client's origin, or `*`. One, because the gateway's own error
            responses can name only a fixed origin. Requests carry tokens, not cookies, so `*`
            opens nothing to a page that has no token.
        table_recovery: Whether tables can be restored to any second of the last 35 days.
        deletion_protection: Whether tables, users and their stacks refuse to be deleted.
        removal_policy: What becomes of tables, users and logs that leave the stack.
    """

    name: str
    log_level: str
    log_retention: RetentionDays
    cors_origin: str
    mfa: Mfa
    table_recovery: bool
    deletion_protection: bool
    removal_policy: RemovalPolicy

    @property
    def prefix(self) -> str:
        """What the names of the stage's resources begin with."""
        return f"{SERVICE}-{self.name}"


_DEV = Stage(
    name="dev",
    log_level="DEBUG",
    log_retention=RetentionDays.ONE_WEEK,
    cors_origin="*",
    mfa=Mfa.OPTIONAL,
    table_recovery=False,
    deletion_protection=False,
    removal_policy=RemovalPolicy.DESTROY,
)
_STAGING = Stage(
    name="staging",
    log_level="INFO",
    log_retention=RetentionDays.ONE_MONTH,
    cors_origin="https://staging.quiz.example.com",
    mfa=Mfa.OPTIONAL,  # deployment tests sign in with nobody at hand to type a code
    table_recovery=True,
    deletion_protection=False,
    removal_policy=RemovalPolicy.DESTROY,
)
_PROD = Stage(
    name="prod",
    log_level="INFO",
    log_retention=RetentionDays.THREE_MONTHS,
    cors_origin="https://quiz.example.com",
    mfa=Mfa.REQUIRED,
    table_recovery=True,
    deletion_protection=True,
    removal_policy=RemovalPolicy.RETAIN,
)
# Of it, only the tables are ever made: on a laptop.
_LOCAL = replace(_DEV, name="local")

STAGES = {stage.name: stage for stage in (_DEV, _STAGING, _PROD, _LOCAL)}


def stage_named(name: object) -> Stage:
    """Return a stage by the name given in the context.

    Raises:
        UnknownStageError: there is none of that name.
    """
    stage = STAGES.get(name) if isinstance(name, str) else None
    if stage is None:
        choices = ", ".join(STAGES)
        said = f"There is no stage {name!r}" if name else "No stage is given"
        raise UnknownStageError(f"{said}: choose one of {choices} with -c stage=NAME.")
    return stage
