"""What the consumer of answers keeps: totals of learners, ledgers of days, tallies of questions.

A learner's totals are attributes of their item in Users. A ledger is an item of a learner and a
UTC day in Sessions, beside the sessions and, like idempotency markers, outside the range of their
ids; that table has a time to live and no stream to feed. A question's tally is an item of its
version in Questions, which the index by category does not hold. Each has a version of its own, and
is written only over the version read.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from domain.given_answer import DAY
from domain.item_statistics import ItemTally
from domain.learner_tally import LEDGER_LIFE, LearnerTally, Ledger
from lambdas.shared.store.batch import batch_get, batch_get_together
from lambdas.shared.store.client import Database, Item
from lambdas.shared.store.packing import (
    packed_item,
    packed_learner,
    packed_ledger,
    unpacked_item,
    unpacked_learner,
    unpacked_ledger,
)
from lambdas.shared.store.questions import QuestionsTable
from lambdas.shared.store.users import NOT_ERASED

_LEDGER_PREFIX = "tally#"
_STATISTICS_PREFIX = "#statistics#"


class LedgerKey(NamedTuple):
    """A learner's UTC day."""

    user_id: str
    day: int


class ItemKey(NamedTuple):
    """A version of a question."""

    question_id: str
    version: int


class Snapshot(NamedTuple):
    """Tallies as read, each with the version it is at, 0 where there is none yet."""

    learners: Mapping[str, tuple[LearnerTally, int]]
    ledgers: Mapping[LedgerKey, tuple[Ledger, int]]
    items: Mapping[ItemKey, tuple[ItemTally, int]]
    erased: frozenset[str]


class Tallies(NamedTuple):
    """Reads tallies together; returns the actions a transaction writes them with."""

    database: Database
    users: str
    sessions: str
    questions: str

    def read(
        self, learners: Iterable[str], ledgers: Iterable[LedgerKey], items: Iterable[ItemKey]
    ) -> Snapshot:
        """Read up to 100 tallies in one call, strongly consistent, but not all at one instant.

        Raises:
            UnavailableError: some could not be read.
        """
        user_items = {user_id: _user_key(user_id) for user_id in learners}
        ledger_items = {key: _ledger_key(key) for key in ledgers}
        question_items = {key: statistics_key(*key) for key in items}
        found = batch_get_together(
            self.database,
            {
                self.users: {"Keys": list(user_items.values()), "ConsistentRead": True},
                self.sessions: {"Keys": list(ledger_items.values()), "ConsistentRead": True},
                self.questions: {"Keys": list(question_items.values()), "ConsistentRead": True},
            },
        )
        by_user = {item["userId"]["S"]: item for item in found[self.users]}
        by_day = {
            (item["userId"]["S"], item["sessionId"]["S"]): item for item in found[self.sessions]
        }
        by_question = {item["questionId"]["S"]: item for item in found[self.questions]}
        return Snapshot(
            learners={
                user_id: (learner_of(by_user.get(user_id)), _version(by_user.get(user_id)))
                for user_id in user_items
            },
            ledgers={
                key: (_ledger_of(item), _version(item))
                for key, names in ledger_items.items()
                for item in [by_day.get((names["userId"]["S"], names["sessionId"]["S"]))]
            },
            items={
                key: (item_of(item), _version(item))
                for key, names in question_items.items()
                for item in [by_question.get(names["questionId"]["S"])]
            },
            erased=frozenset(user for user, item in by_user.items() if "erasedAt" in item),
        )

    def put_learner(self, user_id: str, tally: LearnerTally, read_at: int) -> dict[str, Any]:
        """Return the write of a learner's totals; it fails where the learner was erased."""
        values: Item = {":tally": {"B": packed_learner(tally)}, **_versions(read_at)}
        return {
            "Update": {
                "TableName": self.users,
                "Key": _user_key(user_id),
                "UpdateExpression": "SET tally = :tally, tallyVersion = :next",
                "ConditionExpression": (f"{NOT_ERASED} AND {_unchanged(read_at)}"),
                "ExpressionAttributeValues": values,
            }
        }

    def put_ledger(self, key: LedgerKey, ledger: Ledger, read_at: int) -> dict[str, Any]:
        """Return the write of a day's ledger."""
        ends = ((key.day + 1) * DAY + LEDGER_LIFE) // 1000
        item = {**_ledger_key(key), "tally": {"B": packed_ledger(ledger)}, "ttl": {"N": str(ends)}}
        return self._put(self.sessions, item, read_at)

    def put_item(self, key: ItemKey, tally: ItemTally, read_at: int) -> dict[str, Any]:
        """Return the write of a question's tally."""
        item = {**statistics_key(*key), "tally": {"B": packed_item(tally)}}
        return self._put(self.questions, item, read_at)

    @staticmethod
    def _put(table: str, item: Item, read_at: int) -> dict[str, Any]:
        versions = _versions(read_at)
        put: dict[str, Any] = {
            "TableName": table,
            "Item": {**item, "tallyVersion": versions.pop(":next")},
            "ConditionExpression": _unchanged(read_at),
        }
        if versions:
            put["ExpressionAttributeValues"] = versions
        return {"Put": put}


def item_tallies(questions: QuestionsTable, keys: Sequence[ItemKey]) -> dict[ItemKey, ItemTally]:
    """Return the tallies that there are of those named; they lag anyway, so reads may be stale.

    Raises:
        UnavailableError: some could not be read.
    """
    names = {statistics_key(*key)["questionId"]["S"]: key for key in keys}
    wanted = [{"questionId": {"S": name}} for name in names]
    return {
        names[item["questionId"]["S"]]: item_of(item)
        for item in batch_get(questions.database, questions.name, wanted)
    }


def statistics_key(question_id: str, version: int) -> Item:
    """Return the key of the tally of a question's version."""
    return {"questionId": {"S": f"{_STATISTICS_PREFIX}{question_id}#{version}"}}


def learner_of(item: Item | None) -> LearnerTally:
    """Return the totals in a user's item, zeros where nothing was counted."""
    return unpacked_learner(item["tally"]["B"]) if item and "tally" in item else LearnerTally()


def item_of(item: Item | None) -> ItemTally:
    """Return the tally in a question's statistics item, zeros where nothing was counted."""
    return unpacked_item(item["tally"]["B"]) if item else ItemTally()


def _ledger_of(item: Item | None) -> Ledger:
    return unpacked_ledger(item["tally"]["B"]) if item else {}


def _user_key(user_id: str) -> Item:
    return {"userId": {"S": user_id}}


def _ledger_key(key: LedgerKey) -> Item:
    date = datetime.fromtimestamp(key.day * DAY // 1000, UTC)
    return {**_user_key(key.user_id), "sessionId": {"S": f"{_LEDGER_PREFIX}{date:%Y-%m-%d}"}}


def _version(item: Item | None) -> int:
    return int(item["tallyVersion"]["N"]) if item and "tallyVersion" in item else 0


def _versions(read_at: int) -> Item:
    read = {":read": {"N": str(read_at)}} if read_at else {}
    return {":next": {"N": str(read_at + 1)}, **read}


def _unchanged(read_at: int) -> str:
    return "tallyVersion = :read" if read_at else "attribute_not_exists(tallyVersion)"
