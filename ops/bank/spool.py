"""The questions of one import on disk, in the order of the file: it may be larger than memory."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Self

from banks.inspection import Summary
from banks.near_duplicates import NearDuplicates
from banks.question import Item, Reason
from lambdas.contract.bodies.question import MAX_QUESTIONS
from lambdas.contract.formats import MAX_ADMIN_BODY_BYTES

_ROOM = 1_024
"""Bytes of a request's body beside its questions."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One question of the file.

    Attributes:
        place: Where it is in the file.
        body: The question as the API takes it, None if it is refused.
        reason: Why it is refused.
        message: The fault and its remedy.
    """

    place: str
    body: dict[str, Any] | None
    reason: str = ""
    message: str = ""

    @property
    def category(self) -> str:
        """Its category, or an empty string."""
        return str(self.body["category"]) if self.body else ""


class Spool:
    """Questions and their refusals, read from a bank once.

    Attributes:
        summary: Counts and findings.
        digest: A hash of all that will be sent.
        results: An empty file for the results of the questions.
    """

    def __init__(self, items: Iterable[Item], category: str | None = None) -> None:
        self.summary = Summary()
        self.results = tempfile.TemporaryFile()  # noqa: SIM115 - closed on exit
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed on exit
        near = NearDuplicates()
        digest = blake2b(digest_size=16)
        for item in items:
            entry = _entry(item, category)
            self._count(item, entry)
            if item.question and (found := near.check(item.place, item.question)):
                self.summary.near_duplicates.append(found)
            line = json.dumps([entry.place, entry.body, entry.reason, entry.message]).encode()
            digest.update(line)
            self._file.write(line + b"\n")
        self.digest = digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Delete the files."""
        self.results.close()
        self._file.close()

    def __iter__(self) -> Iterator[Entry]:
        """Return all entries, in the order of the file."""
        self._file.seek(0)
        return (Entry(*json.loads(line)) for line in self._file)

    def parts(self) -> Iterator[list[Entry]]:
        """Return the questions to send, in parts that a request takes; always the same parts."""
        part: list[Entry] = []
        size = _ROOM
        for entry in self:
            if entry.body is None:
                continue
            # ASCII is the longest form: the request may have fewer bytes.
            length = len(json.dumps(entry.body)) + 2
            if part and (len(part) == MAX_QUESTIONS or size + length > MAX_ADMIN_BODY_BYTES):
                yield part
                part, size = [], _ROOM
            part.append(entry)
            size += length
        if part:
            yield part

    def _count(self, item: Item, entry: Entry) -> None:
        summary = self.summary
        summary.questions += 1
        summary.by_type[item.type] += 1
        for notice in item.notices:
            summary.notices.setdefault(notice, entry.place)
        if entry.body is None:
            summary.refused[entry.reason] += 1
        else:
            summary.importable += 1
            summary.categories[entry.category] += 1


def _entry(item: Item, category: str | None) -> Entry:
    place = str(item.place)
    if item.question is None:
        return Entry(place, None, str(item.reason), item.message)
    body = item.question.body()
    if category:
        body["category"] = category
    if "category" not in body:
        message = "it names no category: give one for the whole file with CATEGORY="
        return Entry(place, None, str(Reason.CATEGORY), message)
    return Entry(place, body)
