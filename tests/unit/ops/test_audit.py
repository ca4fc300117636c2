"""An audit that did not happen is never taken for one that found nothing."""

import json
from typing import Any

import pytest

from ops.vulnerabilities import read_report, verdict

CLEAN = {"name": "boto3", "version": "1.44.5", "vulns": []}
REASON = "Dependency not found on PyPI: six (1.17.0)"
SKIPPED = {"name": "six", "skip_reason": REASON}
VULNERABLE = {
    "name": "urllib3",
    "version": "2.8.0",
    "vulns": [
        {"id": "PYSEC-2026-1", "fix_versions": ["2.8.1", "3.0"]},
        {"id": "PYSEC-2026-2", "fix_versions": []},
    ],
}


def judge(*packages: Any, required: bool = False) -> tuple[str, int]:
    report = json.dumps({"dependencies": packages, "fixes": []})
    return verdict(read_report(report, ""), required=required)


@pytest.mark.parametrize("required", [False, True])
def test_nothing_found(required: bool) -> None:
    said, status = judge(CLEAN, required=required)
    assert (said, status) == ("Audited: 1 packages, 0 known vulnerabilities.", 0)


@pytest.mark.parametrize("required", [False, True])
def test_a_vulnerability_fails_in_any_case(required: bool) -> None:
    said, status = judge(CLEAN, VULNERABLE, SKIPPED, required=required)
    assert status == 1
    assert said.splitlines() == [
        "Vulnerable: urllib3 2.8.0: PYSEC-2026-1, mended in 2.8.1, 3.0",
        "Vulnerable: urllib3 2.8.0: PYSEC-2026-2, mended in no version",
        "Audited: 2 packages, 2 known vulnerabilities.",
        f"NOT AUDITED for known vulnerabilities: 1 of 3 packages, the first: {REASON}",
    ]


@pytest.mark.parametrize(("required", "expected"), [(False, 0), (True, 1)])
def test_a_skipped_package_is_said_and_fails_where_required(required: bool, expected: int) -> None:
    said, status = judge(SKIPPED, required=required)
    assert status == expected
    assert said.startswith("NOT AUDITED for known vulnerabilities: 1 of 1 packages")


@pytest.mark.parametrize(("required", "expected"), [(False, 0), (True, 1)])
@pytest.mark.parametrize(
    ("errors", "reason"),
    [("Traceback:\n  …\nConnectionError: no route\n", "ConnectionError: no route"),
     ("", "pip-audit said nothing")],
)  # fmt: skip
def test_no_network(errors: str, reason: str, required: bool, expected: int) -> None:
    said, status = verdict(read_report("", errors), required=required)
    assert (said, status) == (f"NOT AUDITED for known vulnerabilities: {reason}", expected)
