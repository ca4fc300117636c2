"""Removes rows of the engine's streams, which the engine itself keeps for ever.

The engine has no operation for this, so the rows are changed in its SQLite file while it runs:
SQLite's own locks keep the two writers apart, each change is a transaction, and each is short, so
that a write of the engine never waits for long. The engine numbers a new record one above the
highest there is: the newest row of a table is never deleted.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

KEPT_SECONDS = 24 * 3_600
"""How long DynamoDB keeps a record of a stream."""

CHUNK = 200
"""Rows changed in one transaction: milliseconds."""

_BUSY_SECONDS = 5.0
_ERASED = '{"userId":{"S":"erased"},"questionId":{"S":"erased"}}'


def redact(database: Path, user_id: str) -> int:
    """Remove a learner from the rows of every stream; return how many rows named them.

    The rows stay, as deletions of nobody, so that sequence numbers have no gaps.

    Raises:
        sqlite3.Error: some rows could not be changed; doing it again goes on.
    """
    with _opened(database) as connection:
        found = connection.execute(
            "SELECT id FROM _stream_records WHERE json_extract(keys_json, '$.userId.S') = ?",
            [user_id],
        ).fetchall()
        _change(
            connection,
            f"UPDATE _stream_records SET event_name = 'REMOVE', keys_json = '{_ERASED}', "  # noqa: S608 - a constant  # nosec B608
            "new_image = NULL, old_image = NULL WHERE id = ?",
            found,
        )
        return len(found)


def trim(database: Path, table: str, settled: int, *, now: float | None = None) -> int:
    """Delete the rows of a table that DynamoDB would have forgotten; return how many.

    A row that is not settled yet stays: a laptop may sleep longer than the stream lasts.

    Args:
        database: The engine's file.
        table: Name of the table.
        settled: Sequence number up to which all records are delivered.
        now: Seconds since the epoch; the machine's time by default.

    Raises:
        sqlite3.Error: some rows could not be deleted; doing it again goes on.
    """
    oldest = int((time.time() if now is None else now) - KEPT_SECONDS)
    with _opened(database) as connection:
        found = connection.execute(
            "SELECT id FROM _stream_records WHERE table_name = ? AND created_at < ? "
            "AND CAST(sequence_number AS INTEGER) <= ? AND CAST(sequence_number AS INTEGER) < "
            "(SELECT max(CAST(sequence_number AS INTEGER)) FROM _stream_records"
            " WHERE table_name = ?)",
            [table, oldest, settled, table],
        ).fetchall()
        _change(connection, "DELETE FROM _stream_records WHERE id = ?", found)
        return len(found)


@contextmanager
def _opened(database: Path) -> Iterator[sqlite3.Connection]:
    # Never creates the file: the engine's may have been deleted.
    uri = f"{database.as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS)) as connection:
        # The content of a row is overwritten, not only unlinked.
        connection.execute("PRAGMA secure_delete = ON")
        yield connection


def _change(connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[int]]) -> None:
    remaining = iter(rows)
    while chunk := list(islice(remaining, CHUNK)):
        with connection:
            connection.executemany(statement, chunk)
