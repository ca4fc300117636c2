"""Numbers a test recorded are told at the end."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.stats.get("passed", []):
        for name, number in report.user_properties:
            terminalreporter.write_line(f"{name}: {number}")
