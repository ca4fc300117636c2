"""Throughput of the database engine alone: the calls of an answer, without the answer."""

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import gevent

CONNECTIONS = 16
_NOBODY = (
    "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host, Signature=0"
)


@dataclass(frozen=True)
class Ceiling:
    """Pairs of a consistent read and a transaction of two writes, a second."""

    pairs_a_second: float


def measure(
    address: str, tables: Mapping[str, str], key: Mapping[str, str], seconds: float
) -> Ceiling:
    """Read and write copies of the session of that key, as answers do, as fast as may be.

    Plain HTTP, because the SDK costs more than the engine.
    """
    read = {"TableName": tables["SESSIONS_TABLE"], "Key": {n: {"S": v} for n, v in key.items()}}
    connection = _connect(address)
    session = _call(connection, "GetItem", read)["Item"]
    connection.close()
    began = time.monotonic()
    end = began + seconds
    loops = [
        gevent.spawn(_answer_until, end, address, tables, session, number)
        for number in range(CONNECTIONS)
    ]
    pairs = sum(loop.get() for loop in loops)
    return Ceiling(pairs / (time.monotonic() - began))


def _answer_until(
    end: float,
    address: str,
    tables: Mapping[str, str],
    session: Mapping[str, Any],
    number: int,
) -> int:
    connection = _connect(address)
    random, pairs = Random(number), 0
    user = {"S": f"ceiling-{number}"}
    item = {**session, "userId": user}
    key = {"userId": user, "sessionId": session["sessionId"]}
    _call(connection, "PutItem", {"TableName": tables["SESSIONS_TABLE"], "Item": item})
    while time.monotonic() < end:
        read = {"TableName": tables["SESSIONS_TABLE"], "Key": key, "ConsistentRead": True}
        _call(connection, "GetItem", read)
        question = {"S": f"law:{random.randrange(600):06d}"}
        update = {
            "TableName": tables["PROGRESS_TABLE"],
            "Key": {"userId": user, "questionId": question},
            "UpdateExpression": "SET lastSeenAt = :at ADD attempts :one, correct :one",
            "ExpressionAttributeValues": {":at": {"N": "1790000000000"}, ":one": {"N": "1"}},
        }
        put = {
            "TableName": tables["SESSIONS_TABLE"],
            "Item": item,
            "ConditionExpression": "version = :expected",
            "ExpressionAttributeValues": {":expected": session["version"]},
        }
        actions = [{"Put": put}, {"Update": update}]
        _call(connection, "TransactWriteItems", {"TransactItems": actions})
        pairs += 1
    connection.close()
    return pairs


def _connect(address: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(address.removeprefix("http://"), timeout=10)


def _call(connection: http.client.HTTPConnection, operation: str, body: Any) -> Any:
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        "Authorization": _NOBODY,
        "X-Amz-Date": "20260101T000000Z",
    }
    connection.request("POST", "/", json.dumps(body), headers)
    response = connection.getresponse()
    content = response.read()
    if response.status != http.client.OK:
        raise RuntimeError(f"{operation}: {response.status} {content!r}")
    return json.loads(content)
