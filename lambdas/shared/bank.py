"""The bank as a warm function sees it: questions through a cache bounded in bytes."""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from sys import getsizeof
from threading import Lock
from typing import NamedTuple

from cachetools import LRUCache

from domain.question import Question, category_and_ordinal
from lambdas.shared.store.errors import StoreUnavailableError
from lambdas.shared.store.questions import QuestionsTable
from lambdas.shared.telemetry.metrics import CACHE_HITS, FROM_MEMORY
from lambdas.shared.telemetry.request_log import count, sample

CACHE_BYTES = 32 * 1024 * 1024
"""Bound on cached questions: some 25,000 of average length, in a function of 512 MB."""

FRESH_FOR = 60_000
"""Milliseconds a question is served without asking whether it was edited: an edit shows within a
minute in every environment (at once where it meets an answer to the new version)."""

GRADED_FOR = 5_000
"""Milliseconds an answer is graded by a question in memory without reading it again."""

QUESTION_OVERHEAD = 700
"""Bytes a cached question of four choices takes beside its texts, by tracemalloc."""

MAX_REVISIONS = 10_000
"""Bound on categories whose revision is in memory, a few hundred bytes each."""


class _Kept(NamedTuple):
    question: Question
    size: int
    read_at: int


class Revision(NamedTuple):
    """The known revision of a category; times in milliseconds.

    Attributes:
        number: The revision.
        seen_at: When it was first read.
        checked_at: When it was last read.
    """

    number: int
    seen_at: int
    checked_at: int


_UNKNOWN = Revision(number=0, seen_at=0, checked_at=0)


class Bank:
    """Reads questions, from memory where it may.

    A category has a revision, which every edit of its questions raises. While it stays the same,
    the questions in memory are current, so one small read a minute replaces those of all questions
    of the category. It proves nothing about questions read less than a minute after it was first
    seen: such reads are not strongly consistent, so these may have been edited just before.

    A question that seems missing is read again, strongly consistent, before that is believed. While
    the table cannot be read, what is in memory is served however old it is.
    """

    def __init__(
        self, table: QuestionsTable, clock: Callable[[], int], capacity: int = CACHE_BYTES
    ) -> None:
        """Take the table, the time in milliseconds, and how many bytes to keep in memory."""
        self.table = table
        self.clock = clock
        self._cached: LRUCache[str, _Kept] = LRUCache(capacity, getsizeof=attrgetter("size"))
        self._revisions: LRUCache[str, Revision] = LRUCache(MAX_REVISIONS)
        # The laptop stage serves from several threads.
        self._lock = Lock()

    def cached(self, question_id: str) -> Question | None:
        """Return a question if it is in memory and fresh."""
        with self._lock:
            found = self._cached.get(question_id)
            if found is None or not self._is_fresh(found):
                return None
            return found.question

    def get(self, question_ids: Iterable[str]) -> Mapping[str, Question]:
        """Return the questions that exist of those named.

        At most one call for all not in memory, and one more if any is missing; one for the
        revisions of their categories, at most once a minute for each.

        Raises:
            StoreUnavailableError: the table cannot be read, and one of them is not in memory.
        """
        wanted = dict.fromkeys(question_ids)
        if due := self._due(wanted):
            self._check(due)
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
                count(FROM_MEMORY)
                return found | stale
            missing = [each for each in unread if each not in found]
            if missing:
                found |= self._read(missing, consistent=True)
        return found

    def is_due(self, question_id: str) -> bool:
        """Whether a question in memory is too old to grade by: it may have been edited since."""
        with self._lock:
            kept = self._cached.get(question_id)
            return kept is not None and self.clock() >= kept.read_at + GRADED_FOR

    def refresh(self, question: Question) -> None:
        """Keep a question that was just read."""
        with self._lock:
            self._keep(question)

    def reread(self, question_id: str) -> Question | None:
        """Return a question as it is now, whatever is in memory."""
        return self._read([question_id], consistent=True).get(question_id)

    def _is_fresh(self, kept: _Kept) -> bool:
        now = self.clock()
        if now < kept.read_at + FRESH_FOR:
            return True
        known = self._revisions.get(_category(kept.question.question_id), _UNKNOWN)
        settled = kept.read_at >= known.seen_at + FRESH_FOR
        return settled and now < known.checked_at + FRESH_FOR

    def _due(self, question_ids: Iterable[str]) -> list[str]:
        """Return the categories whose revision may make questions in memory fresh again."""
        now = self.clock()
        with self._lock:
            stale = [
                _category(each)
                for each in question_ids
                if each in self._cached and not self._is_fresh(self._cached[each])
            ]
            return [
                category
                for category in dict.fromkeys(stale)
                if now >= self._revisions.get(category, _UNKNOWN).checked_at + FRESH_FOR
            ]

    def _check(self, categories: list[str]) -> None:
        """Read revisions. A failure is not reported: reading the questions will meet it too."""
        now = self.clock()
        try:
            found = self.table.revisions(categories)
        except StoreUnavailableError:
            return
        with self._lock:
            for category, number in found.items():
                known = self._revisions.get(category)
                seen_at = known.seen_at if known and known.number == number else now
                self._revisions[category] = Revision(number, seen_at, now)

    def _read(self, question_ids: list[str], *, consistent: bool) -> Mapping[str, Question]:
        questions = self.table.questions(question_ids, consistent=consistent)
        with self._lock:
            for question in questions.values():
                self._keep(question)
        return questions

    def _keep(self, question: Question) -> None:
        kept = _Kept(question, _size(question), self.clock())
        self._cached.pop(question.question_id, None)
        if kept.size <= self._cached.maxsize:
            self._cached[question.question_id] = kept


def _category(question_id: str) -> str:
    return category_and_ordinal(question_id)[0]


def _size(question: Question) -> int:
    texts = (question.text, question.explanation, *(c.text for c in question.choices))
    # Not their length: a character takes one, two or four bytes, by the text it is in.
    return QUESTION_OVERHEAD + sum(map(getsizeof, texts))
