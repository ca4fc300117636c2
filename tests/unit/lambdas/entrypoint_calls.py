"""Handlers with operations of a test, and the log lines that they write."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lambdas.shared.http.entrypoint import Handler, Operation, entrypoint
from lambdas.shared.http.request import Request
from lambdas.shared.http.response import Response
from lambdas.shared.services import Services
from lambdas.shared.telemetry import audit_record
from tests.support.fixed_context import FixedContext
from tests.unit.lambdas.builders import event

ENVIRONMENT = cast("Services", SimpleNamespace())


def ok(_request: Request, _environment: Services) -> Response:
    return Response(200, {"status": "ok"})


def raising(error: BaseException) -> Operation:
    def operation(_request: Request, _environment: Services) -> Response:
        raise error

    return operation


def quiz(operation: Operation = ok) -> Handler:
    """A handler of the function that serves one route."""
    return entrypoint("quiz", {"getQuestion": operation})


def health() -> Handler:
    return entrypoint("health", {}, public={"getHealth": lambda: Response(200, {"status": "ok"})})


def asked(handler: Handler, **other: Any) -> dict[str, Any]:
    return handler(event("getQuestion", **other), FixedContext())


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the lines written, without those of metrics that are not by operation."""
    captured = capsys.readouterr()
    assert captured.err == ""
    written = [
        line
        for line in map(json.loads, captured.out.splitlines())
        if "_aws" not in line or "Operation" in line
    ]
    return [
        line for line in written if line.get("kind") != audit_record.KIND
    ]  # those: test_audit.py
