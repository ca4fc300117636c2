"""Runs inside the packaged asset: `python -I -S asset_program.py FOLDER`.

Nothing but FOLDER and the standard library can be imported. Prints one JSON object, last.
"""

# ruff: noqa: E402 - the asset is importable, and watched, only after the first lines

import importlib
import json
import marshal
import os
import pkgutil
import sys
from pathlib import Path
from typing import Any

folder = sys.argv[1]
compiled: list[str] = []


def note_compilation(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "compile" and str(arguments[1]).startswith(folder):
        compiled.append(str(arguments[1]))


sys.addaudithook(note_compilation)
sys.path.insert(0, folder)

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.session import Session

import domain
import lambdas
from lambdas.health.handler import handler
from lambdas.shared.dead_letters import s3
from lambdas.shared.settings import settings
from lambdas.shared.store.client import database
from lambdas.shared.store.errors import ConditionFailedError
from lambdas.shared.telemetry.pseudonym_key import secrets_client
from lambdas.shared.user_pool import cognito


def import_everything() -> list[str]:
    """Handlers, and what they import only when asked for something."""
    names = []
    for package in (domain, lambdas):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
            names.append(module.name)
    return names


def health() -> Any:
    event = {
        "httpMethod": "GET",
        "resource": "/health",
        "headers": {},
        "requestContext": {"requestId": "r-1"},
    }
    return handler(event, LambdaContext())


def use_a_table() -> dict[str, Any]:
    """One call of each kind, through the store's own client, on a real engine."""
    tables, name = database(settings()), os.environ["ASSET_TABLE"]
    item = {"id": {"S": "a"}, "packed": {"B": b"\0\1"}, "count": {"N": "7"}}
    put = {"TableName": name, "Item": item, "ConditionExpression": "attribute_not_exists(id)"}
    tables.call("put_item", **put)
    read = tables.call("get_item", TableName=name, Key={"id": {"S": "a"}})
    try:
        tables.call("put_item", **put)
        refused = False
    except ConditionFailedError:
        refused = True
    return {"read back": read["Item"] == item, "second refused": refused}


def endpoints() -> dict[str, str]:
    session = Session()
    return {
        region: session.create_client("dynamodb", region_name=region).meta.endpoint_url
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("dynamodb", partition)
    }


def compiled_paths() -> list[str]:
    """Source path recorded in bytecode, up to the folder."""
    paths = set()
    for path in Path(folder).rglob("*.pyc"):
        source = (path.parents[1] / f"{path.name.split('.')[0]}.py").relative_to(folder)
        code = marshal.loads(path.read_bytes()[16:])  # noqa: S302 - of our own making
        paths.add(code.co_filename.removesuffix(str(source)))
    return sorted(paths)


seen = {
    "modules": import_everything(),
    "health": health(),
    "table": use_a_table(),
    "endpoints": endpoints(),
    "compiled paths": compiled_paths(),
    "compiled here": compiled,
    "operations": {
        "dynamodb": list(database(settings()).client.meta.service_model.operation_names),
        "cognito-idp": list(cognito(None).meta.service_model.operation_names),
        "secretsmanager": list(secrets_client().meta.service_model.operation_names),
        "s3": list(s3().meta.service_model.operation_names),
    },
}
print(json.dumps(seen))  # noqa: T201
