"""Brings the tables of a database to what the template declares."""

from typing import TYPE_CHECKING, Any

from local.database.tables import TableDefinition
from local.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from types_boto3_dynamodb import DynamoDBClient

_REMEDY = "'make reset' starts afresh, without the data"


def missing_tables(
    client: "DynamoDBClient", tables: "Iterable[TableDefinition]"
) -> list[TableDefinition]:
    """Return those tables that the database does not have.

    Raises:
        CommandError: It has one with other keys, indexes or stream.
    """
    missing = []
    for table in tables:
        try:
            described = client.describe_table(TableName=table.name)["Table"]
        except client.exceptions.ResourceNotFoundException:
            missing.append(table)
            continue
        wanted, found = _shape(table.create), _shape(dict(described))
        if differing := [part for part in wanted if wanted[part] != found[part]]:
            raise CommandError(
                f"The table {table.name} of the database has other {' and '.join(differing)} than "
                f"this version declares: {_REMEDY}."
            )
    return missing


def create_tables(client: "DynamoDBClient", tables: "Iterable[TableDefinition]") -> None:
    """Create tables and wait until they take requests."""
    created = list(tables)
    for table in created:
        client.create_table(**table.create)
    for table in created:
        client.get_waiter("table_exists").wait(
            TableName=table.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )


def ensure_time_to_live(client: "DynamoDBClient", tables: "Iterable[TableDefinition]") -> None:
    """Turn time to live on where it is declared, unless the engine does not know it."""
    for table in tables:
        if not table.time_to_live.get("Enabled"):
            continue
        try:
            now = client.describe_time_to_live(TableName=table.name)["TimeToLiveDescription"]
            if now.get("TimeToLiveStatus", "DISABLED") == "DISABLED":
                client.update_time_to_live(
                    TableName=table.name,
                    TimeToLiveSpecification={
                        "Enabled": True,
                        "AttributeName": table.time_to_live["AttributeName"],
                    },
                )
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "UnknownOperationException":
                raise


def _shape(table: dict[str, Any]) -> dict[str, object]:
    """Return what cannot differ without the functions failing, by the word for it."""
    types = {a["AttributeName"]: a["AttributeType"] for a in table["AttributeDefinitions"]}
    stream = table.get("StreamSpecification") or {}
    return {
        "keys": _keys(table, types),
        "indexes": {
            index["IndexName"]: (_keys(index, types), _projection(index["Projection"]))
            for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
            for index in table.get(kind) or []
        },
        "stream": stream.get("StreamViewType") if stream.get("StreamEnabled") else None,
    }


def _keys(of: dict[str, Any], types: dict[str, str]) -> list[tuple[str, str, str]]:
    return [(k["KeyType"], k["AttributeName"], types[k["AttributeName"]]) for k in of["KeySchema"]]


def _projection(projection: dict[str, Any]) -> tuple[str, frozenset[str]]:
    return projection["ProjectionType"], frozenset(projection.get("NonKeyAttributes") or ())
