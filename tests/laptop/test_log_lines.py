"""Logs of the stage's own parts: one line an event, without messages of exceptions."""

import json
import logging
import sys

import pytest

from local.log_lines import JsonLines


def line(message: str, *arguments: object, error: BaseException | None = None) -> str:
    raised = None
    if error:
        try:
            raise error
        except BaseException:
            raised = sys.exc_info()
    return JsonLines().format(
        logging.LogRecord("local.x", logging.ERROR, __file__, 1, message, arguments, raised)
    )


def test_an_event_is_one_line_of_json() -> None:
    assert json.loads(line("%d records", 3)) == {
        "level": "ERROR",
        "event": "3 records",
        "logger": "local.x",
    }


@pytest.mark.parametrize("end", "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
def test_no_event_can_begin_a_line_of_its_own(end: str) -> None:
    text = line("%s", f'x"}}{end}{{"forged":true}}')
    assert text.isascii()
    assert len(text.splitlines()) == 1


def test_an_exception_is_told_by_type_and_place_never_by_its_message() -> None:
    error = RuntimeError("SECRET-1")
    error.__cause__ = KeyError("SECRET-2")
    error.add_note("SECRET-3")
    told = line("It failed", error=error)
    assert "SECRET" not in told
    assert json.loads(told)["error"] == "RuntimeError"
    assert json.loads(told)["where"][-1].startswith("laptop/test_log_lines.py:")
