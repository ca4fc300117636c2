"""The pump over the real engine's stream, with consumers that fail as consumers do."""

import json
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from lambdas.contract.delivery import LAPTOP_DELIVERY
from lambdas.shared.store.errors import StoreUnavailableError
from local.data_folder import DataFolder
from local.database.backend import Connection
from local.database.engine import Engine, find_binary
from local.stream.failed_batches import FailedBatches, LocalDeadLetters, records_of
from local.stream.pump import Consumer, Pump
from local.stream.reader import Position, ShardReader, Stream, readable, stream_of, streams_client

TABLE = "progress"
LONG = 20.0
TRIMMED, FIRST, NEXT = (f"shardId-{n:020d}" for n in range(3))
NUMBER = "700000000000000000001"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Engine(DataFolder(tmp_path_factory.mktemp("engine")), find_binary()) as running:
        yield running


@dataclass
class Table:
    """A table with a stream, and whom it is pumped to."""

    engine: Engine
    name: str
    folder: Path
    client: Any = None

    def __post_init__(self) -> None:
        self.client = boto3.client("dynamodb", endpoint_url=self.engine.endpoint)
        self.client.create_table(
            TableName=self.name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )

    def write(self, *ids: str) -> None:
        for each in ids:
            self.client.put_item(TableName=self.name, Item={"id": {"S": each}})

    @property
    def stream(self) -> Stream:
        found = stream_of(self.client, streams_client(self.engine.endpoint), self.name)
        assert found
        return found

    @property
    def failed(self) -> FailedBatches:
        return FailedBatches(self.folder / "failed-batches")

    def pump(self, consumer: Consumer, **settings: Any) -> Pump:
        return Pump(
            self.stream,
            consumer,
            checkpoint=self.folder / "checkpoint.json",
            failed=self.failed,
            settings=replace(LAPTOP_DELIVERY, **settings),
        )


@pytest.fixture
def table(
    engine: Engine, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Table:
    for name, value in Connection(engine.endpoint, engine.process).access().items():
        monkeypatch.setenv(name, value)
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)
    return Table(engine, name[:200], tmp_path)


def ids(event: Mapping[str, Any]) -> list[str]:
    return [record["dynamodb"]["NewImage"]["id"]["S"] for record in event["Records"]]


@dataclass
class Counter:
    """A consumer that counts what it is sent."""

    sent: list[list[str]] = field(default_factory=list)

    def __call__(self, event: Mapping[str, Any], context: Any) -> object:
        assert context.get_remaining_time_in_millis() > 10_000
        json.dumps(event)  # nothing in it but what JSON holds
        self.sent.append(ids(event))
        return {"batchItemFailures": []}

    @property
    def counted(self) -> list[str]:
        return [each for batch in self.sent for each in batch]


def test_records_come_in_order_and_once(table: Table) -> None:
    counter, written = Counter(), [str(n) for n in range(30)]
    table.write(*written)
    pump = table.pump(counter, batch_size=8)
    assert pump.pump()
    assert counter.counted == written
    assert [len(batch) for batch in counter.sent] == [8, 8, 8, 6]
    assert not pump.pump()
    table.write("more")
    assert pump.pump()
    assert counter.counted == [*written, "more"]


def test_a_batch_waits_for_its_window_unless_it_is_full(table: Table) -> None:
    counter = Counter()
    pump = table.pump(counter, batch_size=3, window_seconds=3_000)
    table.write("1", "2")
    pump.pump()
    assert counter.sent == []
    table.write("3", "4")
    pump.pump()
    assert counter.sent == [["1", "2", "3"]]


def test_a_record_has_all_that_lambda_hands_on(table: Table) -> None:
    seen: list[Any] = []
    table.client.put_item(
        TableName=table.name, Item={"id": {"S": "1"}, "n": {"N": "7"}, "b": {"B": b"\0\1"}}
    )
    table.write("1")
    table.pump(lambda event, _: seen.extend(event["Records"])).pump()
    first, second = seen
    assert first["eventName"] == "INSERT"
    assert first["eventSource"] == "aws:dynamodb"
    assert first["eventSourceARN"] == table.stream.arn
    assert second["eventName"] == "MODIFY"
    assert second["eventID"] != first["eventID"]
    assert first["dynamodb"]["NewImage"] == {
        "id": {"S": "1"},
        "n": {"N": "7"},
        "b": {"B": "AAE="},
    }
    assert second["dynamodb"]["OldImage"] == first["dynamodb"]["NewImage"]
    assert second["dynamodb"]["Keys"] == {"id": {"S": "1"}}


