"""The laptop stage, as its own tests start it; and benchmarks run when they are asked for."""

import pytest

from tests.laptop.conftest import launcher, new_data, stage

__all__ = ["launcher", "new_data", "stage"]


def pytest_configure(config: pytest.Config) -> None:
    """Let `--benchmark-only` select the benchmarks, which are left out otherwise."""
    if config.getoption("benchmark_only"):
        config.option.markexpr = "benchmark"
