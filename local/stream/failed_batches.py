"""Where batches go that the stream's consumer could not count: files as Lambda writes them to S3.

https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html has the form.
"""

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.stream.event_source_mapping import FailedBatch, Record, created_at, sequence_number

_MAPPING = "laptop"


@dataclass(frozen=True, slots=True)
class FailedBatches:
    """A folder of invocation records, under the names that Lambda gives its objects."""

    folder: Path

    def keep(self, batch: FailedBatch, *, function: str, stream_arn: str, shard_id: str) -> Path:
        """Write a batch that was given up, whole or not at all; return its file."""
        now = datetime.now(UTC)
        name = f"{now:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
        file = self.folder / "aws" / "lambda" / _MAPPING / shard_id / f"{now:%Y/%m/%d}" / name
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
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
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        draft.replace(file)
        return file

    def __iter__(self) -> Iterator[Path]:
        """Yield the files, oldest first."""
        files = (each for each in self.folder.rglob("*") if each.is_file())
        yield from sorted(
            (each for each in files if each.suffix != ".draft"), key=lambda file: file.name
        )


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
