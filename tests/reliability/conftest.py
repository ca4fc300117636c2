"""Stages as the integration tests have them; numbers a test recorded are told at the end."""

import pytest

from tests.integration.conftest import endpoint, stage, tables

__all__ = ["endpoint", "stage", "tables"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.stats.get("passed", []):
        for name, number in report.user_properties:
            terminalreporter.write_line(f"{name}: {number}")
