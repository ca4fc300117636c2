"""Rules of the contract for schemathesis beyond the OpenAPI document."""

from typing import Any

import schemathesis


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """Write whole numbers as such: 98.0 is an integer for JSON schema, and none for the contract,
    which coerces nothing."""
    if isinstance(body, dict):
        return {name: map_body(_context, value) for name, value in body.items()}
    if isinstance(body, list):
        return [map_body(_context, value) for value in body]
    if isinstance(body, float) and body.is_integer():
        return int(body)
    return body
