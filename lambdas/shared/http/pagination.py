"""Page tokens: where a list goes on, bound to the query that began it.

The partition read is always the caller's own, so a token made by hand gains nothing; the binding
keeps a token from being used where it would silently skip items, the grammar of the position what
no list ever gave from reaching the database.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import blake2b
from re import fullmatch
from typing import Any

from lambdas.contract.errors import FieldCode, FieldFault, ValidationError

WRONG_TOKEN = "Use the nextToken of a response to the same query, unchanged."  # noqa: S105 - a sentence

_BINDING_BYTES = 8


def page_token(position: str, operation: str, user_id: str, query: Mapping[str, Any]) -> str:
    """Return a token to go on after `position` (the last sort key of the page)."""
    binding = _binding(operation, user_id, query)
    return urlsafe_b64encode(binding + position.encode()).decode().rstrip("=")


def page_position(
    operation: str, user_id: str, query: Mapping[str, Any], pattern: str
) -> str | None:
    """Return the position in the query's `nextToken`, None without one.

    `pattern` is what all positions of the list match.

    Raises:
        ValidationError: the token is not one given to this user for this query.
    """
    token = query.get("nextToken")
    if token is None:
        return None
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        position = raw[_BINDING_BYTES:].decode()
    except ValueError:
        raise _refused() from None
    bound = raw[:_BINDING_BYTES] == _binding(operation, user_id, query)
    if not bound or not fullmatch(pattern, position):
        raise _refused()
    return position


def _refused() -> ValidationError:
    return ValidationError([FieldFault("nextToken", FieldCode.INVALID_TOKEN, WRONG_TOKEN)])


def _binding(operation: str, user_id: str, query: Mapping[str, Any]) -> bytes:
    # `limit` may change from page to page.
    kept = sorted((k, v) for k, v in query.items() if k not in ("limit", "nextToken"))
    return blake2b(repr((operation, user_id, kept)).encode(), digest_size=_BINDING_BYTES).digest()
