"""Remembers imports that are not finished, so that repeating the command continues them."""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import uuid4

from local.errors import CommandError


@dataclass(slots=True)
class Receipt:
    """A file that keeps the idempotency key of one import; it is locked while the import runs.

    Attributes:
        path: The file.
        key: The idempotency key that opens the import.
        categories: The categories it was opened for, empty before that.
    """

    path: Path
    key: str
    categories: tuple[str, ...]
    _file: IO[str]

    @classmethod
    def take(cls, folder: Path, stage: str, digest: str) -> "Receipt":
        """Return the receipt of the import of one content into one stage, new or left behind.

        Raises:
            CommandError: Another process is importing the same.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        receipt = cls._locked(folder / f"{stage}-{digest}.json")
        if receipt is None:
            raise CommandError(f"The same file is being imported into stage {stage} already.")
        return receipt

    @classmethod
    def left_behind(cls, folder: Path, stage: str) -> Iterator["Receipt"]:
        """Return the receipts of imports that were killed."""
        for path in sorted(folder.glob(f"{stage}-*.json")):
            if receipt := cls._locked(path):
                yield receipt

    @classmethod
    def _locked(cls, path: Path) -> "Receipt | None":
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
        content = {}
        with suppress(ValueError):
            content = json.load(file)
        return cls(path, content.get("key", ""), tuple(content.get("categories", ())), file)

    def begin(self, categories: Sequence[str]) -> None:
        """Keep a new key, before the import is opened with it."""
        self.key, self.categories = uuid4().hex, tuple(categories)
        self._file.seek(0)
        self._file.truncate()
        json.dump({"key": self.key, "categories": self.categories}, self._file)
        self._file.flush()

    def remove(self) -> None:
        """Forget the import: it is finished."""
        self.path.unlink(missing_ok=True)
        self._file.close()

    def leave(self) -> None:
        """Leave the receipt for the next time."""
        self._file.close()
