"""The Users table: profile, preferences and totals, or what is left of an erased account.

An erased account's item is a tombstone: `erasedAt`, and `erasing` until the erasure is complete.
Every write that would bring data of a user into being is on the condition that there is none.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from domain.session.policy import Preferences
from lambdas.shared.store.client import Database, Item
from lambdas.shared.store.errors import (
    AccountErasedError,
    ConditionFailedError,
    RefusedWriteError,
    StartRefusedError,
)
from lambdas.shared.store.preferences import preferences_from_item
from lambdas.shared.store.start_records import StartCounts
from lambdas.shared.store.transaction import Action

UNFINISHED_ERASURES = "unfinishedErasures"
"""Index of the tombstones that have `erasing`, and of nothing else."""

_UNFINISHED = "yes"
"""Value of `erasing`: the one partition of the index."""

NOT_ERASED = "attribute_not_exists(erasedAt)"
"""The condition; it holds as well for a user who has no item."""


_FACTOR = "secondFactorSeenAt"
"""When the second factor of an administrator was first seen, in milliseconds."""

UTC = "UTC"
"""Time zone of a learner who has set none."""


class Profile(NamedTuple):
    """A learner's profile and preferences; times in milliseconds, None before the first write."""

    user_id: str
    display_name: str = ""
    language: str = "en"
    time_zone: str = UTC
    preferences: Preferences = Preferences()
    created_at: int | None = None
    updated_at: int | None = None
    counts: StartCounts = StartCounts()


