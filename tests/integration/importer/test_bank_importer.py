"""Imports over the API: what becomes of each question, and deaths at every request."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from banks.reading import read_bytes
from banks.writing import write_json_lines
from lambdas.contract.bodies.bank_import import MAX_CATEGORIES
from local.errors import CommandError
from ops.bank.exporter import exported
from ops.bank.importer import BankImporter, Outcome, Progress
from ops.bank.receipts import Receipt
from ops.bank.spool import Spool
from tests.integration.importer.stage_api import DeathError, StageApi
from tests.integration.stage import InvokedStage

Line = Mapping[str, Any] | str


def plain(number: int, category: str = "geography", **other: Any) -> dict[str, Any]:
    choices = [f"right {number}", f"wrong {number} a", f"wrong {number} b"]
    line = {"id": f"q-{number}", "category": category, "text": f"{number}?"}
    return {**line, "choices": choices, "correct": [0], **other}


class Notes(Progress):
    """Keeps the sentences that an import shows, and the questions it has staged."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.questions = 0

    def staged(self, questions: int) -> None:
        self.questions = self.questions + questions if questions else 0

    def note(self, text: str) -> None:
        self.notes.append(text)


class Importing:
    """Runs imports of lines into a stage."""

    def __init__(self, stage: InvokedStage, folder: Path) -> None:
        self.stage = stage
        self.folder = folder
        self.progress_of: Callable[[], Notes] = Notes
        self.progress = Notes()
        self.spools: list[Spool] = []

    def run(self, lines: Iterable[Line], **options: Any) -> BankImporter:
        content = "\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines)
        category = options.pop("category", None)
        self.api = StageApi(self.stage, **options)
        self.spool = Spool(read_bytes(content.encode(), "bank.jsonl"), category)
        self.spools.append(self.spool)
        self.progress = self.progress_of()
        importer = BankImporter(self.api, "test", self.spool, self.folder, self.progress)
        importer.run()
        return importer

    def questions(self, category: str | None = None) -> list[Any]:
        return list(exported(StageApi(self.stage), category))


@pytest.fixture
def importing(stage: InvokedStage, tmp_path: Path) -> Iterator[Importing]:
    importing = Importing(stage, tmp_path)
    yield importing
    for spool in importing.spools:
        spool.close()


def total(importer: BankImporter) -> Counter[Outcome]:
    return sum(importer.counts.values(), Counter())


def test_each_question_has_a_fate(importing: Importing) -> None:
    lines: list[Line] = [plain(n) for n in range(230)]
    importing.run(lines[:3])
    lines[1] = plain(1, explanation="because")
    lines[4] = "{broken"
    lines[5] = plain(0)
    lines[6] = plain(6, correct=[0, 1, 2])
    lines[7] = {key: value for key, value in plain(7).items() if key != "category"}
    lines[8] = plain(8, "history")
    lines[9] = plain(9, text=plain(10)["text"], choices=plain(10)["choices"], correct=[1])
    importer = importing.run(lines)
    assert importer.counts["history"] == {Outcome.CREATED: 1}
    assert importer.counts[""] == {Outcome.REFUSED: 3}
    assert importer.counts["geography"] == {
        Outcome.CREATED: 221,
        Outcome.UPDATED: 1,
        Outcome.UNCHANGED: 2,
        Outcome.DUPLICATE: 1,
        Outcome.REFUSED: 1,
    }
    fates = list(importer.fates())
    assert [fate.entry.place for fate in fates] == [f"line {n}" for n in range(1, 231)]
    assert fates[8].question_id.startswith("history:")
    refused = {fate.entry.place: fate.reason for fate in fates if fate.reason}
    assert refused == {
        "line 5": "malformed",
        "line 7": "no wrong answer",
        "line 8": "no category",
        "line 11": "refused by the stage",
    }
    assert fates[10].message
    assert importing.progress.questions == 227


def test_repeating_changes_nothing(importing: Importing) -> None:
    lines = [*(plain(n) for n in range(150)), plain(3)]
    importing.run(lines)
    before = importing.questions()
    assert total(importing.run(lines)) == {Outcome.UNCHANGED: 150, Outcome.DUPLICATE: 1}
    assert importing.questions() == before
    assert not list(importing.folder.iterdir())


def test_a_given_category_is_that_of_all_questions(importing: Importing) -> None:
    without = {key: value for key, value in plain(1).items() if key != "category"}
    importing.run([without, plain(2, "history")], category="rivers")
    assert [question.category for question in importing.questions()] == ["rivers", "rivers"]


