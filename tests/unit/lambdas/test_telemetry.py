"""One log line a request, and nothing in it that is not for logs."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.routes import FUNCTIONS, ROUTES
from lambdas.shared.errors import ApiError
from lambdas.shared.settings import LOG_LEVELS
from lambdas.shared.telemetry import LEVELS, RequestLog, Usage, log_fault

MAX_LINE_BYTES = 500
LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
"""Everything that some reader of lines takes for the end of one."""


def log(**other: Any) -> RequestLog:
    members: dict[str, Any] = {
        "function": "session",
        "operation": "getSession",
        "request_id": "request-1",
        "status": 200,
        "code": None,
        "milliseconds": 12.3456,
        "spent": Usage(round_trips=2, read_units=1.5, write_units=4.0),
        "cold_start": False,
    }
    return RequestLog(**{**members, **other})


def written(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def only_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    text = written(capsys)
    assert text.isascii()
    assert text.endswith("\n")
    assert len(text.splitlines()) == 1
    line: dict[str, Any] = json.loads(text)
    return line


def test_a_request_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    log().write("INFO")
    assert only_line(capsys) == {
        "level": "INFO",
        "function": "session",
        "operation": "getSession",
        "requestId": "request-1",
        "status": 200,
        "ms": 12.35,
        "roundTrips": 2,
        "rru": 1.5,
        "wru": 4.0,
    }


def test_an_error_is_named_by_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    log(status=404, code="NOT_FOUND").write("INFO")
    assert only_line(capsys)["code"] == "NOT_FOUND"


def test_a_cold_start_is_flagged(capsys: pytest.CaptureFixture[str]) -> None:
    log(cold_start=True).write("INFO")
    assert only_line(capsys)["coldStart"] is True


@pytest.mark.parametrize("end", LINE_ENDS)
@pytest.mark.parametrize("member", ["request_id", "operation", "function", "code"])
def test_no_value_can_begin_a_line_of_its_own(
    member: str, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = f'x"}}{end}{{"level": "ERROR", "forged": true}}'
    log(**{member: forged}).write("INFO")
    assert forged in only_line(capsys).values()


def test_a_terminal_takes_no_orders_from_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    log(request_id="\x1b[2J\x07\x9b31m").write("INFO")
    text = written(capsys)
    assert all(character.isprintable() for character in text.rstrip("\n"))


def test_the_levels_of_settings_and_log_are_the_same() -> None:
    assert set(LEVELS) == set(LOG_LEVELS)


@pytest.mark.parametrize("level", LOG_LEVELS)
@pytest.mark.parametrize(
    ("status", "own"),
    [(200, "INFO"), (204, "INFO"), (404, "INFO"), (422, "INFO"), (500, "ERROR"), (503, "ERROR")],
)
def test_a_line_is_written_where_the_level_lets_it_through(
    level: str, status: int, own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log(status=status).write(level)
    if own == "ERROR" or level in ("DEBUG", "INFO"):
        assert only_line(capsys)["level"] == own
    else:
        assert written(capsys) == ""


def test_the_longest_line_of_a_request_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    spent = Usage(round_trips=999_999, read_units=99_999_999.5, write_units=99_999_999.5)
    log(
        function=max(FUNCTIONS, key=len),
        operation=max((route.operation for route in ROUTES), key=len),
        request_id="0" * 36,
        code=max((error.code for error in ApiError.__subclasses__()), key=len),
        milliseconds=900_000.123,
        spent=spent,
        cold_start=True,
        status=503,
    ).write("INFO")
    assert len(written(capsys).encode()) <= MAX_LINE_BYTES


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
    log_fault(fault(2), "request-1")
    line = only_line(capsys)
    where = line.pop("where")
    assert line == {
        "level": "ERROR",
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
    log_fault(error, "0" * 36)
    text = written(capsys)
    traceback = error.__traceback__
    while traceback and traceback.tb_next:
        traceback = traceback.tb_next
    assert traceback is not None
    assert json.loads(text)["where"][-1] == f"lambdas/test_telemetry.py:{traceback.tb_lineno}"
    assert len(text.encode()) <= MAX_LINE_BYTES


def test_a_fault_tells_no_message_its_own_or_its_causes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = RuntimeError("SECRET-1", {"token": "SECRET-2"})
    error.__cause__ = fault(1, "SECRET-3")
    error.__context__ = KeyError("SECRET-4")
    error.add_note("SECRET-5")
    log_fault(error, "request-1")
    assert "SECRET" not in written(capsys)


def test_a_refusal_by_aws_is_told_by_its_code_alone(capsys: pytest.CaptureFixture[str]) -> None:
    refusal = {"Error": {"Code": "AccessDeniedException", "Message": "SECRET"}}
    log_fault(ClientError(refusal, "SECRET"), "request-1")  # type: ignore[arg-type]
    text = written(capsys)
    assert json.loads(text)["refusal"] == "AccessDeniedException"
    assert "SECRET" not in text


def test_a_fault_raised_nowhere_is_told_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    log_fault(MemoryError(), "request-1")
    assert only_line(capsys)["where"] == []
