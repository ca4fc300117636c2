"""Imports a question bank into the running laptop stage.

Every bad line is refused with its number, and the rest goes in. Learners see all of it at once,
when the whole file was read; an import that ends before leaves the bank as it was, and can be
repeated. The one exception are questions which the bank has already and the file changes: beyond
the 99 that go with the rest, they are written shortly before it, 99 at a time.

Exit codes: 0 when every line went in or was known already, 1 when a line was refused or the import
failed, 2 for a wrong call or a file that is no question bank, 130 when interrupted.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from botocore.exceptions import ClientError

from banks.files import BankFileError, Entry, read_bank
from domain.pinned_choices import pinned_places
from lambdas.contract.bodies.question import QuestionDraft
from lambdas.contract.errors import ValidationError
from lambdas.contract.routes import CATEGORY_PATTERN
from lambdas.questions.bank_writer import BankWriter
from lambdas.questions.staging import SaveStatus, Staged, Update
from lambdas.shared.services import Services
from lambdas.shared.services import services as process_services
from lambdas.shared.store.errors import (
    CategoryBusyError,
    StoreUnavailableError,
    TransactionConditionError,
)
from local.data_folder import DataFolder
from local.database.backend import enter
from local.errors import CommandError
from local.import_spool import ImportSpool
from local.import_terminal import Fate, ImportTerminal, Observer, report
from local.running_stage import RunningStage

MAX_WAIT = 60_000
"""Milliseconds to wait for another writer; a dead one's lease ends within 10,000."""

MAX_CATEGORIES = 250
"""Categories of a file: the expression that publishes them together has 4 KB at most."""

_LINES_TOGETHER = 100
_USAGE_ERROR = 2


class Standing(Enum):
    """How far an import is: a sentence on what of it can be seen."""

    STAGING = "Nothing was published."
    UPDATING = "Changes to known questions were written in part, new ones were not published."
    PUBLISHING = "It was just being published, so the bank may or may not have it."
    DONE = "All of it was published."


