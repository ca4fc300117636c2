"""Batches: chunked to DynamoDB's limits, what is left undone asked again within a bound."""

from collections.abc import Mapping
from typing import Any

import pytest

from lambdas.shared.store.batch import ATTEMPTS, batch_get, batch_write
from lambdas.shared.store.errors import StoreUnavailableError
from lambdas.shared.store.retry import BACKOFF


class Table:
    """A database that does so many keys or writes of each call, and notes the sizes of calls."""

    def __init__(self, does: int = 1_000) -> None:
        self.does = does
        self.sizes: list[int] = []
        self.written: list[Any] = []

    def call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        wanted = parameters["RequestItems"]["bank"]
        if operation == "batch_write_item":
            self.sizes.append(len(wanted))
            self.written += wanted[: self.does]
            left = wanted[self.does :]
            return {"UnprocessedItems": {"bank": left} if left else {}}
        keys = wanted["Keys"]
        self.sizes.append(len(keys))
        left = keys[self.does :]
        return {
            "Responses": {"bank": keys[: self.does]},
            "UnprocessedKeys": {"bank": {"Keys": left}} if left else {},
        }


def test_reads_are_of_at_most_100_keys() -> None:
    table = Table()
    keys = [{"questionId": {"S": str(number)}} for number in range(250)]
    assert batch_get(table, "bank", keys) == keys  # type: ignore[arg-type]
    assert table.sizes == [100, 100, 50]


def test_writes_are_of_at_most_25() -> None:
    table = Table()
    writes = [{"DeleteRequest": {"Key": number}} for number in range(60)]
    batch_write(table, "bank", writes)  # type: ignore[arg-type]
    assert table.sizes == [25, 25, 10]
    assert table.written == writes


def test_what_is_left_undone_is_asked_again_with_growing_pauses() -> None:
    table, pauses = Table(does=10), list[float]()
    writes = [{"DeleteRequest": {"Key": number}} for number in range(25)]
    batch_write(table, "bank", writes, pause=pauses.append)  # type: ignore[arg-type]
    assert table.sizes == [25, 15, 5]
    assert table.written == writes
    assert all(0 <= pause <= BACKOFF * 2 ** (n + 1) for n, pause in enumerate(pauses))


@pytest.mark.parametrize("batch", [batch_get, batch_write])
def test_what_stays_undone_is_reported(batch: Any) -> None:
    table, pauses = Table(does=0), list[float]()
    with pytest.raises(StoreUnavailableError):
        batch(table, "bank", [{"questionId": {"S": "x"}}], pause=pauses.append)
    assert len(table.sizes) == ATTEMPTS
    assert len(pauses) == ATTEMPTS - 1


def test_nothing_is_asked_for_nothing() -> None:
    table = Table()
    assert batch_get(table, "bank", []) == []  # type: ignore[arg-type]
    batch_write(table, "bank", [])  # type: ignore[arg-type]
    assert table.sizes == []
