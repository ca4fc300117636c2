"""What the functions ship: their sources and locked requirements, in one asset for all."""

import shutil
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_
from uv import find_uv_bin

_ROOT = Path(__file__).parents[1]
_REQUIREMENTS = Path("requirements", "runtime.txt")
_PACKAGES = ("domain", "lambdas")
_CACHE = "__pycache__"


def function_code() -> lambda_.Code:
    """Return the asset every function is made of, each with a handler of its own."""
    return lambda_.Code.from_asset(
        str(_ROOT / "lambdas"),
        asset_hash=fingerprint(_ROOT),
        asset_hash_type=cdk.AssetHashType.CUSTOM,
        bundling=cdk.BundlingOptions(
            image=cdk.DockerImage.from_registry("none"),  # required by the type, never used
            local=_Bundler(),
        ),
    )


@jsii.implements(cdk.ILocalBundling)
class _Bundler:
    """Installs wheels for arm64 and Python 3.13 on whatever machine this is, without Docker."""

    def try_bundle(self, output_dir: str, *_options: Any, **_more: Any) -> bool:
        """Fill `output_dir`; a failure is an error, as there is no other way to bundle."""
        subprocess.run(
            [
                find_uv_bin(), "pip", "install", "--quiet", "--no-installer-metadata",
                "--require-hashes", "--requirement", _ROOT / _REQUIREMENTS, "--target", output_dir,
                "--python-platform", "aarch64-manylinux2014", "--python-version", "3.13",
                "--only-binary", ":all:",
            ],
            check=True,
        )  # fmt: skip
        shutil.rmtree(Path(output_dir, "bin"), ignore_errors=True)
        left_out = shutil.ignore_patterns(_CACHE)
        for package in _PACKAGES:
            shutil.copytree(_ROOT / package, Path(output_dir, package), ignore=left_out)
        return True


def fingerprint(root: Path) -> str:
    """Return a hash of what goes into the asset and how (this file), not of what comes out.

    It is the same whether the bundling ran or was skipped, and changes with a requirement alone.
    """
    digest = sha256(Path(__file__).read_bytes())
    for path in (root / _REQUIREMENTS, *_sources(root)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _sources(root: Path) -> Iterator[Path]:
    for package in _PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.is_file() and _CACHE not in path.parts:
                yield path
