"""Categories of the bank: one item for each in the Questions table.

An item holds what learners see of the category, its published size, a revision that each edit of
its questions raises, and the lease of its writer. Categories with questions are listed by name in
an index of their own.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from domain.question import SMOKE_CATEGORY
from domain.session.policy import Preferences
from lambdas.shared.store.batch import batch_get
from lambdas.shared.store.client import Database, Item
from lambdas.shared.store.errors import CategoryBusyError, ConditionFailedError
from lambdas.shared.store.preferences import preference_values, preferences_from_item
from lambdas.shared.store.transaction import Action

BY_NAME = "byName"
"""Index of the categories that have `listed`, in order of name: those with questions, but for the
smoke test's."""

_PREFIX = "#category#"

Listing = Literal["inUse", "retired"]
"""Value of `listed`: some questions are in use, or all of them are retired."""


class Category(NamedTuple):
    """A category of the bank.

    Attributes:
        category: Its name, the key.
        size: Number of published ordinals: questions at higher ones are not visible.
        active: Number of published questions that are not retired.
        revision: Number of edits of its questions; it changes with or before each edit.
        staged_size: Size after publishing what an import has staged; None without an import.
        staged_active: Likewise for `active`.
        defaults: Settings of a session that the category presets.
        holder: Holder of its lease; it counts only until the lease ends.
    """

    category: str
    title: str
    description: str = ""
    language: str = "en"
    size: int = 0
    active: int = 0
    revision: int = 0
    defaults: Preferences = Preferences()
    staged_size: int | None = None
    staged_active: int | None = None
    holder: str | None = None


class Lease(NamedTuple):
    """The right of one writer to change a category; `until` in milliseconds."""

    holder: str
    until: int


