"""The synthetic monitor: who calls the public address, how often, and what its silence does."""

import pytest

from tests.infra.assembly import Assembly, Template
from tests.infra.chosen import OPERATED_STAGES


@pytest.fixture(params=OPERATED_STAGES)
def operations(request: pytest.FixtureRequest, assembly: Assembly) -> Template:
    return assembly.template(f"quiz-{request.param}-operations")


def test_a_function_calls_the_public_address_every_minute(operations: Template) -> None:
    rule = operations.only("AWS::Events::Rule")
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 minute)", "ENABLED")
    (target,) = rule["Targets"]
    assert target["Arn"]["Ref"] in operations.resources("AWS::Lambda::Alias")
    function = operations.only("AWS::Lambda::Function")
    assert function["Handler"] == "lambdas.health.synthetic.handler"
    address = operations.text(function["Environment"]["Variables"]["API_URL"])
    assert address.startswith("https://<Gateway")
    assert ".execute-api." in address


def test_a_failed_check_is_not_repeated(operations: Template) -> None:
    invoke = operations.only("AWS::Lambda::EventInvokeConfig")
    assert (invoke["MaximumRetryAttempts"], invoke["MaximumEventAgeInSeconds"]) == (0, 60)
    (target,) = operations.only("AWS::Events::Rule")["Targets"]
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}


def test_the_monitor_may_do_nothing_but_log_and_trace(operations: Template) -> None:
    (policy,) = operations.resources("AWS::IAM::Policy").values()
    actions = {
        action
        for statement in policy["PolicyDocument"]["Statement"]
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
    }
    assert {action.split(":")[0] for action in actions} == {"logs", "xray"}


def test_its_silence_pages_with_every_other_sign_of_an_outage(operations: Template) -> None:
    alarms = operations.resources("AWS::CloudWatch::Alarm")
    ((identifier, alarm),) = (
        each for each in alarms.items() if each[1]["AlarmName"].endswith("-unreachable")
    )
    assert alarm["TreatMissingData"] == "breaching"
    assert (alarm["EvaluationPeriods"], alarm["Threshold"]) == (3, 0)
    assert {q["MetricStat"]["Period"] for q in alarm["Metrics"] if "MetricStat" in q} == {60}
    assert "AlarmActions" not in alarm
    (availability,) = (
        each
        for each in operations.resources("AWS::CloudWatch::CompositeAlarm").values()
        if each["AlarmName"].endswith("-availability")
    )
    assert identifier in str(availability["AlarmRule"])
    assert availability["AlarmActions"]
