"""Imports a question bank into any stage, over its API.

The questions are staged in numbered parts, which may be repeated, and published together. An
import that was killed is continued by the same command; one that was interrupted is deleted.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from lambdas.contract.bodies.bank_import import MAX_CATEGORIES
from local.errors import CommandError
from ops.bank.api import Api, ApiError
from ops.bank.receipts import Receipt
from ops.bank.spool import Entry, Spool

REFUSED_BY_STAGE = "refused by the stage"

_GONE = 410
_MOST_TRIES = 3


class Outcome(StrEnum):
    """The fate of a question."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


_OUTCOMES = {
    "CREATED": Outcome.CREATED,
    "UPDATED": Outcome.UPDATED,
    "UNCHANGED": Outcome.UNCHANGED,
    "REJECTED": Outcome.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Fate:
    """Outcome of a question of an import.

    Attributes:
        entry: The question.
        outcome: Its fate.
        question_id: Its id in the bank, if it has one.
        reason: Why it was refused.
        message: The fault and its remedy.
    """

    entry: Entry
    outcome: Outcome
    question_id: str = ""
    reason: str = ""
    message: str = ""


class Progress:
    """Receives the progress of an import. The base class ignores it (null object)."""

    def staged(self, questions: int) -> None:
        """So many questions more were staged; 0 means from the beginning."""

    def publishing(self, updates_left: int) -> None:
        """The import is being published."""

    def note(self, text: str) -> None:
        """Show a sentence."""


@dataclass(slots=True)
class BankImporter:
    """Imports the questions of a spool.

    Attributes:
        api: The stage.
        stage: Its name.
        spool: The questions.
        receipts: The folder of receipts.
        progress: Receives the progress.
        counts: Outcomes by category, complete once `run` returns.
    """

    api: Api
    stage: str
    spool: Spool
    receipts: Path
    progress: Progress = field(default_factory=Progress)
    counts: dict[str, Counter[Outcome]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _import_id: str = ""
    _publishing: bool = False

    def run(self) -> None:
        """Stage all questions and publish them.

        Raises:
            CommandError: The stage refuses, or cannot be reached; the message names what to do.
            KeyboardInterrupt: It was interrupted; nothing or all of the new questions are visible.
        """
        self._delete_what_was_left()
        receipt = Receipt.take(self.receipts, self.stage, self.spool.digest)
        try:
            for attempt in range(1, _MOST_TRIES + 1):
                try:
                    self._import(receipt)
                    break
                except ApiError as error:
                    # An import that slept for too long has expired: nothing of it is visible.
                    if error.status != _GONE or attempt == _MOST_TRIES:
                        raise
                    receipt.key = ""
        except KeyboardInterrupt:
            self._interrupted(receipt)
            raise
        except ApiError as error:
            raise CommandError(f"{error} {self._standing} Repeat the command to go on.") from error
        else:
            receipt.remove()
        finally:
            receipt.leave()

    def fates(self) -> Iterator[Fate]:
        """Return the fate of each question, in the order of the file."""
        self.spool.results.seek(0)
        for entry in self.spool:
            if entry.body is None:
                yield Fate(entry, Outcome.REFUSED, "", entry.reason, entry.message)
            else:
                outcome, question_id, message = json.loads(self.spool.results.readline())
                reason = REFUSED_BY_STAGE if message else ""
                yield Fate(entry, Outcome(outcome), question_id, reason, message)

    @property
    def _standing(self) -> str:
        if self._publishing:
            return "Publishing had begun: new questions are visible, updates may be missing."
        return "Nothing was published."

    def _import(self, receipt: Receipt) -> None:
        self._restart()
        state = self._open(receipt)
        self._import_id = state["importId"]
        self._publishing = state["status"] == "PUBLISHING"
        for number, part in enumerate(self.spool.parts(), 1):
            body = {"part": number, "questions": [entry.body for entry in part]}
            path = f"/admin/imports/{self._import_id}/questions"
            self._note(part, self.api.call("POST", path, body)["results"])
            self.progress.staged(len(part))
        self._publish()

    def _restart(self) -> None:
        self.spool.results.seek(0)
        self.spool.results.truncate()
        self._seen.clear()
        self.counts.clear()
        self.progress.staged(0)
        for entry in self.spool:
            if entry.body is None:
                self._count("", Outcome.REFUSED)

    def _open(self, receipt: Receipt) -> Any:
        """Open the import, or the one that an earlier command left behind."""
        categories = sorted(self.spool.summary.categories)
        if len(categories) > MAX_CATEGORIES:
            raise CommandError(
                f"The file has {len(categories)} categories, and one import takes "
                f"{MAX_CATEGORIES}: split the file, or give one category with CATEGORY=."
            )
        if receipt.key:
            state = self._opened(receipt.key, categories)
            if state["status"] in ("OPEN", "PUBLISHING", "PUBLISHED"):
                self.progress.note("Continuing the import that was left behind.")
                return state
        receipt.begin(categories)
        return self._opened(receipt.key, categories)

    def _opened(self, key: str, categories: list[str]) -> Any:
        body = {"categories": categories}
        return self.api.call("POST", "/admin/imports", body, headers={"Idempotency-Key": key})

    def _publish(self) -> None:
        path = f"/admin/imports/{self._import_id}/publish"
        while True:
            self._publishing = True
            state = self.api.call("POST", path)
            self.progress.publishing(state["updatesLeft"])
            if state["status"] == "PUBLISHED":
                return

    def _note(self, part: list[Entry], results: list[Any]) -> None:
        for entry, result in zip(part, results, strict=True):
            outcome = _OUTCOMES[result["status"]]
            question_id = result.get("questionId", "")
            if outcome is Outcome.UNCHANGED and question_id in self._seen:
                outcome = Outcome.DUPLICATE
            self._seen.add(question_id)
            message = "; ".join(
                f"{fault['field']}: {fault['message']}" for fault in result.get("errors", ())
            )
            self._count(entry.category, outcome)
            line = json.dumps([outcome, question_id, message])
            self.spool.results.write(line.encode() + b"\n")

    def _count(self, category: str, outcome: Outcome) -> None:
        self.counts.setdefault(category, Counter())[outcome] += 1

    def _interrupted(self, receipt: Receipt) -> None:
        if self._publishing:
            self.progress.note(f"Interrupted. {self._standing} Repeat the command to go on.")
            return
        if self._import_id:
            with suppress(ApiError):
                self.api.call("DELETE", f"/admin/imports/{self._import_id}")
                receipt.remove()
        self.progress.note(f"Interrupted. {self._standing} Importing again is safe.")

    def _delete_what_was_left(self) -> None:
        """Release the categories of other imports of this machine that were killed."""
        for receipt in Receipt.left_behind(self.receipts, self.stage):
            if receipt.path.stem.endswith(self.spool.digest):
                receipt.leave()
                continue
            with suppress(ApiError):
                if receipt.key:
                    self._release(receipt)
                receipt.remove()
            receipt.leave()

    def _release(self, receipt: Receipt) -> None:
        state = self._opened(receipt.key, list(receipt.categories))
        path = f"/admin/imports/{state['importId']}"
        if state["status"] == "OPEN":
            self.api.call("DELETE", path)
        while state["status"] == "PUBLISHING":
            state = self.api.call("POST", f"{path}/publish")
