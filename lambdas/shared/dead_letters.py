"""Dead letters: records of the stream that can never be counted, stored for a redrive.

They lie beside the batches that Lambda gives up, in the same form, so `make redrive` finds both.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared.store.errors import StoreUnavailableError

CONDITION = "RecordUncountable"
"""Reason in the stored object; Lambda's own reasons are RetryAttemptsExhausted and others."""

PREFIX = "aws/lambda/set-aside/"

CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=1, read_timeout=5
)


class DeadLetters(Protocol):
    """A store of dead letters."""

    def keep(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Store records, all or none.

        Raises:
            StoreUnavailableError: they could not be stored.
        """


class DeadLetter(NamedTuple):
    """An object to store."""

    key: str
    body: bytes


def dead_letter(records: Sequence[Mapping[str, Any]]) -> DeadLetter:
    """Return records in the form of Lambda's invocation records.

    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
    """
    now = datetime.now(UTC)
    content = {
        "requestContext": {"condition": CONDITION, "approximateInvokeCount": 1},
        "version": "1.0",
        "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "payload": json.dumps({"Records": list(records)}, separators=(",", ":")),
    }
    name = f"{now:%Y/%m/%d}/{now:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
    return DeadLetter(PREFIX + name, (json.dumps(content, indent=1) + "\n").encode())


class S3DeadLetters(NamedTuple):
    """Dead letters in the stage's bucket of failed batches."""

    client: Any
    bucket: str

    def keep(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Store records as one object."""
        letter = dead_letter(records)
        try:
            self.client.put_object(Bucket=self.bucket, Key=letter.key, Body=letter.body)
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailableError("The bucket of dead letters cannot be written.") from error


def s3() -> Any:
    """Return a client of S3."""
    return boto3.client("s3", config=CONFIG)
