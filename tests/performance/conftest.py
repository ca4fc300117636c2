"""Stages in this process and as a process; and benchmarks run when they are asked for."""

import pytest

from tests.integration.conftest import accounts, endpoint, tables, user_pool_address
from tests.integration.conftest import stage as here
from tests.laptop.conftest import new_data, stage

__all__ = [
    "accounts",
    "endpoint",
    "here",
    "new_data",
    "stage",
    "tables",
    "user_pool_address",
]


def pytest_configure(config: pytest.Config) -> None:
    """Let `--benchmark-only` select the benchmarks, which are left out otherwise."""
    if config.getoption("benchmark_only"):
        config.option.markexpr = "benchmark"
