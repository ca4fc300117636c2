"""The laptop stage, as its own tests start it."""

from tests.laptop.conftest import launcher, new_data, stage

__all__ = ["launcher", "new_data", "stage"]
