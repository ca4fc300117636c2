"""Copies back the items that a table lost, from a restore beside it to a point in time.

DynamoDB restores into a new table without stream, time to live, tags, alarms and recovery of its
own. So the stage keeps its table, and the lost items are copied into it. An item that is there is
never overwritten, and some are left out on purpose: see `Reason`.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from time import sleep
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.permissions import TableName
from lambdas.shared.store.progress import RESTORED_AT
from local.errors import CommandError
from ops.deploy.outputs import Outputs

Item = Mapping[str, Any]
Client = Any

_KEYS_OF_A_BATCH = 100
_POLL_SECONDS = 20
_SETS = ("SS", "NS", "BS")
_MOST_POLLS = 3 * 60 * 24  # a day: a large table takes hours


class Reason(StrEnum):
    """Why an item of the restored table is not copied."""

    PRESENT = "in the table as it was"
    CHANGED = "changed since; an item is never overwritten"
    EXPIRED = "expired since"
    ERASED = "of an account that was erased"
    PLAYED = "of a session that was played since, which may have settled it"


@dataclass(slots=True)
class Comparison:
    """Items lost, and how many others were found by reason."""

    lost: list[Item] = field(default_factory=list)
    others: Counter[Reason] = field(default_factory=Counter)

    def __str__(self) -> str:
        """Return the comparison as lines of text."""
        lines = [f"{len(self.lost)} lost"]
        lines += [f"{count} {reason}" for reason, count in sorted(self.others.items())]
        return "\n".join(f"  {line}" for line in lines)


@dataclass(frozen=True, slots=True)
class Restoration:
    """A table of a stage beside a restore of it.

    Attributes:
        client: Client of DynamoDB.
        tables: Physical names of the stage's tables.
        table: The table that lost items.
        restored: Physical name of the restore.
        at: The point in time that it was restored to.
        now: The present; items that expired before it are not lost.
    """

    client: Client
    tables: Mapping[TableName, str]
    table: TableName
    restored: str
    at: datetime
    now: datetime

    def compare(self) -> Comparison:
        """Compare every item of the restore with the table."""
        keys = self._key_names()
        comparison = Comparison()
        for page in self._pages():
            present = self._read(self.tables[self.table], [_part(each, keys) for each in page])
            by_key = {_identity(each, keys): each for each in present}
            excluded = self._excluded(page)
            for item in page:
                live = by_key.get(_identity(item, keys))
                reason = excluded(item) if live is None else _of_present(live, item)
                if reason is None:
                    comparison.lost.append(item)
                else:
                    comparison.others[reason] += 1
        return comparison

    def copy(self, lost: Sequence[Item]) -> int:
        """Write lost items; return how many were written, as others have appeared since."""
        (partition, *_) = self._key_names()
        # The consumer of the stream counts answers, and a copy is none.
        mark = {RESTORED_AT: {"N": str(int(self.now.timestamp() * 1000))}}
        written = 0
        for item in lost:
            try:
                self.client.put_item(
                    TableName=self.tables[self.table],
                    Item={**item, **(mark if self.table is TableName.PROGRESS else {})},
                    ConditionExpression="attribute_not_exists(#key)",
                    ExpressionAttributeNames={"#key": partition},
                )
                written += 1
            except self.client.exceptions.ConditionalCheckFailedException:
                continue
        return written

    def _key_names(self) -> list[str]:
        described = self.client.describe_table(TableName=self.restored)["Table"]
        by_kind = {each["KeyType"]: each["AttributeName"] for each in described["KeySchema"]}
        return [by_kind[kind] for kind in ("HASH", "RANGE") if kind in by_kind]

    def _pages(self) -> Iterator[list[Item]]:
        scan = self.client.get_paginator("scan")
        for page in scan.paginate(TableName=self.restored, Limit=_KEYS_OF_A_BATCH):
            if page["Items"]:
                yield page["Items"]

    def _excluded(self, page: Sequence[Item]) -> Callable[[Item], Reason | None]:
        if self.table in (TableName.QUESTIONS, TableName.USERS):
            return lambda _: None
        owners = {item["userId"]["S"] for item in page}
        users = self._read(
            self.tables[TableName.USERS], [{"userId": {"S": owner}} for owner in owners]
        )
        erased = {user["userId"]["S"] for user in users if "erasedAt" in user}
        played = self._played(page) if self.table is TableName.WRONG_ANSWERS else set()

        def reason(item: Item) -> Reason | None:
            owner = item["userId"]["S"]
            if owner in erased:
                return Reason.ERASED
            if "ttl" in item and int(item["ttl"]["N"]) <= self.now.timestamp():
                return Reason.EXPIRED
            if (owner, item.get("sessionId", {}).get("S")) in played:
                return Reason.PLAYED
            return None

        return reason

    def _played(self, page: Sequence[Item]) -> set[tuple[str, str]]:
        """Return the sessions of pool entries that were played after the restore's time."""
        owners = {(item["userId"]["S"], item["sessionId"]["S"]) for item in page}
        keys = [{"userId": {"S": user}, "sessionId": {"S": session}} for user, session in owners]
        after = self.at.timestamp() * 1000
        return {
            (session["userId"]["S"], session["sessionId"]["S"])
            for session in self._read(self.tables[TableName.SESSIONS], keys)
            if int(session["updatedAt"]["N"]) > after
        }

    def _read(self, table: str, keys: Sequence[Item]) -> list[Item]:
        """Return the items that exist, read consistently."""
        found: list[Item] = []
        for start in range(0, len(keys), _KEYS_OF_A_BATCH):
            wanted: Any = {
                table: {
                    "Keys": list(keys[start : start + _KEYS_OF_A_BATCH]),
                    "ConsistentRead": True,
                }
            }
            while wanted:
                reply = self.client.batch_get_item(RequestItems=wanted)
                found += reply["Responses"].get(table, [])
                wanted = reply.get("UnprocessedKeys")
        return found