class CategoriesTable(NamedTuple):
    """Reads categories, and returns the actions that change them."""

    database: Database
    name: str

    def get(self, category: str) -> Category | None:
        """Read a category, strongly consistent; None if it has no questions."""
        return self.many([category]).get(category)

    def many(self, categories: Iterable[str]) -> dict[str, Category]:
        """Read those of the categories that have questions, strongly consistent."""
        keys = [self.key(each) for each in dict.fromkeys(categories)]
        if len(keys) == 1:
            found = self.database.call(
                "get_item", TableName=self.name, Key=keys[0], ConsistentRead=True
            )
            items = [found["Item"]] if "Item" in found else []
        else:
            items = batch_get(self.database, self.name, keys, consistent=True)
        return published_categories(items)

    def staged(self, categories: Iterable[str]) -> dict[str, Category]:
        """Read categories with what is staged in them, strongly consistent, empty ones as well."""
        keys = [self.key(each) for each in dict.fromkeys(categories)]
        items = batch_get(self.database, self.name, keys, consistent=True)
        return {each.category: each for each in map(category_from_item, items)}

    def request(self, categories: Iterable[str]) -> dict[str, Any]:
        """Return the part of a BatchGetItem over several tables that reads categories."""
        keys = [self.key(each) for each in dict.fromkeys(categories)]
        return {self.name: {"Keys": keys, "ConsistentRead": True}}

    def revisions(self, categories: Iterable[str]) -> dict[str, int]:
        """Return the revisions of categories, eventually consistent; 0 for an unknown one."""
        names = list(dict.fromkeys(categories))
        wanted = "questionId, revision"
        if len(names) == 1:
            found = self.database.call(
                "get_item",
                TableName=self.name,
                Key=self.key(names[0]),
                ProjectionExpression=wanted,
            )
            items = [found["Item"]] if "Item" in found else []
        else:
            keys = [self.key(each) for each in names]
            items = batch_get(self.database, self.name, keys, projection=wanted)
        read = {_name(item): _number(item, "revision") for item in items}
        return {each: read.get(each, 0) for each in names}

    def page(
        self, *, limit: int, after: str | None, listing: Listing = "inUse"
    ) -> tuple[list[Category], str | None]:
        """Return up to `limit` categories by name, and the name after which the next page begins.

        The index may lag behind a write by less than a second.
        """
        query: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": BY_NAME,
            "KeyConditionExpression": "listed = :listed",
            "ExpressionAttributeValues": {":listed": {"S": listing}},
            "Limit": limit + 1,
        }
        if after is not None:
            query["KeyConditionExpression"] += " AND category > :after"
            query["ExpressionAttributeValues"][":after"] = {"S": after}
        found = self.database.call("query", **query)
        entries = [category_from_item(item) for item in found["Items"]]
        more = len(entries) > limit or "LastEvaluatedKey" in found
        return entries[:limit], entries[:limit][-1].category if more else None

    def following(self, after: str | None) -> list[Category]:
        """Return the next two categories by name, those with only retired questions as well."""
        both: tuple[Listing, Listing] = ("inUse", "retired")
        found = [self.page(limit=2, after=after, listing=listing)[0] for listing in both]
        return sorted((each for some in found for each in some), key=_by_name)[:2]

    def claim(
        self, category: str, lease: Lease, *, now: int, existing: bool = False
    ) -> Category | None:
        """Take a category's lease; times in milliseconds.

        Returns None, with `existing`, for a category that has no item.

        Raises:
            CategoryBusyError: another writer holds it.
        """
        free = "attribute_not_exists(holder) OR holder = :holder OR leasedUntil <= :now"
        try:
            claimed = self.database.call(
                "update_item",
                TableName=self.name,
                Key=self.key(category),
                UpdateExpression="SET holder = :holder, leasedUntil = :until",
                ConditionExpression=(
                    f"attribute_exists(questionId) AND ({free})" if existing else free
                ),
                ExpressionAttributeValues={
                    ":holder": {"S": lease.holder},
                    ":until": {"N": str(lease.until)},
                    ":now": {"N": str(now)},
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailedError as error:
            if error.item is None:
                return None
            left = _number(error.item, "leasedUntil") - now
            holder = _text(error.item, "holder", "")
            raise CategoryBusyError(category, max(left, 0), holder) from None
        return category_from_item(claimed["Attributes"])

    def renew(
        self, category: str, lease: Lease, *, edits: bool = False, revived: int = 0
    ) -> Action:
        """Return the action that renews a lease, and fails the transaction if it is lost.

        `edits` states that questions are edited with it, or at once after it; `revived` is the
        number of retired questions that come back into use.
        """
        values: Item = {":until": {"N": str(lease.until)}}
        added = []
        if edits:
            added.append("revision :one")
            values[":one"] = {"N": "1"}
        if revived:
            added.append("active :revived")
            values[":revived"] = {"N": str(revived)}
        expression = "SET leasedUntil = :until"
        if revived:
            expression += ", listed = :inUse"
            values[":inUse"] = {"S": "inUse"}
        if added:
            expression += f" ADD {', '.join(added)}"
        return self._update(category, lease.holder, expression, values)

    def stage(self, entry: Category, lease: Lease) -> Action:
        """Return the action that keeps the size and number in `entry` for publishing."""
        values: Item = {
            ":until": {"N": str(lease.until)},
            ":size": {"N": str(entry.size)},
            ":active": {"N": str(entry.active)},
            **_named(entry),
        }
        expression = (
            "SET leasedUntil = :until, stagedSize = :size, stagedActive = :active, "
            "stagedBy = :holder, "
            "title = if_not_exists(title, :title), #language = if_not_exists(#language, :language)"
        )
        return self._update(
            entry.category, lease.holder, expression, values, names={"#language": "language"}
        )

    def publish(
        self, entry: Category, holder: str, *, edits: bool = False, until: int | None = None
    ) -> Action:
        """Return the action that publishes a category at the size in `entry`.

        It ends the lease, or renews it to `until`, and fails the transaction if the lease is lost.
        """
        values: Item = {
            ":category": {"S": entry.category},
            ":size": {"N": str(entry.size)},
            ":active": {"N": str(entry.active)},
            **_named(entry),
        }
        assignments = [
            "category = :category",
            "#size = :size",
            "active = :active",
            "title = if_not_exists(title, :title)",
            "#language = if_not_exists(#language, :language)",
        ]
        removed = ["stagedSize", "stagedActive", "stagedBy"]
        if entry.category == SMOKE_CATEGORY:
            removed.append("listed")
        else:
            assignments.append("listed = :listed")
            values[":listed"] = {"S": "inUse" if entry.active else "retired"}
        if until is None:
            removed += ["holder", "leasedUntil"]
        else:
            assignments.append("leasedUntil = :until")
            values[":until"] = {"N": str(until)}
        expression = f"SET {', '.join(assignments)} REMOVE {', '.join(removed)}"
        if edits:
            expression += " ADD revision :one"
            values[":one"] = {"N": "1"}
        names = {"#size": "size", "#language": "language"}
        return self._update(entry.category, holder, expression, values, names=names)

    def release(self, entry: Category, holder: str) -> Action:
        """Return the action that ends a lease; a category without questions is deleted with it."""
        if entry.size:
            removed = "REMOVE stagedSize, stagedActive, stagedBy, holder, leasedUntil"
            return self._update(entry.category, holder, removed, {})
        return Action(
            {
                "Delete": {
                    "TableName": self.name,
                    "Key": self.key(entry.category),
                    "ConditionExpression": "holder = :holder",
                    "ExpressionAttributeValues": {":holder": {"S": holder}},
                }
            }
        )

    def describe(
        self,
        category: str,
        texts: Mapping[str, str],
        defaults: Preferences | None,
    ) -> Category | None:
        """Set `title`, `description` or `language`, and the defaults unless None.

        Returns the category, or None if it has no questions.
        """
        names = {f"#{name}": name for name in texts}
        values: Item = {f":{name}": {"S": text} for name, text in texts.items()}
        assignments = [f"#{name} = :{name}" for name in texts]
        if defaults is not None:
            names["#settings"] = "settings"
            values[":settings"] = {"M": _settings(defaults)}
            assignments.append("#settings = :settings")
        try:
            changed = self.database.call(
                "update_item",
                TableName=self.name,
                Key=self.key(category),
                UpdateExpression=f"SET {', '.join(assignments)}",
                ConditionExpression="attribute_exists(listed)",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
            )
        except ConditionFailedError:
            return None
        return category_from_item(changed["Attributes"])

    @staticmethod
    def key(category: str) -> Item:
        """Return the key of a category's item."""
        return {"questionId": {"S": _PREFIX + category}}

    def _update(
        self,
        category: str,
        holder: str,
        expression: str,
        values: Item,
        *,
        names: Mapping[str, str] | None = None,
    ) -> Action:
        request: dict[str, Any] = {
            "TableName": self.name,
            "Key": self.key(category),
            "UpdateExpression": expression,
            "ConditionExpression": "holder = :holder",
            "ExpressionAttributeValues": {**values, ":holder": {"S": holder}},
        }
        if names:
            request["ExpressionAttributeNames"] = names
        return Action({"Update": request})


def new_category(category: str, language: str) -> Category:
    """Return a category before its first question; its title is made from its name."""
    return Category(category, title=category.replace("-", " ").title(), language=language)


def published_categories(items: Iterable[Item]) -> dict[str, Category]:
    """Return the categories of those items that have questions, by name."""
    entries = map(category_from_item, items)
    return {entry.category: entry for entry in entries if entry.size}


def category_from_item(item: Item) -> Category:
    """Return the category of an item of the table or of the index."""
    name = _name(item)
    # Questions staged by an earlier holder do not count.
    staged = "stagedBy" in item and item["stagedBy"] == item.get("holder")
    return new_category(name, _text(item, "language", "en"))._replace(
        **({"title": item["title"]["S"]} if "title" in item else {}),
        description=_text(item, "description", ""),
        size=_number(item, "size"),
        active=_number(item, "active"),
        revision=_number(item, "revision"),
        defaults=preferences_from_item(item["settings"]["M"] if "settings" in item else {}),
        staged_size=int(item["stagedSize"]["N"]) if staged else None,
        staged_active=int(item["stagedActive"]["N"]) if staged else None,
        holder=_text(item, "holder", "") or None,
    )


def _settings(defaults: Preferences) -> Item:
    return {
        name: {"N": str(value)} if isinstance(value, int) else {"S": value}
        for name, value in preference_values(defaults).items()
    }


def _named(entry: Category) -> Item:
    return {":title": {"S": entry.title}, ":language": {"S": entry.language}}


def _by_name(entry: Category) -> str:
    return entry.category


def _name(item: Item) -> str:
    identifier: str = item["questionId"]["S"]
    return identifier.removeprefix(_PREFIX)


def _text(item: Item, name: str, default: str) -> str:
    text: str = item[name]["S"] if name in item else default
    return text


def _number(item: Item, name: str) -> int:
    return int(item[name]["N"]) if name in item else 0
