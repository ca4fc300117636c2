"""Every random decision of a session, made from its seed.

All values come from keyed BLAKE2b (RFC 7693), one purpose apart from another by the hash's
personalization, so that nothing a learner sees (the order, the ids) reveals anything of what is
drawn next. The same seed gives the same session on any machine, for ever.
"""

from hashlib import blake2b

SEED_BYTES = 16
"""Length of a session's seed: 128 bits cannot be guessed or met twice."""


def digest(seed: bytes, purpose: bytes, message: bytes) -> bytes:
    """Return 64 pseudorandom bytes for `message`; `purpose` is up to 16 bytes."""
    return blake2b(message, key=seed, person=purpose).digest()


def below(bound: int, seed: bytes, purpose: bytes, turn: int) -> int:
    """Return an integer in [0, bound) for this turn.

    512 bits are reduced, so the bias for any bound here (at most 10! or a bank's size) is
    below 2**-400.
    """
    return int.from_bytes(digest(seed, purpose, b"%d" % turn)) % bound
