"""Times of the contract: milliseconds since the epoch inside, ISO 8601 UTC outside."""

from datetime import UTC, datetime


def iso(milliseconds: int) -> str:
    """Return `2026-11-22T09:30:00.123Z`."""
    seconds, millis = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{millis:03d}Z"


def milliseconds(text: str) -> int:
    """Return the time `iso` wrote.

    Raises:
        ValueError: it is not such a time.
    """
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000
