"""The real engine with the synthesized tables, fresh for each test."""

import os
from collections.abc import Iterator
from itertools import count
from random import Random

import boto3
import pytest

from lambdas.analytics import handler as analytics
from lambdas.shared import settings as settings_module
from lambdas.shared.environment import Environment
from lambdas.shared.http import entrypoint
from lambdas.shared.settings import read_settings
from lambdas.shared.store.client import database
from local.data_folder import ROOT, DataFolder
from local.engine import Engine, find_binary
from local.schema import create_tables
from local.stream import ShardReader, stream_of, streams_client
from local.template import TableDefinition, table_definitions
from tests.integration.stage import CLIENT_ID, Clock, Stage

_numbers = count()


@pytest.fixture(scope="session")
def tables() -> list[TableDefinition]:
    """The five tables, as the template of the laptop stage declares them."""
    return table_definitions(ROOT / ".local")


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The engine's address, or that of the one DYNAMODB_ENDPOINT names."""
    given = os.environ.get("DYNAMODB_ENDPOINT")
    if given:
        yield given
        return
    folder = DataFolder(tmp_path_factory.mktemp("engine"))
    with Engine(folder, find_binary()) as engine:
        yield engine.endpoint


@pytest.fixture
def stage(
    endpoint: str,
    tables: list[TableDefinition],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Stage:
    """Handlers on empty tables of their own."""
    prefix = f"t{os.getpid()}-{next(_numbers)}"
    named = {table.variable: f"{prefix}-{table.name}" for table in tables}
    variables = {
        "STAGE": "test",
        "CLIENT_ID": CLIENT_ID,
        "DYNAMODB_ENDPOINT": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",  # pragma: allowlist secret
        # Opened by the faults of one test it would refuse what another part of it looks at.
        "CIRCUIT_BREAKER_ENABLED": "false",
        **named,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("dynamodb", endpoint_url=endpoint)
    create_tables(
        client,
        [
            TableDefinition(create={**table.create, "TableName": named[table.variable]})
            for table in tables
        ],
    )
    clock, settings = Clock(), read_settings(variables)
    environment = Environment(
        settings=settings,
        database=database(settings),
        clock=clock,
        entropy=Random(prefix).randbytes,
    )
    settings_module.settings.cache_clear()
    monkeypatch.setattr(entrypoint, "environment", lambda: environment)
    monkeypatch.setattr(analytics, "environment", lambda: environment)
    stream = stream_of(client, streams_client(endpoint), environment.progress.name)
    assert stream is not None
    (shard,) = stream.shards()
    reader = ShardReader(stream, shard, after=None)
    return Stage(environment, clock, lambda: capsys.readouterr().out, reader)
