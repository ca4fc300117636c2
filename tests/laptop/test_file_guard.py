"""The database file is watched while the stage runs, and only then."""

import threading
from pathlib import Path

import pytest

from local.data_folder import DataFolder
from local.database import file_guard
from local.database.engine import Engine, find_binary
from local.database.file_guard import DatabaseFile
from tests.support.stage_process import TOO_LONG


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_guard, "CHECK_SECONDS", 0.001)


def test_a_file_that_is_deleted_is_reported_once(tmp_path: Path) -> None:
    reported = threading.Semaphore(0)
    with Engine(DataFolder(tmp_path), find_binary()) as engine:
        file = DatabaseFile(engine.database)
        with file.watched(reported.release):
            engine.database.unlink()
            assert reported.acquire(timeout=TOO_LONG)
    assert not reported.acquire(blocking=False)


def test_what_the_engine_removes_when_it_ends_is_no_loss(tmp_path: Path) -> None:
    """Its write-ahead log, which a watch that outlives the engine takes for a loss."""
    reported = threading.Semaphore(0)
    with Engine(DataFolder(tmp_path), find_binary()) as engine:
        file = DatabaseFile(engine.database)
        with file.watched(reported.release):
            whole = not file.lost
    assert (whole, file.lost) == (True, True)
    assert not any(thread.name == "file guard" for thread in threading.enumerate())
    assert not reported.acquire(blocking=False)
