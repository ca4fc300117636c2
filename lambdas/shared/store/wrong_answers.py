"""The WrongAnswers table: the pool entries of all a learner's sessions, oldest first.

The sort key is the time queued and the question, so that two entries of one millisecond are two.
Two local secondary indexes, read with strong consistency, bound the cost of a refill and of a
review whatever other sessions owe (docs/decisions/0070).
"""

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from domain.question import category_and_ordinal
from domain.session.drawing import RefillNeeded
from domain.session.effects import EntryRemoved, PoolChange
from domain.session.pool import PoolEntry
from domain.session.state import Session
from lambdas.contract.formats import QUESTION_ID_PATTERN
from lambdas.shared.store.client import Database, Item
from lambdas.shared.store.errors import PoolEntryChangedError
from lambdas.shared.store.sessions import digits
from lambdas.shared.store.transaction import Action
from lambdas.shared.timestamps import iso, milliseconds

POSITION_PATTERN = f"[0-9T:.-]{{23}}Z#{QUESTION_ID_PATTERN.strip('^$')}"
"""Grammar of sort keys."""


BEYOND_HEAD = "beyondHead"
"""Index of the entries that their session does not carry, by session and time."""

OWED_BY_CATEGORY = "owedByCategory"
"""Index of all entries by category, session and time."""

