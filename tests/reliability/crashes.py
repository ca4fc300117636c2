"""Requests that crash, lose their response or are duplicated at one call to the database."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError
from botocore.retries.standard import ExponentialBackoff

from tests.integration.stage import ROUTE, TABLES, InvokedStage, Reply
from tests.reliability.chaos import CrashError, deliver

KINDS = ("crash before", "crash after", "reply lost", "duplicated")

Snapshot = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Asked:
    """A request of a client, to be sent again as it is."""

    operation: str
    body: Any = None
    user: str = "ada"
    groups: tuple[str, ...] = ()
    path: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Interference:
    """Counts calls to the database, and meets the one at `place` with a fault."""

    place: int = -1
    kind: str = ""
    calls: int = 0
    dead: bool = False

    def __call__(self, request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        if self.dead:
            raise CrashError
        self.calls += 1
        if self.calls - 1 != self.place:
            return None
        if self.kind == "crash before":
            self.dead = True
            raise CrashError
        response = deliver(request)
        if self.kind == "crash after":
            self.dead = True
            raise CrashError
        if self.kind == "reply lost":
            raise ReadTimeoutError(endpoint_url=request.url)
        return deliver(request) if self.kind == "duplicated" else response


@contextmanager
def interfering(stage: InvokedStage, how: Interference) -> Iterator[None]:
    hook: Any = how
    clients = (stage.services.database.client, stage.services.cognito)
    for client in clients:
        client.meta.events.register_first("before-send", hook)
    try:
        with patch.object(ExponentialBackoff, "delay_amount", return_value=0.0):
            yield
    finally:
        for client in clients:
            client.meta.events.unregister("before-send", hook)


def send(stage: InvokedStage, asked: Asked) -> Reply:
    """Send a request to a function that just began."""
    stage.forget_questions()
    event = stage.event(
        asked.operation,
        asked.body,
        user=asked.user,
        groups=asked.groups,
        path=asked.path,
        headers=asked.headers,
    )
    return stage.handle(ROUTE[asked.operation].function, event)


def restore(stage: InvokedStage, snapshot: Snapshot) -> None:
    """Make the tables hold what they held before."""
    for table in TABLES:
        name = getattr(stage.services, table).name
        there = {repr(_key(table, row)): row for row in stage.rows(table)}
        wanted = {repr(_key(table, row)): row for row in snapshot[table]}
        changes: list[Any] = [
            {"DeleteRequest": {"Key": _key(table, there[key])}}
            for key in there.keys() - wanted.keys()
        ]
        changes += [
            {"PutRequest": {"Item": row}} for key, row in wanted.items() if there.get(key) != row
        ]
        for at in range(0, len(changes), 25):
            stage.services.database.client.batch_write_item(
                RequestItems={name: changes[at : at + 25]}
            )


def _key(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "users": ["userId"],
        "questions": ["questionId"],
        "sessions": ["userId", "sessionId"],
        "progress": ["userId", "questionId"],
        "wrong_answers": ["userId", "timestamp"],
    }
    return {name: row[name] for name in names[table]}


def told(stage: InvokedStage, before: Snapshot) -> str:
    """Return what the tables hold, in words that do not depend on chance or on waiting.

    A new session's draw depends on its seed, and its id is made up. References that lead to no
    question of their content count for nothing; one that was there before may still be.
    """
    rows = stage.everything()
    known = {row["sessionId"]["S"] for row in before["sessions"]}
    new = []
    for row in rows["sessions"]:
        if row["sessionId"]["S"] in known:
            continue
        new.append(row["sessionId"]["S"])
        row.pop("seed", None)
        row.get("turn", {}).get("M", {}).pop("order", None)
    for row in rows["questions"]:
        # A revision: questions may have been edited. An edit tried twice may count twice.
        row.pop("revision", None)
        # Whose turn an import is, is random, and its times depend on when it was opened.
        row.pop("turn", None)
        for name in ("expiresAt", "leasedUntil", "ttl"):
            if name in row:
                row[name] = "later"
    contents = {row["questionId"]["S"]: row.get("contentKey", {}) for row in rows["questions"]}
    rows["questions"] = [
        row
        for row in rows["questions"]
        if not (
            "refersTo" in row
            and row in before["questions"]
            and row["questionId"]["S"] != contents.get(row["refersTo"]["S"], {}).get("S")
        )
    ]
    for row in rows["questions"]:
        for name in ("createdAt", "updatedAt"):
            row.pop(name, None)
    text = json.dumps(rows, sort_keys=True, default=repr)
    for each in new:
        text = text.replace(each, "NEW SESSION")
    return json.dumps(
        {table: sorted(map(json.dumps, some)) for table, some in json.loads(text).items()},
        indent=1,
    )


def calls_of(stage: InvokedStage, asked: Asked) -> tuple[int, Reply]:
    """Send a request without any fault; return how many calls it makes, and its reply."""
    counting = Interference()
    with interfering(stage, counting):
        reply = send(stage, asked)
    return counting.calls, reply


def fresh_ids(stage: InvokedStage, number: int) -> None:
    stage.services.entropy = Random(f"ids {number}").randbytes
