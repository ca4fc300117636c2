"""The hash of the asset: what it depends on, and what it does not."""

import shutil
from pathlib import Path

import pytest

from infra.packaging.build import fingerprint
from infra.packaging.platforms import LAMBDA, THIS_MACHINE, Platform


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (
        "requirements/runtime.txt",
        "domain/session/engine.py",
        "lambdas/quiz/handler.py",
        "builder/build.py",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(f"content of {name}\n", encoding="ascii")
    return tmp_path


def hashed(project: Path, platform: Platform = LAMBDA) -> str:
    return fingerprint(project, platform, project / "builder")


def test_the_hash_is_the_same_for_the_same_sources(project: Path, tmp_path: Path) -> None:
    before = hashed(project)
    for source in project.rglob("*.py"):
        source.touch()
    assert hashed(project) == before
    shutil.copytree(project, tmp_path / "elsewhere")
    assert hashed(tmp_path / "elsewhere") == before


@pytest.mark.parametrize(
    "name",
    [
        "requirements/runtime.txt",
        "domain/session/engine.py",
        "lambdas/quiz/handler.py",
        "builder/build.py",
    ],
)
def test_a_byte_of_anything_that_makes_the_asset_changes_the_hash(project: Path, name: str) -> None:
    before = hashed(project)
    path = project / name
    path.write_bytes(path.read_bytes().replace(b"content", b"Content"))
    assert hashed(project) != before


def test_the_platform_changes_the_hash(project: Path) -> None:
    platforms = (LAMBDA, Platform(python="3.14", wheels=LAMBDA.wheels), THIS_MACHINE)
    assert len({hashed(project, platform) for platform in platforms}) == 3


def test_the_builders_version_changes_the_hash(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hashed(project)
    monkeypatch.setattr("infra.packaging.build.version", lambda _: "0.0.1")
    assert hashed(project) != before


def test_renaming_a_source_changes_the_hash(project: Path) -> None:
    before = hashed(project)
    (project / "domain/session/engine.py").rename(project / "domain/rules.py")
    assert hashed(project) != before


def test_what_is_not_shipped_leaves_the_hash(project: Path) -> None:
    before = hashed(project)
    (project / "domain/__pycache__").mkdir()
    (project / "domain/__pycache__/engine.cpython-313.pyc").write_bytes(b"\0")
    (project / "README.md").write_text("news\n", encoding="ascii")
    assert hashed(project) == before
