"""The bank as a warm function sees it: questions through a cache bounded in bytes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from sys import getsizeof
from threading import Lock
from typing import NamedTuple

from cachetools import LRUCache

from domain.question import Question
from lambdas.shared.store.errors import StoreUnavailableError
from lambdas.shared.store.questions import QuestionsTable
from lambdas.shared.telemetry.metrics import CACHE_HITS
from lambdas.shared.telemetry.request_log import sample

CACHE_BYTES = 32 * 1024 * 1024
"""Bound on cached questions: some 25,000 of average length, in a function of 512 MB."""

FRESH_FOR = 60_000
"""Milliseconds a question is served without asking whether it was edited: an edit shows within a
minute in every environment (at once where it meets an answer to the new version)."""

QUESTION_OVERHEAD = 700
"""Bytes a cached question of four choices takes beside its texts, as tracemalloc tells."""


class _Kept(NamedTuple):
    question: Question
    size: int
    read_at: int


@dataclass(slots=True)
class Bank:
    """Reads questions, from memory where it may.

    The bank has a revision, which every edit raises. While it stays the same, what is in memory is
    right: one small read a minute stands for those of all questions. It tells nothing of questions
    read less than a minute after it was first seen, which may have been edited just before: such
    reads are not strongly consistent.

    A question that seems missing is read again, strongly consistent, before that is believed. While
    the table cannot be read, what is in memory is served however old it is.
    """

    table: QuestionsTable
    clock: Callable[[], int]
    capacity: int = CACHE_BYTES
    _cached: LRUCache[str, _Kept] = field(init=False)
    _revision: int | None = None
    _revised_before: int = 0
    _checked_at: int = 0
    # The laptop stage serves from several threads.
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        """Create the cache."""
        self._cached = LRUCache(self.capacity, getsizeof=attrgetter("size"))

    def cached(self, question_id: str) -> Question | None:
        """Return a question if it is in memory and fresh."""
        with self._lock:
            found = self._cached.get(question_id)
            if found is None or not self._is_fresh(found):
                return None
            return found.question

    def get(self, question_ids: Iterable[str]) -> Mapping[str, Question]:
        """Return the questions that exist of those named.

        At most one call for all not in memory, and one more if any is missing; one for the bank's
        revision, at most once a minute.

        Raises:
            StoreUnavailableError: the table cannot be read, and one of them is not in memory.
        """
        wanted = dict.fromkeys(question_ids)
        if self._may_be_fresh_again(wanted):
            self._check()
        found = {each: hit for each in wanted if (hit := self.cached(each))}
        unread = [each for each in wanted if each not in found]
        for each in wanted:
            sample(CACHE_HITS, 1 if each in found else 0)
        if unread:
            try:
                found |= self._read(unread, consistent=False)
            except StoreUnavailableError:
                with self._lock:
                    stale = {
                        each: self._cached[each].question for each in unread if each in self._cached
                    }
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

    def _is_fresh(self, kept: _Kept) -> bool:
        now = self.clock()
        settled = kept.read_at >= self._revised_before + FRESH_FOR
        return now < kept.read_at + FRESH_FOR or (settled and now < self._checked_at + FRESH_FOR)

    def _may_be_fresh_again(self, question_ids: Iterable[str]) -> bool:
        with self._lock:
            if self.clock() < self._checked_at + FRESH_FOR:
                return False
            kept = [self._cached[each] for each in question_ids if each in self._cached]
            return any(not self._is_fresh(each) for each in kept)

    def _check(self) -> None:
        """Read the bank's revision; that it cannot be read is met again by those who need more."""
        now = self.clock()
        try:
            revision = self.table.revision()
        except StoreUnavailableError:
            return
        with self._lock:
            if revision != self._revision:
                self._revision, self._revised_before = revision, now
            self._checked_at = now

    def _read(self, question_ids: list[str], *, consistent: bool) -> Mapping[str, Question]:
        questions = self.table.questions(question_ids, consistent=consistent)
        with self._lock:
            for question in questions.values():
                self._keep(question)
        return questions

    def _keep(self, question: Question) -> None:
        kept = _Kept(question, _size(question), self.clock())
        self._cached.pop(question.question_id, None)
        if kept.size <= self.capacity:
            self._cached[question.question_id] = kept


def _size(question: Question) -> int:
    texts = (question.text, question.explanation, *(c.text for c in question.choices))
    # Not their length: a character takes one, two or four bytes, by the text it is in.
    return QUESTION_OVERHEAD + sum(map(getsizeof, texts))
