"""The Questions table: the bank, and what keeps it in order.

Beside the questions it holds three kinds of items, their ids starting with `#` as no question's
does: the registry, which has the categories with their published sizes and a lease that gives the
bank one writer at a time; references from a question's content or external id to it; and what was
counted of each version of a question (`lambdas.shared.store.tallies`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from domain.question import Choice, Question, category_and_ordinal
from lambdas.shared.store.batch import batch_get, batch_write
from lambdas.shared.store.client import Database, Item
from lambdas.shared.store.errors import ConditionFailedError

BY_CATEGORY = "byCategory"
REGISTRY_ID = "#registry"
_REVISED = " ADD revision :one"


class CategoryEntry(NamedTuple):
    """A category of the registry: `size` published ordinals, of which `active` are not retired."""

    category: str
    title: str
    language: str
    size: int
    active: int


class BankRecord(NamedTuple):
    """A question with what only administrators see; times in milliseconds.

    `content_key` names its content: the same text and choices in a category are one question.
    """

    question: Question
    content_key: str
    difficulty: int | None
    tags: tuple[str, ...]
    external_id: str | None
    created_at: int
    updated_at: int


class BankBusyError(Exception):
    """Somebody else writes the bank; their lease ends in `milliseconds` unless renewed."""

    def __init__(self, milliseconds: int) -> None:
        """Take how long the lease lasts."""
        super().__init__("the bank has another writer now")
        self.milliseconds = milliseconds


class QuestionsTable(NamedTuple):
    """Reads, and the actions a transaction of the bank's writer is made of."""

    database: Database
    name: str

    def registry(self) -> dict[str, CategoryEntry]:
        """Read all categories, strongly consistent."""
        found = self.database.call(
            "get_item", TableName=self.name, Key=_key(REGISTRY_ID), ConsistentRead=True
        )
        return registry_from_item(found.get("Item"))

    def revision(self) -> int:
        """Return how often questions may have been edited: it changes with or before each edit."""
        found = self.database.call(
            "get_item",
            TableName=self.name,
            Key=_key(REGISTRY_ID),
            ProjectionExpression="revision",
        )
        return int(found.get("Item", {}).get("revision", {"N": "0"})["N"])

    def registry_request(self) -> dict[str, Any]:
        """Return the registry's part of a BatchGetItem over several tables."""
        return {self.name: {"Keys": [_key(REGISTRY_ID)], "ConsistentRead": True}}

    def questions(self, ids: Sequence[str], *, consistent: bool = False) -> dict[str, Question]:
        """Return the questions that exist of those named."""
        if len(ids) == 1:
            found = self.database.call(
                "get_item", TableName=self.name, Key=_key(ids[0]), ConsistentRead=consistent
            )
            items = [found["Item"]] if "Item" in found else []
        else:
            keys = [_key(each) for each in ids]
            items = batch_get(self.database, self.name, keys, consistent=consistent)
        return {item["questionId"]["S"]: _question(item) for item in items}

    def records(self, ids: Iterable[str]) -> dict[str, BankRecord]:
        """Return the records that exist of those named, strongly consistent."""
        keys = [_key(each) for each in dict.fromkeys(ids)]
        items = batch_get(self.database, self.name, keys, consistent=True)
        return {item["questionId"]["S"]: _record(item) for item in items}

    def published(self, identifier: str) -> BankRecord | None:
        """Read a question, unless it is beyond its category's published size: one call."""
        keys = [_key(identifier), _key(REGISTRY_ID)]
        items = {
            item["questionId"]["S"]: item
            for item in batch_get(self.database, self.name, keys, consistent=True)
        }
        category, ordinal = category_and_ordinal(identifier)
        entry = registry_from_item(items.get(REGISTRY_ID)).get(category)
        if identifier not in items or entry is None or ordinal >= entry.size:
            return None
        return _record(items[identifier])

    def page(
        self, category: CategoryEntry, *, limit: int, after: int | None
    ) -> tuple[list[BankRecord], bool]:
        """Return up to `limit` published questions whose ordinals come after `after`.

        The second value tells whether more may follow: a page has at most a megabyte.
        """
        found = self.database.call(
            "query",
            TableName=self.name,
            IndexName=BY_CATEGORY,
            KeyConditionExpression="category = :category AND ordinal BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":category": {"S": category.category},
                ":first": {"N": str(0 if after is None else after + 1)},
                ":last": {"N": str(category.size - 1)},
            },
            Limit=limit,
        )
        return [_record(item) for item in found["Items"]], "LastEvaluatedKey" in found

    def versions_in_use(self, category: CategoryEntry) -> Iterator[tuple[str, int]]:
        """Yield id and version of the questions of a category that are not retired.

        A call a megabyte of questions; the index may lag behind an edit by less than a second.
        """
        query: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": BY_CATEGORY,
            "KeyConditionExpression": "category = :category AND ordinal < :size",
            "ProjectionExpression": "questionId, version, retired",
            "ExpressionAttributeValues": {
                ":category": {"S": category.category},
                ":size": {"N": str(category.size)},
            },
        }
        while True:
            found = self.database.call("query", **query)
            for item in found["Items"]:
                if not item["retired"]["BOOL"]:
                    yield item["questionId"]["S"], int(item["version"]["N"])
            if "LastEvaluatedKey" not in found:
                return
            query["ExclusiveStartKey"] = found["LastEvaluatedKey"]

    def references(self, ids: Iterable[str]) -> dict[str, str]:
        """Return which question each content key or external key refers to."""
        keys = [_key(each) for each in dict.fromkeys(ids)]
        items = batch_get(self.database, self.name, keys, consistent=True)
        return {item["questionId"]["S"]: item["refersTo"]["S"] for item in items}

    def claim(self, holder: str, *, until: int, now: int) -> dict[str, CategoryEntry]:
        """Take or renew the writer's lease, to a time in ms; return the registry as it is.

        Raises:
            BankBusyError: somebody else holds it.
        """
        try:
            claimed = self.database.call(
                "update_item",
                TableName=self.name,
                Key=_key(REGISTRY_ID),
                UpdateExpression="SET holder = :holder, leasedUntil = :until",
                ConditionExpression=(
                    "attribute_not_exists(holder) OR holder = :holder OR leasedUntil <= :now"
                ),
                ExpressionAttributeValues={
                    ":holder": {"S": holder},
                    ":until": _number(until),
                    ":now": _number(now),
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailedError as error:
            left = int(error.item["leasedUntil"]["N"]) - now if error.item else 0
            raise BankBusyError(left) from None
        return registry_from_item(claimed["Attributes"])

    def renewed(self, holder: str, *, until: int, edits: bool) -> dict[str, Any]:
        """Return the action that renews the lease, and fails the transaction if it is lost.

        `edits` says that questions are edited with it, or at once after it.
        """
        values: Item = {":until": _number(until), ":holder": {"S": holder}}
        expression = "SET leasedUntil = :until"
        if edits:
            expression += _REVISED
            values[":one"] = _number(1)
        return {
            "Update": {
                "TableName": self.name,
                "Key": _key(REGISTRY_ID),
                "UpdateExpression": expression,
                "ConditionExpression": "holder = :holder",
                "ExpressionAttributeValues": values,
            }
        }

    def published_by(
        self, holder: str, entries: Iterable[CategoryEntry], *, edits: bool
    ) -> dict[str, Any]:
        """Return the action that publishes categories as given, together, and ends the lease.

        It fails the transaction if the lease is lost. `edits` as in `renewed`.
        """
        names: dict[str, str] = {}
        values: Item = {":holder": {"S": holder}}
        assignments = []
        for index, entry in enumerate(entries):
            names[f"#{index}"] = f"category:{entry.category}"
            values[f":{index}"] = {
                "M": {
                    "title": {"S": entry.title},
                    "language": {"S": entry.language},
                    "size": _number(entry.size),
                    "active": _number(entry.active),
                }
            }
            assignments.append(f"#{index} = :{index}")
        published = f"SET {', '.join(assignments)} " if assignments else ""
        if edits:
            values[":one"] = _number(1)
        return {
            "Update": {
                "TableName": self.name,
                "Key": _key(REGISTRY_ID),
                "UpdateExpression": (
                    f"{published}REMOVE holder, leasedUntil{_REVISED if edits else ''}"
                ),
                "ConditionExpression": "holder = :holder",
                "ExpressionAttributeValues": values,
                **({"ExpressionAttributeNames": names} if names else {}),
            }
        }

    def put(self, record: BankRecord, *, expected_version: int | None = None) -> dict[str, Any]:
        """Return the action that writes a question, over the version expected if one is given."""
        request: dict[str, Any] = {"TableName": self.name, "Item": _item(record)}
        if expected_version is not None:
            request["ConditionExpression"] = "version = :expected"
            request["ExpressionAttributeValues"] = {":expected": _number(expected_version)}
        return {"Put": request}

    def put_reference(self, key: str, refers_to: str) -> dict[str, Any]:
        """Return the action that makes a content key or external key refer to a question."""
        item = {**_key(key), "refersTo": {"S": refers_to}}
        return {"Put": {"TableName": self.name, "Item": item}}

    def write_references(
        self, *, put: Mapping[str, str] | None = None, delete: Iterable[str] = ()
    ) -> None:
        """Make keys refer to questions, or forget keys; each by itself, in any order.

        A reference counts only while it leads to a question of that key, so none has to be
        written together with its question.
        """
        writes = [
            {"PutRequest": {"Item": self.put_reference(key, refers_to)["Put"]["Item"]}}
            for key, refers_to in (put or {}).items()
        ]
        writes += [{"DeleteRequest": {"Key": _key(key)}} for key in dict.fromkeys(delete)]
        batch_write(self.database, self.name, writes)


def registry_from_item(item: Item | None) -> dict[str, CategoryEntry]:
    """Return the categories of the registry item, by name in order."""
    entries = {}
    for attribute, value in sorted((item or {}).items()):
        kind, _, category = attribute.partition(":")
        if kind == "category":
            entries[category] = CategoryEntry(
                category=category,
                title=value["M"]["title"]["S"],
                language=value["M"]["language"]["S"],
                size=int(value["M"]["size"]["N"]),
                active=int(value["M"]["active"]["N"]),
            )
    return entries


def _key(identifier: str) -> Item:
    return {"questionId": {"S": identifier}}


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _item(record: BankRecord) -> Item:
    question = record.question
    category, ordinal = category_and_ordinal(question.question_id)
    item: Item = {
        "questionId": {"S": question.question_id},
        "category": {"S": category},
        "ordinal": _number(ordinal),
        "version": _number(question.version),
        "text": {"S": question.text},
        "multiple": {"BOOL": question.multiple},
        "choices": {"L": [{"M": _choice_map(choice)} for choice in question.choices]},
        "explanation": {"S": question.explanation},
        "language": {"S": question.language},
        "retired": {"BOOL": question.retired},
        "contentKey": {"S": record.content_key},
        "createdAt": _number(record.created_at),
        "updatedAt": _number(record.updated_at),
    }
    if record.difficulty is not None:
        item["difficulty"] = _number(record.difficulty)
    if record.tags:
        item["tags"] = {"L": [{"S": tag} for tag in record.tags]}
    if record.external_id is not None:
        item["externalId"] = {"S": record.external_id}
    return item


def _choice_map(choice: Choice) -> Item:
    values: Item = {"text": {"S": choice.text}, "correct": {"BOOL": choice.correct}}
    if choice.pinned:
        values["pinned"] = {"BOOL": True}
    return values


def _question(item: Item) -> Question:
    return Question(
        question_id=item["questionId"]["S"],
        version=int(item["version"]["N"]),
        text=item["text"]["S"],
        choices=tuple(
            Choice(each["M"]["text"]["S"], each["M"]["correct"]["BOOL"], "pinned" in each["M"])
            for each in item["choices"]["L"]
        ),
        multiple=item["multiple"]["BOOL"],
        explanation=item["explanation"]["S"],
        language=item["language"]["S"],
        retired=item["retired"]["BOOL"],
    )


def _record(item: Item) -> BankRecord:
    return BankRecord(
        question=_question(item),
        content_key=item["contentKey"]["S"],
        difficulty=int(item["difficulty"]["N"]) if "difficulty" in item else None,
        tags=tuple(tag["S"] for tag in item["tags"]["L"]) if "tags" in item else (),
        external_id=item["externalId"]["S"] if "externalId" in item else None,
        created_at=int(item["createdAt"]["N"]),
        updated_at=int(item["updatedAt"]["N"]),
    )
