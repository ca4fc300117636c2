from pathlib import Path

import pytest

from infra.asset import fingerprint


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("requirements/runtime.txt", "domain/engine.py", "lambdas/quiz/handler.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(f"content of {name}\n")
    return tmp_path


def test_the_hash_is_the_same_for_the_same_sources(project: Path) -> None:
    before = fingerprint(project)
    for source in project.rglob("*.py"):
        source.touch()
    assert fingerprint(project) == before


@pytest.mark.parametrize(
    "name", ["requirements/runtime.txt", "domain/engine.py", "lambdas/quiz/handler.py"]
)
def test_a_change_of_anything_shipped_changes_the_hash(project: Path, name: str) -> None:
    before = fingerprint(project)
    (project / name).write_text("changed\n")
    assert fingerprint(project) != before


def test_renaming_a_source_changes_the_hash(project: Path) -> None:
    before = fingerprint(project)
    (project / "domain/engine.py").rename(project / "domain/rules.py")
    assert fingerprint(project) != before


def test_what_is_not_shipped_leaves_the_hash(project: Path) -> None:
    before = fingerprint(project)
    (project / "domain/__pycache__").mkdir()
    (project / "domain/__pycache__/engine.cpython-313.pyc").write_bytes(b"\0")
    (project / "README.md").write_text("news\n")
    assert fingerprint(project) == before