@dataclass(slots=True)
class BankImport:
    """One import.

    `fates` are by category; under "" those of refused lines which name none that came before.
    """

    services: Services
    category: str | None = None
    observer: Observer = field(default_factory=Observer)
    standing: Standing = Standing.STAGING
    fates: dict[str, Fate] = field(default_factory=dict)

    def run(self, file: BinaryIO, name: str) -> None:
        """Read a file, stage its questions, and publish them together.

        Raises:
            BankFileError: it is no question bank; nothing was tried.
            CommandError: the bank cannot be written; `standing` tells what was.
        """
        entries = read_bank(file, name)
        with ImportSpool() as spool, self._writer(spool) as writer:
            while batch := list(islice(entries, _LINES_TOGETHER)):
                self._stage(writer, spool, batch)
                self.observer.read(file.tell())
            self._publish(writer, spool)

    @contextmanager
    def _writer(self, spool: ImportSpool) -> Iterator[BankWriter]:
        """Hold the bank's lease, and give it up when the import fails."""
        writer = BankWriter(self.services, self.services.entropy(8).hex(), spool)
        with self._explained():
            try:
                yield writer
            except BaseException:
                # Whoever cannot be told that the lease is free waits until it ends.
                with suppress(TransactionConditionError, StoreUnavailableError, ClientError):
                    writer.close()
                raise

    def _open(self, writer: BankWriter, categories: set[str]) -> None:
        """Take the leases of categories, waiting for their holders to finish or expire."""
        waited = 0
        while True:
            try:
                writer.open(categories)
            except CategoryBusyError as error:
                milliseconds = max(error.milliseconds, 100)
                if waited + milliseconds > MAX_WAIT:
                    raise CommandError(
                        "The bank is being written by somebody else: import again when they are "
                        "done."
                    ) from None
                if not waited:
                    self.observer.waiting(milliseconds)
                waited += milliseconds
                self.services.transactions.pause(milliseconds / 1000)
            else:
                return

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the database answers into one sentence."""
        try:
            yield
        except TransactionConditionError:
            reason = "Somebody else wrote the bank meanwhile."
        except StoreUnavailableError as error:
            reason = str(error)
        except ClientError as error:
            reason = f"The database refuses: {error.response['Error'].get('Message', error)}."
        else:
            return
        raise CommandError(f"{reason} {self.standing.value} Import it again.")

    def _stage(self, writer: BankWriter, spool: ImportSpool, batch: list[Entry]) -> None:
        drafts: dict[int, QuestionDraft] = {}
        faults: dict[int, str] = {}
        for place, entry in enumerate(batch):
            try:
                drafts[place] = self._draft(entry)
            except _RefusedLineError as error:
                faults[place] = str(error)
        self._open(writer, {draft.category for draft in drafts.values()})
        # Also without any draft: staging renews the leases.
        staged = dict(zip(drafts, writer.stage(list(drafts.values())), strict=True))
        for place, entry in enumerate(batch):
            if place in faults:
                self._refuse(entry, faults[place])
            else:
                self._settle(entry, drafts[place], staged[place], spool)

    def _draft(self, entry: Entry) -> QuestionDraft:
        if entry.question is None:
            raise _RefusedLineError(entry.fault)
        given = {"category": self.category} if self.category is not None else {}
        try:
            draft = QuestionDraft.read(entry.question | given)
        except ValidationError as error:
            raise _RefusedLineError(
                "; ".join(f"{fault.field}: {fault.message}" for fault in error.faults)
            ) from None
        if draft.category not in self.fates and len(self.fates) >= MAX_CATEGORIES:
            raise _RefusedLineError(
                f"category: one import takes {MAX_CATEGORIES}, import the others from another file"
            )
        self.fates.setdefault(draft.category, Fate())
        return _with_pins(draft)

    def _settle(
        self, entry: Entry, draft: QuestionDraft, staged: Staged, spool: ImportSpool
    ) -> None:
        fate = self.fates[draft.category]
        match staged.status:
            case SaveStatus.CREATED:
                fate.created += 1
            case SaveStatus.UPDATED:
                fate.updated += 1
                if staged.update:
                    spool.add(staged.update)
            case SaveStatus.UNCHANGED if staged.repeated:
                fate.duplicates += 1
            case SaveStatus.UNCHANGED:
                fate.unchanged += 1
            case SaveStatus.REJECTED:
                reasons = [f"{fault.field}: {fault.message}" for fault in staged.faults]
                self._refuse(entry, "; ".join(reasons))

    def _refuse(self, entry: Entry, reason: str) -> None:
        category = self.category or (entry.question or {}).get("category")
        if not isinstance(category, str) or category not in self.fates:
            category = ""
        self.fates.setdefault(category, Fate()).refused += 1
        self.observer.refused(entry.line, reason)

    def _publish(self, writer: BankWriter, spool: ImportSpool) -> None:
        last: list[Update] = []
        for part in spool.updates():
            if last:
                self.standing = Standing.UPDATING
                writer.update(last)
            last = part
        self.standing = Standing.PUBLISHING
        writer.publish(last)
        self.standing = Standing.DONE


class _RefusedLineError(Exception):
    """Why a line is refused."""


def _with_pins(draft: QuestionDraft) -> QuestionDraft:
    places = pinned_places([answer.text for answer in draft.answers])
    answers = tuple(
        answer.model_copy(update={"pinned": True}) if place in places else answer
        for place, answer in enumerate(draft.answers)
    )
    return draft.model_copy(update={"answers": answers})


def import_bank(
    file: Path,
    category: str | None = None,
    *,
    services: Services | None = None,
    observer: Observer | None = None,
) -> dict[str, Fate]:
    """Import a file into the bank; return what became of its lines, by category.

    Raises:
        BankFileError: it is no question bank.
        CommandError: the bank cannot be written.
    """
    bank_import = BankImport(services or process_services(), category, observer or Observer())
    with file.open("rb") as content:
        bank_import.run(content, file.name)
    return bank_import.fates


def main(file: Path, category: str | None) -> int:
    """Import a file into the running stage, show the progress and return the exit code."""
    if category is not None and not re.fullmatch(CATEGORY_PATTERN, category):
        raise CommandError(
            f"a category is up to 48 lower-case letters, digits and hyphens, not {category!r}",
            _USAGE_ERROR,
        )
    try:
        with file.open("rb") as content:
            enter(RunningStage.find(DataFolder.from_environment()).environment)
            return _import_watched(content, file, category)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.", _USAGE_ERROR) from None
    except BankFileError as error:
        raise CommandError(f"{file} is no question bank. {error}", _USAGE_ERROR) from None


def _import_watched(content: BinaryIO, file: Path, category: str | None) -> int:
    with ImportTerminal(file.name, file.stat().st_size) as terminal:
        bank_import = BankImport(process_services(), category, terminal)
        try:
            bank_import.run(content, file.name)
        except KeyboardInterrupt:
            terminal.say(f"Interrupted. {bank_import.standing.value} Importing again is safe.")
            raise
    print(report(bank_import.fates))
    return 1 if any(fate.refused for fate in bank_import.fates.values()) else 0
