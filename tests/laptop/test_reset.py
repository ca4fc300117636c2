"""`make reset` asks before it deletes, where somebody can answer."""

import os
import pty
import subprocess
import sys

import pytest

from local.data_folder import ROOT, DataFolder
from tests.support.stage_process import TOO_LONG, environment


@pytest.mark.parametrize(("typed", "code"), [("y", 0), ("yes", 0), ("n", 1), ("", 1)])
def test_reset_asks_at_a_terminal(data: DataFolder, typed: str, code: int) -> None:
    data.database.write_bytes(b"")
    terminal, theirs = pty.openpty()
    try:
        os.write(terminal, f"{typed}\n".encode())
        done = subprocess.run(
            [sys.executable, "-m", "ops", "reset"],
            cwd=ROOT,
            env=environment(data),
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=TOO_LONG,
            check=False,
        )
    finally:
        os.close(terminal)
        os.close(theirs)
    assert done.returncode == code, done.stderr
    assert data.database.exists() is (code == 1)
    assert f"Delete all accounts, sessions and questions in {data.path}? [y/N]" in done.stdout
