"""Stages as the integration tests have them, and one that runs as on a laptop."""

from tests.integration.conftest import accounts, endpoint, stage, tables, user_pool_address
from tests.laptop.conftest import new_data
from tests.laptop.conftest import stage as running

__all__ = [
    "accounts",
    "endpoint",
    "new_data",
    "running",
    "stage",
    "tables",
    "user_pool_address",
]
