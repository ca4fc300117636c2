"""Tallies of the stream's consumer: totals of learners, ledgers of days, tallies of questions.

A learner's totals are attributes of their item in Users, and so is the ledger of their newest UTC
day: an answer counted writes one item of its learner. The ledger of a day before is an item in
Sessions, beside the sessions and, like idempotency markers, outside the range of their ids; that
table has a time to live and no stream to feed. A question's tally is an item of its version in
Questions, which the index by category does not hold. Totals and tallies have a version each, and
are written only over the version read; ledgers change together with the totals of their learner.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from domain.statistics.given_answer import DAY
from domain.statistics.item import ItemTally
from domain.statistics.learner import LEDGER_LIFE, LearnerTally, Ledger
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
    """Totals and tallies as read, each with the version it is at, 0 where there is none yet.

    `newest` are the ledgers kept with their learners' totals, with their days.
    """

    learners: Mapping[str, tuple[LearnerTally, int]]
    newest: Mapping[str, tuple[int, Ledger]]
    ledgers: Mapping[LedgerKey, Ledger]
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
        """Read up to 100 tallies, strongly consistent, but not all at one instant.

        One call, and one more for ledgers of days before their learner's newest.

        Raises:
            StoreUnavailableError: some could not be read.
        """
        user_items = {user_id: _user_key(user_id) for user_id in learners}
        question_items = {key: statistics_key(*key) for key in items}
        found = batch_get_together(
            self.database,
            {
                self.users: {"Keys": list(user_items.values()), "ConsistentRead": True},
                self.questions: {"Keys": list(question_items.values()), "ConsistentRead": True},
            },
        )
        by_user = {item["userId"]["S"]: item for item in found[self.users]}
        by_question = {item["questionId"]["S"]: item for item in found[self.questions]}
        newest = {
            user_id: (int(item["ledgerDay"]["N"]), unpacked_ledger(item["ledger"]["B"]))
            for user_id, item in by_user.items()
            if "ledger" in item
        }
        return Snapshot(
            learners={
                user_id: (learner_of(by_user.get(user_id)), _version(by_user.get(user_id)))
                for user_id in user_items
            },
            newest=newest,
            ledgers=self._ledgers(ledgers, newest),
            items={
                key: (item_of(item), _version(item))
                for key, names in question_items.items()
                for item in [by_question.get(names["questionId"]["S"])]
            },
            erased=frozenset(user for user, item in by_user.items() if "erasedAt" in item),
        )

    def _ledgers(
        self, keys: Iterable[LedgerKey], newest: Mapping[str, tuple[int, Ledger]]
    ) -> Mapping[LedgerKey, Ledger]:
        """Return the ledgers of days; there is none of a day after their learner's newest."""
        ledgers: dict[LedgerKey, Ledger] = {}
        before: dict[str, LedgerKey] = {}
        for key in keys:
            day, ledger = newest.get(key.user_id, (-1, {}))
            ledgers[key] = ledger if key.day == day else {}
            if key.day < day:
                before[f"{key.user_id} {_ledger_key(key)['sessionId']['S']}"] = key
        wanted = [_ledger_key(key) for key in before.values()]
        for item in batch_get(self.database, self.sessions, wanted, consistent=True):
            key = before[f"{item['userId']['S']} {item['sessionId']['S']}"]
            ledgers[key] = unpacked_ledger(item["tally"]["B"])
        return ledgers

    def put_learner(
        self, user_id: str, tally: LearnerTally, newest: tuple[int, Ledger], read_at: int
    ) -> dict[str, Any]:
        """Return the write of a learner's totals, and of their newest day's ledger with its day.

        It fails where the learner was erased.
        """
        day, ledger = newest
        values: Item = {
            ":tally": {"B": packed_learner(tally)},
            ":day": {"N": str(day)},
            ":ledger": {"B": packed_ledger(ledger)},
            **_versions(read_at),
        }
        return {
            "Update": {
                "TableName": self.users,
                "Key": _user_key(user_id),
                "UpdateExpression": (
                    "SET tally = :tally, ledgerDay = :day, ledger = :ledger, tallyVersion = :next"
                ),
                "ConditionExpression": (f"{NOT_ERASED} AND {_unchanged(read_at)}"),
                "ExpressionAttributeValues": values,
            }
        }

    def put_ledger(self, key: LedgerKey, ledger: Ledger) -> dict[str, Any]:
        """Return the write of the ledger of a day before its learner's newest.

        It goes together with the learner's totals, over the version of these.
        """
        ends = ((key.day + 1) * DAY + LEDGER_LIFE) // 1000
        item = {**_ledger_key(key), "tally": {"B": packed_ledger(ledger)}, "ttl": {"N": str(ends)}}
        return {"Put": {"TableName": self.sessions, "Item": item}}

    def put_item(self, key: ItemKey, tally: ItemTally, read_at: int) -> dict[str, Any]:
        """Return the write of a question's tally."""
        versions = _versions(read_at)
        item = {
            **statistics_key(*key),
            "tally": {"B": packed_item(tally)},
            "tallyVersion": versions.pop(":next"),
        }
        put: dict[str, Any] = {
            "TableName": self.questions,
            "Item": item,
            "ConditionExpression": _unchanged(read_at),
        }
        if versions:
            put["ExpressionAttributeValues"] = versions
        return {"Put": put}


def item_tallies(questions: QuestionsTable, keys: Sequence[ItemKey]) -> dict[ItemKey, ItemTally]:
    """Return the tallies that there are of those named; they lag anyway, so reads may be stale.

    Raises:
        StoreUnavailableError: some could not be read.
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
