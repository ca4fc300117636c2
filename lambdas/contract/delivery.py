"""How records of the Progress stream reach their consumer: an event source mapping's settings.

Plain data that needs no CDK: the laptop stage delivers by the very settings it is given here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

CONSUMER = "analytics"
"""The function that records are delivered to, by its folder."""

CONSUMER_SECONDS = 60
"""It has that long for a batch: a second or so of reads and writes, and their retries."""

FAILED_BATCH_DAYS = 30
"""How long a failed batch can be redriven."""

_STREAM_SECONDS = 24 * 3_600
"""How long a stream keeps a record.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Settings of a stream's consumer; what is not delivered by them is a failed batch.

    Attributes:
        batch_size: Most records of a batch. The consumer sums a batch before it writes, so a large
            one writes a popular question once for many answers.
        window_seconds: How long a batch waits for more records: the lag that figures have anyway,
            in exchange for fewer and cheaper writes.
        retries: How often the same batch is sent again. Splitting a batch is no retry.
        record_age_seconds: A record older than this is not sent any more.
        parallelization: Batches of one shard that are under way at once. Orders are kept by item
            at any number; but the summing is by batch, and two of them meet on the same items.
    """

    batch_size: int
    window_seconds: int
    retries: int
    record_age_seconds: int
    parallelization: int

    def faults(self, *, on_aws: bool) -> Iterator[str]:
        """Tell what is wrong with it; only AWS forgets the records of a stream."""
        for what, value, most in (
            ("a batch", self.batch_size, 10_000),
            ("batches of a shard at once", self.parallelization, 10),
        ):
            if not 1 <= value <= most:
                yield f"{what}: 1 to {most:,}, not {value}"
        if not 0 <= self.window_seconds <= 300:
            yield f"a batch waits for 0 to 300 seconds, not {self.window_seconds}"
        if not 0 <= self.retries <= 10_000:
            yield "failed batches have to be given up at some time"
        if self.record_age_seconds < 60:
            yield "a record is given up before it is a minute old"
        if on_aws and self.record_age_seconds >= _STREAM_SECONDS:
            yield "a record is forgotten by its stream before it is given up"


DELIVERY = Delivery(
    # Records of a shard in a window at 130 answers a second in all. Two images of a record are
    # about 1.5 KB: 1,000 are far below the 6 MB of an invocation, and counted within seconds.
    batch_size=1_000,
    # A learner's answers of a window are written together: at one in 20 s, a quarter fewer writes
    # than with 5 s. Longer, and totals would not lag by seconds any more.
    window_seconds=30,
    # A failed write passes within seconds or has a cause; while it is retried, its shard waits.
    retries=5,
    # Longer than an outage that passes by itself, and well before the stream forgets.
    record_age_seconds=6 * 3_600,
    parallelization=1,
)

LAPTOP_DELIVERY = replace(
    DELIVERY,
    # Its engine costs nothing: figures soon are worth more than few writes.
    window_seconds=0,
    # Nothing passes by waiting: the database is beside the function.
    retries=2,
    # A laptop sleeps for days, and its stream forgets nothing: the longest that Lambda takes.
    record_age_seconds=7 * 24 * 3_600,
)
