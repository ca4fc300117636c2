"""The tables: from a template to an engine."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local.data_folder import DataFolder
from local.database.engine import Engine, find_binary
from local.database.schema import create_tables, ensure_time_to_live, missing_tables
from local.database.tables import TableDefinition, read_tables
from local.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_dynamodb import DynamoDBClient

PROPERTIES: dict[str, Any] = {
    "TableName": "quiz-local-wrong-answers",
    "AttributeDefinitions": [
        {"AttributeName": "userId", "AttributeType": "S"},
        {"AttributeName": "at", "AttributeType": "N"},
    ],
    "KeySchema": [{"AttributeName": "userId", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "byTime",
            "KeySchema": [
                {"AttributeName": "userId", "KeyType": "HASH"},
                {"AttributeName": "at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
            "ContributorInsightsSpecification": {"Enabled": True},
        }
    ],
    "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
    "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True},
    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    "SSESpecification": {"SSEEnabled": True},
    "DeletionProtectionEnabled": True,
    "Tags": [{"Key": "stage", "Value": "local"}],
}
TABLE = TableDefinition.from_resource(PROPERTIES)


@pytest.fixture
def client(tmp_path: Path) -> "Iterator[DynamoDBClient]":
    with Engine(DataFolder(tmp_path), find_binary()) as engine:
        client = boto3.client(
            "dynamodb",
            endpoint_url=engine.endpoint,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",  # pragma: allowlist secret
        )
        yield client
        client.close()


def test_only_what_every_engine_knows_is_asked_of_it() -> None:
    assert TABLE.create.keys() == {
        "TableName",
        "AttributeDefinitions",
        "KeySchema",
        "BillingMode",
        "GlobalSecondaryIndexes",
        "StreamSpecification",
    }
    assert TABLE.variable == "WRONG_ANSWERS_TABLE"


def test_tables_are_read_from_all_templates_of_an_assembly(tmp_path: Path) -> None:
    nested = tmp_path / "assembly-local"
    nested.mkdir()
    resources = {"T": {"Type": "AWS::DynamoDB::Table", "Properties": PROPERTIES}}
    (nested / "data.template.json").write_text(json.dumps({"Resources": resources}))
    (tmp_path / "other.template.json").write_text(json.dumps({"Parameters": {}}))
    assert read_tables(tmp_path) == [TABLE]


def test_what_is_missing_is_created_once(client: "DynamoDBClient") -> None:
    assert missing_tables(client, [TABLE]) == [TABLE]
    create_tables(client, [TABLE])
    for _ in range(2):
        ensure_time_to_live(client, [TABLE])
    assert missing_tables(client, [TABLE]) == []
    described = client.describe_table(TableName=TABLE.name)["Table"]
    assert described["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    time_to_live = client.describe_time_to_live(TableName=TABLE.name)["TimeToLiveDescription"]
    assert time_to_live["AttributeName"] == "ttl"


@pytest.mark.parametrize(
    ("differing", "changed"),
    [
        ("keys", {"KeySchema": [{"AttributeName": "at", "KeyType": "HASH"}]}),
        ("indexes", {"GlobalSecondaryIndexes": []}),
        ("stream", {"StreamSpecification": {"StreamViewType": "KEYS_ONLY"}}),
    ],
)
def test_a_table_of_another_shape_is_one_sentence(
    client: "DynamoDBClient", differing: str, changed: dict[str, Any]
) -> None:
    create_tables(client, [TABLE])
    with pytest.raises(CommandError, match=f"has other {differing} than this version"):
        missing_tables(client, [TableDefinition.from_resource(PROPERTIES | changed)])
