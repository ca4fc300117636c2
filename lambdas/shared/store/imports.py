"""Imports: a large change of categories that arrives in parts, in the Questions table.

An import has an item of its own, one for each part received, which repeats the part's results, and
one for each part that updates questions, which holds the updates until they are published. All of
them expire with the table's time to live.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple
from zlib import compress, decompress

from domain.question import category_and_ordinal
from lambdas.shared.store.client import Database, Item
from lambdas.shared.store.errors import ConditionFailedError, ImportChangedError
from lambdas.shared.store.questions import BankRecord, item_from_record, record_from_item
from lambdas.shared.store.transaction import Action

KEPT_AFTER_EXPIRY = 24 * 3600
"""Seconds from an import's expiry until DynamoDB may delete its items."""


class ImportStatus(StrEnum):
    """State of an import; an open one expires with its lease."""

    OPEN = "OPEN"
    PUBLISHING = "PUBLISHING"
    PUBLISHED = "PUBLISHED"
    DELETED = "DELETED"
    EXPIRED = "EXPIRED"


class BankImport(NamedTuple):
    """An import; times in milliseconds.

    Attributes:
        turn: Random token of the request that works on it: a later one takes over by a new token.
        parts: Number of parts received.
        groups: Number of groups of updates, one for each part that has any.
        updates_left: Updates that are not written yet.
        group: Number of the next group to write, from 1.
        offset: Updates of that group that are written.
        expires_at: When its leases end.
    """

    import_id: str
    status: ImportStatus
    categories: tuple[str, ...]
    created_at: int
    expires_at: int
    turn: str = ""
    parts: int = 0
    groups: int = 0
    updates_left: int = 0
    group: int = 1
    offset: int = 0

    def status_at(self, now: int) -> ImportStatus:
        """Return the status, EXPIRED once its leases have ended."""
        unfinished = self.status in (ImportStatus.OPEN, ImportStatus.PUBLISHING)
        return ImportStatus.EXPIRED if unfinished and self.expires_at <= now else self.status


class PendingUpdate(NamedTuple):
    """An update that waits to be published.

    Attributes:
        expected_version: Version of the question that it replaces.
        revives: Whether that question is retired.
    """

    record: BankRecord
    expected_version: int
    revives: bool

    @property
    def category(self) -> str:
        """The category of the question."""
        return category_and_ordinal(self.record.question.question_id)[0]


class ReceivedPart(NamedTuple):
    """A part that was received: a digest of its drafts, and the results as JSON."""

    digest: str
    results: str


