"""Every stack of every stage as it was last looked at: `make snapshots` writes them anew."""

import json
import re
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from infra.stages import Extent
from tests.infra.assembly import Assembly
from tests.infra.chosen import CHOSEN

SERVICE = ["data", "audit", "identity", "api", "failures", "analytics"]
STACKS = {
    Extent.TABLES: ["data"],
    Extent.SERVICE: SERVICE,
    Extent.OPERATED: [*SERVICE, "operations"],
}

# These change with every line of a function: the asset, its versions, the deployment.
_MASKS = (
    (re.compile(r"\b[0-9a-f]{64}\b"), "<asset>"),
    (re.compile(r"\b(\w+CurrentVersion[0-9A-F]{8})[0-9a-f]{32}\b"), r"\1<version>"),
    (re.compile(r"\b(\w+Deployment[0-9A-F]{8})[0-9a-f]{32}\b"), r"\1<deployment>"),
)


def masked(template: dict[str, Any]) -> Any:
    text = json.dumps(template)
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return json.loads(text)


@pytest.mark.parametrize(
    "stack",
    [f"quiz-{name}-{kind}" for name, stage in CHOSEN.items() for kind in STACKS[stage.extent]],
)
def test_snapshot(assembly: Assembly, stack: str, snapshot: SnapshotAssertion) -> None:
    assert masked(assembly.template(stack).body) == snapshot(extension_class=JSONSnapshotExtension)


def test_a_snapshot_does_not_change_with_the_functions(assembly: Assembly) -> None:
    text = json.dumps(masked(assembly.template("quiz-prod-api").body))
    assert text.count("<asset>.zip") == len(
        assembly.template("quiz-prod-api").resources("AWS::Lambda::Function")
    )
    assert "<version>" in text
    assert "<deployment>" in text
    assert not re.search(r"[0-9a-f]{32}", text)
