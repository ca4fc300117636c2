"""Finds the interpreter of a version: bytecode is made by the very version that runs it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from uv import find_uv_bin

from infra.packaging.errors import PackagingError

_WHICH = "import sys; print(sys.implementation.cache_tag, sys.version_info.releaselevel)"


def interpreter(version: str) -> Path:
    """Return an interpreter of `version`, such as `3.13`; uv fetches one if there is none.

    Raises:
        PackagingError: there is none, and uv cannot fetch one.
    """
    found = find_interpreter(version)
    if found is None:
        _uv("python", "install", "--no-bin", version)
        found = find_interpreter(version)
    if found is None:
        raise PackagingError(
            f"Packaging compiles for Python {version}, which is neither on PATH nor among pyenv's "
            "versions, and uv could not fetch it: install it and run this again."
        )
    return found


def find_interpreter(version: str) -> Path | None:
    """Return an interpreter of `version` that is on this machine already, if there is one."""
    return next((path for path in _candidates(version) if _is(path, version)), None)


def _candidates(version: str) -> Iterator[Path]:
    yield Path(sys.executable)
    for folder in os.get_exec_path():
        yield Path(folder, f"python{version}")
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    patches = (re.fullmatch(rf"{re.escape(version)}\.(\d+)", p.name) for p in versions.glob("*"))
    for patch in sorted((int(match[1]) for match in patches if match), reverse=True):
        yield versions / f"{version}.{patch}" / "bin" / "python"
    fetched = _uv("python", "find", "--managed-python", "--no-python-downloads", version)
    if fetched:
        yield Path(fetched)


def _is(path: Path, version: str) -> bool:
    """Whether it runs (a shim of pyenv may not) and writes the bytecode of released `version`s."""
    if not path.is_file():
        return False
    try:
        said = subprocess.run(
            [path, "-I", "-S", "-c", _WHICH], capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        return False
    return said.split() == [f"cpython-{version.replace('.', '')}", "final"]


def _uv(*arguments: str) -> str:
    done = subprocess.run([find_uv_bin(), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
