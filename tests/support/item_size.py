"""Bytes of an item, as DynamoDB counts them."""

from collections.abc import Mapping
from typing import Any


def item_bytes(item: Mapping[str, Any]) -> int:
    """Return the size of an item in DynamoDB's own JSON.

    Names and strings in UTF-8, numbers (digits + 1) / 2 + 1, a list or map 3 and 1 for each
    member (Developer Guide, "Item sizes and formats").
    """
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Mapping[str, Any]) -> int:
    (kind, content), *_ = value.items()
    match kind, content:
        case "S", str(text):
            return len(text.encode())
        case "N", str(number):
            return (len(number.strip("-0")) + 1) // 2 + 1
        case "B", bytes(raw):
            return len(raw)
        case "BOOL", _:
            return 1
        case "L", list(members):
            return 3 + sum(1 + _size(member) for member in members)
        case "M", dict(members):
            return 3 + sum(1 + len(name.encode()) + _size(each) for name, each in members.items())
        case _:
            raise AssertionError(kind)
