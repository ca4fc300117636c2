"""The Questions table: the questions of the bank, and the references that find them.

The ids of all other items start with `#`, as no question's does: categories
(`lambdas.shared.store.categories`), imports (`lambdas.shared.store.imports`), references from a
question's content or external id to it, and the tallies of each version of a question
(`lambdas.shared.store.tallies`).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from domain.question import Choice, Question, category_and_ordinal
from lambdas.shared.store.batch import batch_get
from lambdas.shared.store.categories import CategoriesTable, Category, published_categories
from lambdas.shared.store.client import Database, Item
from lambdas.shared.store.transaction import Action

BY_CATEGORY = "byCategory"


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


class Mark(NamedTuple):
    """Note on a reference that an import has staged the question it leads to.

    Attributes:
        import_id: The import.
        part: The part that held the draft; the mark counts once the part is complete.
        fingerprint: Digest of the draft, to recognize a repeated one.
    """

    import_id: str
    part: int
    fingerprint: str


class Reference(NamedTuple):
    """The question that a content key or external key leads to.

    It counts only while the question has that key, so a reference may be stale.
    """

    refers_to: str
    mark: Mark | None = None


class QuestionsTable(NamedTuple):
    """Reads, and the actions a transaction of the bank's writer is made of."""

    database: Database
    name: str

    def revisions(self, categories: Iterable[str]) -> dict[str, int]:
        """Return the revisions of categories, eventually consistent; 0 for an unknown one."""
        return CategoriesTable(self.database, self.name).revisions(categories)

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

    @staticmethod
    def request(identifier: str) -> dict[str, Any]:
        """Return a question's part of a BatchGetItem over several tables."""
        return {"Keys": [_key(identifier)]}

    @staticmethod
    def question(item: Item) -> Question:
        """Return the question of an item."""
        return _question(item)

    def records(self, ids: Iterable[str]) -> dict[str, BankRecord]:
        """Return the records that exist of those named, strongly consistent."""
        keys = [_key(each) for each in dict.fromkeys(ids)]
        items = batch_get(self.database, self.name, keys, consistent=True)
        return {item["questionId"]["S"]: record_from_item(item) for item in items}

    def published(self, identifier: str) -> BankRecord | None:
        """Read a question, unless it is beyond its category's published size: one call."""
        category, ordinal = category_and_ordinal(identifier)
        keys = [_key(identifier), CategoriesTable.key(category)]
        items = batch_get(self.database, self.name, keys, consistent=True)
        by_id = {item["questionId"]["S"]: item for item in items}
        record = by_id.pop(identifier, None)
        entry = published_categories(by_id.values()).get(category)
        return record_from_item(record) if record and entry and ordinal < entry.size else None

    def page(
        self, category: Category, *, limit: int, after: int | None
    ) -> tuple[list[BankRecord], bool]:
        """Return up to `limit` published questions whose ordinals come after `after`.

        The second value is whether more may follow: a page has at most a megabyte.
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
        return [record_from_item(item) for item in found["Items"]], "LastEvaluatedKey" in found

    def versions_in_use(self, category: Category) -> Iterator[tuple[str, int]]:
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

    def references(self, keys: Iterable[str]) -> dict[str, Reference]:
        """Return the references of content keys and external keys, strongly consistent."""
        wanted = [_key(each) for each in dict.fromkeys(keys)]
        items = batch_get(self.database, self.name, wanted, consistent=True)
        return {item["questionId"]["S"]: _reference(item) for item in items}

    def put(self, record: BankRecord, *, expected_version: int | None = None) -> Action:
        """Return the action that writes a question, over the version expected if one is given."""
        request: dict[str, Any] = {"TableName": self.name, "Item": item_from_record(record)}
        if expected_version is not None:
            request["ConditionExpression"] = "version = :expected"
            request["ExpressionAttributeValues"] = {":expected": _number(expected_version)}
        return Action({"Put": request})

    def put_reference(self, key: str, reference: Reference) -> Action:
        """Return the action that makes a content key or external key refer to a question."""
        item = {**_key(key), "refersTo": {"S": reference.refers_to}}
        if reference.mark:
            item["mark"] = {
                "L": [
                    {"S": reference.mark.import_id},
                    _number(reference.mark.part),
                    {"S": reference.mark.fingerprint},
                ]
            }
        return Action({"Put": {"TableName": self.name, "Item": item}})


def _reference(item: Item) -> Reference:
    mark = None
    if "mark" in item:
        import_id, part, fingerprint = item["mark"]["L"]
        mark = Mark(import_id["S"], int(part["N"]), fingerprint["S"])
    return Reference(item["refersTo"]["S"], mark)


def _key(identifier: str) -> Item:
    return {"questionId": {"S": identifier}}


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def item_from_record(record: BankRecord) -> Item:
    """Return the item of a question."""
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


def record_from_item(item: Item) -> BankRecord:
    """Return the question of an item."""
    return BankRecord(
        question=_question(item),
        content_key=item["contentKey"]["S"],
        difficulty=int(item["difficulty"]["N"]) if "difficulty" in item else None,
        tags=tuple(tag["S"] for tag in item["tags"]["L"]) if "tags" in item else (),
        external_id=item["externalId"]["S"] if "externalId" in item else None,
        created_at=int(item["createdAt"]["N"]),
        updated_at=int(item["updatedAt"]["N"]),
    )
