"""Leaves out of installed packages what the functions never load.

Whole folders and files, never names in a module: a module that is there is the one its authors
released. Sizes are of botocore 1.44 and pydantic 2.14, zipped with their bytecode.
"""

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

from infra.packaging.errors import PackagingError

SERVICES: dict[str, frozenset[str]] = {
    "dynamodb": frozenset(
        {
            "BatchGetItem",
            "BatchWriteItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query",
            "TransactWriteItems",
            "UpdateItem",
        }
    ),
    "cognito-idp": frozenset({"AdminAddUserToGroup", "AdminDeleteUser", "AdminGetUser"}),
    "secretsmanager": frozenset({"GetSecretValue"}),
    "s3": frozenset({"PutObject"}),
}
"""The AWS services the functions make clients of, and what those can call: no role may do more. Of
each operation (DynamoDB has 62) a client makes a method; the others are 4/5 of the model."""

_LEFT_OUT = (
    # Commands and the lock of the installation.
    "bin",
    ".lock",
    # For type checkers and inventories. METADATA and licences stay: scanners of deployed functions
    # read them. RECORD would list what is gone.
    "**/*.pyi",
    "**/py.typed",
    "*.dist-info/RECORD",
    "*.dist-info/sboms",
    # An extra of tests.
    "botocore/stub.py",
    # Time zones of its own; botocore asks for UTC and the machine's zone only.
    "dateutil/zoneinfo",
    # The former version and a plug-in of mypy: 0.2 MB that nothing imports.
    "pydantic/v1",
    "pydantic/mypy.py",
)

_CLIENT_DATA = {
    "_retry.json",
    "endpoints.json",
    "partitions.json",
    "sdk-default-configuration.json",
    *SERVICES,
}
"""Service data read to create a client. The other 400 services take 15 MB."""

_CLIENT_FILES = ("service-2.json", "endpoint-rule-set-1.json")
"""Files read of a service; paginators, waiters and examples are not."""

Json = Any


def trim(folder: Path) -> None:
    """Remove from installed packages what no function loads.

    Raises:
        PackagingError: a package is no longer laid out as in the list above.
    """
    for pattern in _LEFT_OUT:
        _remove(folder, pattern)
    data = folder / "botocore" / "data"
    for path in data.iterdir():
        if path.name not in _CLIENT_DATA:
            _remove(data, path.name)
    for service, operations in SERVICES.items():
        *former, current = sorted(path.name for path in (data / service).iterdir())
        for version in former:
            _remove(data / service, version)
        for path in (data / service / current).iterdir():
            if not path.name.startswith(_CLIENT_FILES):
                path.unlink()
        _unpack_model(data / service / current / "service-2.json.gz", operations)
    _keep_endpoints(data / "endpoints.json")


def _remove(folder: Path, pattern: str) -> None:
    found = list(folder.glob(pattern))
    if not found:
        raise PackagingError(
            f"There is no {pattern} to leave out of the asset any more: look what became of it, "
            "and correct infra/packaging/trim.py."
        )
    for path in found:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _unpack_model(path: Path, operations: frozenset[str]) -> None:
    """Ship a service's model as it is read: not compressed twice, and only what is called."""
    with gzip.open(path) as file:
        model = _without_documentation(json.load(file))
    if missing := operations - set(model["operations"]):
        raise PackagingError(f"{path.name} does not know {', '.join(sorted(missing))} any more.")
    model["operations"] = {name: model["operations"][name] for name in sorted(operations)}
    shapes = _reached(model["operations"], model["shapes"])
    model["shapes"] = {name: shape for name, shape in model["shapes"].items() if name in shapes}
    path.unlink()
    _write(path.with_suffix(""), model)


def _reached(value: Json, shapes: dict[str, Json]) -> set[str]:
    """Return the names of the shapes that `value` leads to."""
    found: set[str] = set()
    todo = [value]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            name = part.get("shape")
            if isinstance(name, str) and name not in found:
                found.add(name)
                todo.append(shapes[name])
            todo += part.values()
        elif isinstance(part, list):
            todo += part
    return found


def _without_documentation(value: Json) -> Json:
    if isinstance(value, dict):
        return {
            key: _without_documentation(part)
            for key, part in value.items()
            # A string: a member of a shape may have that name too.
            if not (key == "documentation" and isinstance(part, str))
        }
    return [_without_documentation(part) for part in value] if isinstance(value, list) else value


def _keep_endpoints(path: Path) -> None:
    """Keep every region, of our services: reading all 1.2 MB is a tenth of a function's start."""
    endpoints = json.loads(path.read_text(encoding="utf-8"))
    for partition in endpoints["partitions"]:
        partition["services"] = {
            name: service for name, service in partition["services"].items() if name in SERVICES
        }
    path.unlink()
    _write(path, endpoints)


def _write(path: Path, value: Json) -> None:
    path.write_text(json.dumps(value, separators=(",", ":")), encoding="ascii")
