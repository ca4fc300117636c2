"""Sends the analytics function once more what it could not count: the failed batches of a stage.

The consumer knows what it has counted since, so sending a batch again is harmless: this can be
interrupted and repeated. A batch is forgotten once all of its records are counted; what cannot be
counted stays where it is, and is reported.

Exit codes: 0 nothing is left, 1 something is, 2 it could not be tried.
"""

import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import unquote_plus

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.contract.delivery import CONSUMER, CONSUMER_SECONDS, DELIVERY
from local.data_folder import DataFolder
from local.database.backend import connect, enter, handler_environment
from local.database.tables import table_definitions
from local.errors import CommandError
from local.invocation import InvocationContext
from local.running_stage import RunningStage
from local.stream.event_source_mapping import ConsumerError, EventSourceMapping, FailedBatch, Record
from local.stream.failed_batches import FailedBatches, records_of
from local.stream.pump import load_consumer
from ops.deploy.outputs import Outputs

_ALL_COUNTED, _SOMETHING_LEFT, _NOT_TRIED = 0, 1, 2
_NO_QUEUE = ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")
_WAIT_SECONDS = 1
_HIDDEN_SECONDS = 300
"""How long the queue hides a message that was received, unless it is given back."""
_SETTINGS = replace(DELIVERY, retries=1, record_age_seconds=sys.maxsize)
"""As the stream delivers, splitting what fails; but nobody waits, and no record is too old."""

Send = Callable[[Sequence[Record]], object]
"""Sends records to the consumer and returns its answer, or raises ConsumerError."""


class FailedBatchAt(Protocol):
    """A failed batch where it is kept."""

    @property
    def name(self) -> str:
        """Name of the batch."""

    def read(self) -> str | bytes | None:
        """Return its content; None if somebody else has forgotten it."""

    def forget(self) -> None:
        """Remove it: all of it is counted."""


@dataclass(slots=True)
class Report:
    """Batches counted, and batches that remain with the reason, by name."""

    counted: int = 0
    records: int = 0
    left: dict[str, str] = field(default_factory=dict)

    def tell(self, stage: str) -> str:
        """Return it in words."""
        done = f"{_many(self.counted, 'failed batch', 'es')} ({_many(self.records, 'record')})"
        lines = [f"Stage {stage}: {done} counted, {len(self.left) or 'none'} left."]
        return "\n".join([*lines, *(f"  {name}: {why}" for name, why in self.left.items())])


def redrive_stage(stage: str) -> int:
    """Count the failed batches of a stage again; print the report and return the exit code.

    Raises:
        CommandError: The command could not run.
    """
    report = Report()
    try:
        with _laptop() if stage == "local" else _deployed(stage) as (batches, send):
            redrive(batches, send, report)
    except CommandError as error:
        raise CommandError(str(error), _NOT_TRIED) from None
    except (BotoCoreError, ClientError) as error:
        print(report.tell(stage))
        raise CommandError(f"AWS refuses: {error}", _NOT_TRIED) from None
    except KeyboardInterrupt:
        print(f"Interrupted. {report.tell(stage)}")
        raise
    print(report.tell(stage))
    return _SOMETHING_LEFT if report.left else _ALL_COUNTED


def redrive(batches: Iterator[FailedBatchAt], send: Send, report: Report) -> None:
    """Send each batch, and forget those that are counted as a whole."""
    for batch in batches:
        content = batch.read()
        if content is None:
            continue
        try:
            records = records_of(content)
        except ValueError as error:
            report.left[batch.name] = f"is no failed batch: {error}"
            continue
        if lost := _uncounted(records, send):
            report.left[batch.name] = f"{lost} of {_many(len(records), 'record')} not counted"
        else:
            batch.forget()
            report.counted += 1
            report.records += len(records)


def _uncounted(records: Sequence[Record], send: Send) -> int:
    """Deliver records as the stream does; return how many the consumer did not count."""
    given_up: list[FailedBatch] = []
    EventSourceMapping(
        settings=_SETTINGS,
        invoke=send,
        discard=given_up.append,
        settled=lambda _: None,
        wait=time.sleep,
        now=time.time,
    ).deliver(records)
    return sum(len(batch.records) for batch in given_up)


# The laptop stage


@dataclass(frozen=True, slots=True)
class _File:
    folder: FailedBatches
    name: str

    def read(self) -> str | None:
        with suppress(FileNotFoundError):
            return (self.folder.folder / self.name).read_text(encoding="utf-8")
        return None

    def forget(self) -> None:
        (self.folder.folder / self.name).unlink(missing_ok=True)


@contextmanager
def _laptop() -> Iterator[tuple[Iterator[FailedBatchAt], Send]]:
    """Reach the stage's own database, whether the stage runs or not."""
    folder = DataFolder.from_environment()
    kept = FailedBatches(folder.failed_batches)
    names = [str(file.relative_to(kept.folder)) for file in kept]
    with _laptop_database(folder), folder.stage_log.open("a", encoding="utf-8") as log:
        consumer = load_consumer()

        def send(records: Sequence[Record]) -> object:
            context = InvocationContext(CONSUMER, str(uuid.uuid4()), CONSUMER_SECONDS)
            try:
                with redirect_stdout(log):  # the function's lines go where they always go
                    return consumer({"Records": records, "redrive": True}, context)
            except Exception as error:
                raise ConsumerError from error

        yield (_File(kept, name) for name in names), send


