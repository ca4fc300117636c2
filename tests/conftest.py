"""Fixtures and settings of all tests."""

from collections.abc import Iterator
from functools import cache
from unittest.mock import patch

import pytest
from botocore.loaders import JSONFileLoader


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell the numbers that tests recorded."""
    for report in terminalreporter.stats.get("passed", []):
        for name, number in report.user_properties:
            terminalreporter.write_line(f"{name}: {number}")


@pytest.fixture(scope="session", autouse=True)
def models_read_once() -> Iterator[None]:
    """Parse the SDK's models once: most tests make clients of their own, at 0.15 s each."""
    read = cache(JSONFileLoader().load_file)
    with patch.object(JSONFileLoader, "load_file", lambda _, path: read(path)):
        yield
