"""Which function may do what to which table: the whole of it, in one place.

A transaction needs the permissions of the single writes in it.
"""

from dataclasses import dataclass
from enum import StrEnum

from lambdas.contract.route import Access
from lambdas.contract.routes import ROUTES

BY_CATEGORY = "byCategory"
BY_NAME = "byName"
UNFINISHED_ERASURES = "unfinishedErasures"
UNFINISHED_SESSIONS = "unfinishedSessions"
BEYOND_HEAD = "beyondHead"
OWED_BY_CATEGORY = "owedByCategory"


class TableName(StrEnum):
    """A table, by the last part of its physical name."""

    USERS = "users"
    QUESTIONS = "questions"
    SESSIONS = "sessions"
    PROGRESS = "progress"
    WRONG_ANSWERS = "wrong-answers"

    @property
    def construct_id(self) -> str:
        """Name of the table inside its stack."""
        return self.name.title().replace("_", "")

    @property
    def variable(self) -> str:
        """Environment variable that holds the physical name."""
        return f"{self.name}_TABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Actions of DynamoDB on a table, or on one index of it alone."""

    table: TableName
    actions: tuple[str, ...]
    index: str | None = None


AUDITED = frozenset(r.function for r in ROUTES if r.access is not Access.PUBLIC) | {"signup"}
"""Functions that write audit records, and so read the pseudonym key."""

PERMISSIONS: dict[str, tuple[Grant, ...]] = {
    "health": (),
    "session": (
        Grant(table=TableName.QUESTIONS, actions=("GetItem", "BatchGetItem")),
        Grant(table=TableName.USERS, actions=("BatchGetItem", "UpdateItem")),
        Grant(
            table=TableName.SESSIONS,
            actions=(
                "GetItem",
                "BatchGetItem",
                "PutItem",
                "UpdateItem",
                "ConditionCheckItem",
                "Query",
            ),
        ),
        Grant(table=TableName.SESSIONS, index=UNFINISHED_SESSIONS, actions=("Query",)),
        Grant(table=TableName.WRONG_ANSWERS, actions=("UpdateItem", "DeleteItem")),
        Grant(table=TableName.WRONG_ANSWERS, index=OWED_BY_CATEGORY, actions=("Query",)),
        Grant(table=TableName.WRONG_ANSWERS, index=BEYOND_HEAD, actions=("Query",)),
    ),
    # Writes only when the question on screen is gone from the bank and another takes its place.
    "quiz": (
        Grant(table=TableName.SESSIONS, actions=("GetItem", "PutItem")),
        Grant(table=TableName.QUESTIONS, actions=("GetItem", "BatchGetItem")),
        Grant(table=TableName.WRONG_ANSWERS, actions=("DeleteItem",)),
        Grant(table=TableName.WRONG_ANSWERS, index=BEYOND_HEAD, actions=("Query",)),
    ),
    "answer": (
        Grant(table=TableName.SESSIONS, actions=("GetItem", "BatchGetItem", "PutItem")),
        Grant(table=TableName.QUESTIONS, actions=("GetItem", "BatchGetItem")),
        Grant(table=TableName.PROGRESS, actions=("UpdateItem",)),
        Grant(
            table=TableName.WRONG_ANSWERS,
            actions=("PutItem", "UpdateItem", "DeleteItem"),
        ),
        Grant(table=TableName.WRONG_ANSWERS, index=BEYOND_HEAD, actions=("Query",)),
    ),
    "progress": (
        Grant(table=TableName.USERS, actions=("GetItem", "UpdateItem")),
        Grant(table=TableName.SESSIONS, actions=("GetItem",)),
        Grant(table=TableName.QUESTIONS, actions=("BatchGetItem",)),
        Grant(table=TableName.PROGRESS, actions=("BatchGetItem", "Query")),
        Grant(table=TableName.WRONG_ANSWERS, actions=("Query",)),
    ),
    "users": (Grant(table=TableName.USERS, actions=("GetItem", "UpdateItem")),),
    "privacy": (
        Grant(table=TableName.USERS, actions=("GetItem", "PutItem", "UpdateItem")),
        Grant(table=TableName.USERS, index=UNFINISHED_ERASURES, actions=("Query",)),
        Grant(table=TableName.SESSIONS, actions=("Query", "BatchWriteItem")),
        Grant(table=TableName.PROGRESS, actions=("Query", "BatchWriteItem")),
        Grant(table=TableName.WRONG_ANSWERS, actions=("Query", "BatchWriteItem")),
    ),
    # Called by the user pool, not by a route.
    "signup": (Grant(table=TableName.USERS, actions=("PutItem",)),),
    "questions": (
        # When the second factor of an administrator was first seen.
        Grant(table=TableName.USERS, actions=("UpdateItem",)),
        Grant(
            table=TableName.QUESTIONS,
            actions=(
                "GetItem",
                "BatchGetItem",
                "PutItem",
                "UpdateItem",
                "DeleteItem",
            ),
        ),
        Grant(table=TableName.QUESTIONS, index=BY_CATEGORY, actions=("Query",)),
        Grant(table=TableName.QUESTIONS, index=BY_NAME, actions=("Query",)),
    ),
    # Its tallies are in the items of learners, in those of sessions (what was counted, by day) and
    # beside the questions. Its stream and its failed batches are in its stack.
    "analytics": (
        Grant(table=TableName.USERS, actions=("BatchGetItem", "UpdateItem")),
        Grant(table=TableName.SESSIONS, actions=("BatchGetItem", "PutItem")),
        Grant(table=TableName.QUESTIONS, actions=("BatchGetItem", "PutItem")),
    ),
}
"""By folder under `lambdas`. A function without a row is not synthesized but refused."""

ACCOUNT_ACTIONS: dict[str, tuple[str, ...]] = {
    "privacy": ("AdminDeleteUser",),
    "signup": ("AdminAddUserToGroup",),
    **{
        route.function: ("AdminGetUser",)
        for route in ROUTES
        if route.access in (Access.ADMIN, Access.SELF_OR_ADMIN)
    },
}
"""Functions' rights on the accounts of the stage's user pool, as actions of Cognito."""
