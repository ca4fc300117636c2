"""Settings that the deployer of a stage decides, read from the context of the CDK app.

They are kept per stage in `cdk.json`, under `stages`, so that a pipeline and a laptop deploy the
same; `-c NAME=VALUE` overrides one for a single run.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from infra.stage_names import FIRST_DEPLOYMENT, NAMES, StageError, require_stage_name
from infra.stages import STAGES, Stage

IN_FILE = "stages"
"""Key of `cdk.json`'s context that holds the settings by stage."""

Parse = Callable[[object], str | bool | None]


def _text(value: object) -> str | None:
    # A pipeline passes a variable that nobody has set as an empty string.
    if value is None or isinstance(value, str):
        return value or None
    raise ValueError("a text")


def _switch(value: object) -> bool | None:
    if isinstance(value, bool) or value is None:
        return value
    if value in ("true", "false", ""):
        return {"true": True, "false": False}.get(str(value))
    raise ValueError("true or false")


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that the context may give.

    Attributes:
        field: The field of `Stage` that it sets.
        parse: Reads its value; a value that is not one raises ValueError with the kind expected.
        example: A value for a synthesis that nobody deploys; None where prod requires none.
    """

    field: str
    parse: Parse = _text
    example: str | None = None


SETTINGS: Mapping[str, Setting] = {
    "corsOrigin": Setting("cors_origin", example="https://quiz.example.com"),
    "alarmEmail": Setting("alarm_email", example="operator@example.com"),
    "mailSender": Setting("mail_sender", example="quiz@example.com"),
    "domainName": Setting("domain_name"),
    "certificateArn": Setting("certificate_arn"),
    "signInPrefix": Setting("sign_in_prefix"),
    "signInCallback": Setting("sign_in_callback"),
    "adminMfa": Setting("admin_mfa", _switch),
    "logLevel": Setting("log_level"),
    "performanceMonitoring": Setting("performance_monitoring", _switch),
    "circuitBreaker": Setting("circuit_breaker", _switch),
    "dynamodbEndpoint": Setting("dynamodb_endpoint"),
}
"""The settings by their names in the context."""

EXAMPLES = {name: setting.example for name, setting in SETTINGS.items() if setting.example}
"""A value for each setting that prod requires: for tests, CI and the cost model."""


def stage_of_context(context: Callable[[str], object]) -> Stage:
    """Return the stage that the context names, with the settings given for it.

    Raises:
        StageError: there is no such stage, a setting is unknown or malformed, or one is missing.
    """
    name = require_stage_name(context("stage"))
    settings = {**_in_file(context(IN_FILE), name), **dict(_on_command_line(context))}
    chosen: dict[str, Any] = {}
    for key, value in settings.items():
        try:
            parsed = SETTINGS[key].parse(value)
        except ValueError as error:
            raise StageError(f"The setting {key} of stage {name!r} is not {error}.") from None
        if parsed is not None:
            chosen[SETTINGS[key].field] = parsed
    first = context(FIRST_DEPLOYMENT) == "true"
    stage = replace(STAGES[name], first_deployment=first, **chosen)
    require_decisions(stage)
    return stage


def require_decisions(stage: Stage) -> None:
    """Check that the deployer of a production stage has decided what no default can.

    Raises:
        StageError: a setting is missing; the message names all that are.
    """
    if not stage.production:
        return
    missing = [
        name
        for name in EXAMPLES
        if getattr(stage, field := SETTINGS[name].field) == getattr(STAGES[stage.name], field)
    ]
    if missing:
        raise StageError(
            f"Stage {stage.name!r} needs a value for {', '.join(missing)}: set it in cdk.json "
            f"under context.{IN_FILE}.{stage.name}, or with -c {missing[0]}=VALUE."
        )


def _on_command_line(context: Callable[[str], object]) -> Iterator[tuple[str, object]]:
    return ((key, value) for key in SETTINGS if (value := context(key)) not in (None, ""))


def _in_file(by_stage: object, name: str) -> Mapping[str, object]:
    """Return the settings of a stage in `cdk.json`, after a check of the names of all."""
    by_stage = by_stage or {}
    if not isinstance(by_stage, Mapping) or not all(
        isinstance(settings, Mapping) for settings in by_stage.values()
    ):
        raise StageError(f"The context {IN_FILE!r} in cdk.json is not an object of objects.")
    if unknown := by_stage.keys() - set(NAMES):
        raise StageError(f"cdk.json has settings of {min(unknown)!r}, which is not a stage.")
    for stage, settings in by_stage.items():
        if unknown := settings.keys() - SETTINGS.keys():
            raise StageError(
                f"cdk.json has {min(unknown)!r} for stage {stage!r}, which is not a setting: "
                f"choose from {', '.join(SETTINGS)}."
            )
    found: Mapping[str, object] = by_stage.get(name, {})
    return found