def test_a_new_pump_goes_on_where_the_last_one_was(table: Table) -> None:
    first, second = Counter(), Counter()
    table.write("1", "2")
    table.pump(first).pump()
    table.write("3")
    table.pump(second).pump()
    assert first.counted == ["1", "2"]
    assert second.counted == ["3"]


def test_a_spoiled_checkpoint_is_begun_anew(table: Table) -> None:
    table.write("1")
    table.pump(Counter()).pump()
    (table.folder / "checkpoint.json").write_text("{")
    counter = Counter()
    table.pump(counter).pump()
    assert counter.counted == ["1"]


def older_copy(table: Table) -> None:
    """Leave the database as it was before the records after the second."""
    with closing(sqlite3.connect(table.engine.database)) as database:
        database.execute(
            "DELETE FROM _stream_records "
            "WHERE table_name = ? AND CAST(sequence_number AS INTEGER) > 2",
            [table.name],
        )
        database.commit()


def test_a_checkpoint_beyond_the_last_record_starts_over(table: Table) -> None:
    table.write("1", "2", "3", "4")
    table.pump(Counter()).pump()
    older_copy(table)
    table.write("after the restore")
    counter = Counter()
    table.pump(counter).pump()
    assert counter.counted == ["1", "2", "after the restore"]


def test_a_checkpoint_whose_number_another_record_has_starts_over(table: Table) -> None:
    """The restored copy was written to before the pump started."""
    table.write("1", "2", "3")
    table.pump(Counter()).pump()
    older_copy(table)
    table.write("new 3", "new 4")
    age(table, "new 3")
    counter = Counter()
    table.pump(counter).pump()
    assert counter.counted == ["1", "2", "new 3", "new 4"]


def age(table: Table, *ids: str) -> None:
    """Let records have been created a minute ago: the engine's times are in seconds."""
    with closing(sqlite3.connect(table.engine.database)) as database:
        for each in ids:
            database.execute(
                "UPDATE _stream_records SET created_at = created_at - 60 "
                "WHERE table_name = ? AND json_extract(keys_json, '$.id.S') = ?",
                [table.name, each],
            )
        database.commit()


def test_a_checkpoint_of_an_earlier_version_starts_over(table: Table) -> None:
    table.write("1", "2")
    (shard,) = table.stream.shards()
    content = {"stream": table.stream.arn, "after": {shard: "2"}, "ended": []}
    (table.folder / "checkpoint.json").write_text(json.dumps(content))
    counter = Counter()
    table.pump(counter).pump()
    assert counter.counted == ["1", "2"]


def test_another_stream_is_read_from_its_first_record(table: Table) -> None:
    table.write("1", "2", "3")
    table.pump(Counter()).pump()
    other, counter = Table(table.engine, f"{table.name}-2", table.folder), Counter()
    other.write("new")
    other.pump(counter).pump()
    assert counter.counted == ["new"]


class KilledError(BaseException):
    """An exception that no handler catches: the process ends at this point."""


def test_killed_in_the_middle_it_sends_again_what_is_not_settled_and_nothing_else(
    table: Table,
) -> None:
    def killed_at_the_third(event: Mapping[str, Any], _: object) -> None:
        if "5" in ids(event):
            raise KilledError

    table.write(*"123456")
    with pytest.raises(KilledError):
        table.pump(killed_at_the_third, batch_size=2).pump()
    counter = Counter()
    table.pump(counter, batch_size=2).pump()
    assert counter.sent == [["5", "6"]]