@contextmanager
def _laptop_database(folder: DataFolder) -> Iterator[None]:
    lock = folder.stage_lock()
    try:
        if not lock.acquire():
            enter(RunningStage.find(folder).environment)
            yield
            return
        with connect(folder, os.environ.get("DYNAMODB_ENDPOINT") or None) as connection:
            enter(handler_environment(connection, table_definitions()))
            yield
    finally:
        lock.close()


# A stage on AWS


@dataclass(slots=True)
class DeployedBatches:
    """The clients of a deployed stage, and the messages that are to be given back."""

    name: str
    bucket: str
    queue_url: str
    sqs: Any
    s3: Any
    functions: Any
    seen: set[str] = field(default_factory=set)
    handles: dict[str, str] = field(default_factory=dict)

    def batches(self) -> Iterator[FailedBatchAt]:
        """Yield the batches that the queue names, then those whose messages have expired."""
        while messages := self._receive():
            for message in messages:
                keys = _keys_of(message["Body"])
                if not keys:  # S3's test message, sent once
                    self._delete(message["ReceiptHandle"])
                for key in keys:
                    self.handles[key] = message["ReceiptHandle"]
                    if key not in self.seen:
                        self.seen.add(key)
                        yield _Object(self, key)
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix="aws/lambda/"
        )
        for page in pages:
            for found in page.get("Contents", []):
                if found["Key"] not in self.seen:
                    self.seen.add(found["Key"])
                    yield _Object(self, found["Key"])

    def send(self, records: Sequence[Record]) -> object:
        """Invoke the live version of the consumer."""
        answered = self.functions.invoke(
            FunctionName=f"quiz-{self.name}-{CONSUMER}",
            Qualifier="live",
            Payload=json.dumps({"Records": records, "redrive": True}).encode(),
        )
        payload = answered["Payload"].read()
        if answered.get("FunctionError"):
            raise ConsumerError(payload.decode(errors="replace"))
        return json.loads(payload)

    def read(self, key: str) -> bytes | None:
        """Return an object's content, if it is there."""
        try:
            content: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            self._forget_message(key)  # an earlier redrive was interrupted between the two
            return None
        return content

    def forget(self, key: str) -> None:
        """Delete an object, then its message: the other way about, nobody would know of it."""
        self.s3.delete_object(Bucket=self.bucket, Key=key)
        self._forget_message(key)

    def give_back(self) -> None:
        """Let the queue show at once the messages of what is left, for the alarm to see."""
        for handle in self.handles.values():
            with suppress(ClientError):
                self.sqs.change_message_visibility(
                    QueueUrl=self.queue_url, ReceiptHandle=handle, VisibilityTimeout=0
                )

    def _receive(self) -> list[Mapping[str, Any]]:
        received = self.sqs.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=_WAIT_SECONDS,
            VisibilityTimeout=_HIDDEN_SECONDS,
        )
        found: list[Mapping[str, Any]] = received.get("Messages", [])
        return found

    def _forget_message(self, key: str) -> None:
        if handle := self.handles.pop(key, None):
            self._delete(handle)

    def _delete(self, handle: str) -> None:
        self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=handle)


@dataclass(frozen=True, slots=True)
class _Object:
    stage: DeployedBatches
    name: str

    def read(self) -> bytes | None:
        return self.stage.read(self.name)

    def forget(self) -> None:
        self.stage.forget(self.name)


def bucket_of(stage: str, account: str, region: str) -> str:
    """Return the name of a stage's bucket of failed batches."""
    return f"quiz-{stage}-failures-{account}-{region}"


def queue_of(stage: str) -> str:
    """Return the name of the queue that announces them."""
    return f"quiz-{stage}-dead-letters"


@contextmanager
def _deployed(name: str) -> Iterator[tuple[Iterator[FailedBatchAt], Send]]:
    stage = find_batches(name, Outputs.read(name).region)
    try:
        yield stage.batches(), stage.send
    finally:
        stage.give_back()


def find_batches(name: str, region: str) -> DeployedBatches:
    """Return the failed batches of a stage.

    Raises:
        CommandError: The stage is not deployed there.
    """
    session = boto3.Session(region_name=region)
    patient = Config(read_timeout=CONSUMER_SECONDS + 10, retries={"total_max_attempts": 2})
    sqs = session.client("sqs")
    try:
        queue_url = sqs.get_queue_url(QueueName=queue_of(name))["QueueUrl"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NO_QUEUE:
            raise
        raise CommandError(
            f"There is no queue {queue_of(name)} in {region}: is stage {name} deployed there?"
        ) from None
    account = session.client("sts").get_caller_identity()["Account"]
    return DeployedBatches(
        name=name,
        bucket=bucket_of(name, account, region),
        queue_url=queue_url,
        sqs=sqs,
        s3=session.client("s3"),
        functions=session.client("lambda", config=patient),
    )


def _keys_of(body: str) -> list[str]:
    """Return the objects named in a message of S3; none for its test of the queue."""
    told = json.loads(body).get("Records", [])
    return [unquote_plus(each["s3"]["object"]["key"]) for each in told]


def _many(count: int, what: str, plural: str = "s") -> str:
    return f"{count} {what if count == 1 else what + plural}"
