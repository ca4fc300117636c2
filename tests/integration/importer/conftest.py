"""An importer beside the stage, with a folder for its files."""

from pathlib import Path

import pytest

from tests.integration.importer.importing import Importing
from tests.integration.stage import Stage


@pytest.fixture
def importing(stage: Stage, tmp_path: Path) -> Importing:
    return Importing(stage, tmp_path)
