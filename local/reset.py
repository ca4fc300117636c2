"""Empties the laptop stage: its next start is a first start."""

import os
import shutil
import sys

from local.data_folder import DataFolder
from local.database.engine import end_leftover
from local.errors import CommandError

# Only what the stage itself writes: the folder may be anyone's.
_FILES = (
    "dynamodb.db",
    "dynamodb.db-wal",
    "dynamodb.db-shm",
    "dynamodb.db-journal",
    "data-version",
    "sample-bank.unfinished",
    "failed-batches",
    "signing-key.pem",
    "deleted-accounts",
    "stage.json",
    "stage.log*",
    "stream-checkpoint.json",
    "engine.log",
    "*.draft",
)


def reset() -> None:
    """Delete what the stage has written into its data folder.

    Raises:
        CommandError: The stage is running, or its tables are in another database.
    """
    if endpoint := os.environ.get("DYNAMODB_ENDPOINT"):
        raise CommandError(
            f"DYNAMODB_ENDPOINT is set: delete the tables at {endpoint} yourself, for 'make "
            "reset' empties only the stage's own database."
        )
    folder = DataFolder.from_environment()
    if sys.stdin.isatty() and not _confirmed(folder):
        raise CommandError("Nothing was deleted.")
    _empty(folder)


def _confirmed(folder: DataFolder) -> bool:
    answer = input(f"Delete all accounts, sessions and questions in {folder.path}? [y/N] ")
    return answer.strip().lower() in ("y", "yes")


def _empty(folder: DataFolder) -> None:
    stage, engine = folder.stage_lock(), folder.engine_lock()
    try:
        if not stage.acquire():
            raise CommandError("The stage is running: end it with Ctrl-C, then reset it.")
        end_leftover(engine)
        for pattern in _FILES:
            for found in folder.path.glob(pattern):
                if found.is_dir():
                    shutil.rmtree(found)
                else:
                    found.unlink()
    finally:
        stage.close()
        engine.close()
    print(f"{folder.path} is empty: the next 'make run' loads the sample bank again.")
