"""The pump with a shim between its stream and its consumer, which does what may happen.

Records come twice, at once or much later; those of different items in any order (DynamoDB orders
only those of one item); some that no answer can have left are among them; the consumer fails for a
while, before or after it has counted; and some records it cannot count at all in here, so that
they end as failed batches. Records after number SOUND_AFTER come twice and in any order, but
no more than that. Nothing is read while the file HELD_BY exists. Each invocation writes a line of
JSON, to the FIFO TOLD_TO.
"""

import json
import os
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any, ClassVar, TextIO
from unittest.mock import patch

from lambdas.shared.services import services
from local.stream import pump, pump_process
from local.stream.event_source_mapping import FailedBatch, Record, counted_of, sequence_number
from local.stream.failed_batches import FailedBatches, LocalDeadLetters
from local.stream.reader import Position, ShardReader

DUPLICATED = 0.05
LATE = 0.5
"""Share of the duplicates that come many records later."""
LATER = 200
MALFORMED_EVERY = 150
UNCOUNTABLE_EVERY = 150
PASSING = 0.05
"""Share of invocations that end in an error, half of them after all is counted."""


class FaultyReader(ShardReader):
    """Reads a shard, and hands its records on as a bad day would."""

    random = Random(6)
    late: ClassVar["deque[tuple[int, Record]]"] = deque()
    read_so_far = 0
    handed_on = 0
    injected: ClassVar = {"duplicates": 0, "reordered": 0, "malformed": 0}

    def read(self) -> int:
        """Change what was read now, and leave the rest of what waits alone."""
        if Path(os.environ["HELD_BY"]).exists():
            return 0
        before = len(self.waiting)
        count = super().read()
        fresh = [self.waiting.pop() for _ in range(len(self.waiting) - before)][::-1]
        FaultyReader.read_so_far += count
        handed = self._with_malformed(self._reordered(self._with_duplicates(fresh)))
        self.waiting += handed
        # The checkpoint must not depend on the order of what is handed on.
        if fresh:
            self.after = Position.of(fresh[-1])
        return count

    def _with_duplicates(self, records: list[Record]) -> list[Record]:
        handed = []
        for record in records:
            handed.append(record)
            if self.random.random() < DUPLICATED:
                self.injected["duplicates"] += 1
                if self.random.random() < LATE:
                    self.late.append((self.read_so_far + LATER, record))
                else:
                    handed.append(record)
        while self.late and (self.late[0][0] <= self.read_so_far or not records):
            handed.append(self.late.popleft()[1])
        return handed

    def _reordered(self, records: list[Record]) -> list[Record]:
        """Merge the records of the items at random, each item's own in their order."""
        of_item: dict[str, deque[Record]] = {}
        for record in records:
            of_item.setdefault(json.dumps(record["dynamodb"]["Keys"]), deque()).append(record)
        places = [key for key, own in of_item.items() for _ in own]
        self.random.shuffle(places)
        handed = [of_item[key].popleft() for key in places]
        self.injected["reordered"] += sum(
            one is not other for one, other in zip(records, handed, strict=True)
        )
        return handed

    def _with_malformed(self, records: list[Record]) -> list[Record]:
        handed = []
        for record in records:
            handed.append(record)
            FaultyReader.handed_on += not sound(record)
            if not sound(record) and self.handed_on % MALFORMED_EVERY == 0:
                self.injected["malformed"] += 1
                handed.append(self._malformed(record))
        return handed

    def _malformed(self, record: Record) -> Record:
        """Return a record that no answer can have left, with a sequence number of its own."""
        poison = deepcopy(record)
        image, number = poison["dynamodb"]["NewImage"], sequence_number(record)
        poison["dynamodb"]["SequenceNumber"] = f"{number}-{self.injected['malformed']}"
        poison["eventID"] = poison["dynamodb"]["SequenceNumber"]
        match self.injected["malformed"] % 3:
            case 0:
                del image["answerNumber"]
            case 1:
                image["lastVersion"] = {"N": "0"}
            case _:
                image["lastChoice"] = {"S": "?"}
        return poison


