"""The Users table: profile and preferences."""

from collections.abc import Mapping
from dataclasses import dataclass

from lambdas.shared.store.client import Database, Item

DEFAULT_WRONG_ANSWER_PERCENTAGE = 20
"""Share of draws from the wrong-answer pool, in percent, where nothing else is chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A learner's profile and preferences; times in milliseconds, None before the first write."""

    user_id: str
    display_name: str = ""
    language: str = "en"
    wrong_answer_percentage: int = DEFAULT_WRONG_ANSWER_PERCENTAGE
    created_at: int | None = None
    updated_at: int | None = None


@dataclass(frozen=True, slots=True)
class UsersTable:
    """Reads and writes profiles. A learner without an item has the defaults."""

    database: Database
    name: str

    def get(self, user_id: str) -> Profile:
        """Read a profile, strongly consistent: a client reads its own writes."""
        found = self.database.call(
            "get_item", TableName=self.name, Key=self.key(user_id), ConsistentRead=True
        )
        return profile_from_item(user_id, found.get("Item"))

    def change(self, user_id: str, changes: Mapping[str, str | int], now: int) -> Profile:
        """Set preferences (`displayName`, `language`, `wrongAnswerPercentage`); return them all."""
        names = {f"#{index}": name for index, name in enumerate(changes)}
        values: Item = {
            f":{index}": {"N": str(value)} if isinstance(value, int) else {"S": value}
            for index, value in enumerate(changes.values())
        }
        assignments = [f"#{index} = :{index}" for index in range(len(changes))]
        assignments += ["updatedAt = :now", "createdAt = if_not_exists(createdAt, :now)"]
        request = {"ExpressionAttributeNames": names} if names else {}
        changed = self.database.call(
            "update_item",
            TableName=self.name,
            Key=self.key(user_id),
            UpdateExpression=f"SET {', '.join(assignments)}",
            ExpressionAttributeValues={**values, ":now": {"N": str(now)}},
            ReturnValues="ALL_NEW",
            **request,
        )
        return profile_from_item(user_id, changed["Attributes"])

    @staticmethod
    def key(user_id: str) -> Item:
        """Return the key of a user's item."""
        return {"userId": {"S": user_id}}


def profile_from_item(user_id: str, item: Item | None) -> Profile:
    """Return the profile of an item, or the defaults of a user who has none."""
    item = item or {}
    default = Profile(user_id=user_id)
    return Profile(
        user_id=user_id,
        display_name=item.get("displayName", {}).get("S", default.display_name),
        language=item.get("language", {}).get("S", default.language),
        wrong_answer_percentage=int(
            item.get("wrongAnswerPercentage", {}).get("N", default.wrong_answer_percentage)
        ),
        created_at=int(item["createdAt"]["N"]) if "createdAt" in item else None,
        updated_at=int(item["updatedAt"]["N"]) if "updatedAt" in item else None,
    )
