"""Failed batches of the laptop stage: files in the form in which Lambda writes objects to S3.

https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
"""

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lambdas.shared.dead_letters import dead_letter
from lambdas.shared.store.errors import StoreUnavailableError
from local.stream.event_source_mapping import FailedBatch, Record, created_at, sequence_number

_MAPPING = "laptop"


@dataclass(frozen=True, slots=True)
class FailedBatches:
    """A folder of invocation records, under the names that Lambda gives its objects."""

    folder: Path

    def keep(self, batch: FailedBatch, *, function: str, stream_arn: str, shard_id: str) -> Path:
        """Write a batch whose delivery was given up, atomically; return its file."""
        now = datetime.now(UTC)
        name = f"{now:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
        key = f"aws/lambda/{_MAPPING}/{shard_id}/{now:%Y/%m/%d}/{name}"
        records = batch.records
        content = {
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": function,
                "condition": batch.condition,
                "approximateInvokeCount": batch.invocations,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
            "version": "1.0",
            "timestamp": _iso(now, "milliseconds"),
            "DDBStreamBatchInfo": {
                "shardId": shard_id,
                "startSequenceNumber": sequence_number(records[0]),
                "endSequenceNumber": sequence_number(records[-1]),
                "approximateArrivalOfFirstRecord": _iso(_created(records[0]), "seconds"),
                "approximateArrivalOfLastRecord": _iso(_created(records[-1]), "seconds"),
                "batchSize": len(records),
                "streamArn": stream_arn,
            },
            "payload": json.dumps({"Records": records}, separators=(",", ":")),
        }
        return self.write(key, (json.dumps(content, indent=1) + "\n").encode())

    def forget_older_than(self, seconds: float) -> None:
        """Delete the files written before that long ago, as the bucket's lifecycle rule does."""
        oldest = time.time() - seconds
        for file in self:
            with suppress(FileNotFoundError):  # a redrive may delete it first
                if file.stat().st_mtime < oldest:
                    file.unlink()

    def write(self, key: str, content: bytes) -> Path:
        """Write a file under the key that it would have in the bucket, atomically."""
        file = self.folder / key
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.draft")
        draft.write_bytes(content)
        draft.replace(file)
        return file

    def __iter__(self) -> Iterator[Path]:
        """Yield the files, oldest first."""
        files = (each for each in self.folder.rglob("*") if each.is_file())
        yield from sorted(
            (each for each in files if each.suffix != ".draft"), key=lambda file: file.name
        )


@dataclass(frozen=True, slots=True)
class LocalDeadLetters:
    """Dead letters in the folder of failed batches."""

    batches: FailedBatches

    def keep(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Store records as one file."""
        letter = dead_letter(records)
        try:
            self.batches.write(letter.key, letter.body)
        except OSError as error:
            raise StoreUnavailableError("The folder of dead letters cannot be written.") from error


def records_of(invocation_record: str | bytes) -> Sequence[Record]:
    """Return the records of a failed batch.

    Raises:
        ValueError: It is no invocation record with its payload.
    """
    try:
        payload: Any = json.loads(invocation_record)["payload"]
        records: Any = (json.loads(payload) if isinstance(payload, str) else payload)["Records"]
    except (KeyError, TypeError) as error:
        raise ValueError("it holds no payload with records") from error
    if not isinstance(records, list):
        raise ValueError("its payload holds no list of records")
    return records


def _created(record: Record) -> datetime:
    return datetime.fromtimestamp(created_at(record), UTC)


def _iso(time: datetime, precision: str) -> str:
    return time.isoformat(timespec=precision).replace("+00:00", "Z")
