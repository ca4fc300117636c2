"""The Progress table: a learner's record of each question, kept in the answer's transaction."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from domain.session.effects import ProgressChange
from lambdas.shared.store.batch import batch_get
from lambdas.shared.store.client import Database, Item
from lambdas.shared.store.sessions import digits
from lambdas.shared.store.transaction import Action

RESTORED_AT = "restoredAt"
"""Attribute of an item that `make restore` copied back, in milliseconds: its copy is no answer."""


class QuestionRecord(NamedTuple):
    """A learner's record of one question.

    Attributes:
        first_seen_at, last_seen_at: Milliseconds since the epoch.
        time_spent: Milliseconds in all.
        session_id: The session of the newest answer.
        missed_in: The session of the newest wrong answer, None without one.
        last_version: The question's version at the newest answer.
        last_choice: Indexes of the choices selected then.
    """

    question_id: str
    attempts: int
    correct: int
    wrong: int
    mastered: bool
    first_seen_at: int
    last_seen_at: int
    time_spent: int
    session_id: str
    missed_in: str | None
    last_version: int
    last_choice: frozenset[int]


class ProgressTable(NamedTuple):
    """Reads records, and returns the action that writes one."""

    database: Database
    name: str

    def update(self, user_id: str, change: ProgressChange) -> Action:
        """Return the write of one attempt, which has no condition."""
        assignments = [
            "firstSeenAt = if_not_exists(firstSeenAt, :at)",
            "lastSeenAt = :at",
            "lastChoice = :choice",
            "lastVersion = :version",
            # The stream's consumer needs these to count this very answer once, and to score it.
            "sessionId = :session",
            "answerNumber = :number",
            "rightBefore = :right",
            "poolEntries = :pool",
            "review = :review",
        ]
        values: Item = {
            ":one": {"N": "1"},
            ":at": {"N": str(change.at)},
            ":time": {"N": str(change.time_spent)},
            ":choice": {"S": digits(change.selected)},
            ":version": {"N": str(change.version)},
            ":session": {"S": change.session_id},
            ":number": {"N": str(change.number)},
            ":right": {"N": str(change.right_before)},
            ":pool": {"N": str(change.pool_entries)},
            ":review": {"BOOL": change.review},
        }
        if change.day is not None:
            assignments.append("lastDay = :day")
            values[":day"] = {"N": str(change.day)}
        if change.mastered is not None:
            assignments.append("mastered = :mastered")
            values[":mastered"] = {"BOOL": change.mastered}
        if not change.correct:
            assignments.append("missedIn = :session")
        counted = "correct" if change.correct else "wrong"
        # The day of an earlier answer must not count for an answer in UTC.
        removed = " REMOVE lastDay" if change.day is None else ""
        update = {
            "TableName": self.name,
            "Key": {"userId": {"S": user_id}, "questionId": {"S": change.question_id}},
            "UpdateExpression": (
                f"SET {', '.join(assignments)}{removed} "
                f"ADD attempts :one, {counted} :one, timeSpent :time"
            ),
            "ExpressionAttributeValues": values,
        }
        return Action({"Update": update})

    def page(
        self, user_id: str, *, category: str | None, limit: int, after: str | None
    ) -> tuple[list[QuestionRecord], str | None]:
        """Return up to `limit` records in order of question id, and where the next page begins."""
        found = self._query(user_id, category, after, limit)
        last = found.get("LastEvaluatedKey")
        records = [_record(item) for item in found["Items"]]
        return records, last["questionId"]["S"] if last else None

    def records(
        self, user_id: str, question_ids: Iterable[str], *, consistent: bool = False
    ) -> dict[str, QuestionRecord]:
        """Return the records that exist of the questions named: one call per 100."""
        keys = [{"userId": {"S": user_id}, "questionId": {"S": each}} for each in question_ids]
        items = batch_get(self.database, self.name, keys, consistent=consistent)
        return {record.question_id: record for record in map(_record, items)}

    def answered_in(
        self, user_id: str, session_id: str, category: str, after: str | None
    ) -> tuple[list[QuestionRecord], str | None]:
        """Return records of a category whose newest answer was given in a session.

        One strongly consistent call, which reads up to 1 MB of the learner's records (128 RRU).
        Also returns the question id to read on after, None at the end.
        """
        found = self._query(
            user_id,
            category,
            after,
            None,
            FilterExpression="sessionId = :session",
            ConsistentRead=True,
            values={":session": {"S": session_id}},
        )
        last = found.get("LastEvaluatedKey")
        records = [_record(item) for item in found["Items"]]
        return records, last["questionId"]["S"] if last else None

    def _query(
        self,
        user_id: str,
        category: str | None,
        after: str | None,
        limit: int | None,
        *,
        values: Item | None = None,
        **other: Any,
    ) -> dict[str, Any]:
        condition, values = "userId = :user", {**(values or {}), ":user": {"S": user_id}}
        if category:
            condition += " AND begins_with(questionId, :category)"
            values[":category"] = {"S": f"{category}:"}
        query: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            **other,
        }
        if limit:
            query["Limit"] = limit
        if after:
            query["ExclusiveStartKey"] = {"userId": {"S": user_id}, "questionId": {"S": after}}
        return self.database.call("query", **query)


def _record(item: Item) -> QuestionRecord:
    return QuestionRecord(
        question_id=item["questionId"]["S"],
        attempts=int(item["attempts"]["N"]),
        correct=int(item["correct"]["N"]) if "correct" in item else 0,
        wrong=int(item["wrong"]["N"]) if "wrong" in item else 0,
        mastered=item.get("mastered", {}).get("BOOL", False),
        first_seen_at=int(item["firstSeenAt"]["N"]),
        last_seen_at=int(item["lastSeenAt"]["N"]),
        time_spent=int(item["timeSpent"]["N"]),
        session_id=item["sessionId"]["S"],
        missed_in=item["missedIn"]["S"] if "missedIn" in item else None,
        last_version=int(item["lastVersion"]["N"]),
        last_choice=frozenset(map(int, item["lastChoice"]["S"])),
    )