def restore(stage: str, table: str, at: str, confirm: str) -> None:
    """Restore a table of a deployed stage beside itself and copy back what it lost.

    Raises:
        CommandError: an argument is malformed, the operator does not confirm, or AWS refuses.
    """
    moment, name = _moment(at), _table(table)
    tables = {each: f"quiz-{stage}-{each}" for each in TableName}
    restored = f"{tables[name]}-at-{moment:%Y%m%dT%H%M%SZ}"
    client = boto3.client("dynamodb", region_name=Outputs.read(stage).region)
    try:
        restore_beside(client, tables[name], restored, moment)
        restoration = Restoration(client, tables, name, restored, moment, datetime.now(UTC))
        comparison = restoration.compare()
        print(f"{tables[name]} compared with {moment:%Y-%m-%dT%H:%M:%SZ}:\n{comparison}")
        if comparison.lost:
            _require_consent(stage, confirm, len(comparison.lost))
            print(f"{restoration.copy(comparison.lost)} items copied back.")
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"AWS refused the restore of {tables[name]}: {error}") from None
    print(
        f"Delete the copy once it is of no use: aws dynamodb delete-table --table-name {restored}"
    )


def restore_beside(
    client: Client, table: str, restored: str, at: datetime, *, poll_seconds: int = _POLL_SECONDS
) -> None:
    """Restore `table` to a point in time as `restored`, and wait until it can be read.

    A restore that exists is used again, so that an interrupted command can be repeated.

    Raises:
        CommandError: the table cannot be restored to that time.
    """
    if _status(client, restored) is None:
        _require_recoverable(client, table, at)
        client.restore_table_to_point_in_time(
            SourceTableName=table, TargetTableName=restored, RestoreDateTime=at
        )
        print(f"Restoring {table} as {restored}: this takes DynamoDB 20 minutes or more.")
    for _ in range(_MOST_POLLS):
        if _status(client, restored) == "ACTIVE":
            return
        sleep(poll_seconds)
    raise CommandError(f"{restored} is still not there: run the command again to go on waiting.")


def _status(client: Client, table: str) -> str | None:
    try:
        return str(client.describe_table(TableName=table)["Table"]["TableStatus"])
    except client.exceptions.ResourceNotFoundException:
        return None


def _require_recoverable(client: Client, table: str, at: datetime) -> None:
    described = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    recovery = described.get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        raise CommandError(
            f"{table} has no point-in-time recovery: its stage sets table_recovery to False."
        )
    earliest, latest = (recovery[f"{end}RestorableDateTime"] for end in ("Earliest", "Latest"))
    if not earliest <= at <= latest:
        raise CommandError(f"{table} can be restored to a time from {earliest} to {latest}.")


def _moment(at: str) -> datetime:
    try:
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError
    except ValueError:
        raise CommandError(
            f"AT is {at!r}: give a time with its zone, such as AT=2026-11-25T09:30:00Z."
        ) from None
    return moment.astimezone(UTC)


def _table(table: str) -> TableName:
    try:
        return TableName(table)
    except ValueError:
        raise CommandError(
            f"There is no table {table!r}: choose one of {', '.join(TableName)}."
        ) from None


def _require_consent(stage: str, confirm: str, count: int) -> None:
    if confirm == stage:
        return
    if not sys.stdin.isatty():
        raise CommandError(f"Nothing was copied: CONFIRM={stage} copies without a question.")
    if input(f"This copies {count} items back. The name of the stage, to go on: ") != stage:
        raise CommandError("That is not its name: nothing was copied.")


def _of_present(live: Item, item: Item) -> Reason:
    return Reason.PRESENT if _unordered(live) == _unordered(item) else Reason.CHANGED


def _unordered(value: Any) -> Any:
    """Return an item with its sets in one order: DynamoDB returns them in any."""
    if isinstance(value, Mapping):
        return {
            key: sorted(each) if key in _SETS and isinstance(each, list) else _unordered(each)
            for key, each in value.items()
        }
    return [_unordered(each) for each in value] if isinstance(value, list) else value


def _part(item: Item, names: Sequence[str]) -> Item:
    return {name: item[name] for name in names}


def _identity(item: Item, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(item[name]) for name in names)
