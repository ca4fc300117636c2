"""The process of a function."""

from collections.abc import Iterator

import pytest

from lambdas.shared.http import entrypoint as module
from lambdas.shared.settings import settings
from tests.unit.lambdas.builders import CLIENT_ID
from tests.unit.lambdas.entrypoint_calls import ENVIRONMENT


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process of a function: its settings, read anew, and services that nothing uses."""
    monkeypatch.setenv("STAGE", "test")
    monkeypatch.setenv("CLIENT_ID", CLIENT_ID)
    for name in ("LOG_LEVEL", "CORS_ORIGINS", "DYNAMODB_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "services", lambda: ENVIRONMENT)
    settings.cache_clear()
    yield
    settings.cache_clear()