_NEXT, _LAST = "!", "~"
"""Appended to an index key: the first text after that key, and the last one that begins with it."""

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
        if isinstance(change, EntryRemoved):
            # Without a condition: the entry may be gone already.
            return _action("Delete", {"TableName": self.name, "Key": key})
        if change.new:
            item = {
                **key,
                "questionId": {"S": change.entry.question_id},
                "sessionId": {"S": session.session_id},
                "remainingTries": {"N": str(change.entry.remaining_tries)},
                "shuffledAnswers": {"S": digits(change.order)},
                "atTurn": {"N": str(change.entry.turn)},
                "owedIn": _owed_in(session, change.entry),
            }
            beyond = _beyond_head(session, change.entry)
            if beyond:
                item["beyondHead"] = beyond
            put = {
                "TableName": self.name,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(userId)",
            }
            return _action("Put", put)
        update = {
            "TableName": self.name,
            "Key": key,
            "UpdateExpression": (
                "SET remainingTries = :tries, shuffledAnswers = :order, atTurn = :turn"
                f" REMOVE leftover{'' if session.spacing else ', beyondHead'}"
            ),
            "ConditionExpression": "sessionId = :session",
            "ExpressionAttributeValues": {
                ":session": {"S": session.session_id},
                ":tries": {"N": str(change.entry.remaining_tries)},
                ":order": {"S": digits(change.order)},
                ":turn": {"N": str(change.entry.turn)},
            },
        }
        return _action("Update", update)

    def taken_over(self, session: Session, owed: OwedQuestion, tries: int) -> Action:
        """Return the write that makes a review session the owner of an entry.

        Refused unless the entry is as it was read: its former session may have been answered since.
        """
        beyond = _beyond_head(session, owed.entry)
        values: Item = {
            **self._as_read(owed),
            ":new": {"S": session.session_id},
            ":tries": {"N": str(tries)},
            ":yes": {"BOOL": True},
            ":owed_in": _owed_in(session, owed.entry),
            **({":beyond": beyond} if beyond else {}),
        }
        index = ", beyondHead = :beyond REMOVE atTurn" if beyond else " REMOVE atTurn, beyondHead"
        update = {
            "TableName": self.name,
            "Key": self._key_of(session.user_id, owed),
            "UpdateExpression": (
                "SET sessionId = :new, remainingTries = :tries, leftover = :yes, owedIn = :owed_in"
                f"{index}"
            ),
            "ConditionExpression": _AS_READ,
            "ExpressionAttributeValues": values,
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

        One query, whatever other sessions owe.
        """
        owner = f"{session.session_id}#"
        first = f"{owner}{_place(needed.after)}{_NEXT}" if needed.after else owner
        found = self.database.call(
            "query",
            TableName=self.name,
            IndexName=BEYOND_HEAD,
            KeyConditionExpression="userId = :user AND beyondHead BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":user": {"S": session.user_id},
                ":first": {"S": first},
                ":last": {"S": owner + _LAST},
            },
            # The entries may have been written by the answer before this one.
            ConsistentRead=True,
            Limit=needed.limit,
        )
        return [_entry(item) for item in found["Items"]], "LastEvaluatedKey" not in found

    def owed_by_others(
        self, user_id: str, category: str | None, excluded: Collection[str], *, limit: int
    ) -> Iterator[list[OwedQuestion]]:
        """Yield pages of entries whose sessions are not `excluded`, of one category or of all.

        In order of category, session and time. Each page is one query that reads up to `limit`
        entries; a page that ends among the entries of an excluded session is followed by one that
        begins behind them.
        """
        first, last = (f"{category}#", f"{category}#{_LAST}") if category else ("#", _LAST)
        while True:
            found = self.database.call(
                "query",
                TableName=self.name,
                IndexName=OWED_BY_CATEGORY,
                KeyConditionExpression="userId = :user AND owedIn BETWEEN :first AND :last",
                ExpressionAttributeValues={
                    ":user": {"S": user_id},
                    ":first": {"S": first},
                    ":last": {"S": last},
                },
                ConsistentRead=True,
                Limit=limit,
            )
            owed = [_owed_in_category(item) for item in found["Items"]]
            yield [each for each in owed if each.session_id not in excluded]
            if "LastEvaluatedKey" not in found:
                return
            read = found["LastEvaluatedKey"]["owedIn"]["S"]
            in_category, owner, _ = read.split("#")
            first = f"{in_category}#{owner}#{_LAST}" if owner in excluded else read + _NEXT

    def page(
        self, user_id: str, *, limit: int, after: str | None
    ) -> tuple[list[OwedQuestion], str | None]:
        """Return up to `limit` of a learner's entries, and where the next page begins."""
        found = self._query(user_id, after, limit)
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

    def _query(self, user_id: str, after: str | None, limit: int | None) -> dict[str, Any]:
        query: dict[str, Any] = {
            "TableName": self.name,
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


def _place(key: tuple[int, str]) -> str:
    """Return the part of an index key that orders the entries of one session."""
    queued_at, question_id = key
    return f"{queued_at:011x}{question_id}"


def _beyond_head(session: Session, entry: PoolEntry) -> Item | None:
    """Return the key of an entry that a refill may read, None if it only leaves the head for good.

    Under `SPACED` an entry of the head may have to make room and be read again.
    """
    if not session.spacing and any(each.key == entry.key for each in session.pool.head):
        return None
    return {"S": f"{session.session_id}#{_place(entry.key)}"}


def _owed_in(session: Session, entry: PoolEntry) -> Item:
    category, ordinal = category_and_ordinal(entry.question_id)
    return {"S": f"{category}#{session.session_id}#{entry.queued_at:011x}{ordinal:06d}"}


def _entry(item: Item) -> PoolEntry:
    queued_at, _, question_id = item["timestamp"]["S"].partition("#")
    return PoolEntry(
        queued_at=milliseconds(queued_at),
        question_id=question_id,
        remaining_tries=int(item["remainingTries"]["N"]),
        leftover="leftover" in item,
        turn=int(item["atTurn"]["N"]) if "atTurn" in item else 0,
    )


def _owed(item: Item) -> OwedQuestion:
    return OwedQuestion(_entry(item), item["sessionId"]["S"], item["timestamp"]["S"])


def _owed_in_category(item: Item) -> OwedQuestion:
    _, session_id, _ = item["owedIn"]["S"].split("#")
    return OwedQuestion(_entry(item), session_id, item["timestamp"]["S"])
