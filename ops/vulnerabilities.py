"""Look the locked Python packages up among the known vulnerabilities: `make scan`.

pip-audit succeeds on a package it cannot look up, and breaks without a network. Here either is
reported as no audit: a failure where AUDIT=required, elsewhere a sentence.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Result of pip-audit.

    Attributes:
        looked_up: How many packages were compared with the known vulnerabilities.
        vulnerable: A line for each vulnerability of a package.
        not_looked_up: Why something was not, or nothing.
    """

    looked_up: int
    vulnerable: Sequence[str]
    not_looked_up: str


def read_report(report: str, errors: str) -> Audit:
    """Return the findings in a report of pip-audit, or the last of its errors if it wrote none."""
    try:
        packages: Sequence[Mapping[str, Any]] = json.loads(report)["dependencies"]
    except ValueError:
        reason = (errors.strip().splitlines() or ["pip-audit said nothing"])[-1]
        return Audit(looked_up=0, vulnerable=(), not_looked_up=reason)
    skipped = [package["skip_reason"] for package in packages if "skip_reason" in package]
    count = f"{len(skipped)} of {len(packages)} packages"
    return Audit(
        looked_up=len(packages) - len(skipped),
        vulnerable=[
            f"{package['name']} {package['version']}: {fault['id']}, mended in "
            f"{', '.join(fault['fix_versions']) or 'no version'}"
            for package in packages
            for fault in package.get("vulns", ())
        ],
        not_looked_up=f"{count}, the first: {skipped[0]}" if skipped else "",
    )


def verdict(audit: Audit, *, required: bool) -> tuple[str, int]:
    """Return what to say and the exit status."""
    lines = [f"Vulnerable: {line}" for line in audit.vulnerable]
    if audit.looked_up:
        lines.append(f"Audited: {audit.looked_up} packages, {len(lines)} known vulnerabilities.")
    if audit.not_looked_up:
        lines.append(f"NOT AUDITED for known vulnerabilities: {audit.not_looked_up}")
    failed = audit.vulnerable or (required and audit.not_looked_up)
    return "\n".join(lines), 1 if failed else 0


def audit_all(requirements: Iterable[str], *, required: bool) -> int:
    """Audit requirements files, each on its own; print the verdicts and return the exit code."""
    statuses = []
    for file in requirements:
        verdict_text, status = verdict(_audit(file), required=required)
        print("\n".join(f"{file}: {line}" for line in verdict_text.splitlines()))
        statuses.append(status)
    return max(statuses)


def _audit(requirements: str) -> Audit:
    # Everything is pinned and hashed, so nothing has to be resolved or installed.
    flags = ["--disable-pip", "--require-hashes", "--format=json", "--progress-spinner=off"]
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", *flags, "--requirement", requirements],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return read_report(done.stdout, done.stderr)
