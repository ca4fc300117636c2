"""Where the laptop stage keeps its data, and the locks that keep two of them apart."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from local.errors import CommandError

ROOT = Path(__file__).parent.parent
"""The repository."""


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A stage's folder: `.local`, or what `QUIZ_DATA_DIR` names."""

    path: Path

    @classmethod
    def from_environment(cls) -> "DataFolder":
        """Return the folder of this environment, creating it."""
        path = Path(os.environ.get("QUIZ_DATA_DIR") or ROOT / ".local").absolute()
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(
                f"The data folder {path} cannot be made: {error.strerror}."
            ) from error
        return cls(path)

    @property
    def is_default(self) -> bool:
        """Whether it is the repository's own."""
        return self.path == ROOT / ".local"

    @property
    def database(self) -> Path:
        """The engine's file; SQLite adds `-wal` and `-shm` beside it."""
        return self.path / "dynamodb.db"

    @property
    def data_version(self) -> Path:
        """The version of the data in the database, see `local.data_version`."""
        return self.path / "data-version"

    @property
    def signing_key(self) -> Path:
        """The private key that signs tokens."""
        return self.path / "signing-key.pem"

    @property
    def deleted_accounts(self) -> Path:
        """The ids of accounts that were deleted, one a line."""
        return self.path / "deleted-accounts"

    @property
    def running_stage(self) -> Path:
        """Address and environment of the running stage, for other programs."""
        return self.path / "stage.json"

    @property
    def unfinished_bank(self) -> Path:
        """There while the sample bank is not wholly loaded; names the database that lacks it."""
        return self.path / "sample-bank.unfinished"

    @property
    def stream_checkpoint(self) -> Path:
        """How far the stream's records are delivered."""
        return self.path / "stream-checkpoint.json"

    @property
    def failed_batches(self) -> Path:
        """Folder of the records that the stream's consumer could not count."""
        return self.path / "failed-batches"

    @property
    def stage_log(self) -> Path:
        """Log lines of the handlers."""
        return self.path / "stage.log"

    def report(self, stage: str) -> Path:
        """The newest teacher's report of a stage."""
        return self.path / f"report-{stage}.html"

    @property
    def engine_log(self) -> Path:
        """Output of the database engine's last start."""
        return self.path / "engine.log"

    def stage_lock(self) -> "FileLock":
        """Return the lock that a running stage holds."""
        return FileLock(self.path / "stage.lock")

    def engine_lock(self) -> "FileLock":
        """Return the lock that the engine holds, even when its stage was killed."""
        return FileLock(self.path / "engine.lock")


class FileLock:
    """An exclusive lock, freed by the system when its last holder ends, however it ends.

    A child process that is given the descriptor is a holder too. The file itself stays, and holds
    the process id that its holder wrote in it.
    """

    def __init__(self, path: Path) -> None:
        try:
            self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from error

    def acquire(self) -> bool:
        """Take the lock unless someone holds it, and say whether it is ours."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def write_process_id(self, process_id: int) -> None:
        """Leave the holder's process id to those who will find the lock held."""
        os.pwrite(self.descriptor, b"%-20d\n" % process_id, 0)

    def read_process_id(self) -> int | None:
        """Return the process id that the last holder left."""
        text = os.pread(self.descriptor, 21, 0).strip()
        return int(text) if text.isdigit() else None

    def close(self) -> None:
        """Free the lock, unless a child process holds it as well; repeating it is harmless."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
