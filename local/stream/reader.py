"""Reads a table's stream as Lambda's poller does: each shard from its checkpoint."""

import base64
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.stream.event_source_mapping import Record, created_at, sequence_number

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodbstreams import DynamoDBStreamsClient
    from types_boto3_dynamodbstreams.literals import ShardIteratorTypeType

READ_RECORDS = 1_000
"""Most that one GetRecords returns."""

_STALE = frozenset({"ExpiredIteratorException", "TrimmedDataAccessException"})


def streams_client(endpoint: str) -> "DynamoDBStreamsClient":
    """Return a client of an endpoint's streams."""
    config = Config(
        connect_timeout=2,
        read_timeout=10,
        retries={"total_max_attempts": 2},
        # The engine's shard ids are shorter than the service model allows.
        parameter_validation=False,
    )
    return boto3.client("dynamodbstreams", endpoint_url=endpoint, config=config)


def stream_of(
    client: "DynamoDBClient", streams: "DynamoDBStreamsClient", table: str
) -> "Stream | None":
    """Return a table's stream; None where the database keeps none, or lets nobody read it."""
    try:
        arn = client.describe_table(TableName=table)["Table"].get("LatestStreamArn")
        if not arn:
            return None
        stream = Stream(streams, arn)
        stream.shards()
    except (BotoCoreError, ClientError):
        return None
    return stream


@dataclass(frozen=True, slots=True)
class Stream:
    """The stream of a table; its ARN differs from that of an earlier table of the same name."""

    client: "DynamoDBStreamsClient"
    arn: str

    def shards(self) -> dict[str, str | None]:
        """Return the shards, each with the one it goes on from, if that is still there."""
        found: dict[str, str | None] = {}
        more: dict[str, Any] = {}
        while True:
            described = self.client.describe_stream(StreamArn=self.arn, **more)
            for shard in described["StreamDescription"].get("Shards", []):
                found[shard["ShardId"]] = shard.get("ParentShardId")
            last = described["StreamDescription"].get("LastEvaluatedShardId")
            if not last:
                return {
                    shard: parent if parent in found else None for shard, parent in found.items()
                }
            more = {"ExclusiveStartShardId": last}


class Position(NamedTuple):
    """A record of a shard: its sequence number and the time of its creation.

    The time recognizes a record of the same number in another copy of the database.
    """

    number: str
    created: float

    @classmethod
    def of(cls, record: Record) -> "Position":
        """Return the position of a record."""
        return cls(sequence_number(record), created_at(record))


@dataclass(slots=True)
class ShardReader:
    """Reads the records of a shard.

    Attributes:
        stream: The stream of the shard.
        shard_id: The shard.
        after: The last record that was settled; None to begin with the oldest record. If the shard
            does not hold this record, reading begins with the oldest: the record was trimmed, or
            the database file was replaced by an older copy.
        waiting: Records that were read and not delivered yet.
        ended: Whether the shard has no further records and never will.
    """

    stream: Stream
    shard_id: str
    after: Position | None
    waiting: "deque[Record]" = field(default_factory=deque)
    ended: bool = False
    _iterator: str | None = None

    def read(self) -> int:
        """Add what can be read at once to `waiting`; return how many records that was."""
        if self.ended:
            return 0
        try:
            got = self.stream.client.get_records(
                ShardIterator=self._iterator or self._new_iterator(), Limit=READ_RECORDS
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _STALE:
                raise
            if self._iterator is None:
                self.after = None  # the following records are trimmed: begin with the oldest
            self._iterator = None
            return 0
        self._iterator = got.get("NextShardIterator")
        self.ended = self._iterator is None
        self.waiting += (lambda_record(each, self.stream.arn) for each in got["Records"])
        if self.waiting:
            self.after = Position.of(self.waiting[-1])
        return len(got["Records"])

    def _new_iterator(self) -> str:
        if self.after and self._holds(self.after):
            return self._iterator_at("AFTER_SEQUENCE_NUMBER", self.after.number)
        return self._iterator_at("TRIM_HORIZON")

    def _holds(self, position: Position) -> bool:
        got = self.stream.client.get_records(
            ShardIterator=self._iterator_at("AT_SEQUENCE_NUMBER", position.number), Limit=1
        )
        found = [lambda_record(each, self.stream.arn) for each in got["Records"]]
        return [Position.of(each) for each in found] == [position]

    def _iterator_at(self, kind: "ShardIteratorTypeType", number: str | None = None) -> str:
        where: dict[str, Any] = {"SequenceNumber": number} if number else {}
        found = self.stream.client.get_shard_iterator(
            StreamArn=self.stream.arn, ShardId=self.shard_id, ShardIteratorType=kind, **where
        )
        return found["ShardIterator"]


def lambda_record(record: Mapping[str, Any], stream_arn: str) -> Record:
    """Return a record of GetRecords as Lambda hands it on: plain JSON, with its source."""
    change = {
        name: value if name in ("SequenceNumber", "StreamViewType", "SizeBytes") else _plain(value)
        for name, value in record["dynamodb"].items()
    }
    change["ApproximateCreationDateTime"] = record["dynamodb"][
        "ApproximateCreationDateTime"
    ].timestamp()
    return {**record, "dynamodb": change, "eventSourceARN": stream_arn}


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it: binary as base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | set):
        return [_plain(each) for each in value]
    return value


def readable(shards: Mapping[str, str | None], ended: set[str]) -> Iterator[str]:
    """Yield the shards to read now: none before the one it goes on from has ended."""
    for shard, parent in shards.items():
        if shard not in ended and (parent is None or parent in ended):
            yield shard
