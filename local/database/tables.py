"""The tables, as the synthesized template of stage `local` declares them.

`make tables` synthesizes the template and writes the definitions to `tables.json`, so that a start
needs neither the CDK nor Node; a test compares the file with the template.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).parent / "tables.json"

_CREATE_PARAMETERS = (
    "TableName",
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "ProvisionedThroughput",
)
_INDEX_PARAMETERS = ("IndexName", "KeySchema", "Projection", "ProvisionedThroughput")
_INDEXES = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
_TABLE_TYPE = "AWS::DynamoDB::Table"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDefinition:
    """A table: the parameters of its `CreateTable`, and its time to live.

    Features of AWS alone (backups, encryption, tags, protection) are left out: engines refuse them.
    """

    create: dict[str, Any]
    time_to_live: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The table's name."""
        return str(self.create["TableName"])

    @property
    def variable(self) -> str:
        """The environment variable by which the functions know its name."""
        _, _, what = self.name.split("-", 2)
        return f"{what.replace('-', '_').upper()}_TABLE"

    @classmethod
    def from_resource(cls, properties: dict[str, Any]) -> "TableDefinition":
        """Turn the properties of a table in a template into parameters of the API."""
        create = {key: properties[key] for key in _CREATE_PARAMETERS if key in properties}
        for kind in _INDEXES:
            if indexes := properties.get(kind):
                create[kind] = [
                    {key: index[key] for key in _INDEX_PARAMETERS if key in index}
                    for index in indexes
                ]
        if stream := properties.get("StreamSpecification"):
            create["StreamSpecification"] = {
                "StreamEnabled": True,
                "StreamViewType": stream["StreamViewType"],
            }
        return cls(create=create, time_to_live=properties.get("TimeToLiveSpecification", {}))


def table_definitions() -> list[TableDefinition]:
    """Return the tables of stage `local`, by name."""
    return [TableDefinition(**table) for table in json.loads(FILE.read_text(encoding="utf-8"))]


def write_tables(tables: list[TableDefinition]) -> None:
    """Write the definitions to `FILE`."""
    text = json.dumps([asdict(table) for table in tables], indent=1)
    FILE.write_text(text + "\n", encoding="utf-8")


def read_tables(assembly: Path) -> list[TableDefinition]:
    """Return the tables of all templates in a folder that a synth wrote, by name."""
    resources = (
        resource
        for template in sorted(assembly.rglob("*.template.json"))
        for resource in json.loads(template.read_text()).get("Resources", {}).values()
    )
    tables = [
        TableDefinition.from_resource(resource["Properties"])
        for resource in resources
        if resource["Type"] == _TABLE_TYPE
    ]
    return sorted(tables, key=lambda table: table.name)
