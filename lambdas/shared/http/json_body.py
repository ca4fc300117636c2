"""A request body as JSON, refused where JSON parsers are usually lenient."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn
from unicodedata import normalize

from lambdas.contract.errors import MalformedBodyError

MAX_DEPTH = 16
"""Lists and objects in one another; no body of the contract needs more than four."""


def parse_json(text: str) -> Any:
    """Return the value of a JSON document, its texts in Unicode normal form C.

    Raises:
        MalformedBodyError: it is not JSON, or holds a constant JSON does not know (NaN,
            Infinity), a key twice, a lone surrogate, a number too large, or is nested too deep.
    """
    try:
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_number,
            object_pairs_hook=_object,
        )
        # Nearly every body: nothing in it has another form, or is deep.
        if text.isascii() and "\\" not in text and text.count("[") + text.count("{") <= MAX_DEPTH:
            return value
        return _normalized(value, MAX_DEPTH)
    except (ValueError, RecursionError) as error:
        raise MalformedBodyError(f"The body is not JSON: {_reason(error)}.") from None


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno} column {error.colno}"
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if isinstance(error, UnicodeError):
        return "it holds a lone surrogate"
    return str(error) if isinstance(error, _RefusedError) else "a number in it is too long"


class _RefusedError(ValueError):
    """Valid for Python's parser, not for ours."""


def _refuse_constant(name: str) -> NoReturn:
    raise _RefusedError(f"{name} is no JSON value")


def _number(text: str) -> float | int:
    """Return a number; `7.0` and `7e0` are whole numbers, as in JSON Schema."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _RefusedError("a number in it is too large")
    # Read exactly: the nearest float to 5.000000000000000000001 is a whole number, 5.
    try:
        exact = Decimal(text)
    except InvalidOperation:
        raise _RefusedError("an exponent in it is too long") from None
    return int(value) if exact == exact.to_integral_value() else value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise _RefusedError("an object in it has a key twice")
    return result


def _normalized(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        value.encode()
        return value if value.isascii() else normalize("NFC", value)
    if not isinstance(value, list | dict):
        return value
    if depth == 0:
        raise _RefusedError("it is nested too deep")
    if isinstance(value, list):
        return [_normalized(item, depth - 1) for item in value]
    # Keys that differ only in how they are composed are one key after this.
    return _object(
        [(_normalized(key, depth), _normalized(item, depth - 1)) for key, item in value.items()]
    )
