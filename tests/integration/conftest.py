"""The real engine with the synthesized tables, fresh for each test."""

import os
import socket
import threading
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import boto3
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from lambdas.analytics import handler as analytics
from lambdas.privacy import handler as privacy
from lambdas.questions import handler as questions
from lambdas.shared import settings as settings_module
from lambdas.shared.http import entrypoint
from lambdas.shared.services import Services
from lambdas.shared.settings import read_settings
from lambdas.shared.store.client import database
from lambdas.signup import handler as signup
from local.accounts.user_pool import PATH, UserPool, pool_environment
from local.data_folder import DataFolder
from local.database.engine import Engine, find_binary
from local.database.tables import TableDefinition, table_definitions
from local.stream.reader import ShardReader, stream_of, streams_client
from tests.integration.accounts import Accounts
from tests.integration.stage import CLIENT_ID, Clock, InvokedStage, drafts

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodbstreams import DynamoDBStreamsClient

SECRET = "secret-of-the-tests"  # pragma: allowlist secret

_numbers = count()


@cache
def _clients(endpoint: str) -> "tuple[DynamoDBClient, DynamoDBStreamsClient]":
    """Return clients of an engine for the tests' own use; the functions have one of each test."""
    return boto3.client("dynamodb", endpoint_url=endpoint), streams_client(endpoint)


@pytest.fixture(scope="session")
def tables() -> list[TableDefinition]:
    """The five tables, as the template of the laptop stage declares them."""
    return table_definitions()


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


@pytest.fixture(scope="session")
def user_pool_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Where the stand-in for Cognito answers, and the file of its deleted accounts."""
    file = tmp_path_factory.mktemp("user-pool") / "deleted-accounts"
    application = Starlette(
        routes=[Route(PATH, UserPool(file, secret=SECRET).serve, methods=["POST"])]
    )
    # Requests sent before the server has begun wait for it here.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(application, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", file
        server.should_exit = True
        thread.join()


@pytest.fixture
def accounts(user_pool_address: tuple[str, Path]) -> Accounts:
    """The accounts behind it, none of them deleted."""
    accounts = Accounts(user_pool_address[1])
    accounts.restore()
    return accounts


@pytest.fixture
def stage(
    request: pytest.FixtureRequest,
    endpoint: str,
    user_pool_address: tuple[str, Path],
    accounts: Accounts,  # noqa: ARG001 - none of them deleted
    tables: list[TableDefinition],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> InvokedStage:
    """Handlers on empty tables of their own."""
    prefix = f"t{os.getpid()}-{next(_numbers)}"
    named = {table.variable: f"{prefix}-{table.name}" for table in tables}
    variables = {
        "STAGE": "test",
        "CLIENT_ID": CLIENT_ID,
        "ADMIN_MFA": "false",
        "DYNAMODB_ENDPOINT": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",  # pragma: allowlist secret
        # Opened by the faults of one test it would refuse what another part of it looks at.
        "CIRCUIT_BREAKER_ENABLED": "false",
        **pool_environment(user_pool_address[0], SECRET),
        **named,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client, streams = _clients(endpoint)
    for table in tables:
        # The engine's tables take requests at once.
        client.create_table(**{**table.create, "TableName": named[table.variable]})
    clock, settings = Clock(), read_settings(variables)
    environment = Services(
        settings=settings,
        database=database(settings),
        clock=clock,
        # Seeded by the test's name alone, so that each run draws the same.
        entropy=Random(request.node.nodeid).randbytes,
    )
    settings_module.settings.cache_clear()
    for module in (entrypoint, analytics, privacy, questions, signup):
        monkeypatch.setattr(module, "services", lambda: environment)
    stream = stream_of(client, streams, environment.progress.name)
    assert stream is not None
    (shard,) = stream.shards()
    reader = ShardReader(stream, shard, after=None)
    return InvokedStage(environment, clock, lambda: capsys.readouterr().out, reader)


@pytest.fixture
def bank(stage: InvokedStage) -> InvokedStage:
    """A stage with six questions of geography and three of history."""
    stage.save(*drafts("geography", 6), *drafts("history", 3))
    return stage
