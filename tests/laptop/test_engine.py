"""The engine at a size that a stage in use reaches."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psutil
import pytest

from local.data_folder import ROOT, DataFolder
from local.database import engine as engines
from local.database.backend import Connection
from local.database.engine import Engine, find_binary
from local.errors import CommandError
from local.stream.reader import Position, ShardReader, stream_of, streams_client

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

TABLE = "progress"
CALLS = 200
RECORDS = 100_000
_AGE = """\
WITH RECURSIVE n (n) AS (VALUES (1000) UNION ALL SELECT n + 1 FROM n WHERE n < ?)
INSERT INTO _stream_records
    (table_name, event_name, keys_json, new_image, sequence_number, shard_id, created_at)
SELECT table_name, event_name, keys_json, new_image, printf('%021d', n), shard_id, created_at
FROM n, (SELECT * FROM _stream_records ORDER BY id DESC LIMIT 1)"""


def last_position(engine: Engine) -> Position:
    with closing(sqlite3.connect(engine.database)) as database:
        number, created = database.execute(
            "SELECT sequence_number, created_at FROM _stream_records "
            "ORDER BY CAST(sequence_number AS INTEGER) DESC LIMIT 1"
        ).fetchone()
    return Position(number, created)


def seconds_of_calls(engine: Engine, client: "DynamoDBClient") -> float:
    """Return the engine's processor time for writing to the stream and reading new records."""
    client.put_item(TableName=TABLE, Item={"id": {"S": "first"}})
    stream = stream_of(client, streams_client(engine.endpoint), TABLE)
    assert stream
    (shard,) = stream.shards()
    reader = ShardReader(stream, shard, last_position(engine))
    process = psutil.Process(engine.process.pid)
    before = process.cpu_times()
    for number in range(CALLS):
        client.put_item(TableName=TABLE, Item={"id": {"S": str(number)}})
        reader.read()
    after = process.cpu_times()
    return float(after.user + after.system - before.user - before.system)


@pytest.mark.slow
def test_a_stream_costs_the_same_however_long_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = DataFolder(tmp_path)
    with Engine(folder, find_binary()) as engine:
        for name, value in Connection(engine.endpoint, engine.process).access().items():
            monkeypatch.setenv(name, value)
        client = boto3.client("dynamodb", endpoint_url=engine.endpoint)
        client.create_table(
            TableName=TABLE,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        young = seconds_of_calls(engine, client)
    with closing(sqlite3.connect(folder.database)) as database, database:
        database.execute("DROP INDEX IF EXISTS stage_stream_order")  # as stages once were
        database.execute(_AGE, [1000 + RECORDS])
    with Engine(folder, find_binary()) as engine:
        old = seconds_of_calls(engine, boto3.client("dynamodb", endpoint_url=engine.endpoint))
    assert old < 4 * young


@pytest.mark.parametrize(
    ("system", "machine", "package"),
    [
        ("linux", "x86_64", "@dynoxide/linux-x64"),
        ("linux", "aarch64", "@dynoxide/linux-arm64"),
        ("darwin", "arm64", "@dynoxide/darwin-arm64"),
        ("win32", "AMD64", "@dynoxide/win32-x64"),
    ],
)
def test_the_package_of_another_platform_is_named_with_the_pinned_version(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    system: str,
    machine: str,
    package: str,
) -> None:
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    pinned = json.loads((ROOT / "package.json").read_text())["optionalDependencies"]
    wanted = f"{package}@{pinned['@dynoxide/linux-x64']}"
    assert engines.package() == wanted
    installed = package in pinned
    assert engines.main() == 0
    assert capsys.readouterr().out == ("" if installed else f"{wanted}\n")
    if not installed:
        with pytest.raises(CommandError, match=f"npm install --no-save {wanted}'.*DynamoDB Local"):
            find_binary()