@dataclass
class Poisoned(Counter):
    """A consumer that never counts one record, and reports it as ours does."""

    poison: str = "6"

    def __call__(self, event: Mapping[str, Any], context: Any) -> object:
        found = ids(event)
        if self.poison not in found:
            return super().__call__(event, context)
        place = found.index(self.poison)
        if place == 0 and len(found) > 1:
            raise RuntimeError("the first record cannot be counted")
        super().__call__({"Records": event["Records"][:place]}, context)
        number = event["Records"][place]["dynamodb"]["SequenceNumber"]
        return {"batchItemFailures": [{"itemIdentifier": number}]}


def test_a_poison_record_is_given_up_alone_and_kept_whole(table: Table) -> None:
    counter = Poisoned()
    table.write(*"123456789")
    table.pump(counter, retries=1).pump()
    assert sorted(counter.counted) == sorted("12345789")
    (file,) = table.failed
    content = json.loads(file.read_text())
    assert content["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert content["DDBStreamBatchInfo"]["batchSize"] == 1
    assert content["DDBStreamBatchInfo"]["streamArn"] == table.stream.arn
    (record,) = records_of(file.read_text())
    assert record["dynamodb"]["NewImage"] == {"id": {"S": "6"}}
    assert (
        record["dynamodb"]["SequenceNumber"]
        == (content["DDBStreamBatchInfo"]["startSequenceNumber"])
    )
    assert table.pump(counter).pump() is False  # it is settled: the stream goes on


def test_what_fails_for_a_while_is_counted_in_the_end(table: Table) -> None:
    counter, attempts = Counter(), []

    def flaky(event: Mapping[str, Any], context: Any) -> object:
        attempts.append(ids(event))
        if len(attempts) < 3:
            raise ConnectionError
        return counter(event, context)

    table.write("1")
    table.pump(flaky, retries=2).pump()
    assert attempts == [["1"]] * 3
    assert counter.counted == ["1"]
    assert list(table.failed) == []


def test_its_own_faults_are_logged_and_it_goes_on(
    table: Table, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The disk is full when a failed batch is to be kept: nothing is lost, nothing ends."""
    monkeypatch.setattr("local.stream.pump._TROUBLE_PAUSE", 0.01)
    kept, keep = threading.Event(), FailedBatches.keep
    faults = iter([OSError("No space left on device")])

    def full_at_first(self: FailedBatches, *given: Any, **named: Any) -> Path:
        for fault in faults:
            raise fault
        path = keep(self, *given, **named)
        kept.set()
        return path

    monkeypatch.setattr(FailedBatches, "keep", full_at_first)
    table.write("6")
    with caplog.at_level(logging.ERROR), table.pump(Poisoned(), retries=0):
        assert kept.wait(LONG)
    assert "No space left on device" in caplog.text
    (file,) = table.failed
    assert [each["dynamodb"]["NewImage"]["id"]["S"] for each in records_of(file.read_text())] == [
        "6"
    ]


def test_it_ends_in_the_middle_of_a_pause_and_gives_nothing_up(table: Table) -> None:
    failed_once = threading.Event()

    def failing(_: object, __: object) -> object:
        failed_once.set()
        raise ConnectionError

    table.write("1")
    with table.pump(failing, retries=1_000):
        assert failed_once.wait(LONG)
    assert list(table.failed) == []
    counter = Counter()
    table.pump(counter).pump()
    assert counter.counted == ["1"]


def test_an_idle_pump_makes_a_call_a_second(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    pump, pauses = table.pump(Counter()), []
    idle = threading.Event()

    def wait(seconds: float) -> bool:
        pauses.append(seconds)
        if len(pauses) == 8:
            idle.set()
        return idle.is_set()

    monkeypatch.setattr(pump._ending, "wait", wait)  # noqa: SLF001 - its clock
    with pump:
        assert idle.wait(LONG)
    assert pauses == [0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0]


def test_a_database_without_streams_has_none(table: Table) -> None:
    assert stream_of(table.client, streams_client("http://127.0.0.1:9"), table.name) is None
    table.client.create_table(
        TableName=f"{table.name}-still",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert stream_of(table.client, table.stream.client, f"{table.name}-still") is None


def test_a_shard_is_read_after_the_one_it_goes_on_from() -> None:
    shards = {"old": None, "left": "old", "right": "old", "next": "left"}
    assert list(readable(shards, set())) == ["old"]
    assert list(readable(shards, {"old"})) == ["left", "right"]
    assert list(readable(shards, {"old", "left"})) == ["right", "next"]


def test_a_shard_that_ends_gives_way_to_the_next(table: Table) -> None:
    """As DynamoDB ends its shards every few hours; the engine has one for ever."""
    client = table.stream.client
    stream, record = Stream(client, "arn"), {"SequenceNumber": NUMBER, "Keys": {"id": {"S": "1"}}}
    read = {
        "Records": [
            {
                "dynamodb": record
                | {"ApproximateCreationDateTime": datetime.fromtimestamp(1_790_000_000, UTC)}
            }
        ]
    }
    described = {
        "StreamDescription": {
            "Shards": [
                {"ShardId": NEXT, "ParentShardId": FIRST},
                {"ShardId": FIRST, "ParentShardId": TRIMMED},
            ]
        }
    }
    numbers: list[str] = []

    def consumer(event: Mapping[str, Any], _: object) -> None:
        numbers.extend(each["dynamodb"]["SequenceNumber"] for each in event["Records"])

    with Stubber(client) as stub:
        for shard in (FIRST, NEXT):
            stub.add_response("describe_stream", described, {"StreamArn": "arn"})
            stub.add_response(
                "get_shard_iterator",
                {"ShardIterator": shard},
                {"StreamArn": "arn", "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"},
            )
            stub.add_response("get_records", read, {"ShardIterator": shard, "Limit": 1_000})
        pump = Pump(
            stream,
            consumer,
            checkpoint=table.folder / "checkpoint.json",
            failed=table.failed,
            settings=replace(LAPTOP_DELIVERY, record_age_seconds=10**9),
        )
        pump.pump()
        pump.pump()
        stub.assert_no_pending_responses()
    assert numbers == [NUMBER, NUMBER]
    assert json.loads((table.folder / "checkpoint.json").read_text())["ended"] == [FIRST, NEXT]


@pytest.mark.parametrize("code", ["TrimmedDataAccessException", "ExpiredIteratorException"])
def test_trimmed_records_are_passed_over(table: Table, code: str) -> None:
    client = table.stream.client
    reader = ShardReader(Stream(client, "arn"), "shard", after=Position("7", 0.0))
    with Stubber(client) as stub:
        stub.add_client_error("get_shard_iterator", code)
        stub.add_response(
            "get_shard_iterator",
            {"ShardIterator": "oldest"},
            {"StreamArn": "arn", "ShardId": "shard", "ShardIteratorType": "TRIM_HORIZON"},
        )
        stub.add_response(
            "get_records",
            {"Records": [], "NextShardIterator": "next"},
            {"ShardIterator": "oldest", "Limit": 1_000},
        )
        stub.add_client_error("get_records", "ExpiredIteratorException")
        assert [reader.read() for _ in range(3)] == [0, 0, 0]
    assert not reader.ended


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"payload": 1}', '{"payload": "{}"}', '{"payload": {"Records": 1}}'],
)
def test_a_file_that_is_no_failed_batch_is_refused(content: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        records_of(content)


def test_a_payload_may_be_text_or_an_object() -> None:
    records = [{"eventID": "1"}]
    for payload in ({"Records": records}, json.dumps({"Records": records})):
        assert records_of(json.dumps({"payload": payload})) == records


def test_failed_batches_and_dead_letters_expire(tmp_path: Path) -> None:
    batches = FailedBatches(tmp_path)
    letters = LocalDeadLetters(batches)
    letters.keep([{"eventID": "1"}])
    (old,) = batches
    os.utime(old, (0, 0))
    letters.keep([{"eventID": "2"}])
    batches.forget_older_than(3600)
    (left,) = batches
    assert records_of(left.read_bytes()) == [{"eventID": "2"}]


def test_a_folder_that_cannot_be_written_refuses_dead_letters(tmp_path: Path) -> None:
    (tmp_path / "aws").write_text("in the way")
    with pytest.raises(StoreUnavailableError):
        LocalDeadLetters(FailedBatches(tmp_path)).keep([{"eventID": "1"}])
