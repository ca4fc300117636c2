"""Stages as the integration tests have them."""

from tests.integration.conftest import accounts, endpoint, stage, tables, user_pool_address

__all__ = ["accounts", "endpoint", "stage", "tables", "user_pool_address"]
