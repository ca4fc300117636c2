"""The interpreter that compiles the asset: where it is looked for."""

import os
from pathlib import Path

import pytest

from infra.packaging import interpreter as interpreter_module
from infra.packaging.errors import PackagingError
from infra.packaging.interpreter import find_interpreter, interpreter

# An interpreter of a version that does not exist, so that no real one is found.
VERSION = "3.98"


def pretend(path: Path, said: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {said}\n", encoding="ascii")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without that version, and without a network."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'shims'}{os.pathsep}{tmp_path / 'bin'}")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setattr(interpreter_module, "find_uv_bin", lambda: pretend(tmp_path / "uv", "''"))
    return tmp_path


@pytest.mark.usefixtures("machine")
def test_without_an_interpreter_the_sentence_says_what_to_do() -> None:
    assert find_interpreter(VERSION) is None
    with pytest.raises(PackagingError, match=r"^Packaging compiles for Python 3\.98, which is"):
        interpreter(VERSION)


def test_the_interpreter_on_path_is_one_that_runs(machine: Path) -> None:
    pretend(machine / "shims/python3.98", "command not found")  # as pyenv's shims do
    pretend(machine / "pyenv/versions/3.98.1/bin/python", "cpython-398 final")
    found = pretend(machine / "bin/python3.98", "cpython-398 final")
    assert find_interpreter(VERSION) == found


def test_of_pyenv_it_is_the_newest_release(machine: Path) -> None:
    for patch in ("3.98.2", "3.98.10", "3.98.9"):
        pretend(machine / "pyenv/versions" / patch / "bin/python", "cpython-398 final")
    pretend(machine / "pyenv/versions/3.98.11/bin/python", "cpython-398 candidate")
    newest = machine / "pyenv/versions/3.98.10/bin/python"
    assert interpreter(VERSION) == newest


def test_else_it_is_one_that_uv_fetched(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = pretend(machine / "fetched", "cpython-398 final")
    uv = pretend(machine / "uv", str(fetched))
    monkeypatch.setattr(interpreter_module, "find_uv_bin", lambda: uv)
    assert interpreter(VERSION) == fetched
