"""Notices that the engine's file was deleted or replaced while the engine has it open.

The engine goes on with the deleted file, and everything it acknowledges is gone once it ends.
"""

from pathlib import Path


class DatabaseFile:
    """The engine's file and its write-ahead log, as they were when the engine had started."""

    def __init__(self, path: Path) -> None:
        self.path = path
        files = (path, path.with_name(f"{path.name}-wal"))
        self._identities = {file: identity for file in files if (identity := _identity(file))}

    @property
    def lost(self) -> bool:
        """Whether the engine now writes to files that will vanish."""
        return any(_identity(file) != known for file, known in self._identities.items())


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
