"""What an import has to remember until its end, on disk rather than in memory."""

import pickle
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from typing import Self

from lambdas.questions.bank_writer import UPDATED_TOGETHER
from lambdas.questions.staging import Update

MAX_BYTES = 3_000_000
"""Of the updates written together: DynamoDB takes 4 MB in a transaction."""


class ImportSpool:
    """Updates to write once every line was read, and what was given so far.

    The file has no name and belongs to this process alone: it goes with it, however it ends.
    """

    def __init__(self) -> None:
        self._places = count()
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(
            """
            PRAGMA journal_mode = OFF;
            CREATE TABLE given (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
            CREATE TABLE updates (revives INTEGER, place INTEGER, content BLOB,
                PRIMARY KEY (revives, place)) WITHOUT ROWID;
            BEGIN;
            """
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def get(self, key: str, /) -> str | None:
        """Return what was given under a key."""
        row = self._database.execute("SELECT value FROM given WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def __setitem__(self, key: str, value: str, /) -> None:
        """Remember what was given under a key."""
        self._database.execute("INSERT OR REPLACE INTO given VALUES (?, ?)", (key, value))

    def add(self, update: Update) -> None:
        """Store an update until it is written."""
        row = (update.revives, next(self._places), pickle.dumps(update))
        self._database.execute("INSERT INTO updates VALUES (?, ?, ?)", row)

    def updates(self) -> Iterator[list[Update]]:
        """Return the updates in parts that fit a transaction with the registry.

        Those of retired questions come last, to be written with the number of questions in use.
        """
        rows = self._database.execute("SELECT content FROM updates ORDER BY revives, place")
        part: list[Update] = []
        size = 0
        with closing(rows):
            for (content,) in rows:
                if part and (len(part) == UPDATED_TOGETHER or size + len(content) > MAX_BYTES):
                    yield part
                    part, size = [], 0
                part.append(pickle.loads(content))  # noqa: S301 - this process wrote it  # nosec B301
                size += len(content)
        if part:
            yield part
