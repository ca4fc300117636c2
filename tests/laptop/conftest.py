"""Stages on ports and data folders of their own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.data_folder import ROOT, DataFolder
from tests.support.stage_process import Launch, StageProcess


@pytest.fixture(scope="session")
def new_data(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], DataFolder]:
    """Make empty data folders."""

    def make() -> DataFolder:
        return DataFolder(tmp_path_factory.mktemp("data"))

    return make


@pytest.fixture
def data(new_data: Callable[[], DataFolder]) -> DataFolder:
    return new_data()


@contextmanager
def launching() -> Iterator[Launch]:
    """Start stages; whatever the test did with them, they end with it."""
    started: list[StageProcess] = []

    def launch(data: DataFolder, *, root: Path = ROOT, **variables: str) -> StageProcess:
        started.append(StageProcess.start(data, root=root, **variables))
        return started[-1]

    try:
        yield launch
    finally:
        for stage in started:
            stage.close()


@pytest.fixture
def launcher() -> Iterator[Launch]:
    """Stages of one test."""
    with launching() as launch:
        yield launch


@pytest.fixture(scope="session")
def stage(new_data: Callable[[], DataFolder]) -> Iterator[StageProcess]:
    """A stage that tests share: they must not end it."""
    with launching() as launch:
        yield launch(new_data()).await_ready()