@pytest.mark.parametrize("answers_first", [False, True])
def test_death_at_any_request_and_a_repeat_neither_double_nor_halve(
    importing: Importing, *, answers_first: bool
) -> None:
    lines = [*(plain(n) for n in range(120)), *(plain(n, "history") for n in range(30))]
    importing.run(lines[:60])
    before = importing.questions()
    changed = [plain(n, explanation="because") for n in range(40)] + lines[40:]
    deaths, finished = 0, False
    while not finished:
        try:
            importing.run(changed, dies_at=deaths, answers_first=answers_first)
            finished = True
        except DeathError:
            deaths += 1
            seen = importing.questions()
            # All new questions of a category are visible, or none is.
            assert len(seen) in (len(before), 150)
    assert deaths == 4
    assert "Continuing the import that was left behind." in importing.progress.notes
    after = importing.questions()
    assert len(after) == 150
    assert sum(question.explanation == "because" for question in after) == 40
    assert not list(importing.folder.iterdir())


def test_death_and_another_file_releases_the_categories(importing: Importing) -> None:
    with pytest.raises(DeathError):
        importing.run([plain(n) for n in range(10)], dies_at=2)
    assert total(importing.run([plain(99)])) == {Outcome.CREATED: 1}
    assert [question.text for question in importing.questions()] == ["99?"]
    assert not list(importing.folder.iterdir())


def test_death_while_publishing_and_another_file_finishes_the_first(importing: Importing) -> None:
    importing.run([plain(n) for n in range(5)])
    changed = [plain(n, explanation="because") for n in range(5)]
    with pytest.raises(DeathError):
        importing.run(changed, dies_at=2, answers_first=True)
    importing.run([plain(99)])
    assert len(importing.questions()) == 6
    assert sum(question.explanation == "because" for question in importing.questions()) == 5


@pytest.mark.parametrize("dies_at", [1, 2])
def test_an_interruption_deletes_the_import(importing: Importing, dies_at: int) -> None:
    lines = [plain(n) for n in range(150)]
    with pytest.raises(KeyboardInterrupt):
        importing.run(lines, dies_at=dies_at, death=KeyboardInterrupt())
    assert importing.progress.notes == [
        "Interrupted. Nothing was published. Importing again is safe."
    ]
    assert importing.api.made[-1][0] == "DELETE"
    assert importing.questions() == []
    assert not list(importing.folder.iterdir())
    assert total(importing.run(lines)) == {Outcome.CREATED: 150}


def test_an_interruption_while_publishing_is_continued(importing: Importing) -> None:
    lines = [plain(n) for n in range(5)]
    with pytest.raises(KeyboardInterrupt):
        importing.run(lines, dies_at=2, death=KeyboardInterrupt())
    assert "Repeat the command to go on." in importing.progress.notes[0]
    assert total(importing.run(lines)) == {Outcome.CREATED: 5}
    assert len(importing.questions()) == 5


def test_an_import_that_expired_begins_again(importing: Importing) -> None:
    lines = [plain(n) for n in range(150)]
    with pytest.raises(DeathError):
        importing.run(lines, dies_at=2)
    importing.stage.clock.advance(24 * 3_600_000)
    assert total(importing.run(lines)) == {Outcome.CREATED: 150}
    assert len(importing.questions()) == 150


def test_an_import_that_expires_on_the_way_begins_again(importing: Importing) -> None:
    advanced: list[int] = []

    class Sleeping(Notes):
        def staged(self, questions: int) -> None:
            super().staged(questions)
            if questions and not advanced:
                advanced.append(questions)
                importing.stage.clock.advance(24 * 3_600_000)

    importing.progress_of = Sleeping
    assert total(importing.run(plain(n) for n in range(150))) == {Outcome.CREATED: 150}
    assert len(importing.questions()) == 150


def test_the_same_import_twice_at_once_is_refused(importing: Importing) -> None:
    importing.run([plain(1)])
    receipt = Receipt.take(importing.folder, "test", importing.spool.digest)
    with pytest.raises(CommandError, match="being imported into stage test already"):
        importing.run([plain(1)])
    receipt.leave()
    assert total(importing.run([plain(1)])) == {Outcome.UNCHANGED: 1}


def test_an_import_by_somebody_else_is_named(importing: Importing) -> None:
    importing.stage.admin("openImport", {"categories": ["geography"]})
    with pytest.raises(CommandError, match=r"held by import .* Nothing was published\."):
        importing.run([plain(1)])


def test_more_categories_than_an_import_takes_are_refused(importing: Importing) -> None:
    lines = [plain(n, f"category-{n}") for n in range(MAX_CATEGORIES + 1)]
    with pytest.raises(CommandError, match="split the file, or give one category"):
        importing.run(lines)


def test_an_export_is_the_bank_that_was_imported(importing: Importing) -> None:
    importing.run([plain(n, ("geography", "history")[n % 2]) for n in range(230)])
    everything = importing.questions()
    assert len(everything) == 230
    assert len(importing.questions("history")) == 115
    written = "".join(write_json_lines(everything)).splitlines()
    assert total(importing.run(written)) == {Outcome.UNCHANGED: 230}


def test_retired_questions_are_not_exported(importing: Importing) -> None:
    importing.run([plain(n) for n in range(3)])
    importing.stage.admin("retireQuestion", path={"questionId": "geography:000001"})
    assert [question.text for question in importing.questions()] == ["0?", "2?"]
