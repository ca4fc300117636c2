"""Alarms and their metrics, as a template declares them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.infra.assembly import Properties, Template
from tests.infra.chosen import OPERATED_STAGES
from tests.infra.metric_math import breaching, evaluate

ALARM = "AWS::CloudWatch::Alarm"

COMPOSITE = "AWS::CloudWatch::CompositeAlarm"

by_stage = pytest.mark.parametrize("stage", OPERATED_STAGES)


def alarms(template: Template, kind: str = ALARM) -> dict[str, Properties]:
    """By name, without the stage."""
    return {
        alarm["AlarmName"].split("-", 2)[2]: alarm for alarm in template.resources(kind).values()
    }


def everything_that_alarms(template: Template) -> dict[str, Properties]:
    return alarms(template) | alarms(template, COMPOSITE)


def metrics(alarm: Properties) -> Iterator[Properties]:
    for part in alarm["Metrics"]:
        if "MetricStat" in part:
            yield part["MetricStat"]["Metric"]


def statistics(alarm: Properties) -> set[tuple[str, str, int]]:
    """Metric, statistic and period of all that an alarm looks at."""
    parts = (part["MetricStat"] for part in alarm["Metrics"] if "MetricStat" in part)
    return {(part["Metric"]["MetricName"], part["Stat"], part["Period"]) for part in parts}


def formula(alarm: Properties) -> str:
    (found,) = (part["Expression"] for part in alarm["Metrics"] if "Expression" in part)
    return str(found)


def dimensions(metric: Properties) -> dict[str, Any]:
    return {each["Name"]: each["Value"] for each in metric.get("Dimensions", ())}


def topics(template: Template) -> dict[str, str]:
    """Logical ids by the last part of their names."""
    return {
        topic["TopicName"].split("-")[-1]: logical_id
        for logical_id, topic in template.resources("AWS::SNS::Topic").items()
    }


def rule(alarm: Properties, template: Template) -> str:
    """An alarm's rule, the others by their names without the stage."""
    parts = alarm["AlarmRule"]["Fn::Join"][1]
    return "".join(
        part
        if isinstance(part, str)
        else template.body["Resources"][part["Fn::GetAtt"][0]]["Properties"]["AlarmName"].split(
            "-", 2
        )[2]
        for part in parts
    ).replace('"', "")


def up(alarm: Properties, **series: list[float | None]) -> list[bool]:
    return breaching(
        evaluate(formula(alarm), series), alarm["Threshold"], alarm["EvaluationPeriods"]
    )
