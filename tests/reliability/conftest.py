"""Stages as the integration tests have them, calm or struck by faults."""

import time

import pytest

from tests.integration.conftest import accounts, endpoint, stage, tables, user_pool_address
from tests.integration.stage import InvokedStage, drafts
from tests.reliability.storms import Weather, weather

__all__ = ["accounts", "endpoint", "stage", "tables", "user_pool_address"]


@pytest.fixture
def nothing_waits(stage: InvokedStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test wait in real time."""
    del stage  # its engine may, before

    def sleep(seconds: float) -> None:
        assert seconds == 0

    monkeypatch.setattr(time, "sleep", sleep)


@pytest.fixture
def bank(stage: InvokedStage) -> InvokedStage:
    stage.save(*drafts("geography", 6))
    return stage


@pytest.fixture
def calm(bank: InvokedStage, monkeypatch: pytest.MonkeyPatch) -> Weather:
    """A stage without a breaker."""
    made = weather(bank, breaker=False)
    made.use(monkeypatch)
    return made


@pytest.fixture
def guarded(bank: InvokedStage, monkeypatch: pytest.MonkeyPatch) -> Weather:
    """A stage with a breaker."""
    made = weather(bank, breaker=True)
    made.use(monkeypatch)
    return made
