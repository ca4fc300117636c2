"""Logs and metrics of a request: nothing that is not for logs, and metrics CloudWatch accepts."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.contract.errors import ApiError
from lambdas.contract.routes import ROUTES
from lambdas.shared.settings import LOG_LEVELS, Settings, read_settings
from lambdas.shared.telemetry.metrics import (
    CACHE_HITS,
    CALLS,
    CONFLICTS,
    METRICS,
    NAMESPACE,
    POOL_DEPTH,
    RETRIES,
)
from lambdas.shared.telemetry.request_log import (
    LEVELS,
    MAX_VALUES,
    Usage,
    count,
    log_breaker_opened,
    log_fault,
    log_request,
    note,
    sample,
    usage,
)
from tests.support import emf

MAX_REQUEST_BYTES = 900
"""Bytes of all lines of a play request, at most two."""

MAX_FAULT_BYTES = 500

LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
"""Everything that some reader of lines takes for the end of one."""


def settings(level: str = "INFO", *, monitoring: bool = True) -> Settings:
    switch = str(monitoring).lower()
    return read_settings({"STAGE": "staging", "LOG_LEVEL": level, "PERFORMANCE_MONITORING": switch})


def spent() -> Usage:
    used = Usage(round_trips=2, read_units=1.5, write_units=4.0)
    used.called("get_item", 1.234)
    used.called("transact_write_items", 104.56)
    return used


def log(of: Settings | None = None, used: Usage | None = None, **other: Any) -> None:
    members: dict[str, Any] = {
        "operation": "submitAnswer",
        "request_id": "request-1",
        "status": 200,
        "code": None,
        "milliseconds": 12.3456,
    }
    log_request(of or settings(), used or spent(), **{**members, **other})


def written(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    text = written(capsys)
    assert text.isascii()
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def only_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (line,) = lines(capsys)
    return line


def emitted(capsys: pytest.CaptureFixture[str]) -> list[emf.Sample]:
    """The samples of all lines written, each line as the format demands."""
    now = time.time_ns() // 1_000_000
    return [each for line in written(capsys).splitlines() for each in emf.samples(line, now)]


def test_a_request_is_one_line_of_its_event_and_its_metrics(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log()
    line = only_line(capsys)
    directive = line.pop("_aws")["CloudWatchMetrics"]
    assert line == {
        "requestId": "request-1",
        "status": 200,
        "roundTrips": 2,
        "Stage": "staging",
        "Operation": "submitAnswer",
        "Latency": 12.3,
        "Get": 1.2,
        "TransactWrite": 105,
        "RRU": 1.5,
        "WRU": 4,
    }
    names = ["Latency", "Get", "TransactWrite", "RRU", "WRU"]
    assert directive == [
        {
            "Namespace": NAMESPACE,
            "Dimensions": [["Stage", "Operation"]],
            "Metrics": [{"Name": name, "Unit": METRICS[name].unit} for name in names],
        }
    ]


def test_the_metrics_of_a_line_are_those_its_request_made(
    capsys: pytest.CaptureFixture[str],
) -> None:
    used = spent()
    used.called("get_item", 3.0)
    log(used=used)
    found = emitted(capsys)
    assert {each.namespace for each in found} == {NAMESPACE}
    assert {each.dimensions for each in found} == {
        (("Stage", "staging"), ("Operation", "submitAnswer"))
    }
    assert [(each.name, each.value) for each in found] == [
        ("Latency", 12.3),
        ("Get", 1.2),
        ("Get", 3),
        ("TransactWrite", 105),
        ("RRU", 1.5),
        ("WRU", 4),
    ]


def test_an_error_is_named_and_counted_by_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    log(status=404, code="NOT_FOUND")
    errors = [each for each in emitted(capsys) if each.name in ("Errors", "Faults")]
    assert errors == [
        emf.Sample(NAMESPACE, "Errors", (("Stage", "staging"), ("Code", "NOT_FOUND")), 1)
    ]


def test_a_failure_of_ours_is_counted_by_operation_too(capsys: pytest.CaptureFixture[str]) -> None:
    log(status=503, code="UNAVAILABLE")
    found = {each.name: dict(each.dimensions) for each in emitted(capsys)}
    assert found["Faults"] == {"Stage": "staging", "Operation": "submitAnswer"}
    assert found["Errors"] == {"Stage": "staging", "Code": "UNAVAILABLE"}


def test_a_request_for_no_route_has_an_operation_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log(operation=None, status=404, code="NOT_FOUND")
    assert ("Operation", "none") in emitted(capsys)[-1].dimensions


def test_a_request_that_called_nothing_tells_no_units(capsys: pytest.CaptureFixture[str]) -> None:
    log(used=Usage())
    assert [each.name for each in emitted(capsys)] == ["Latency"]


def test_what_is_noted_counted_and_sampled_is_on_the_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    used = Usage()
    token = usage.set(used)
    note(POOL_DEPTH, 3)
    note(POOL_DEPTH, 4)
    count(CONFLICTS)
    count(CONFLICTS)
    for value in (1, 0, 1):
        sample(CACHE_HITS, value)
    usage.reset(token)
    log(used=used)
    of_stage, request = lines(capsys)
    assert (request["PoolDepth"], request["Conflicts"], request["CacheHits"]) == (4, 2, [1, 0, 1])
    del of_stage["_aws"]
    assert of_stage == {"Stage": "staging", "requestId": "request-1", "Conflicts": 2}


def test_outside_a_request_nothing_is_noted() -> None:
    for say in (note, count):
        say(RETRIES)
    sample(CACHE_HITS, 1)
    assert usage.get(None) is None


def test_a_metric_has_no_more_values_than_the_format_takes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    used = Usage(round_trips=2 * MAX_VALUES)
    for _ in range(2 * MAX_VALUES):
        used.called("query", 1.0)
    log(used=used)
    assert len([each for each in emitted(capsys) if each.name == "Query"]) == MAX_VALUES


@pytest.mark.parametrize("end", LINE_ENDS)
@pytest.mark.parametrize("member", ["request_id", "operation", "code"])
def test_no_value_can_begin_a_line_of_its_own(
    member: str, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = f'x"}}{end}{{"level": "ERROR", "forged": true}}'
    members: dict[str, Any] = {member: forged}
    log(**members)
    written = lines(capsys)
    assert forged in written[-1].values()
    assert not any("forged" in line for line in written)


def test_a_terminal_takes_no_orders_from_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    log(request_id="\x1b[2J\x07\x9b31m")
    text = written(capsys)
    assert all(character.isprintable() for character in text.rstrip("\n"))


def test_the_levels_of_settings_and_log_are_the_same() -> None:
    assert set(LEVELS) == set(LOG_LEVELS)


OUTCOMES = [(200, "INFO"), (204, "INFO"), (404, "INFO"), (422, "INFO"), (500, "ERROR")]


@pytest.mark.parametrize("level", LOG_LEVELS)
@pytest.mark.parametrize(("status", "own"), OUTCOMES)
def test_an_event_is_told_where_the_level_lets_it_through(
    level: str, status: int, own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log(settings(level, monitoring=False), status=status)
    if own == "ERROR" or level in ("DEBUG", "INFO"):
        line = only_line(capsys)
        assert line.get("level", "INFO") == own
        assert (line["status"], line["requestId"], line["Latency"]) == (status, "request-1", 12.3)
        assert "_aws" not in line
    else:
        assert written(capsys) == ""


@pytest.mark.parametrize("level", ["WARNING", "ERROR"])
@pytest.mark.parametrize(("status", "own"), OUTCOMES)
def test_what_is_measured_does_not_depend_on_what_is_told(
    level: str, status: int, own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log(settings("DEBUG"), status=status)
    measured = emitted(capsys)
    log(settings(level), status=status)
    text = capsys.readouterr().out
    now = time.time_ns() // 1_000_000
    assert [each for line in text.splitlines() for each in emf.samples(line, now)] == measured
    assert ("requestId" in text) == ("level" in text) == (own == "ERROR")


def test_a_line_of_metrics_alone_is_of_metrics_alone(capsys: pytest.CaptureFixture[str]) -> None:
    log(settings("WARNING"))
    line = only_line(capsys)
    assert set(line) == {"_aws", "Stage", "Operation", "Latency", "Get", "TransactWrite"} | {
        "RRU",
        "WRU",
    }


def longest(used: Usage, **other: Any) -> dict[str, Any]:
    return {
        "used": used,
        "operation": max((route.operation for route in ROUTES), key=len),
        "request_id": "0" * 36,
        "milliseconds": 9_999.9,
        **other,
    }


def test_the_line_of_an_answer_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    """A warm one that reads one question, every call of it slow."""
    used = Usage(round_trips=3, read_units=1.5, write_units=8.0)
    for call in ("get_item", "get_item", "transact_write_items"):
        used.called(call, 999.0)
    used.sample(CACHE_HITS, 1)
    used.sample(CACHE_HITS, 0)
    used.values[POOL_DEPTH.name] = 9_999
    log(**longest(used, operation="submitAnswer"))
    text = written(capsys)
    assert len(text.splitlines()) == 1
    assert len(text.encode()) <= MAX_REQUEST_BYTES


def test_a_refusal_is_two_short_lines(capsys: pytest.CaptureFixture[str]) -> None:
    used = Usage(round_trips=1, read_units=1.0)
    used.called("get_item", 999.0)
    used.sample(CACHE_HITS, 1)
    code = max((error.code for error in ApiError.__subclasses__()), key=len)
    log(**longest(used, operation="submitAnswer", status=409, code=code))
    text = written(capsys)
    assert len(text.splitlines()) == 2
    assert len(text.encode()) <= MAX_REQUEST_BYTES


def test_the_longest_line_there_can_be_is_one_event(capsys: pytest.CaptureFixture[str]) -> None:
    """Every metric of a request at once, each with all the values it takes."""
    used = Usage(round_trips=999_999, read_units=99_999_999.5, write_units=99_999_999.5)
    for name, metric in METRICS.items():
        if metric.dimensions == CALLS["query"].dimensions:
            used.samples[name] = [9_999.9] * MAX_VALUES
    log(**longest(used, status=503, code="UNAVAILABLE"))
    # CloudWatch Logs takes 1 MB an event; Lambda splits what it is given from 256 KB on.
    assert len(written(capsys).encode()) <= 256 * 1024


def test_an_opened_circuit_is_an_event_and_a_metric(capsys: pytest.CaptureFixture[str]) -> None:
    log_breaker_opened(settings(), "quiz-staging-sessions", "write")
    text = written(capsys)
    line = json.loads(text)
    assert (line["level"], line["event"], line["table"]) == (
        "WARNING",
        "circuitOpened",
        "quiz-staging-sessions",
    )
    assert emf.samples(text, line["_aws"]["Timestamp"]) == [
        emf.Sample(NAMESPACE, "CircuitOpened", (("Stage", "staging"), ("Direction", "write")), 1)
    ]


def test_without_monitoring_an_opened_circuit_is_an_event_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_breaker_opened(settings(monitoring=False), "quiz-staging-sessions", "write")
    line = only_line(capsys)
    assert (line["event"], line["CircuitOpened"]) == ("circuitOpened", 1)
    assert "_aws" not in line


def deep(levels: int, message: str) -> None:
    if levels:
        deep(levels - 1, message)
    raise ValueError(message)


def fault(levels: int, message: str = "boom") -> ValueError:
    try:
        deep(levels, message)
    except ValueError as error:
        return error
    raise AssertionError


def test_a_fault_is_one_line_that_tells_type_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    log_fault(settings(), fault(2), "request-1")
    line = only_line(capsys)
    where = line.pop("where")
    assert line.pop("timestamp")
    assert line == {
        "level": "ERROR",
        "message": "Unhandled error",
        "service": "adaptive-quiz",
        "event": "fault",
        "requestId": "request-1",
        "error": "ValueError",
    }
    assert where
    assert all(place.startswith("lambdas/test_telemetry.py:") for place in where)


def test_a_deep_faults_line_is_short_and_holds_the_innermost_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = fault(300)
    log_fault(settings(), error, "0" * 36)
    text = written(capsys)
    traceback = error.__traceback__
    while traceback and traceback.tb_next:
        traceback = traceback.tb_next
    assert traceback is not None
    assert json.loads(text)["where"][-1] == f"lambdas/test_telemetry.py:{traceback.tb_lineno}"
    assert len(text.encode()) <= MAX_FAULT_BYTES


def test_a_fault_tells_no_message_its_own_or_its_causes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = RuntimeError("SECRET-1", {"token": "SECRET-2"})
    error.__cause__ = fault(1, "SECRET-3")
    error.__context__ = KeyError("SECRET-4")
    error.add_note("SECRET-5")
    log_fault(settings(), error, "request-1")
    assert "SECRET" not in written(capsys)


def test_a_refusal_by_aws_is_told_by_its_code_alone(capsys: pytest.CaptureFixture[str]) -> None:
    refusal = {"Error": {"Code": "AccessDeniedException", "Message": "SECRET"}}
    log_fault(settings(), ClientError(refusal, "SECRET"), "request-1")  # type: ignore[arg-type]
    text = written(capsys)
    assert json.loads(text)["refusal"] == "AccessDeniedException"
    assert "SECRET" not in text


def test_a_fault_raised_nowhere_is_told_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    log_fault(settings(), MemoryError(), "request-1")
    assert only_line(capsys)["where"] == []
