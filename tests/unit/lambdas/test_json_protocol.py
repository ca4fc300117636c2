"""Requests and responses of DynamoDB, beside those of botocore's own serializer and parser."""

import json
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError
from botocore.parsers import JSONParser
from botocore.serialize import JSONSerializer
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from lambdas.shared.store.json_protocol import Parser, Serializer, UnreadableResponseError

MODEL = Session().get_service_model("dynamodb")

NUMBERS = st.integers(-(10**37), 10**37).map(lambda number: {"N": str(number)})
SCALARS = st.one_of(
    st.text().map(lambda text: {"S": text}),
    NUMBERS,
    st.binary().map(lambda raw: {"B": raw}),
    st.booleans().map(lambda value: {"BOOL": value}),
)
NAMES = st.one_of(st.text(min_size=1), st.sampled_from(("B", "S", "L", "M", "Item")))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda values: {"L": values}),
        st.dictionaries(NAMES, inner, max_size=4).map(lambda values: {"M": values}),
    ),
    max_leaves=12,
)
ITEMS = st.dictionaries(NAMES, VALUES, max_size=6)


def requests(item: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """A request of each form that the store makes."""
    said = {"TableName": "sessions", "ReturnConsumedCapacity": "TOTAL"}
    written = {"TableName": "sessions", "Item": item}
    return [
        ("GetItem", {**said, "Key": item, "ConsistentRead": True}),
        ("PutItem", {**said, "Item": item, "ConditionExpression": "attribute_exists(a)"}),
        ("Query", {**said, "ExpressionAttributeValues": item, "Limit": 5}),
        ("UpdateItem", {**said, "Key": item, "ExpressionAttributeNames": {"#a": "a"}}),
        ("BatchGetItem", {"RequestItems": {"sessions": {"Keys": [item, item]}}}),
        ("BatchWriteItem", {"RequestItems": {"sessions": [{"PutRequest": {"Item": item}}]}}),
        (
            "TransactWriteItems",
            {"TransactItems": [{"Put": written}], "ClientRequestToken": "once"},
        ),
    ]


@given(ITEMS)
def test_requests_are_those_of_botocore(item: dict[str, Any]) -> None:
    for operation, parameters in requests(item):
        model = MODEL.operation_model(operation)
        ours = Serializer().serialize_to_request(parameters, model)
        theirs = dict(JSONSerializer().serialize_to_request(parameters, model))
        bodies = [json.loads(request.pop("body")) for request in (ours, theirs)]
        assert bodies[0] == bodies[1]
        assert ours == theirs


@given(ITEMS)
def test_what_is_read_is_what_botocore_reads(item: dict[str, Any]) -> None:
    wire = json.loads(
        Serializer().serialize_to_request(item, MODEL.operation_model("PutItem"))["body"]
    )
    capacity = {"TableName": "sessions", "CapacityUnits": 1.5}
    for operation, body in (
        ("GetItem", {"Item": wire, "ConsumedCapacity": capacity}),
        ("Query", {"Items": [wire, wire], "Count": 2, "LastEvaluatedKey": wire}),
        ("BatchGetItem", {"Responses": {"sessions": [wire]}, "UnprocessedKeys": {}}),
        ("TransactWriteItems", {"ConsumedCapacity": [capacity, capacity]}),
    ):
        assert read(Parser(), operation, 200, body) == read(JSONParser(), operation, 200, body)


def test_failures_are_those_of_botocore() -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": {"a": {"B": "eA=="}}}]
    for status, body in (
        (
            400,
            {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException", "message": "slow"},
        ),
        (400, {"__type": "a#TransactionCanceledException", "CancellationReasons": reasons}),
        (500, {"__type": "a#InternalServerError"}),
    ):
        ours = read(Parser(), "TransactWriteItems", status, body)
        assert ours == read(JSONParser(), "TransactWriteItems", status, body)
        assert ours["Error"]["Code"]


@pytest.mark.parametrize("body", [b"", b'{"Item": {"a"', b"<html>"])
def test_half_a_response_is_no_empty_one(body: bytes) -> None:
    response = {"status_code": 200, "headers": {}, "body": body}
    with pytest.raises(UnreadableResponseError) as raised:
        Parser().parse(response, MODEL.operation_model("GetItem").output_shape)
    assert isinstance(raised.value, BotoCoreError)


def read(parser: JSONParser, operation: str, status: int, body: dict[str, Any]) -> dict[str, Any]:
    """Parse a response; what is told of the connection is left out."""
    response = {"status_code": status, "headers": {}, "body": json.dumps(body).encode()}
    shape: Any = MODEL.operation_model(operation).output_shape
    parsed = parser.parse(response, shape)
    assert parsed["ResponseMetadata"].pop("HTTPStatusCode") == status
    parsed["ResponseMetadata"].pop("HTTPHeaders", None)
    result: dict[str, Any] = parsed
    return result
