"""Settings that a deployer gives in cdk.json or with -c."""

import json
from dataclasses import replace
from typing import Any

import pytest

from infra.application import add_stage, new_app
from infra.decisions import EXAMPLES, SETTINGS, stage_of_context
from infra.packaging.build import PROJECT
from infra.stage_names import StageError, require_stage_in
from infra.stages import STAGES, ImpossibleStageError
from tests.infra.assembly import NO_BUNDLING

CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b2c3d"
GIVEN: dict[str, object] = {
    "corsOrigin": "https://learn.example.org",
    "alarmEmail": "ada@example.com",
    "mailSender": "quiz@example.org",
    "domainName": "api.example.org",
    "certificateArn": CERTIFICATE,
    "signInPrefix": "quiz-example",
    "signInCallback": "https://learn.example.org/signed-in",
    "adminMfa": False,
    "logLevel": "WARNING",
    "performanceMonitoring": False,
    "circuitBreaker": False,
    "dynamodbEndpoint": "https://vpce-1.dynamodb.eu-west-1.vpce.amazonaws.com",
}
MEANT: dict[str, Any] = {setting.field: GIVEN[name] for name, setting in SETTINGS.items()}


def test_settings_come_from_the_stage_in_the_file() -> None:
    context = {"stage": "staging", "stages": {"staging": GIVEN, "dev": {"corsOrigin": "*"}}}
    assert stage_of_context(context.get) == replace(STAGES["staging"], **MEANT)


def test_the_command_line_overrides_the_file() -> None:
    typed = {key: str(value).lower() for key, value in GIVEN.items() if isinstance(value, bool)}
    context = {"stage": "dev", "stages": {"dev": {"corsOrigin": "https://other.example"}}}
    assert stage_of_context((context | GIVEN | typed).get) == replace(STAGES["dev"], **MEANT)


def test_a_switch_on_the_command_line_overrides_false_in_the_file() -> None:
    context = {"stage": "dev", "stages": {"dev": {"circuitBreaker": False}}}
    assert not stage_of_context(context.get).circuit_breaker
    assert stage_of_context((context | {"circuitBreaker": "true"}).get).circuit_breaker


def test_an_empty_variable_of_a_pipeline_overrides_nothing() -> None:
    context = {"stage": "dev", "alarmEmail": "", "circuitBreaker": ""}
    assert stage_of_context(context.get) == STAGES["dev"]
    context["stages"] = {"dev": {"alarmEmail": "ada@example.com"}}  # type: ignore[assignment]
    assert stage_of_context(context.get).alarm_email == "ada@example.com"


@pytest.mark.parametrize("missing", EXAMPLES)
def test_prod_needs_each_decision_of_its_deployer(missing: str) -> None:
    given = {name: value for name, value in EXAMPLES.items() if name != missing}
    with pytest.raises(StageError) as refused:
        stage_of_context({"stage": "prod", "stages": {"prod": given}}.get)
    assert str(refused.value) == (
        f"Stage 'prod' needs a value for {missing}: set it in cdk.json under "
        f"context.stages.prod, or with -c {missing}=VALUE."
    )


def test_the_decisions_of_prod_are_origin_alarm_address_and_sender() -> None:
    assert set(EXAMPLES) == {"corsOrigin", "alarmEmail", "mailSender"}
    with pytest.raises(StageError, match="a value for corsOrigin, alarmEmail, mailSender: set it"):
        stage_of_context({"stage": "prod"}.get)


def test_no_app_takes_a_prod_without_them(tmp_path: Any) -> None:
    app = new_app(outdir=str(tmp_path), context=NO_BUNDLING)
    with pytest.raises(StageError, match="needs a value for"):
        add_stage(app, STAGES["prod"])


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"stages": {"dev": {"colour": "red"}}}, "cdk.json has 'colour' for stage 'dev', which is"),
        ({"stages": {"test": {}}}, "cdk.json has settings of 'test', which is not a stage"),
        ({"stages": {"dev": "red"}}, "is not an object of objects"),
        ({"stages": ["dev"]}, "is not an object of objects"),
        ({"circuitBreaker": "off"}, "circuitBreaker of stage 'dev' is not true or false"),
        ({"stages": {"dev": {"circuitBreaker": 0}}}, "of stage 'dev' is not true or false"),
        ({"stages": {"dev": {"logLevel": 3}}}, "logLevel of stage 'dev' is not a text"),
    ],
)
def test_a_setting_that_is_none_is_refused(context: dict[str, Any], message: str) -> None:
    with pytest.raises(StageError, match=message):
        stage_of_context({"stage": "dev", **context}.get)


def test_settings_are_checked_together_like_any() -> None:
    with pytest.raises(ImpossibleStageError, match="a domain name and its certificate go together"):
        stage_of_context({"stage": "dev", "domainName": "api.example.org"}.get)


@pytest.mark.parametrize("name", ["", "Prod", "prod ", None, 1, ["prod"]])
def test_a_name_that_no_stage_has_is_refused(name: object) -> None:
    choices = "choose one of dev, staging, prod, local, rehearsal with -c stage=NAME"
    with pytest.raises(StageError, match=choices):
        stage_of_context({"stage": name}.get)
    with pytest.raises(StageError, match=choices):
        require_stage_in({"CDK_CONTEXT_JSON": json.dumps({"stage": name})})


@pytest.mark.parametrize("environment", [{}, {"CDK_CONTEXT_JSON": ""}, {"CDK_CONTEXT_JSON": "{}"}])
def test_a_context_that_is_passed_in_a_file_is_read_later(environment: dict[str, str]) -> None:
    require_stage_in(environment)


def test_the_project_decides_nothing_for_its_deployers() -> None:
    stages = json.loads((PROJECT / "cdk.json").read_text(encoding="utf-8"))["context"]["stages"]
    assert stages == {"dev": {}, "staging": {}, "prod": {}}
