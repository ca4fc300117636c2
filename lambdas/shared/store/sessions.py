"""The Sessions table: the engine's whole state, one item a session.

Attribute names are short where an item has many of them: with three sources, a 40-byte name and
a full head an item stays under 1 KB, which halves what each answer's write costs.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from domain.session.state import (
    Outcome,
    ProcessedTurn,
    Reason,
    Session,
    Source,
    Status,
    Turn,
)
from lambdas.shared.store.batch import batch_get
from lambdas.shared.store.client import Database, Item
from lambdas.shared.store.errors import (
    ConditionFailedError,
    KeyUsedError,
    RefusedWriteError,
    SessionChangedError,
)
from lambdas.shared.store.packed_pool import (
    packed_spacing,
    pool_attributes,
    pool_from_item,
    unpacked_spacing,
)
from lambdas.shared.store.start_records import StartedByKey
from lambdas.shared.store.transaction import Action

KEPT_AFTER_EXPIRY = 30 * 24 * 3600
"""Seconds from a session's expiry until DynamoDB may delete its item."""

UNFINISHED_SESSIONS = "unfinishedSessions"
"""Index of the active and paused sessions, by the day on which each expires."""

DAY = 24 * 3600 * 1000
"""Milliseconds."""

FIRST_FILTERED, MOST_FILTERED = 25, 1_000
"""Sessions that a list with a filter reads first, and at most: some 1 MB in 6 queries."""

_MARKER_PREFIX = "key#"
_AFTER_SESSION_IDS = "g"
"""Session ids are hexadecimal, so they sort below this and markers above."""


