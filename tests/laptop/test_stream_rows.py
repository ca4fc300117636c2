"""The engine's stream rows are removed while it runs, and nothing else is lost."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local.data_folder import DataFolder
from local.database.backend import Connection
from local.database.engine import Engine, find_binary
from local.database.stream_rows import KEPT_SECONDS, redact, trim
from local.stream.reader import ShardReader, stream_of, streams_client

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

TABLE = "progress"
LATER = time.time() + 2 * KEPT_SECONDS


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    with Engine(DataFolder(tmp_path), find_binary()) as running:
        for name, value in Connection(running.endpoint, running.process).access().items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def client(engine: Engine) -> "DynamoDBClient":
    client = boto3.client("dynamodb", endpoint_url=engine.endpoint)
    client.create_table(
        TableName=TABLE,
        AttributeDefinitions=[
            {"AttributeName": "userId", "AttributeType": "S"},
            {"AttributeName": "questionId", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "userId", "KeyType": "HASH"},
            {"AttributeName": "questionId", "KeyType": "RANGE"},
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return client


def answer(client: "DynamoDBClient", user: str, number: int) -> None:
    client.update_item(
        TableName=TABLE,
        Key={"userId": {"S": user}, "questionId": {"S": f"geography:{number:06d}"}},
        UpdateExpression="ADD attempts :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )


def erase(client: "DynamoDBClient", user: str, numbers: range) -> None:
    for number in numbers:
        client.delete_item(
            TableName=TABLE,
            Key={"userId": {"S": user}, "questionId": {"S": f"geography:{number:06d}"}},
        )


def records(engine: Engine, client: "DynamoDBClient") -> list[Any]:
    stream = stream_of(client, streams_client(engine.endpoint), TABLE)
    assert stream
    (shard,) = stream.shards()
    reader = ShardReader(stream, shard, None)
    while reader.read():
        pass
    return list(reader.waiting)


def rows(engine: Engine) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(engine.database)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return database.execute("SELECT * FROM _stream_records ORDER BY id").fetchall()


def test_an_erased_learner_is_in_no_row_and_the_numbers_go_on(
    engine: Engine, client: "DynamoDBClient"
) -> None:
    for number in range(3):
        answer(client, "ada", number)
        answer(client, "bob", number)
    erase(client, "ada", range(3))
    assert redact(engine.database, "ada") == 6
    assert not any("ada" in str(row) for row in rows(engine))
    answer(client, "bob", 7)
    found = records(engine, client)
    assert [each["dynamodb"]["SequenceNumber"] for each in found] == [
        str(number) for number in range(1, 11)
    ]
    left = [each for each in found if each["dynamodb"]["Keys"]["userId"]["S"] == "bob"]
    assert [each["eventName"] for each in left] == ["INSERT"] * 4
    assert redact(engine.database, "ada") == 0


def test_rows_older_than_a_day_go_but_for_unsettled_ones_and_the_newest(
    engine: Engine, client: "DynamoDBClient"
) -> None:
    for number in range(12):
        answer(client, "ada", number)
    assert trim(engine.database, TABLE, 12) == 0
    assert trim(engine.database, TABLE, 10, now=LATER) == 10
    assert trim(engine.database, TABLE, 12, now=LATER) == 1
    answer(client, "ada", 0)
    found = records(engine, client)
    assert [each["dynamodb"]["SequenceNumber"] for each in found] == ["12", "13"]


@pytest.mark.slow
def test_the_engine_takes_every_write_while_rows_go(
    engine: Engine, client: "DynamoDBClient"
) -> None:
    answer(client, "ada", 0)
    ended = threading.Event()

    def keep_going() -> None:
        while not ended.is_set():
            redact(engine.database, "ada")
            trim(engine.database, TABLE, 10**9, now=LATER)

    remover = threading.Thread(target=keep_going)
    remover.start()
    for _ in range(300):
        answer(client, "bob", 1)
        answer(client, "ada", 1)
    ended.set()
    remover.join()
    for user in ("ada", "bob"):
        item = client.get_item(
            TableName=TABLE, Key={"userId": {"S": user}, "questionId": {"S": "geography:000001"}}
        )["Item"]
        assert item["attempts"] == {"N": "300"}
    assert rows(engine)


@pytest.mark.parametrize("writes", [20, 90])
def test_an_engine_killed_while_rows_go_loses_nothing(
    tmp_path: Path, engine: Engine, client: "DynamoDBClient", writes: int
) -> None:
    ended = threading.Event()

    def keep_going() -> None:
        while not ended.is_set():
            redact(engine.database, "ada")
            trim(engine.database, TABLE, 10**9, now=LATER)

    remover = threading.Thread(target=keep_going)
    remover.start()
    for _ in range(writes):
        answer(client, "ada", 1)
        answer(client, "bob", 1)
    engine.process.kill()
    engine.process.wait()
    ended.set()
    remover.join()
    assert rows(engine)
    engine.stop()
    with Engine(DataFolder(tmp_path), find_binary()) as again:
        after = boto3.client("dynamodb", endpoint_url=again.endpoint)
        for user in ("ada", "bob"):
            item = after.get_item(
                TableName=TABLE,
                Key={"userId": {"S": user}, "questionId": {"S": "geography:000001"}},
            )["Item"]
            assert item["attempts"] == {"N": str(writes)}


def test_a_deleted_database_is_not_created_again(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        redact(tmp_path / "dynamodb.db", "ada")
    assert not (tmp_path / "dynamodb.db").exists()