class UsersTable(NamedTuple):
    """Reads and writes profiles. A learner without an item has the defaults."""

    database: Database
    name: str

    def get(self, user_id: str) -> Profile:
        """Read a profile, strongly consistent: a client reads its own writes.

        Raises:
            AccountErasedError: the account was erased.
        """
        return profile_from_item(user_id, self.item(user_id, consistent=True))

    def item(self, user_id: str, *, consistent: bool = False) -> Item | None:
        """Read a user's item: the profile, and what the consumer of answers keeps with it.

        Raises:
            AccountErasedError: the account was erased.
        """
        found = self.database.call(
            "get_item", TableName=self.name, Key=self.key(user_id), ConsistentRead=consistent
        )
        item: Item | None = found.get("Item")
        if item and "erasedAt" in item:
            raise AccountErasedError
        return item

    def change(self, user_id: str, changes: Mapping[str, str | int], now: int) -> Profile:
        """Set attributes of the profile and its preferences; return them all.

        Raises:
            AccountErasedError: the account was erased.
        """
        names = {f"#{index}": name for index, name in enumerate(changes)}
        values: Item = {
            f":{index}": {"N": str(value)} if isinstance(value, int) else {"S": value}
            for index, value in enumerate(changes.values())
        }
        assignments = [f"#{index} = :{index}" for index in range(len(changes))]
        assignments += ["updatedAt = :now", "createdAt = if_not_exists(createdAt, :now)"]
        values[":now"] = {"N": str(now)}
        attributes = self._update(user_id, f"SET {', '.join(assignments)}", values, names)
        return profile_from_item(user_id, attributes)

    def create(self, user_id: str, now: int) -> None:
        """Make a user's item, unless there is one already, be it a tombstone."""
        item = {**self.key(user_id), "createdAt": {"N": str(now)}, "updatedAt": {"N": str(now)}}
        self._put_if(item, "attribute_not_exists(userId)")

    def note_second_factor(self, user_id: str, now: int) -> int:
        """Return when a user's second factor was first seen, which is now unless it is on record.

        Raises:
            AccountErasedError: the account was erased.
        """
        noted = self._update(
            user_id, f"SET {_FACTOR} = if_not_exists({_FACTOR}, :now)", {":now": {"N": str(now)}}
        )
        return int(noted[_FACTOR]["N"])

    def _update(
        self, user_id: str, expression: str, values: Item, names: Mapping[str, str] | None = None
    ) -> Item:
        """Update the item of a user who is not erased; return all of its attributes."""
        aliases = {"ExpressionAttributeNames": names} if names else {}
        try:
            updated = self.database.call(
                "update_item",
                TableName=self.name,
                Key=self.key(user_id),
                UpdateExpression=expression,
                ConditionExpression=NOT_ERASED,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                **aliases,
            )
        except ConditionFailedError:
            raise AccountErasedError from None
        attributes: Item = updated["Attributes"]
        return attributes

    def forget_second_factor(self, user_id: str) -> None:
        """Remove the record of a second factor that the user has no more."""
        with suppress(ConditionFailedError):  # it was never seen
            self.database.call(
                "update_item",
                TableName=self.name,
                Key=self.key(user_id),
                UpdateExpression=f"REMOVE {_FACTOR}",
                ConditionExpression=f"attribute_exists({_FACTOR})",
            )

    def begin_erasure(self, user_id: str, now: int) -> None:
        """Put a tombstone in the place of all that is kept of a user, unless there is one."""
        tombstone = {
            **self.key(user_id),
            "erasedAt": {"N": str(now)},
            "erasing": {"S": _UNFINISHED},
        }
        self._put_if(tombstone, NOT_ERASED)

    def end_erasure(self, user_id: str) -> None:
        """Note on a user's tombstone that nothing is left to erase."""
        self.database.call(
            "update_item",
            TableName=self.name,
            Key=self.key(user_id),
            UpdateExpression="REMOVE erasing",
            ConditionExpression="attribute_exists(erasedAt)",
        )

    def unfinished_erasures(self, limit: int) -> list[tuple[str, int]]:
        """Return users whose erasure was begun, and when (milliseconds), the oldest first."""
        found = self.database.call(
            "query",
            TableName=self.name,
            IndexName=UNFINISHED_ERASURES,
            KeyConditionExpression="erasing = :unfinished",
            ExpressionAttributeValues={":unfinished": {"S": _UNFINISHED}},
            Limit=limit,
        )
        return [(item["userId"]["S"], int(item["erasedAt"]["N"])) for item in found["Items"]]

    def _put_if(self, item: Item, condition: str) -> None:
        """Write an item on a condition; where that does not hold, it was done before."""
        try:
            self.database.call(
                "put_item", TableName=self.name, Item=item, ConditionExpression=condition
            )
        except ConditionFailedError:
            return

    def count_start(
        self,
        user_id: str,
        counts: StartCounts,
        *,
        day: int,
        recounted: int,
        max_unfinished: int,
        max_starts: int,
    ) -> Action:
        """Return the write that counts one more session on a UTC day.

        `counts` are those known, `recounted` the unfinished sessions: those known, unless they
        were recounted. Refused with AccountErasedError if the account was erased, and with
        StartRefusedError if the counts changed or are at a limit.
        """
        values = {":one": 1, ":day": day}
        if day == counts.day:
            on_day, starts = "startDay = :day AND starts < :most_starts", "starts + :one"
            values[":most_starts"] = max_starts
        else:
            on_day, starts = "(attribute_not_exists(startDay) OR startDay < :day)", ":one"
        if recounted == counts.unfinished:
            bound = "(attribute_not_exists(unfinished) OR unfinished < :most)"
            unfinished = "if_not_exists(unfinished, :zero) + :one"
            values |= {":most": max_unfinished, ":zero": 0}
        else:
            # Every start changes the day or its starts: they show that none came between, though
            # the bound may be the same again.
            bound = "unfinished = :known AND startDay = :known_day AND starts = :known_starts"
            unfinished = ":recounted"
            values |= {":known": counts.unfinished, ":recounted": recounted + 1}
            values |= {":known_day": counts.day, ":known_starts": counts.starts}
        update = {
            "TableName": self.name,
            "Key": self.key(user_id),
            "UpdateExpression": (
                f"SET unfinished = {unfinished}, startDay = :day, starts = {starts}"
            ),
            "ConditionExpression": f"{NOT_ERASED} AND {on_day} AND {bound}",
            "ExpressionAttributeValues": {
                name: {"N": str(value)} for name, value in values.items()
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return Action({"Update": update}, _start_refused)

    @staticmethod
    def key(user_id: str) -> Item:
        """Return the key of a user's item."""
        return {"userId": {"S": user_id}}


def _start_refused(item: Item | None) -> RefusedWriteError:
    if item and "erasedAt" in item:
        return AccountErasedError()
    return StartRefusedError(_counts(item or {}))


def _counts(item: Item) -> StartCounts:
    numbers = (item.get(name, {"N": "0"})["N"] for name in ("unfinished", "startDay", "starts"))
    return StartCounts(*map(int, numbers))


def profile_from_item(user_id: str, item: Item | None) -> Profile:
    """Return the profile of an item, or the defaults of a user who has none."""
    item = item or {}
    default = Profile(user_id=user_id)
    return Profile(
        user_id=user_id,
        display_name=item.get("displayName", {}).get("S", default.display_name),
        language=item.get("language", {}).get("S", default.language),
        time_zone=item.get("timeZone", {}).get("S", default.time_zone),
        preferences=preferences_from_item(item),
        created_at=int(item["createdAt"]["N"]) if "createdAt" in item else None,
        updated_at=int(item["updatedAt"]["N"]) if "updatedAt" in item else None,
        counts=_counts(item),
    )
