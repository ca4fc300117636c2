"""Items of a learner as plain records for the export: ISO 8601 times, packed attributes unpacked.

A session's seed and the order of its choices are left out: they would reveal the right choices of
an open session before they are answered (docs/privacy.md).
"""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from re import fullmatch
from typing import Any

from domain.statistics.given_answer import DAY
from lambdas.contract.formats import SESSION_ID_PATTERN
from lambdas.shared.store.client import Item
from lambdas.shared.store.packing import unpacked_learner, unpacked_ledger
from lambdas.shared.store.sessions import session_from_item
from lambdas.shared.timestamps import iso

Record = dict[str, Any]

_INDEX_KEYS = frozenset({"ends", "beyondHead", "owedIn"})
"""Keys of indexes: they repeat what other attributes have."""


def plain_record(item: Item) -> Record:
    """Return an item's attributes but its owner, by name: the database has them in no order."""
    return {
        name: _value(name, value)
        for name, value in sorted(item.items())
        if name != "userId" and name not in _INDEX_KEYS
    }


def user_record(item: Item) -> Record:
    """Return a user's item, with the totals that are counted of their answers."""
    record = plain_record(item)
    if "tally" in item:
        tally = unpacked_learner(item["tally"]["B"])
        record["tally"] = {
            "asOf": iso(tally.as_of) if tally.as_of else None,
            "timeSpent": tally.time_spent,
            "categories": _plain(tally.categories),
            "days": {_date(day): _plain(run) for day, run in tally.days.items()},
            "closedThrough": _date(tally.closed_through),
            "before": _plain(tally.before),
            "daysBefore": {**_plain(tally.days_before), "last": _date(tally.days_before.last)},
        }
    if "startDay" in item:
        record["startDay"] = _date(record["startDay"])
    if "ledger" in item:
        record["ledger"] = _plain(unpacked_ledger(item["ledger"]["B"]))
        record["ledgerDay"] = _date(record["ledgerDay"])
    return record


_NOT_SHOWN = ("seed", "head", "pool", "passed", "mark", "spacing")
"""Attributes of a session that are secret, or shown by name instead of as bytes."""


def is_session(item: Item) -> bool:
    """Whether an item of the Sessions table is a session, not an idempotency marker or a ledger."""
    return fullmatch(SESSION_ID_PATTERN, item["sessionId"]["S"]) is not None


def session_record(item: Item) -> Record:
    """Return a session without its secrets."""
    session = session_from_item(item)
    record = plain_record({name: each for name, each in item.items() if name not in _NOT_SHOWN})
    record["pool"] = [
        {
            "questionId": entry.question_id,
            "queuedAt": iso(entry.queued_at),
            "remainingTries": entry.remaining_tries,
            "leftover": entry.leftover,
            "turn": entry.turn,
        }
        for entry in session.pool.head
    ]
    waiting, passed = session.pool
    if waiting.mark:
        record["mark"] = _key_record(waiting.mark)
    if passed.entries:
        mark = {"mark": _key_record(passed.mark)} if passed.mark else {}
        record["passed"] = {"entries": passed.entries, **mark}
    if session.spacing:
        record["spacing"] = session.spacing._asdict()
    if "turn" in record:
        del record["turn"]["order"]
    return record


def _key_record(key: tuple[int, str]) -> Record:
    return {"queuedAt": iso(key[0]), "questionId": key[1]}


def bookkeeping_record(item: Item) -> Record:
    """Return what lies beside the sessions: the marker of a key, or which answers were counted."""
    record = plain_record(item)
    if "tally" in item:
        record["tally"] = _plain(unpacked_ledger(item["tally"]["B"]))
    return record


def _value(name: str, attribute: Item) -> Any:
    ((kind, value),) = attribute.items()
    match kind:
        case "N":
            return _number(name, value)
        case "L":
            return [_value(name, each) for each in value]
        case "M":
            return {inner: _value(inner, each) for inner, each in sorted(value.items())}
        case "B":
            return b64encode(value).decode()
        case _:
            return value


def _number(name: str, text: str) -> Any:
    if name == "ttl":
        return iso(int(text) * 1000)
    if name.endswith("At"):
        return iso(int(text))
    return int(text)


def _plain(value: Any) -> Any:
    """Named tuples as objects, mappings and sequences of them alike."""
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


def _date(day: int) -> str | None:
    """Return the date of a day since the epoch, None for the one before the first."""
    return f"{datetime.fromtimestamp(day * DAY // 1000, UTC):%Y-%m-%d}" if day >= 0 else None
