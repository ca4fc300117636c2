"""A release has one version everywhere, and a list of what it is made of."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lambdas.shared.settings import VERSION
from local.data_folder import ROOT


def project_version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def test_package_functions_document_and_changelog_have_one_version() -> None:
    document = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$", changelog, re.MULTILINE)[0]
    assert {VERSION, document["info"]["version"], newest} == {project_version()}


@pytest.mark.slow
def test_the_list_of_materials_has_every_locked_package_with_its_hash(tmp_path: Path) -> None:
    locked = ROOT / "requirements" / "runtime.txt"
    found = tmp_path / "sbom.json"
    (recipe,) = re.findall(r"cyclonedx-py (.*)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    arguments = recipe.replace("build/sbom.json", str(found)).split()
    program = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py"]
    subprocess.run([*program, *arguments], cwd=ROOT, check=True, capture_output=True)
    materials = json.loads(found.read_text(encoding="utf-8"))
    assert materials["metadata"]["component"]["version"] == project_version()
    pinned = re.findall(r"^([a-z0-9-]+)==(\S+)", locked.read_text(encoding="utf-8"), re.MULTILINE)
    assert [(each["name"], each["version"]) for each in materials["components"]] == pinned
    for each in materials["components"]:
        assert any(reference.get("hashes") for reference in each["externalReferences"])
