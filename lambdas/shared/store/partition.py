"""All items of a learner in a table, whatever kind they are of: to be exported, or deleted."""

from typing import Any, NamedTuple

from lambdas.shared.store.batch import batch_write
from lambdas.shared.store.client import Database, Item


class Partition(NamedTuple):
    """A learner's part of a table; `sort_key` names the table's sort key."""

    database: Database
    table: str
    sort_key: str
    user_id: str

    def page(self, *, limit: int, after: str | None) -> tuple[list[Item], str | None]:
        """Return up to `limit` items in order of their keys, and where the next page begins."""
        last = self._key(after) if after else None
        found = self._query(last, Limit=limit)
        following = found.get("LastEvaluatedKey")
        return found["Items"], following[self.sort_key]["S"] if following else None

    def clear(self) -> bool:
        """Delete all items; return whether there was any.

        Items deleted before a failure stay deleted.

        Raises:
            StoreUnavailableError: some are left, for want of time or of the database.
        """
        last: Item | None = None
        found_any = False
        while True:
            found = self._query(
                last,
                ProjectionExpression="userId, #sort",
                ExpressionAttributeNames={"#sort": self.sort_key},
            )
            writes = [{"DeleteRequest": {"Key": key}} for key in found["Items"]]
            batch_write(self.database, self.table, writes)
            found_any = found_any or bool(writes)
            last = found.get("LastEvaluatedKey")
            if last is None:
                return found_any

    def _query(self, after: Item | None, **other: Any) -> dict[str, Any]:
        if after:
            other["ExclusiveStartKey"] = after
        return self.database.call(
            "query",
            TableName=self.table,
            KeyConditionExpression="userId = :user",
            ExpressionAttributeValues={":user": {"S": self.user_id}},
            # Else what was written just now could be overlooked.
            ConsistentRead=True,
            **other,
        )

    def _key(self, position: str) -> Item:
        return {"userId": {"S": self.user_id}, self.sort_key: {"S": position}}
