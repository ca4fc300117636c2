"""The part of a session item that holds its pool, as bytes.

An entry takes 13 bytes instead of some 70 by names and numbers; with 16 of them the item stays
under 1 KB, which halves the cost of each answer's write.
"""

from collections.abc import Sequence

from domain.question import category_and_ordinal, question_id
from domain.session.policy import Spacing
from domain.session.pool import Pool, PoolEntry, Queue
from domain.session.state import Session, Source
from lambdas.shared.store.client import Item

_ENTRY_BYTES = 13
_OLD_ENTRY_BYTES = 12
_LEFTOVER = 0x80


def pool_attributes(session: Session) -> Item:
    """Return the attributes that hold the session's pool."""
    places = {source.category: place for place, source in enumerate(session.sources)}
    pool = session.pool
    item: Item = {
        "entries": {"N": str(pool.entries)},
        "tries": {"N": str(pool.tries)},
        "pool": {"B": b"".join(_packed_entry(entry, places) for entry in pool.head)},
    }
    if pool.waiting.mark:
        item["mark"] = {"B": _packed_key(pool.waiting.mark, places)}
    if pool.passed.entries:
        mark = _packed_key(pool.passed.mark, places) if pool.passed.mark else b""
        item["passed"] = {"B": pool.passed.entries.to_bytes(4) + mark}
    return item


def pool_from_item(item: Item, sources: tuple[Source, ...], spacing: Spacing | None) -> Pool:
    """Return the pool that an item holds, one of an earlier release included."""
    if "head" in item:
        return _pool_of_earlier_release(item, sources)
    packed = item["pool"]["B"]
    head = [
        _unpacked_entry(packed[at : at + _ENTRY_BYTES], sources)
        for at in range(0, len(packed), _ENTRY_BYTES)
    ]
    stored = item["passed"]["B"] if "passed" in item else bytes(4)
    passed = Queue(
        head=tuple(entry for entry in head if spacing and entry.passed),
        entries=int.from_bytes(stored[:4]),
        tries=int.from_bytes(stored[:4]),  # an entry that passed owes one
        mark=_unpacked_key(stored[4:], sources) if stored[4:] else None,
    )
    waiting = Queue(
        head=tuple(entry for entry in head if not (spacing and entry.passed)),
        entries=int(item["entries"]["N"]) - passed.entries,
        tries=int(item["tries"]["N"]) - passed.tries,
        mark=_unpacked_key(item["mark"]["B"], sources) if "mark" in item else None,
    )
    return Pool(waiting, passed)


def packed_spacing(spacing: Spacing) -> bytes:
    """Return the settings of `SPACED` as 6 bytes."""
    limit = spacing.pending_limit or 0
    lags = spacing.first_lag.to_bytes(2) + spacing.second_lag.to_bytes(2)
    return lags + bytes([spacing.share, limit])


def unpacked_spacing(packed: bytes) -> Spacing:
    """Return the settings that `packed_spacing` wrote."""
    return Spacing(
        first_lag=int.from_bytes(packed[:2]),
        second_lag=int.from_bytes(packed[2:4]),
        share=packed[4],
        pending_limit=packed[5] or None,
    )


def _packed_entry(entry: PoolEntry, places: dict[str, int]) -> bytes:
    """Pack an entry: its key, with tries and leftover's bit in the first byte, and its turn."""
    key = bytearray(_packed_key(entry.key, places))
    key[0] |= entry.remaining_tries << 4 | _LEFTOVER * entry.leftover
    return bytes(key) + entry.turn.to_bytes(3)


def _unpacked_entry(packed: bytes, sources: Sequence[Source]) -> PoolEntry:
    queued_at, identifier = _unpacked_key(packed[:10], sources)
    return PoolEntry(
        queued_at=queued_at,
        question_id=identifier,
        remaining_tries=packed[0] >> 4 & 7,
        leftover=packed[0] >= _LEFTOVER,
        turn=int.from_bytes(packed[10:]),
    )


def _packed_key(key: tuple[int, str], places: dict[str, int]) -> bytes:
    """Pack a key in 10 bytes: source (0 to 15), ordinal (below 2**24), time queued."""
    queued_at, identifier = key
    category, ordinal = category_and_ordinal(identifier)
    return places[category].to_bytes(1) + ordinal.to_bytes(3) + queued_at.to_bytes(6)


def _unpacked_key(packed: bytes, sources: Sequence[Source]) -> tuple[int, str]:
    category = sources[packed[0] & 0x0F].category
    return int.from_bytes(packed[4:10]), question_id(category, int.from_bytes(packed[1:4]))


def _pool_of_earlier_release(item: Item, sources: Sequence[Source]) -> Pool:
    """Return a pool of 12 bytes an entry (source, ordinal, time, tries), without turns."""
    packed = item["head"]["B"]
    mark = item["mark"]["L"] if "mark" in item else None
    entries = (packed[at : at + _OLD_ENTRY_BYTES] for at in range(0, len(packed), _OLD_ENTRY_BYTES))
    head = tuple(
        PoolEntry(
            queued_at=int.from_bytes(entry[5:11]),
            question_id=question_id(sources[entry[0]].category, int.from_bytes(entry[1:5])),
            remaining_tries=entry[11] & ~_LEFTOVER,
            leftover=entry[11] >= _LEFTOVER,
        )
        for entry in entries
    )
    waiting = Queue(
        head=head,
        entries=int(item["entries"]["N"]),
        tries=int(item["tries"]["N"]),
        mark=(int(mark[0]["N"]), mark[1]["S"]) if mark else None,
    )
    return Pool(waiting)
