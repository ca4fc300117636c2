"""Changes of the API document since the last release break no client.

released.json is the document of that release: a new release replaces it (CONTRIBUTING.md).
"""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.data_folder import ROOT
from local.gateway.openapi_document import OUTPUT

RELEASED = Path(__file__).with_name("released.json")
PROGRAM = ROOT / ".venv-clients" / "bin" / "api-schema-diff"

Document = dict[str, Any]


def breaking(before: Path, after: Path) -> list[str]:
    """Return each breaking change: its kind and its place."""
    done = subprocess.run(
        [PROGRAM, "--format", "json", "--no-fail-on-breaking", before, after],
        capture_output=True,
        text=True,
        check=True,
    )
    changes = json.loads(done.stdout)["breaking"]
    # A field that a response always has from now on breaks nobody.
    return [
        f"{each['type']} {each['path']}"
        for each in changes
        if not (each["type"] == "required_change" and ".responses." in each["path"])
    ]


def test_nothing_breaks_the_clients_of_the_last_release() -> None:
    assert breaking(RELEASED, OUTPUT) == []


def schema(document: Document, name: str) -> Document:
    found: Document = document["components"]["schemas"][name]
    return found


def remove_a_path(document: Document) -> None:
    del document["paths"]["/health"]


def remove_a_field(document: Document) -> None:
    del schema(document, "Session")["properties"]["version"]
    schema(document, "Session")["required"].remove("version")


def change_a_type(document: Document) -> None:
    schema(document, "User")["properties"]["displayName"] = {"type": "integer"}


def require_a_field(document: Document) -> None:
    schema(document, "UpdateUser")["required"] = ["displayName"]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (remove_a_path, "removed_field paths./health"),
        (remove_a_field, "removed_field operations.GET /sessions/{sessionId}"),
        (change_a_type, "type_change operations.GET /users/{userId}"),
        (require_a_field, "required_change operations.PATCH /users/{userId}"),
    ],
)
def test_a_breaking_change_is_found(
    tmp_path: Path, change: Callable[[Document], None], kind: str
) -> None:
    document = json.loads(RELEASED.read_text())
    change(document)
    changed = tmp_path / "openapi.json"
    changed.write_text(json.dumps(document))
    assert any(each.startswith(kind) for each in breaking(RELEASED, changed))
