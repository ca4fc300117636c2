"""Notices that the engine's file was deleted or replaced while the engine has it open.

The engine goes on with the deleted file, and everything it acknowledges is gone once it ends.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CHECK_SECONDS = 1.0


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

    @contextmanager
    def watched(self, report: Callable[[], None]) -> Iterator[None]:
        """Call `report`, once, if it is lost while the context is entered.

        Leave it before the engine ends: that removes its log by itself.
        """
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(CHECK_SECONDS):
                if self.lost:
                    report()
                    return

        thread = threading.Thread(target=watch, name="file guard", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
