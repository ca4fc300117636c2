"""Pumps the engine's stream into the analytics function."""

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from lambdas.contract.delivery import CONSUMER, CONSUMER_SECONDS, LAPTOP_DELIVERY, Delivery
from local.invocation import InvocationContext
from local.stream.event_source_mapping import (
    ConsumerError,
    EventSourceMapping,
    FailedBatch,
    Record,
    created_at,
)
from local.stream.failed_batches import FailedBatches
from local.stream.reader import Position, ShardReader, Stream, readable

Consumer = Callable[[dict[str, Any], InvocationContext], object]

_BUSY_PAUSE = 0.2
"""Between reads while records come: what is written meanwhile is one batch."""
_IDLE_PAUSE = 1.0
"""The longest pause between reads: a call a second, a millisecond of processor time."""
_TROUBLE_PAUSE = 5.0
_SHARDS_SECONDS = 60.0
_TRIM_SECONDS = 3_600.0
_END_SECONDS = 10.0
"""How long to wait at the end for an invocation under way."""

_log = logging.getLogger(__name__)


def load_consumer() -> Consumer:
    """Return the handler of the analytics function, imported."""
    handler: Consumer = import_module(f"lambdas.{CONSUMER}.handler").handler
    return handler


class _EndedError(Exception):
    """The stage ends."""


class Checkpoint:
    """The last settled record of each shard, in a file that is replaced atomically.

    It belongs to one stream: the stream of a table created anew begins at its first record.

    Attributes:
        after: The last settled record, by shard.
        ended: Shards that are settled to their end.
    """

    def __init__(self, file: Path, stream_arn: str) -> None:
        self._file = file
        self._arn = stream_arn
        self.after: dict[str, Position] = {}
        self.ended: set[str] = set()
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            if found["stream"] == stream_arn:
                after = {shard: Position(*position) for shard, position in found["after"].items()}
                self.after, self.ended = after, set(found["ended"])
        except (AttributeError, OSError, ValueError, KeyError, TypeError):
            pass  # a first start, or a damaged file: delivering a record twice changes nothing

    def settle(self, shard_id: str, record: Record) -> None:
        """Save that a shard is settled up to a record."""
        self.after[shard_id] = Position.of(record)
        self._write()

    def end(self, shard_id: str) -> None:
        """Save that a shard is settled to its end."""
        self.ended.add(shard_id)
        self._write()

    def _write(self) -> None:
        content = {"stream": self._arn, "after": self.after, "ended": sorted(self.ended)}
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps(content) + "\n", encoding="utf-8")
        draft.replace(self._file)


class Pump:
    """A thread that delivers a stream to a consumer until it is closed.

    Any failure in it is logged and retried.
    """

    def __init__(
        self,
        stream: Stream,
        consumer: Consumer,
        *,
        checkpoint: Path,
        failed: FailedBatches,
        settings: Delivery = LAPTOP_DELIVERY,
        trim: Callable[[int], object] | None = None,
    ) -> None:
        """Take the parts.

        Args:
            stream: The stream to deliver.
            consumer: Handler of the function that counts.
            checkpoint: File of the checkpoint.
            failed: Where batches are stored that could not be delivered.
            settings: How to deliver.
            trim: Deletes old records up to a sequence number; called once an hour.
        """
        self._stream = stream
        self._consumer = consumer
        self._checkpoint = Checkpoint(checkpoint, stream.arn)
        self._failed = failed
        self._settings = settings
        self._trim = trim
        self._trimmed_at = -_TRIM_SECONDS
        self._ending = threading.Event()
        self._readers: dict[str, ShardReader] = {}
        self._shards_at = -_SHARDS_SECONDS
        self._thread = threading.Thread(target=self._run, name="stream-pump", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it after the invocation under way; what is not settled is sent at the next start."""
        self._ending.set()
        self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        pause = _BUSY_PAUSE
        while not self._ending.wait(pause):
            try:
                busy = self.pump()
                self._trim_settled()
                pause = _BUSY_PAUSE if busy else min(2 * pause, _IDLE_PAUSE)
            except _EndedError:
                return
            except Exception:
                _log.exception("The stream cannot be pumped; trying again")
                self._readers.clear()
                self._shards_at = -_SHARDS_SECONDS
                pause = _TROUBLE_PAUSE

    def pump(self) -> bool:
        """Read every shard once and deliver the batches that are due; return if there was any."""
        self._find_shards()
        busy = False
        for reader in list(self._readers.values()):
            if len(reader.waiting) < self._settings.batch_size:
                reader.read()
            busy = busy or bool(reader.waiting)
            while self._is_due(reader):
                self._deliver(reader)
            if reader.ended and not reader.waiting:
                self._checkpoint.end(reader.shard_id)
                del self._readers[reader.shard_id]
                self._shards_at = -_SHARDS_SECONDS
        return busy

    def _trim_settled(self) -> None:
        if self._trim and time.monotonic() - self._trimmed_at >= _TRIM_SECONDS:
            settled = [int(position.number) for position in self._checkpoint.after.values()]
            self._trim(max(settled, default=0))
            self._trimmed_at = time.monotonic()

    def _find_shards(self) -> None:
        """A shard ends after hours, and others go on from it."""
        if time.monotonic() - self._shards_at < _SHARDS_SECONDS:
            return
        shards = self._stream.shards()
        for shard_id in readable(shards, self._checkpoint.ended):
            if shard_id not in self._readers:
                after = self._checkpoint.after.get(shard_id)
                self._readers[shard_id] = ShardReader(self._stream, shard_id, after)
        self._shards_at = time.monotonic()

    def _is_due(self, reader: ShardReader) -> bool:
        if not reader.waiting:
            return False
        full = len(reader.waiting) >= self._settings.batch_size
        waited = time.time() - created_at(reader.waiting[0])
        return full or reader.ended or waited >= self._settings.window_seconds

    def _deliver(self, reader: ShardReader) -> None:
        size = min(len(reader.waiting), self._settings.batch_size)
        mapping = EventSourceMapping(
            settings=self._settings,
            invoke=self._invoke,
            discard=lambda batch: self._discard(batch, reader.shard_id),
            settled=lambda record: self._checkpoint.settle(reader.shard_id, record),
            wait=self._wait,
            now=time.time,
        )
        mapping.deliver([reader.waiting.popleft() for _ in range(size)])

    def _wait(self, seconds: float) -> None:
        if self._ending.wait(seconds):
            raise _EndedError

    def _invoke(self, records: Sequence[Record]) -> object:
        if self._ending.is_set():
            raise _EndedError
        context = InvocationContext(CONSUMER, str(uuid.uuid4()), CONSUMER_SECONDS)
        try:
            return self._consumer({"Records": records}, context)
        except Exception as error:
            _log.warning("The consumer failed on %d records", len(records), exc_info=True)
            raise ConsumerError from error

    def _discard(self, batch: FailedBatch, shard_id: str) -> None:
        function = InvocationContext(CONSUMER, "").invoked_function_arn
        file = self._failed.keep(
            batch, function=function, stream_arn=self._stream.arn, shard_id=shard_id
        )
        _log.error("%d records are given up (%s): %s", len(batch.records), batch.condition, file)
