"""How records of the Progress stream reach their consumer: an event source mapping's settings.

Plain data that needs no CDK: the laptop stage delivers by the very settings it is given here.
"""

from dataclasses import dataclass, replace

STREAM_HOURS = 24
"""What a stream keeps of records: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html"""


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


DELIVERY = Delivery(
    # Two images of a record are about a kilobyte: 500 are far below the 6 MB of an invocation.
    batch_size=500,
    window_seconds=5,
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
