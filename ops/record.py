"""Writes measured tables into docs/performance.md, each with machine, date and commit."""

import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from local.data_folder import ROOT

DOCUMENT = ROOT / "docs" / "performance.md"


def stamp() -> str:
    """Say on what machine, when and at which commit something was measured."""
    return (
        f"Measured on {_processor()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC at commit "
        f"{_commit()}."
    )


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table, its first column to the left and the others to the right."""
    lines = [list(head), [":--", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def write_section(name: str, content: str, document: Path = DOCUMENT) -> None:
    """Replace what stands between the marks of a section, and stamp it.

    Raises:
        ValueError: the document has no such marks.
    """
    begin, end = f"<!-- {name}: written by a tool -->", f"<!-- end of {name} -->"
    before, mark, rest = document.read_text(encoding="utf-8").partition(begin)
    _, closing, after = rest.partition(end)
    if not mark or not closing:
        raise ValueError(f"{document} has no section {name}")
    text = f"{before}{begin}\n{content.strip()}\n\n_{stamp()}_\n{end}{after}"
    document.write_text(text, encoding="utf-8")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return ""
        return done.stdout.strip()

    changed = " with changes" if git("status", "--porcelain", "--", ":!docs") else ""
    return (git("rev-parse", "--short", "HEAD") or "unknown") + changed
