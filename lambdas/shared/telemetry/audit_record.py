"""The audit record: who did what, on what, when, and how it ended. One line for each action.

It is written as a log line of its own kind, whatever the log level, and a subscription filter takes
it to a store of its own. It names things by their ids: no text, choice, e-mail, name or token.
"""

import json
import re
import sys
import time
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypedDict
from urllib.parse import unquote

from lambdas.contract.formats import ME
from lambdas.contract.route import Access, Route
from lambdas.shared.telemetry.pseudonym_key import current_key
from lambdas.shared.timestamps import iso

KIND = "audit"
"""Value of the field `kind` of a record; no other line has that field."""


class Target(StrEnum):
    """A kind of thing that is acted on."""

    SESSION = "session"
    QUESTION = "question"
    USER = "user"
    CATEGORY = "category"
    IMPORT = "import"


_TARGETS = {
    "sessionId": Target.SESSION,
    "questionId": Target.QUESTION,
    "userId": Target.USER,
    "category": Target.CATEGORY,
    "importId": Target.IMPORT,
}
"""By the name of the parameter that names it, in path or query."""


class AuditRecord(TypedDict):
    """A record, whole: every field is always there.

    Attributes:
        kind: `KIND`.
        at: Time of the response.
        requestId: The request, or the invocation of a trigger.
        who: Pseudonym of the caller; None for an unknown caller, or without a key.
        keyVersion: Version of the key that made the pseudonyms, None without one.
        what: Operation of the route table or trigger; None for no route.
        on: Ids by kind; a user's are pseudonyms, and left out without a key.
        status: Status of the response; for a trigger 200 or 500.
        code: Code of the error, None for an action that was carried out.
    """

    kind: str
    at: str
    requestId: str
    who: str | None
    keyVersion: str | None
    what: str | None
    on: dict[str, list[str]]
    status: int
    code: str | None


class _Action:
    """Facts collected so far about the action being served."""

    def __init__(self) -> None:
        self.who: str | None = None
        self.on: dict[str, list[str]] = {}


_action: ContextVar[_Action] = ContextVar("action")


def begin() -> None:
    """Forget the action before."""
    _action.set(_Action())


def name_caller(user_id: str) -> None:
    """Record the caller, once a token has named it and before any decision about it."""
    _action.get(_Action()).who = user_id


def name_target(kind: Target, *ids: str) -> None:
    """Name what the action being served is on, beside what its path and query say.

    The ids are known to follow their grammar: they come from the store or from a checked body.
    """
    _action.get(_Action()).on.setdefault(kind.value, []).extend(ids)


def record_request(
    route: Route | None,
    event: Mapping[str, Any],
    *,
    request_id: str,
    status: int,
    code: str | None,
) -> None:
    """Write the record of a REST proxy event, refused or not; a public route leaves none."""
    if route and route.access is Access.PUBLIC:
        return
    action = _action.get(_Action())
    on = _targets_of(route, event, action.who) if route else {}
    for kind, ids in action.on.items():
        on[kind] = list(dict.fromkeys([*on.get(kind, ()), *ids]))
    write_record(
        who=action.who,
        what=route.operation if route else None,
        on=on,
        request_id=request_id,
        status=status,
        code=code,
    )


def write_record(
    *,
    who: str | None,
    what: str | None,
    on: Mapping[str, Iterable[str]],
    request_id: str,
    status: int,
    code: str | None = None,
) -> None:
    """Write one record; `who` and the users of `on` are ids, and become pseudonyms here."""
    key = current_key()
    line: AuditRecord = {
        "kind": KIND,
        "at": iso(time.time_ns() // 1_000_000),
        "requestId": request_id,
        "who": key.pseudonym(who) if key and who else None,
        "keyVersion": key.version if key else None,
        "what": what,
        "on": {
            kind: list(map(key.pseudonym, ids)) if key and kind == Target.USER else list(ids)
            for kind, ids in on.items()
            if key or kind != Target.USER
        },
        "status": status,
        "code": code,
    }
    sys.stdout.write(_encode(line) + "\n")


# ASCII only: a line break of any alphabet is escaped, so one record is one line.
_encode = json.JSONEncoder(separators=(",", ":")).encode


_compiled = lru_cache(maxsize=None)(re.compile)


def _targets_of(route: Route, event: Mapping[str, Any], who: str | None) -> dict[str, list[str]]:
    """Return the ids in path and query. A value that breaks its grammar is left out."""
    declared = (*route.path_parameters, *route.query)
    path = event.get("pathParameters") or {}
    sent = {
        **(event.get("queryStringParameters") or {}),
        # The gateway passes them percent-encoded.
        **{name: unquote(value) for name, value in path.items()},
    }
    on: dict[str, list[str]] = {}
    for parameter in declared:
        kind, value = _TARGETS.get(parameter.name), sent.get(parameter.name) or ""
        if kind is Target.USER and value == ME:
            value = who or ""
        if kind and parameter.pattern and _compiled(parameter.pattern).fullmatch(value):
            on[kind.value] = [value]
    return on