class SessionsTable(NamedTuple):
    """Reads sessions, and returns the actions that write them."""

    database: Database
    name: str

    def get(self, user_id: str, session_id: str) -> Session | None:
        """Read a session, strongly consistent."""
        found = self.database.call(
            "get_item",
            TableName=self.name,
            Key={"userId": {"S": user_id}, "sessionId": {"S": session_id}},
            ConsistentRead=True,
        )
        return session_from_item(found["Item"]) if "Item" in found else None

    def many(self, user_id: str, session_ids: Iterable[str]) -> dict[str, Session]:
        """Return the sessions that exist of those named, strongly consistent."""
        keys = [{"userId": {"S": user_id}, "sessionId": {"S": each}} for each in session_ids]
        items = batch_get(self.database, self.name, keys, consistent=True)
        return {item["sessionId"]["S"]: session_from_item(item) for item in items}

    def marked(self, user_id: str, key: str) -> StartedByKey | None:
        """Return what an Idempotency-Key started."""
        found = self.database.call(
            "get_item",
            TableName=self.name,
            Key={"userId": {"S": user_id}, "sessionId": {"S": _MARKER_PREFIX + key}},
            ConsistentRead=True,
        )
        return _started(found["Item"]) if "Item" in found else None

    def unfinished(self, user_id: str) -> dict[str, int]:
        """Return the active and paused sessions with the day (since the epoch) each expires on.

        One strongly consistent call: a learner has at most 200 of them that did not expire, and
        those that did are deleted 30 days later.
        """
        found = self.database.call(
            "query",
            TableName=self.name,
            IndexName=UNFINISHED_SESSIONS,
            KeyConditionExpression="userId = :user",
            ExpressionAttributeValues={":user": {"S": user_id}},
            ConsistentRead=True,
        )
        return {item["sessionId"]["S"]: int(item["ends"]["N"]) for item in found["Items"]}

    def close_expired(self, user_id: str, session_id: str, now: int) -> Action:
        """Return the write that abandons an expired session.

        Refused with RefusedWriteError if it was used again or is over. A late answer to it, by a
        function whose clock is behind, then finds another version.
        """
        update = {
            "TableName": self.name,
            "Key": {"userId": {"S": user_id}, "sessionId": {"S": session_id}},
            "UpdateExpression": (
                "SET #status = :abandoned, updatedAt = :now ADD version :one REMOVE ends"
            ),
            "ConditionExpression": "#status IN (:active, :paused) AND expiresAt <= :now",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {
                **_statuses(Status.ABANDONED, Status.ACTIVE, Status.PAUSED),
                ":now": _number(now),
                ":one": _number(1),
            },
        }
        return Action({"Update": update})

    def check_over(self, user_id: str, session_id: str) -> Action:
        """Return the check that a session is over or deleted; refused with RefusedWriteError."""
        check = {
            "TableName": self.name,
            "Key": {"userId": {"S": user_id}, "sessionId": {"S": session_id}},
            "ConditionExpression": (
                "attribute_not_exists(userId) OR #status IN (:abandoned, :completed)"
            ),
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": _statuses(Status.ABANDONED, Status.COMPLETED),
        }
        return Action({"ConditionCheck": check})

    def page(
        self, user_id: str, *, limit: int, before: str | None, status: Status | None, now: int
    ) -> tuple[list[Session], str | None]:
        """Return up to `limit` sessions, newest first, and where the next page goes on.

        With `status` it reads on until it has found so many, at most `MOST_FILTERED` sessions in
        queries that double their size.
        """
        query: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": "userId = :user AND sessionId < :before",
            "ExpressionAttributeValues": {
                ":user": {"S": user_id},
                ":before": {"S": before or _AFTER_SESSION_IDS},
            },
            "ScanIndexForward": False,
            "ConsistentRead": True,
            "Limit": max(limit, FIRST_FILTERED) if status else limit,
        }
        if status:
            names, values, condition = _status_filter(status, now)
            query["FilterExpression"] = condition
            query["ExpressionAttributeNames"] = names
            query["ExpressionAttributeValues"] |= values
        items: list[Item] = []
        read = 0
        while True:
            found = self.database.call("query", **query)
            items += found["Items"]
            read += found["ScannedCount"]
            last = found.get("LastEvaluatedKey")
            if last is None or len(items) >= limit or read >= MOST_FILTERED:
                break
            query["ExclusiveStartKey"] = last
            query["Limit"] = min(2 * query["Limit"], MOST_FILTERED - read)
        page = items[:limit]
        if len(items) > limit:
            last = page[-1]
        sessions = [session_from_item(item) for item in page]
        return sessions, last["sessionId"]["S"] if last else None

    def put(self, session: Session, *, expected_version: int | None) -> Action:
        """Return the write of a session.

        Refused with SessionChangedError: unless the session is at `expected_version` or, with
        None, if it exists.
        """
        request: dict[str, Any] = {
            "TableName": self.name,
            "Item": item_from_session(session),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if expected_version is None:
            request["ConditionExpression"] = "attribute_not_exists(userId)"
        else:
            request["ConditionExpression"] = "version = :expected"
            request["ExpressionAttributeValues"] = {":expected": {"N": str(expected_version)}}
        return Action({"Put": request}, _changed)

    def save(self, session: Session, *, expected_version: int | None) -> None:
        """Write a session by itself.

        Raises:
            SessionChangedError: the session is at another version, or exists already.
        """
        put = self.put(session, expected_version=expected_version)
        try:
            self.database.call("put_item", **put.request["Put"])
        except ConditionFailedError as error:
            # After a lost response the SDK repeats the write and finds its own result.
            if error.item != put.item:
                raise _changed(error.item) from None

    def put_marker(self, session: Session, key: str, body: bytes) -> Action:
        """Return the write of the marker of an Idempotency-Key: the session that it started.

        `body` is a digest of the request's body, which separates a repeat from a misuse.

        Refused with KeyUsedError if there is one. A session id sorts by time and cannot be derived
        from the key, so the marker is an item of its own, beside the sessions.
        """
        put = {
            "TableName": self.name,
            "Item": {
                "userId": {"S": session.user_id},
                "sessionId": {"S": _MARKER_PREFIX + key},
                "startedSession": {"S": session.session_id},
                "body": {"B": body},
                "ttl": {"N": str(_time_to_live(session))},
            },
            "ConditionExpression": "attribute_not_exists(userId)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return Action({"Put": put}, _key_used)


def _changed(item: Item | None) -> SessionChangedError:
    return SessionChangedError(session_from_item(item) if item else None)


def _key_used(marker: Item | None) -> RefusedWriteError:
    # The request asks for the marker; without it the write is refused for an unknown reason.
    return KeyUsedError(_started(marker)) if marker else RefusedWriteError()


def _started(marker: Item) -> StartedByKey:
    return StartedByKey(marker["startedSession"]["S"], marker["body"]["B"])


def item_from_session(session: Session) -> Item:
    """Return the item of a session."""
    item: Item = {
        "userId": {"S": session.user_id},
        "sessionId": {"S": session.session_id},
        "name": {"S": session.name},
        "status": {"S": session.status.value},
        "version": _number(session.version),
        "createdAt": _number(session.created_at),
        "updatedAt": _number(session.updated_at),
        "expiresAt": _number(session.expires_at),
        "ttl": _number(_time_to_live(session)),
        "seed": {"B": session.seed},
        "percentage": _number(session.wrong_answer_percentage),
        "sources": {"L": [{"M": _source_map(source)} for source in session.sources]},
        **pool_attributes(session),
        "queuedAt": _number(session.last_queued_at),
        "turns": _number(session.turns),
        "presented": _number(session.presented),
        "answered": _number(session.answered),
        "correct": _number(session.correct),
        "wrong": _number(session.wrong),
        "mastered": _number(session.mastered),
    }
    if session.status in (Status.ACTIVE, Status.PAUSED):
        # Key of the index of unfinished sessions: it changes with the day of the last use only.
        item["ends"] = _number(session.expires_at // DAY)
    if session.waiting:
        item["waiting"] = _number(session.waiting)
    if session.spacing:
        item["spacing"] = {"B": packed_spacing(session.spacing)}
    if session.time_zone:
        item["zone"] = {"B": session.time_zone}
    if session.turn:
        item["turn"] = {"M": _turn_map(session.turn)}
    if session.processed:
        item["done"] = {"M": _processed_map(session.processed)}
    return item


def session_from_item(item: Item) -> Session:
    """Return the session of an item."""
    sources = tuple(_source(each["M"]) for each in item["sources"]["L"])
    spacing = unpacked_spacing(item["spacing"]["B"]) if "spacing" in item else None
    return Session(
        user_id=item["userId"]["S"],
        session_id=item["sessionId"]["S"],
        name=item["name"]["S"],
        status=Status(item["status"]["S"]),
        version=int(item["version"]["N"]),
        created_at=int(item["createdAt"]["N"]),
        updated_at=int(item["updatedAt"]["N"]),
        expires_at=int(item["expiresAt"]["N"]),
        seed=item["seed"]["B"],
        wrong_answer_percentage=int(item["percentage"]["N"]),
        sources=sources,
        pool=pool_from_item(item, sources, spacing),
        last_queued_at=int(item["queuedAt"]["N"]),
        turns=int(item["turns"]["N"]),
        turn=_turn(item["turn"]["M"]) if "turn" in item else None,
        processed=_processed(item["done"]["M"]) if "done" in item else None,
        presented=int(item["presented"]["N"]),
        waiting=int(item["waiting"]["N"]) if "waiting" in item else 0,
        answered=int(item["answered"]["N"]),
        correct=int(item["correct"]["N"]),
        wrong=int(item["wrong"]["N"]),
        mastered=int(item["mastered"]["N"]),
        spacing=spacing,
        time_zone=item["zone"]["B"] if "zone" in item else None,
    )


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _statuses(*statuses: Status) -> Item:
    return {f":{status.lower()}": {"S": status.value} for status in statuses}


def _time_to_live(session: Session) -> int:
    return session.expires_at // 1000 + KEPT_AFTER_EXPIRY


def _status_filter(status: Status, now: int) -> tuple[dict[str, str], Item, str]:
    """A filter for a status as seen now: an unfinished session past its time is expired."""
    names, values = {"#status": "status"}, {":now": _number(now)}
    if status is Status.EXPIRED:
        unfinished = {":active": {"S": Status.ACTIVE.value}, ":paused": {"S": Status.PAUSED.value}}
        return (
            names,
            {**values, **unfinished},
            "#status IN (:active, :paused) AND expiresAt <= :now",
        )
    values[":status"] = {"S": status.value}
    if status in (Status.ACTIVE, Status.PAUSED):
        return names, values, "#status = :status AND expiresAt > :now"
    del values[":now"]
    return names, values, "#status = :status"


def _source_map(source: Source) -> Item:
    return {
        "category": {"S": source.category},
        "count": _number(source.question_count),
        "size": _number(source.size),
        "cursor": _number(source.cursor),
        "left": _number(source.left),
    }


def _source(values: Item) -> Source:
    return Source(
        category=values["category"]["S"],
        question_count=int(values["count"]["N"]),
        size=int(values["size"]["N"]),
        cursor=int(values["cursor"]["N"]),
        left=int(values["left"]["N"]),
    )


def _turn_map(turn: Turn) -> Item:
    values: Item = {
        "id": {"S": turn.question_id},
        "version": _number(turn.version),
        "order": {"S": digits(turn.order)},
        "pool": {"BOOL": turn.from_pool},
        "missed": {"BOOL": turn.missed},
    }
    if turn.reason:
        values["why"] = {"S": turn.reason.value}
    if turn.ago:
        values["ago"] = _number(turn.ago)
    return values


def _turn(values: Item) -> Turn:
    return Turn(
        question_id=values["id"]["S"],
        version=int(values["version"]["N"]),
        order=_indexes(values["order"]["S"]),
        from_pool=values["pool"]["BOOL"],
        missed=values["missed"]["BOOL"],
        reason=Reason(values["why"]["S"]) if "why" in values else None,
        ago=int(values["ago"]["N"]) if "ago" in values else 0,
    )


def _processed_map(done: ProcessedTurn) -> Item:
    return {
        "turn": _number(done.turn),
        "id": {"S": done.question_id},
        "version": _number(done.version),
        "chosen": {"S": digits(done.selected)},
        "outcome": {"S": done.outcome.value},
        "saved": _number(done.session_version),
    }


def _processed(values: Item) -> ProcessedTurn:
    return ProcessedTurn(
        turn=int(values["turn"]["N"]),
        question_id=values["id"]["S"],
        version=int(values["version"]["N"]),
        selected=_indexes(values["chosen"]["S"]),
        outcome=Outcome(values["outcome"]["S"]),
        session_version=int(values["saved"]["N"]) if "saved" in values else 0,
    )


def digits(indexes: tuple[int, ...]) -> str:
    """Return choice indexes (0 to 9) as a digit each."""
    return "".join(map(str, indexes))


def _indexes(text: str) -> tuple[int, ...]:
    return tuple(map(int, text))
