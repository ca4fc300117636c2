"""The stacks as they were last looked at: `make snapshots` writes them anew.

The snapshot holds every template of prod, and of every other stage the differences from prod.
"""

import json
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
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
ABSENT = "<not in this stage>"

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


def unnamed(template: Any, stage: str) -> Any:
    """Return a template with the name of its stage replaced."""
    text = json.dumps(template).replace(f'"{stage}"', '"<stage>"')
    return json.loads(re.sub(rf"\bquiz-{stage}\b", "quiz-<stage>", text))


def differences(known: Any, other: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the places at which a template differs from a known one, and what stands there."""
    if isinstance(known, dict) and isinstance(other, dict):
        for key in sorted(known.keys() | other.keys()):
            place = f"{path}/{key}"
            yield from differences(known.get(key, ABSENT), other.get(key, ABSENT), place)
    elif isinstance(known, list) and isinstance(other, list) and len(known) == len(other):
        for index, pair in enumerate(zip(known, other, strict=True)):
            yield from differences(*pair, f"{path}/{index}")
    elif isinstance(known, list) and isinstance(other, list):
        one, another = ([json.dumps(each) for each in part] for part in (known, other))
        matcher = SequenceMatcher(None, one, another, autojunk=False)
        for kind, start, end, other_start, other_end in matcher.get_opcodes():
            if kind != "equal":
                yield f"{path}/{start}:{end}", other[other_start:other_end]
    elif known != other:
        yield path, other


@pytest.mark.parametrize("kind", STACKS[CHOSEN["prod"].extent])
def test_snapshot_of_prod(assembly: Assembly, kind: str, snapshot: SnapshotAssertion) -> None:
    template = masked(assembly.template(f"quiz-prod-{kind}").body)
    assert template == snapshot(extension_class=JSONSnapshotExtension)


@pytest.mark.parametrize("stage", [name for name in CHOSEN if name != "prod"])
def test_snapshot_of_differences_from_prod(
    assembly: Assembly, stage: str, snapshot: SnapshotAssertion
) -> None:
    found = {
        kind: dict(
            differences(
                *(
                    unnamed(masked(assembly.template(f"quiz-{name}-{kind}").body), name)
                    for name in ("prod", stage)
                )
            )
        )
        for kind in STACKS[CHOSEN[stage].extent]
    }
    assert found == snapshot(extension_class=JSONSnapshotExtension)


def test_differences_name_every_place_that_is_not_the_same() -> None:
    known = {"a": 1, "b": [1, {"c": 2}], "d": [1], "e": {"f": 1}, "same": [1]}
    other = {"a": 2, "b": [1, {"c": 3}], "d": [1, 2], "g": {"h": 1}, "same": [1]}
    assert dict(differences(known, other)) == {
        "/a": 2,
        "/b/1/c": 3,
        "/d/1:1": [2],
        "/e": ABSENT,
        "/g": {"h": 1},
    }


def test_a_snapshot_does_not_change_with_the_functions(assembly: Assembly) -> None:
    text = json.dumps(masked(assembly.template("quiz-prod-api").body))
    assert text.count("<asset>.zip") == len(
        assembly.template("quiz-prod-api").resources("AWS::Lambda::Function")
    )
    assert "<version>" in text
    assert "<deployment>" in text
    assert not re.search(r"[0-9a-f]{32}", text)
