"""DynamoDB's protocol, written and read without a walk through the SDK's models.

An item is kept here as it goes over the wire, so a request's body is its parameters as JSON, and a
response's members are those of its body; bytes alone are encoded. botocore does the same for any
service by the shape of every member, at 3.1 M instructions an answer. Tests hold both pieces to
what botocore makes of the same (tests/unit/lambdas/test_json_protocol.py).
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError
from botocore.parsers import JSONParser

TARGET = "DynamoDB_20120810."
CONTENT_TYPE = "application/x-amz-json-1.0"
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html"""


class UnreadableResponseError(BotoCoreError):
    """A response of success that is not JSON: cut off, or another server's."""

    fmt = "the response is not JSON"


class Serializer:
    """Writes requests."""

    def serialize_to_request(self, parameters: Mapping[str, Any], operation: Any) -> dict[str, Any]:
        """Return the request that botocore sends for an operation with these parameters."""
        return {
            "url_path": "/",
            "query_string": "",
            "method": "POST",
            "headers": {"X-Amz-Target": TARGET + operation.name, "Content-Type": CONTENT_TYPE},
            "body": _encode(parameters).encode(),
        }


def _base64(value: bytes) -> str:
    return b64encode(value).decode()


_encode = json.JSONEncoder(separators=(",", ":"), default=_base64).encode


class Parser(JSONParser):
    """Reads responses; those of failures as botocore does."""

    def parse(self, response: Mapping[str, Any], shape: Any) -> dict[str, Any]:
        """Return what an operation answered.

        Raises:
            UnreadableResponseError: it says that all is well, and is not JSON.
        """
        if response["status_code"] != 200:
            failure: dict[str, Any] = super().parse(response, shape)
            return failure
        try:
            body = response["body"]
            hook = _with_bytes if b'"B"' in body else None
            parsed: dict[str, Any] = json.loads(body, object_hook=hook)
        except ValueError as error:
            raise UnreadableResponseError from error
        parsed["ResponseMetadata"] = {"HTTPStatusCode": 200}
        return parsed


def _with_bytes(value: dict[str, Any]) -> dict[str, Any]:
    encoded = value.get("B")
    # An attribute may be named B as well; its value is an object, though.
    return {"B": b64decode(encoded)} if isinstance(encoded, str) else value


class Parsers:
    """What botocore asks for the parser of a protocol: it is one and the same."""

    def __init__(self) -> None:
        """Make it."""
        self._parser = Parser()

    def create_parser(self, _protocol: str) -> Parser:
        """Return it."""
        return self._parser