class FaultyConsumer:
    """The consumer, which fails now and then and never counts some records."""

    def __init__(self, told: TextIO) -> None:
        self._consumer = pump.load_consumer()
        self._random = Random(7)
        self._told = told
        self._spent = {"calls": 0.0, "read": 0.0, "written": 0.0}
        events = services().database.client.meta.events
        events.register("after-call.dynamodb", self._spend)

    def __call__(self, event: Mapping[str, Any], context: Any) -> object:
        """Count a batch up to the first record that cannot be counted here."""
        records: list[Record] = event["Records"]
        place = next((i for i, each in enumerate(records) if uncountable(each)), len(records))
        if place == 0 and len(records) > 1:
            raise RuntimeError("the first record cannot be counted")
        fate = 1.0 if all(map(sound, records)) else self._random.random()
        if fate < PASSING / 2:
            raise ConnectionError("before anything is counted")
        self._spent.update(calls=0.0, read=0.0, written=0.0)
        began = time.monotonic()
        response: Any = self._consumer({"Records": records[:place]}, context) if place else {}
        tell(self._told, seconds=time.monotonic() - began, **self._spent)
        if PASSING / 2 <= fate < PASSING:
            raise ConnectionError("after all is counted")
        counted = counted_of(response, records[:place])
        self._tell(records[:counted])
        if counted < place or place == len(records):
            return response
        return {"batchItemFailures": [{"itemIdentifier": sequence_number(records[place])}]}

    def _spend(self, parsed: dict[str, Any], model: Any, **_: object) -> None:
        used = parsed.get("ConsumedCapacity") or []
        units = sum(each["CapacityUnits"] for each in (used if isinstance(used, list) else [used]))
        self._spent["calls"] += 1
        self._spent["read" if model.name == "BatchGetItem" else "written"] += units

    def _tell(self, counted: list[Record]) -> None:
        now = time.time_ns() // 1_000_000
        lags = {
            each["eventID"]: now - int(each["dynamodb"]["NewImage"]["lastSeenAt"]["N"])
            for each in counted
            if each["eventID"].isdecimal()
        }
        tell(self._told, counted=lags)


def uncountable(record: Record) -> bool:
    """Whether the consumer fails on a record in this process, and only here."""
    event: str = record["eventID"]
    if not event.isdecimal() or sound(record):
        return False
    return int(event) % UNCOUNTABLE_EVERY == UNCOUNTABLE_EVERY // 2


def sound(record: Record) -> bool:
    """Whether a record is spared."""
    event: str = record["eventID"]
    return event.isdecimal() and int(event) > int(os.environ["SOUND_AFTER"])


def tell(told: TextIO, **what: Any) -> None:
    """Write a line to whoever listens."""
    state = {"injected": FaultyReader.injected, "late": len(FaultyReader.late)}
    told.write(json.dumps({**what, **state}) + "\n")
    told.flush()


def main() -> int:
    """Run the pump."""
    with Path(os.environ["TOLD_TO"]).open("w", encoding="utf-8") as told:
        keep = FailedBatches.keep

        def kept(self: FailedBatches, batch: FailedBatch, **where: str) -> Path:
            file = keep(self, batch, **where)
            tell(told, given_up=[each["eventID"] for each in batch.records])
            return file

        store = LocalDeadLetters.keep

        def set_aside(self: LocalDeadLetters, records: Sequence[Mapping[str, Any]]) -> None:
            store(self, records)
            tell(told, given_up=[each["eventID"] for each in records])

        with (
            patch.object(FailedBatches, "keep", kept),
            patch.object(LocalDeadLetters, "keep", set_aside),
            patch("local.stream.pump.ShardReader", FaultyReader),
            patch("local.stream.pump_process.load_consumer", lambda: FaultyConsumer(told)),
        ):
            return pump_process.main()


if __name__ == "__main__":
    sys.exit(main())
