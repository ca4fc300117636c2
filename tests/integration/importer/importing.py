"""Imports for tests: files, reports of their import, and a database that can die."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lambdas.shared.services import Services
from lambdas.shared.store.categories import Category
from lambdas.shared.store.client import Database
from lambdas.shared.store.questions import BankRecord
from lambdas.shared.store.transaction import Transactions
from local.import_bank import import_bank
from local.import_terminal import Fate, Observer
from tests.integration.stage import Stage

Line = Mapping[str, Any] | str | bytes
Bank = tuple[dict[str, Category], dict[str, BankRecord]]


class DeathError(BaseException):
    """The importer's process ends here."""


@dataclass
class Calls:
    """A client that writes down its calls, and dies at one of them: before or after it is made."""

    client: Any
    dies_at: int | None = None
    answers_first: bool = False
    made: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            place = len(self.made)
            self.made.append((operation, parameters))
            if self.dies_at is None or place < self.dies_at:
                return getattr(self.client, operation)(**parameters)
            if self.answers_first and place == self.dies_at:
                getattr(self.client, operation)(**parameters)
            raise DeathError

        return call

    def published(self) -> list[list[str]]:
        """Return the categories that each transaction publishes."""
        names = [
            [
                action["Update"]["ExpressionAttributeValues"][":category"]["S"]
                for action in parameters["TransactItems"]
                if ":listed" in action.get("Update", {}).get("ExpressionAttributeValues", {})
            ]
            for operation, parameters in self.made
            if operation == "transact_write_items"
        ]
        return [each for each in names if each]


@dataclass
class Watch(Observer):
    """Records the progress it receives; `at_read` is run after each batch."""

    at_read: Callable[[], None] = lambda: None
    refusals: dict[int, str] = field(default_factory=dict)
    waits: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)

    def waiting(self, milliseconds: int) -> None:
        self.waits.append(milliseconds)

    def refused(self, line: int, reason: str) -> None:
        assert line not in self.refusals
        self.refusals[line] = reason

    def read(self, position: int) -> None:
        self.positions.append(position)
        self.at_read()


@dataclass
class Importing:
    """Imports into a stage, its clock moved by every pause."""

    stage: Stage
    folder: Path
    watch: Watch = field(default_factory=Watch)
    pauses: list[float] = field(default_factory=list)

    def file(self, lines: Iterable[Line], name: str = "bank.jsonl") -> Path:
        path = self.folder / name
        with path.open("wb") as file:
            for line in lines:
                text = json.dumps(line) if isinstance(line, Mapping) else line
                file.write((text.encode() if isinstance(text, str) else text) + b"\n")
        return path

    def run(self, file: Path | Iterable[Line], **options: Any) -> dict[str, Fate]:
        self.watch = Watch(options.pop("at_read", lambda: None))
        calls: Calls | None = options.pop("calls", None)
        path = file if isinstance(file, Path) else self.file(file)
        services = self.functions(calls)
        return import_bank(path, services=services, observer=self.watch, **options)

    def functions(self, calls: Any = None) -> Services:
        of_stage = self.stage.services
        database = Database(calls or of_stage.database.client)
        services = Services(
            settings=of_stage.settings,
            database=database,
            clock=self.stage.clock,
            entropy=of_stage.entropy,
        )
        services.transactions = Transactions(database, pause=self.pause)
        return services

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.stage.clock.advance(round(seconds * 1000))

    def calls(self, **options: Any) -> Calls:
        return Calls(self.stage.services.database.client, **options)

    def bank(self) -> Bank:
        """Return all that can be seen."""
        questions = self.stage.services.questions
        names = {row["category"]["S"] for row in self.stage.rows("questions") if "listed" in row}
        registry = self.stage.services.categories.many(sorted(names)) if names else {}
        ids = [
            f"{entry.category}:{ordinal:06d}"
            for entry in registry.values()
            for ordinal in range(entry.size)
        ]
        records = questions.records(ids)
        assert sorted(records) == sorted(ids)
        # A lease of a dead writer is no part of what can be seen.
        return {name: entry._replace(holder=None) for name, entry in registry.items()}, records


def plain(number: int, category: str = "geography", **other: Any) -> dict[str, Any]:
    """Return a line of the form with choices and indexes."""
    choices = [f"right {number}", f"wrong {number} a", f"wrong {number} b"]
    line = {"id": f"q-{number}", "category": category, "text": f"{number}?"}
    return {**line, "choices": choices, "correct": [0], **other}
