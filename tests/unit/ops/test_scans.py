"""The scans look at all there is, and CI runs them."""

import re
import shutil
import subprocess
import tomllib

import pytest

from local.data_folder import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()


NEEDS_GIT = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git to list files")


def recipe(target: str) -> str:
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found is not None
    return found[1]


def tracked() -> list[str]:
    done = subprocess.run(
        ["/usr/bin/env", "git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


@NEEDS_GIT
def test_all_code_but_the_tests_is_scanned_for_insecure_code() -> None:
    """Tests are held to the same rules by ruff, but for what tests are for."""
    (scanned,) = re.findall(r"bandit .* --recursive (.*)", recipe("scan"))
    code = {path.split("/")[0] for path in tracked() if path.endswith(".py")}
    assert set(scanned.split()) == code - {"tests"}
    linted = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert "S" in linted["select"]
    assert set(linted["per-file-ignores"]["tests/**"]) & {f"S{n}" for n in range(1000)} == {
        "S101",
        "S105",
        "S106",
        "S311",
    }


def test_every_file_is_scanned_for_secrets_but_those_made_by_programs() -> None:
    (excepted,) = re.findall(r"git ls-files -z (.*) \| .*detect-secrets-hook", recipe("scan"))
    assert excepted.split() == [
        "':!tests/unit/domain/golden'",
        "':!tests/infra/__snapshots__'",
        "':!tests/laptop/recorded'",
    ]


@NEEDS_GIT
def test_all_locked_packages_are_looked_up() -> None:
    assert "ops vulnerabilities requirements/*.txt" in recipe("scan")
    locked = [path for path in tracked() if re.fullmatch(r".*requirements.*\.txt", path)]
    assert {path.split("/")[0] for path in locked} == {"requirements"}


def test_ci_runs_the_scans_and_takes_no_silence_for_an_answer() -> None:
    assert "run: make scan AUDIT=required" in (ROOT / ".github/workflows/backend.yml").read_text()
    assert "\nstep scan\n" in (ROOT / ".ci" / "run").read_text()
