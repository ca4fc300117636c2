"""Days in a learner's time zone, numbered from the epoch."""

from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache

from domain.statistics.given_answer import DAY
from lambdas.contract.time_zones import names_by_code
from lambdas.shared.store.users import UTC as UTC_NAME

_EPOCH = date(1970, 1, 1).toordinal()


def day_in(time_zone: str, at: int) -> int:
    """Return the day of an instant (milliseconds) in a time zone, by its IANA name.

    A zone that is no longer in the database of time zones counts as UTC.
    """
    if time_zone == UTC_NAME:
        return at // DAY
    there = datetime.fromtimestamp(at / 1000, UTC).astimezone(_zone(time_zone))
    return there.toordinal() - _EPOCH


def name_of(code: bytes) -> str:
    """Return the name of the time zone that has this code; UTC if there is none any more."""
    return names_by_code().get(code, UTC_NAME)


@lru_cache(maxsize=1_024)
def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - not needed for UTC

    try:
        return ZoneInfo(name)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return UTC
