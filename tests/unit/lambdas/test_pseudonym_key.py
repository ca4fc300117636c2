"""The audit's key: read from Secrets Manager, cached, and kept while it cannot be read."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from lambdas.shared.settings import read_settings, settings
from lambdas.shared.telemetry import pseudonym_key
from lambdas.shared.telemetry.pseudonym_key import (
    CACHE_SECONDS,
    RETRY_SECONDS,
    KeyCache,
    current_key,
    key_cache,
)

if TYPE_CHECKING:
    from types_boto3_secretsmanager.client import SecretsManagerClient

SECRET = "audit-key"  # pragma: allowlist secret


class Clock:
    """Seconds that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("STAGE", "test")
    monkeypatch.setenv("AUDIT_KEY_SECRET", SECRET)
    settings.cache_clear()
    pseudonym_key._source.cache_clear()  # noqa: SLF001
    with mock_aws():
        yield
    settings.cache_clear()
    pseudonym_key._source.cache_clear()  # noqa: SLF001


@pytest.fixture
def manager() -> "SecretsManagerClient":
    """Secrets Manager with the key."""
    client = boto3.client("secretsmanager")
    client.create_secret(Name=SECRET, SecretString="first")  # pragma: allowlist secret
    return client


@pytest.fixture
def failures() -> list[Exception]:
    return []


def secret_of(cache: KeyCache) -> bytes | None:
    key = cache.current()
    return key.secret if key else None


def test_the_key_has_the_beginning_of_its_versions_id(manager: "SecretsManagerClient") -> None:
    version = manager.get_secret_value(SecretId=SECRET)["VersionId"]
    key = current_key()
    assert key is not None
    assert (key.secret, key.version) == (b"first", version[:8])


def test_a_rotated_key_is_in_use_after_an_hour(
    manager: "SecretsManagerClient", failures: list[Exception]
) -> None:
    clock = Clock()
    cache = KeyCache(manager, SECRET, failures.append, clock)
    before = cache.current()
    manager.put_secret_value(SecretId=SECRET, SecretString="second")  # pragma: allowlist secret
    clock.now = CACHE_SECONDS - 1
    assert cache.current() == before
    clock.now = CACHE_SECONDS
    after = cache.current()
    assert after is not None
    assert before is not None
    assert after.secret == b"second"
    assert after.version != before.version
    assert failures == []


def test_the_last_key_stays_while_it_cannot_be_read(
    manager: "SecretsManagerClient", failures: list[Exception]
) -> None:
    clock = Clock()
    cache = KeyCache(manager, SECRET, failures.append, clock)
    cache.current()
    manager.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    clock.now = CACHE_SECONDS
    assert secret_of(cache) == b"first"
    assert len(failures) == 1
    clock.now += RETRY_SECONDS - 1
    assert secret_of(cache) == b"first"
    assert len(failures) == 1
    clock.now += 1
    assert secret_of(cache) == b"first"
    assert len(failures) == 2


def test_a_key_that_can_be_read_again_is_used(failures: list[Exception]) -> None:
    clock = Clock()
    client = boto3.client("secretsmanager")
    cache = KeyCache(client, SECRET, failures.append, clock)
    assert cache.current() is None
    client.create_secret(Name=SECRET, SecretString="late")  # pragma: allowlist secret
    assert cache.current() is None
    clock.now = RETRY_SECONDS
    assert secret_of(cache) == b"late"


def test_a_failure_is_logged_and_counted_without_its_message(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert key_cache(read_settings({"STAGE": "test"}), SECRET).current() is None
    line = json.loads(capsys.readouterr().out)
    assert line["AuditKeyFailures"] == 1
    assert (line["level"], line["event"]) == ("ERROR", "auditKey")
    assert line["refusal"] == "ResourceNotFoundException"
    assert SECRET not in json.dumps(line)
