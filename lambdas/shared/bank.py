"""The bank as a warm function sees it: questions through a cache bounded in bytes."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from sys import getsizeof
from threading import Lock

from domain.question import Question
from lambdas.shared.errors import UnavailableError
from lambdas.shared.metrics import CACHE_HITS
from lambdas.shared.store.questions import QuestionsTable
from lambdas.shared.telemetry import sample

CACHE_BYTES = 32 * 1024 * 1024
"""Bound on cached questions: some 25,000 of average length, in a function of 512 MB."""

FRESH_FOR = 60_000
"""Milliseconds a question is served without reading it again: an edit shows within a minute in
every environment (at once where it meets an answer to the new version)."""

QUESTION_OVERHEAD = 700
"""Bytes a cached question of four choices takes beside its texts, as tracemalloc tells."""


@dataclass(slots=True)
class Bank:
    """Reads questions, from memory where it may.

    A question that seems missing is read again, strongly consistent, before that is believed. While
    the table cannot be read, what is in memory is served however old it is.
    """

    table: QuestionsTable
    clock: Callable[[], int]
    capacity: int = CACHE_BYTES
    _cached: OrderedDict[str, tuple[Question, int, int]] = field(default_factory=OrderedDict)
    _bytes: int = 0
    # The laptop stage serves from several threads.
    _lock: Lock = field(default_factory=Lock)

    def cached(self, question_id: str) -> Question | None:
        """Return a question if it is in memory and fresh."""
        with self._lock:
            found = self._cached.get(question_id)
            if found is None or self.clock() >= found[2]:
                return None
            self._cached.move_to_end(question_id)
            return found[0]

    def get(self, question_ids: Iterable[str]) -> Mapping[str, Question]:
        """Return the questions that exist of those named.

        At most one call for all not in memory, and one more if any is missing.

        Raises:
            UnavailableError: the table cannot be read, and one of them is not in memory at all.
        """
        wanted = dict.fromkeys(question_ids)
        found = {each: hit for each in wanted if (hit := self.cached(each))}
        unread = [each for each in wanted if each not in found]
        for each in wanted:
            sample(CACHE_HITS, 1 if each in found else 0)
        if unread:
            try:
                found |= self._read(unread, consistent=False)
            except UnavailableError:
                with self._lock:
                    stale = {each: self._cached[each][0] for each in unread if each in self._cached}
                if len(stale) < len(unread):
                    raise
                return found | stale
            missing = [each for each in unread if each not in found]
            if missing:
                found |= self._read(missing, consistent=True)
        return found

    def reread(self, question_id: str) -> Question | None:
        """Return a question as it is now, whatever is in memory."""
        return self._read([question_id], consistent=True).get(question_id)

    def _read(self, question_ids: list[str], *, consistent: bool) -> Mapping[str, Question]:
        questions = self.table.questions(question_ids, consistent=consistent)
        with self._lock:
            for question in questions.values():
                self._keep(question)
        return questions

    def _keep(self, question: Question) -> None:
        self._drop(question.question_id)
        size = _size(question)
        self._cached[question.question_id] = (question, size, self.clock() + FRESH_FOR)
        self._bytes += size
        while self._bytes > self.capacity:
            self._drop(next(iter(self._cached)))

    def _drop(self, question_id: str) -> None:
        dropped = self._cached.pop(question_id, None)
        if dropped:
            self._bytes -= dropped[1]


def _size(question: Question) -> int:
    texts = (question.text, question.explanation, *(c.text for c in question.choices))
    # Not their length: a character takes one, two or four bytes, by the text it is in.
    return QUESTION_OVERHEAD + sum(map(getsizeof, texts))
