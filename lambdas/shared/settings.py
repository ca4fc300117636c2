"""Settings from environment variables, read once, on first use."""

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

VERSION = "0.2.0"
"""Version of the API, returned by GET /health."""

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class SettingsError(Exception):
    """The environment does not describe a stage; the message names every fault."""


class Settings(NamedTuple):
    """Typed environment. A table's name is None where the function does not use the table.

    `client_id` is the user pool's client whose tokens are taken, None where no user calls;
    `user_pool_id` the pool, None where no account is changed; `performance_monitoring` is
    whether lines carry metrics; `api_url` is the stage's public address, None where nothing calls
    it; `admin_mfa` whether administrators need a second factor.
    """

    stage: str
    log_level: str
    dynamodb_endpoint: str | None
    cognito_endpoint: str | None
    cors_origins: tuple[str, ...]
    circuit_breaker_enabled: bool
    admin_mfa: bool
    api_url: str | None
    client_id: str | None
    user_pool_id: str | None
    failed_batches_bucket: str | None
    audit_key_secret: str | None
    performance_monitoring: bool
    users_table: str | None
    questions_table: str | None
    sessions_table: str | None
    progress_table: str | None
    wrong_answers_table: str | None


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings of an environment.

    Raises:
        SettingsError: something is missing or malformed; all faults are named together.
    """
    faults = []
    stage = environment.get("STAGE", "")
    if not stage:
        faults.append("STAGE is not set")
    log_level = environment.get("LOG_LEVEL", "INFO").upper()
    if log_level not in LOG_LEVELS:
        faults.append(f"LOG_LEVEL is none of {', '.join(LOG_LEVELS)}")
    endpoints = {
        name: environment.get(name) or None for name in ("DYNAMODB_ENDPOINT", "COGNITO_ENDPOINT")
    }
    faults += [
        f"{name} is not an http(s) address"
        for name, endpoint in endpoints.items()
        if endpoint and not endpoint.startswith(("http://", "https://"))
    ]
    switches = {}
    for name in ("ADMIN_MFA", "CIRCUIT_BREAKER_ENABLED", "PERFORMANCE_MONITORING"):
        switches[name] = environment.get(name, "true").lower()
        if switches[name] not in ("true", "false"):
            faults.append(f"{name} is neither true nor false")
    if faults:
        raise SettingsError("; ".join(faults))
    return Settings(
        stage=stage,
        log_level=log_level,
        dynamodb_endpoint=endpoints["DYNAMODB_ENDPOINT"],
        cognito_endpoint=endpoints["COGNITO_ENDPOINT"],
        cors_origins=tuple(environment.get("CORS_ORIGINS", "").split()),
        circuit_breaker_enabled=switches["CIRCUIT_BREAKER_ENABLED"] == "true",
        admin_mfa=switches["ADMIN_MFA"] == "true",
        performance_monitoring=switches["PERFORMANCE_MONITORING"] == "true",
        api_url=environment.get("API_URL") or None,
        client_id=environment.get("CLIENT_ID") or None,
        user_pool_id=environment.get("USER_POOL_ID") or None,
        failed_batches_bucket=environment.get("FAILED_BATCHES_BUCKET") or None,
        audit_key_secret=environment.get("AUDIT_KEY_SECRET") or None,
        users_table=environment.get("USERS_TABLE"),
        questions_table=environment.get("QUESTIONS_TABLE"),
        sessions_table=environment.get("SESSIONS_TABLE"),
        progress_table=environment.get("PROGRESS_TABLE"),
        wrong_answers_table=environment.get("WRONG_ANSWERS_TABLE"),
    )


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return this process's settings.

    Raises:
        SettingsError: the environment is incomplete.
    """
    return read_settings(os.environ)
