"""Names of time zones, and a short code for each, which a session has room for."""

from functools import cache
from hashlib import blake2b
from importlib.resources import files

CODE_BYTES = 3
"""A test shows that no two names share a code."""


@cache
def time_zones() -> frozenset[str]:
    """Return the IANA names of all time zones, those of earlier versions included."""
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split())


def code_of(time_zone: str) -> bytes:
    """Return the code of a time zone."""
    return blake2b(time_zone.encode(), digest_size=CODE_BYTES).digest()


@cache
def names_by_code() -> dict[bytes, str]:
    """Return the names of all time zones by their codes."""
    return {code_of(name): name for name in time_zones()}
