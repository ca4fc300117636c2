"""The key of the audit's pseudonyms: a secret in Secrets Manager, cached for an hour.

The audit goes on without it: records name nobody then, and a metric raises an alarm.
"""

import hmac
import secrets
import time
from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from lambdas.shared.settings import Settings, settings
from lambdas.shared.telemetry.request_log import log_key_failure

if TYPE_CHECKING:
    from types_boto3_secretsmanager.client import SecretsManagerClient

CACHE_SECONDS = 3600.0
"""A rotated key is in use everywhere after this."""

RETRY_SECONDS = 60.0
"""Pause after a read that failed, so that requests do not wait for Secrets Manager each."""

_VERSION_CHARACTERS = 8
"""Characters of a version's id: enough to find it among a secret's versions."""

_PSEUDONYM_HEX = 32
"""128 bits: two users share a pseudonym only by a chance of 1 in 10^20 among 10^9 of them."""


class PseudonymKey(NamedTuple):
    """A version of the key.

    Attributes:
        version: Beginning of the version's id; `local` for a key made by the process itself.
        secret: The key.
    """

    version: str
    secret: bytes

    def pseudonym(self, user_id: str) -> str:
        """Return what stands for a user in the audit: HMAC-SHA-256 under this key, in hex.

        A user keeps a pseudonym as long as the key lives; without the key nobody can find the
        records of a `sub`.
        """
        return _digest(self.secret, user_id)


@lru_cache(maxsize=256)
def _digest(secret: bytes, user_id: str) -> str:
    return hmac.digest(secret, user_id.encode(), "sha256").hex()[:_PSEUDONYM_HEX]


class KeyCache:
    """Reads the key when it is due, and keeps the last one while it cannot be read.

    `failed` is called with the error of a read that failed; `clock` returns seconds that never
    step back.
    """

    def __init__(
        self,
        client: "SecretsManagerClient",
        secret_id: str,
        failed: Callable[[Exception], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read nothing yet."""
        self._client = client
        self._secret_id = secret_id
        self._failed = failed
        self._clock = clock
        self._key: PseudonymKey | None = None
        self._due = float("-inf")
        self._lock = Lock()

    def current(self) -> PseudonymKey | None:
        """Return the key, None if it could not be read so far."""
        with self._lock:
            if self._clock() >= self._due:
                self._read()
            return self._key

    def _read(self) -> None:
        try:
            found = self._client.get_secret_value(SecretId=self._secret_id)
            version = found["VersionId"][:_VERSION_CHARACTERS]
            self._key = PseudonymKey(version, found["SecretString"].encode())
        except Exception as error:  # whatever it is, requests are served
            self._due = self._clock() + RETRY_SECONDS
            self._failed(error)
        else:
            self._due = self._clock() + CACHE_SECONDS


def current_key() -> PseudonymKey | None:
    """Return this process's key, None if it cannot be read."""
    return _source()()


@lru_cache(maxsize=1)
def _source() -> Callable[[], PseudonymKey | None]:
    current = settings()
    if current.audit_key_secret is None:
        # As on a laptop: pseudonyms hold for the life of the process, and nobody can make them.
        key = PseudonymKey("local", secrets.token_hex().encode())
        return lambda: key
    return key_cache(current, current.audit_key_secret).current


def key_cache(current: Settings, secret_id: str) -> KeyCache:
    """Return a cache of the key with a client of its own."""
    return KeyCache(secrets_client(), secret_id, lambda error: log_key_failure(current, error))


def secrets_client() -> "SecretsManagerClient":
    """Return a client of Secrets Manager."""
    # Functions that write no audit records load no SDK for it.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        # A request may wait for it: one attempt, and the next after a pause.
        retries={"mode": "standard", "total_max_attempts": 1},
        connect_timeout=1,
        read_timeout=1,
        user_agent="adaptive-quiz",
    )
    return boto3.Session().client("secretsmanager", config=config)
