"""The commands that import a question bank into a stage and export from it."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from banks.categories import category_name
from banks.question import Question
from banks.writing import WRITERS
from domain.question import SMOKE_CATEGORY
from lambdas.contract.formats import CATEGORY_PATTERN
from local.data_folder import DataFolder
from local.errors import CommandError
from ops.bank.api import AdministratorApi
from ops.bank.exporter import exported
from ops.bank.files import USAGE_ERROR, Refused, described, opened, refusals
from ops.bank.importer import BankImporter, Outcome
from ops.bank.spool import Spool
from ops.bank.terminal import TerminalProgress, table, write_report
from ops.deploy.access import AdministratorAccess

ENDINGS = {"jsonl": ".jsonl", "csv": ".csv", "gift": ".gift.txt", "moodle-xml": ".xml"}
"""Endings of exported files by format."""


def import_file(
    file: Path, stage: str, user: str | None, category: str | None, *, dry_run: bool
) -> int:
    """Import a question bank and print the report; return 0 if nothing was refused, else 1.

    Raises:
        CommandError: The file is no question bank, or the stage refuses.
    """
    if category is not None:
        _check_category(category)
    with opened(file) as bank, Spool(bank, category) as spool:
        print("\n".join(described(file, bank, spool.summary)), flush=True)
        if spool.summary.importable and not dry_run:
            return _import(file, stage, user, spool)
        named = (
            Refused(f"{file.name}, {entry.place}", entry.reason, entry.message)
            for entry in spool
            if entry.body is None
        )
        _print_refused(named, spool.summary.refused)
        print("Nothing was sent.")
        return 1 if spool.summary.refused else 0


def _check_category(category: str) -> None:
    if category == SMOKE_CATEGORY:
        message = f"The category {SMOKE_CATEGORY} is reserved for the smoke test: choose another."
        raise CommandError(message, USAGE_ERROR)
    if re.fullmatch(CATEGORY_PATTERN, category):
        return
    offered = category_name(category, [])
    remedy = f": use CATEGORY={offered}" if offered else ""
    raise CommandError(
        f"A category is up to 48 lower-case letters, digits and hyphens, not {category!r}{remedy}.",
        USAGE_ERROR,
    )


def _import(file: Path, stage: str, user: str | None, spool: Spool) -> int:
    folder = DataFolder.from_environment().path
    access = AdministratorAccess.find(stage, user, "import")
    with (
        AdministratorApi(access) as api,
        TerminalProgress(file.name, spool.summary.importable) as progress,
    ):
        importer = BankImporter(api, stage, spool, folder / "imports", progress)
        importer.run()
    report = folder / f"import-{stage}.csv"
    refused = write_report(report, file, importer.fates())
    print(table(importer.counts))
    named = (
        Refused(f"{file.name}, {fate.entry.place}", fate.reason, fate.message)
        for fate in importer.fates()
        if fate.outcome is Outcome.REFUSED
    )
    _print_refused(named, refused)
    print(f"Every question is listed in {report}.")
    return 1 if refused else 0


def _print_refused(refused: Iterable[Refused], counts: Counter[str]) -> None:
    for line in refusals(refused, counts):
        print(line)


def _counted(questions: Iterable[Question], count: Counter[str]) -> Iterator[Question]:
    for question in questions:
        count["questions"] += 1
        yield question


def export_bank(
    stage: str,
    user: str | None,
    category: str | None,
    format: str,  # noqa: A002 - the option
    file: Path | None,
) -> Path:
    """Write the questions of a category, or of all, into a file; return it.

    Raises:
        CommandError: The format is not known, the stage refuses, or there is no question.
    """
    if format not in WRITERS:
        raise CommandError(f"Choose a format with FORMAT=: {', '.join(WRITERS)}.", USAGE_ERROR)
    access = AdministratorAccess.find(stage, user, "export")
    target = file or Path(f"{category or 'bank'}-{stage}{ENDINGS[format]}")
    draft = target.with_name(f"{target.name}.draft")
    try:
        with AdministratorApi(access) as api, draft.open("w", encoding="utf-8", newline="") as out:
            draft.chmod(0o600)
            count = Counter[str]()
            out.writelines(WRITERS[format](_counted(exported(api, category), count)))
        if not count.total():
            raise CommandError(f"The stage has no questions in {category or 'any category'}.")
        return draft.replace(target)
    except OSError as error:
        raise CommandError(f"{target} cannot be written: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True)