class ImportsTable(NamedTuple):
    """Reads imports, and returns the actions that change them."""

    database: Database
    name: str

    def get(self, import_id: str) -> BankImport | None:
        """Read an import, strongly consistent."""
        item = self._item(_id(import_id))
        return _import_from_item(import_id, item) if item else None

    def take_turn(self, import_id: str, turn: str) -> BankImport | None:
        """Make the caller the one that works on the import: earlier requests fail from now on.

        Returns the import, None if there is none.
        """
        try:
            taken = self.database.call(
                "update_item",
                TableName=self.name,
                Key=_key(_id(import_id)),
                UpdateExpression="SET turn = :turn",
                ConditionExpression="attribute_exists(questionId)",
                ExpressionAttributeValues={":turn": {"S": turn}},
                ReturnValues="ALL_NEW",
            )
        except ConditionFailedError:
            return None
        return _import_from_item(import_id, taken["Attributes"])

    def open(self, new: BankImport) -> Action:
        """Return the action that creates an import, and fails if it exists."""
        return Action(
            {
                "Put": {
                    "TableName": self.name,
                    "Item": _item_from_import(new),
                    "ConditionExpression": "attribute_not_exists(questionId)",
                }
            },
            lambda _: ImportChangedError("the import exists already"),
        )

    def save(self, changed: BankImport) -> Action:
        """Return the action that writes an import, and fails unless it is still the caller's turn.

        It is the caller's turn while the item has the `turn` of `changed`.
        """
        return Action(
            {
                "Put": {
                    "TableName": self.name,
                    "Item": _item_from_import(changed),
                    "ConditionExpression": "turn = :turn",
                    "ExpressionAttributeValues": {":turn": {"S": changed.turn}},
                }
            },
            lambda _: ImportChangedError("another request works on the import"),
        )

    def part(self, import_id: str, number: int) -> ReceivedPart | None:
        """Read a part that was received."""
        item = self._item(_part_id(import_id, number))
        if item is None:
            return None
        return ReceivedPart(item["digest"]["S"], decompress(item["results"]["B"]).decode())

    def put_part(self, owner: BankImport, number: int, part: ReceivedPart) -> Action:
        """Return the action that stores a part's results."""
        item = {
            **_key(_part_id(owner.import_id, number)),
            "digest": {"S": part.digest},
            "results": {"B": compress(part.results.encode())},
            "ttl": _time_to_live(owner),
        }
        return Action({"Put": {"TableName": self.name, "Item": item}})

    def group(self, import_id: str, number: int) -> list[PendingUpdate]:
        """Read a group of updates."""
        item = self._item(_group_id(import_id, number)) or {"updates": {"L": []}}
        return [
            PendingUpdate(
                record_from_item(each["M"]["record"]["M"]),
                int(each["M"]["expected"]["N"]),
                each["M"]["revives"]["BOOL"],
            )
            for each in item["updates"]["L"]
        ]

    def put_group(self, owner: BankImport, number: int, updates: Sequence[PendingUpdate]) -> Action:
        """Return the action that stores a group of updates until it is published."""
        stored: list[Item] = [
            {
                "M": {
                    "record": {"M": item_from_record(each.record)},
                    "expected": {"N": str(each.expected_version)},
                    "revives": {"BOOL": each.revives},
                }
            }
            for each in updates
        ]
        item = {
            **_key(_group_id(owner.import_id, number)),
            "updates": {"L": stored},
            "ttl": _time_to_live(owner),
        }
        return Action({"Put": {"TableName": self.name, "Item": item}})

    def delete_group(self, import_id: str, number: int) -> Action:
        """Return the action that deletes a group of updates."""
        key = _key(_group_id(import_id, number))
        return Action({"Delete": {"TableName": self.name, "Key": key}})

    def _item(self, identifier: str) -> Item | None:
        found = self.database.call(
            "get_item", TableName=self.name, Key=_key(identifier), ConsistentRead=True
        )
        item: Item | None = found.get("Item")
        return item


def _item_from_import(each: BankImport) -> Item:
    numbers = {
        "createdAt": each.created_at,
        "expiresAt": each.expires_at,
        "parts": each.parts,
        "groups": each.groups,
        "updatesLeft": each.updates_left,
        "nextGroup": each.group,
        "nextOffset": each.offset,
    }
    return {
        **_key(_id(each.import_id)),
        "state": {"S": each.status},
        "turn": {"S": each.turn},
        "categories": {"L": [{"S": name} for name in each.categories]},
        **{name: {"N": str(value)} for name, value in numbers.items()},
        "ttl": _time_to_live(each),
    }


def _import_from_item(import_id: str, item: Item) -> BankImport:
    return BankImport(
        import_id=import_id,
        status=ImportStatus(item["state"]["S"]),
        turn=item["turn"]["S"],
        categories=tuple(each["S"] for each in item["categories"]["L"]),
        created_at=int(item["createdAt"]["N"]),
        expires_at=int(item["expiresAt"]["N"]),
        parts=int(item["parts"]["N"]),
        groups=int(item["groups"]["N"]),
        updates_left=int(item["updatesLeft"]["N"]),
        group=int(item["nextGroup"]["N"]),
        offset=int(item["nextOffset"]["N"]),
    )


def _time_to_live(each: BankImport) -> dict[str, Any]:
    return {"N": str(each.expires_at // 1000 + KEPT_AFTER_EXPIRY)}


def _key(identifier: str) -> Item:
    return {"questionId": {"S": identifier}}


def _id(import_id: str) -> str:
    return f"#import#{import_id}"


def _part_id(import_id: str, number: int) -> str:
    return f"#import#{import_id}#part#{number}"


def _group_id(import_id: str, number: int) -> str:
    return f"#import#{import_id}#updates#{number}"
