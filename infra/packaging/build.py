"""Builds the functions' asset: locked wheels, our sources, bytecode, one zip.

The same sources give the same bytes: order, times and modes in the zip are fixed, and so is what
the compiler could vary.
"""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from uv import find_uv_bin

from infra.packaging.errors import PackagingError
from infra.packaging.interpreter import interpreter
from infra.packaging.platforms import LAMBDA, Platform
from infra.packaging.trim import trim

PROJECT = Path(__file__).parents[2]
"""The repository."""

_REQUIREMENTS = Path("requirements", "runtime.txt")
_PACKAGES = ("domain", "lambdas")
_CACHE = "__pycache__"
_BUILDER = Path(__file__).parent
_TASK = "/var/task"
"""Where Lambda unpacks the asset."""


def build_zip(archive: Path, platform: Platform = LAMBDA) -> None:
    """Write the asset, as it is uploaded.

    Raises:
        PackagingError: it cannot be built here.
    """
    with tempfile.TemporaryDirectory(prefix="quiz-asset-") as name:
        folder = Path(name)
        build(folder, platform)
        _zip(folder, archive)


def build(folder: Path, platform: Platform = LAMBDA) -> None:
    """Fill an empty folder with what Lambda unpacks.

    Raises:
        PackagingError: it cannot be built here.
    """
    python = interpreter(platform.python)
    _install(folder, platform, python)
    trim(folder)
    for source in _sources(PROJECT):
        copy = folder / source.relative_to(PROJECT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    _compile(folder, python)


def fingerprint(root: Path, platform: Platform, builder: Path = _BUILDER) -> str:
    """Return a hash of what goes into the asset and how, not of what comes out.

    So it is the same whether the bundling ran or was skipped. It covers the sources, the locked
    requirements, the platform, this package and the version of uv.
    """
    digest = sha256(f"{platform}\0uv {version('uv')}\0".encode())
    paths = [(builder, path) for path in sorted(builder.glob("*.py"))]
    paths += [(root, path) for path in (root / _REQUIREMENTS, *_sources(root))]
    for base, path in paths:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(base).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _sources(root: Path) -> Iterator[Path]:
    for package in _PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.is_file() and _CACHE not in path.parts:
                yield path


def _install(folder: Path, platform: Platform, python: Path) -> None:
    """Install the locked wheels of `platform` on whatever machine this is."""
    machine = ("--python-platform", platform.wheels) if platform.wheels else ()
    done = subprocess.run(
        [
            find_uv_bin(), "pip", "install", "--quiet", "--no-installer-metadata", "--no-deps",
            "--require-hashes", "--requirement", PROJECT / _REQUIREMENTS, "--only-binary", ":all:",
            "--target", folder, "--python", python, "--python-version", platform.python, *machine,
            "--link-mode", "copy",  # a link would be to uv's cache, and trimming changes files
        ],
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise PackagingError(
            f"uv could not install {_REQUIREMENTS.as_posix()} for {platform}: it says why above."
        )


def _compile(folder: Path, python: Path) -> None:
    """Put bytecode beside every source, to be used without a look at the source.

    Sources stay, for tracebacks: without them a cold start saves 1% of its instructions.
    """
    # Paths are those on Lambda. -S, -P and the filter keep this machine's settings out; the hash
    # seed is fixed, though 3.13.0 was not seen to follow it.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [
            python, "-S", "-P", "-m", "compileall", "-q", "-f",
            "--invalidation-mode", "unchecked-hash", "-s", folder, "-p", _TASK, folder,
        ],
        env=environment | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        said = " ".join((done.stdout or done.stderr).split())
        raise PackagingError(f"Not everything compiles with {python.name}: {said}")


def _zip(folder: Path, archive: Path) -> None:
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    with ZipFile(archive, "w") as output:
        for name in sorted(files):
            entry = ZipInfo(name)  # its time is 1980-01-01, the earliest there is
            entry.create_system = 3  # Unix: Lambda's user, another one, must be able to read it
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            output.writestr(entry, files[name].read_bytes(), ZIP_DEFLATED, compresslevel=9)
