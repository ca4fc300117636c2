"""The tables, as the synthesized template of stage `local` declares them."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local.data_folder import ROOT
from local.errors import CommandError

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

    What only AWS has (backups, encryption, tags, protection) is left out: engines refuse it.
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


def are_known(cache_folder: Path, root: Path = ROOT) -> bool:
    """Tell whether the tables are there without a synth."""
    return _read(_cache(cache_folder, root)) is not None


def table_definitions(cache_folder: Path, root: Path = ROOT) -> list[TableDefinition]:
    """Return the tables of stage `local`, by name.

    A synth takes seconds, so its tables are kept in the folder for as long as what they are made of
    stays the same. Programs that ask at the same time wait for one synth.
    """
    cache_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    cache = _cache(cache_folder, root)
    if (known := _read(cache)) is not None:
        return known
    with (cache_folder / "tables.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (known := _read(cache)) is None:
            known = _synthesize(root)
            for stale in cache_folder.glob("tables-*.json"):
                stale.unlink(missing_ok=True)
            draft = cache.with_suffix(".draft")
            draft.write_text(json.dumps([asdict(table) for table in known], indent=1))
            draft.replace(cache)
    return known


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


def _cache(folder: Path, root: Path) -> Path:
    return folder / f"tables-{_fingerprint(root)}.json"


def _read(cache: Path) -> list[TableDefinition] | None:
    try:
        return [TableDefinition(**table) for table in json.loads(cache.read_text())]
    except (OSError, ValueError, TypeError):
        return None


def _fingerprint(root: Path) -> str:
    """Return a hash over what the tables are made of."""
    sources = [
        *sorted((root / "infra").rglob("*.py")),
        Path(__file__),
        root / "app.py",
        root / "cdk.json",
        root / "requirements" / "dev.txt",
    ]
    digest = hashlib.sha256()
    for source in sources:
        if source.is_file():
            content = source.read_bytes()
            digest.update(f"{source.name} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()[:16]


def _synthesize(root: Path) -> list[TableDefinition]:
    with tempfile.TemporaryDirectory(prefix="quiz-synth-") as assembly:
        environment = os.environ | {
            # The interpreter's own folder comes first because Node is installed there.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "CDK_OUTDIR": assembly,
            "CDK_CONTEXT_JSON": json.dumps({"stage": "local", "aws:cdk:bundling-stacks": []}),
            "CDK_VALIDATION": "false",
        }
        done = subprocess.run(
            [sys.executable, "app.py"],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        tables = read_tables(Path(assembly)) if done.returncode == 0 else []
    if not tables:
        said = done.stderr.strip().splitlines() or ["it declares no table"]
        raise CommandError(
            f"The tables cannot be read from the CDK app: {said[-1]} "
            "(run 'make synth STAGE=local' to see all of it)."
        )
    return tables
