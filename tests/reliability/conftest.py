"""Stages as the integration tests have them."""

from tests.integration.conftest import endpoint, stage, tables

__all__ = ["endpoint", "stage", "tables"]
