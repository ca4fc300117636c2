"""Fixtures and settings of all tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import pytest
from botocore.loaders import Loader


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell the numbers that tests recorded."""
    for report in terminalreporter.stats.get("passed", []):
        for name, number in report.user_properties:
            terminalreporter.write_line(f"{name}: {number}")


@pytest.fixture(scope="session", autouse=True)
def models_found_once() -> Iterator[None]:
    """Look for the SDK's models once: most tests make clients of their own, at 0.2 s each.

    A loader keeps what it found, and each session of the SDK has a loader of its own.
    """
    with ExitStack() as patches:
        for name in ("list_available_services", "load_service_model", "load_data_with_path"):
            patches.enter_context(patch.object(Loader, name, _shared(getattr(Loader, name))))
        yield


def _shared(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of loaders that keeps its results for all loaders of the same folders."""
    results: dict[Any, Any] = {}

    def call(loader: Loader, *arguments: Any, **named: Any) -> Any:
        key = (*loader.search_paths, *arguments, *sorted(named.items()))
        if key not in results:
            results[key] = method(loader, *arguments, **named)
        return results[key]

    return call
