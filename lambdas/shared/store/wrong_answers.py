"""The WrongAnswers table: the pool entries of all a learner's sessions, oldest first.

The sort key is the time queued and the question, so that two entries of one millisecond are two.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from domain.session.drawing import RefillNeeded
from domain.session.effects import EntryLowered, EntryQueued, PoolChange
from domain.session.pool import PoolEntry
from domain.session.state import Session
from lambdas.contract.routes import QUESTION_ID_PATTERN
from lambdas.shared.store.client import Database, Item
from lambdas.shared.store.errors import PoolEntryChangedError
from lambdas.shared.store.sessions import digits
from lambdas.shared.store.transaction import Action
from lambdas.shared.timestamps import iso, milliseconds

POSITION_PATTERN = f"[0-9T:.-]{{23}}Z#{QUESTION_ID_PATTERN.strip('^$')}"
"""What sort keys match."""


_BEFORE_ALL = "0"
"""Sorts before every time there is."""

_AS_READ = "sessionId = :old AND remainingTries = :owed"


class OwedQuestion(NamedTuple):
    """A pool entry with the session that owns it; `position` is its sort key."""

    entry: PoolEntry
    session_id: str
    position: str


class WrongAnswersTable(NamedTuple):
    """Reads entries, and returns the actions that change them.

    A refused action raises PoolEntryChangedError.
    """

    database: Database
    name: str

    def change(self, session: Session, change: PoolChange) -> Action:
        """Return the write of a change of the session's pool."""
        key = {
            "userId": {"S": session.user_id},
            "timestamp": {"S": _sort_key(change.entry.key)},
        }
        owned = {":session": {"S": session.session_id}}
        if isinstance(change, EntryQueued):
            item = {
                **key,
                "questionId": {"S": change.entry.question_id},
                "sessionId": {"S": session.session_id},
                "remainingTries": {"N": str(change.entry.remaining_tries)},
                "shuffledAnswers": {"S": digits(change.order)},
                "atTurn": {"N": str(change.entry.turn)},
            }
            put = {
                "TableName": self.name,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(userId)",
            }
            return _action("Put", put)
        if isinstance(change, EntryLowered):
            update = {
                "TableName": self.name,
                "Key": key,
                "UpdateExpression": (
                    "SET remainingTries = :tries, shuffledAnswers = :order, atTurn = :turn"
                    " REMOVE leftover"
                ),
                "ConditionExpression": "sessionId = :session",
                "ExpressionAttributeValues": {
                    **owned,
                    ":tries": {"N": str(change.entry.remaining_tries)},
                    ":order": {"S": digits(change.order)},
                    ":turn": {"N": str(change.entry.turn)},
                },
            }
            return _action("Update", update)
        # Without a condition: the entry may be gone already.
        return _action("Delete", {"TableName": self.name, "Key": key})

    def taken_over(self, session: Session, owed: OwedQuestion, tries: int) -> Action:
        """Return the write that makes a review session the owner of an entry.

        Refused unless the entry is as it was read: its former session may have been answered since.
        """
        update = {
            "TableName": self.name,
            "Key": self._key_of(session.user_id, owed),
            "UpdateExpression": (
                "SET sessionId = :new, remainingTries = :tries, leftover = :yes REMOVE atTurn"
            ),
            "ConditionExpression": _AS_READ,
            "ExpressionAttributeValues": {
                **self._as_read(owed),
                ":new": {"S": session.session_id},
                ":tries": {"N": str(tries)},
                ":yes": {"BOOL": True},
            },
        }
        return _action("Update", update)

    def removed(self, user_id: str, owed: OwedQuestion) -> Action:
        """Return the write that removes an entry; refused unless it is as it was read."""
        delete = {
            "TableName": self.name,
            "Key": self._key_of(user_id, owed),
            "ConditionExpression": _AS_READ,
            "ExpressionAttributeValues": self._as_read(owed),
        }
        return _action("Delete", delete)

    @staticmethod
    def _as_read(owed: OwedQuestion) -> Item:
        return {
            ":old": {"S": owed.session_id},
            ":owed": {"N": str(owed.entry.remaining_tries)},
        }

    @staticmethod
    def _key_of(user_id: str, owed: OwedQuestion) -> Item:
        return {"userId": {"S": user_id}, "timestamp": {"S": owed.position}}

    def newer(self, session: Session, needed: RefillNeeded) -> tuple[list[PoolEntry], bool]:
        """Return entries of the session after `needed.after`, and whether there are no more.

        Reads on past entries of other sessions until it finds one of this session's.
        """
        after = _sort_key(needed.after) if needed.after else _BEFORE_ALL
        query: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": "userId = :user AND #timestamp > :after",
            "FilterExpression": "sessionId = :session",
            "ExpressionAttributeNames": {"#timestamp": "timestamp"},
            "ExpressionAttributeValues": {
                ":user": {"S": session.user_id},
                ":after": {"S": after},
                ":session": {"S": session.session_id},
            },
            # The entries may have been written by the answer before this one.
            "ConsistentRead": True,
            "Limit": needed.limit,
        }
        while True:
            found = self.database.call("query", **query)
            entries = [_owed(item).entry for item in found["Items"]]
            last = found.get("LastEvaluatedKey")
            if entries or not last:
                return entries, not last
            query["ExclusiveStartKey"] = last

    def page(
        self, user_id: str, *, limit: int, after: str | None, consistent: bool = False
    ) -> tuple[list[OwedQuestion], str | None]:
        """Return up to `limit` of a learner's entries, and where the next page begins."""
        found = self._query(user_id, after, limit, consistent=consistent)
        last = found.get("LastEvaluatedKey")
        return [_owed(item) for item in found["Items"]], last["timestamp"]["S"] if last else None

    def every(self, user_id: str) -> Iterator[OwedQuestion]:
        """Yield all of a learner's entries: a call per megabyte."""
        after: str | None = None
        while True:
            found = self._query(user_id, after, None)
            yield from map(_owed, found["Items"])
            if "LastEvaluatedKey" not in found:
                return
            after = found["LastEvaluatedKey"]["timestamp"]["S"]

    def _query(
        self, user_id: str, after: str | None, limit: int | None, *, consistent: bool = False
    ) -> dict[str, Any]:
        query: dict[str, Any] = {
            "TableName": self.name,
            "ConsistentRead": consistent,
            "KeyConditionExpression": "userId = :user",
            "ExpressionAttributeValues": {":user": {"S": user_id}},
        }
        if limit:
            query["Limit"] = limit
        if after:
            query["ExclusiveStartKey"] = {"userId": {"S": user_id}, "timestamp": {"S": after}}
        return self.database.call("query", **query)


def _action(operation: str, request: Item) -> Action:
    return Action({operation: request}, lambda _: PoolEntryChangedError())


def _sort_key(key: tuple[int, str]) -> str:
    queued_at, question_id = key
    return f"{iso(queued_at)}#{question_id}"


def _owed(item: Item) -> OwedQuestion:
    position = item["timestamp"]["S"]
    return OwedQuestion(
        entry=PoolEntry(
            queued_at=milliseconds(position.partition("#")[0]),
            question_id=item["questionId"]["S"],
            remaining_tries=int(item["remainingTries"]["N"]),
            leftover="leftover" in item,
            turn=int(item["atTurn"]["N"]) if "atTurn" in item else 0,
        ),
        session_id=item["sessionId"]["S"],
        position=position,
    )
