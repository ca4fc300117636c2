"""A bank in memory, and sessions to draw from it."""

from collections.abc import Iterable, Mapping

from domain.question import Question
from domain.session.drawing import (
    Advanced,
    RefillNeeded,
    advance,
)
from domain.session.engine import answer
from domain.session.pool import Pool, PoolEntry
from domain.session.state import Session
from tests.unit.domain.builders import (
    START,
    Learner,
    bank,
)


class Store:
    """A bank and a pool that remember what was asked of them."""

    def __init__(
        self, questions: Mapping[str, Question], entries: Iterable[PoolEntry] = ()
    ) -> None:
        self.questions = dict(questions)
        self.entries = sorted(entries)
        self.fetched: list[tuple[str, ...]] = []
        self.refills: list[RefillNeeded] = []

    def fetch(self, identifiers: tuple[str, ...]) -> Mapping[str, Question]:
        self.fetched.append(identifiers)
        return {each: self.questions[each] for each in identifiers if each in self.questions}

    def read_pool(self, needed: RefillNeeded) -> tuple[list[PoolEntry], bool]:
        self.refills.append(needed)
        assert len(self.refills) < 100, "the pool is read on and on"
        newer = [each for each in self.entries if needed.after is None or each.key > needed.after]
        return newer[: needed.limit], len(newer) <= needed.limit

    def advance(self, begun: Session) -> Advanced:
        return advance(begun, self.fetch, self.read_pool)


def in_drawing_order(begun: Session, size: int) -> list[str]:
    """Return the ids of a one-source session in the order they will be drawn."""
    learner = Learner(begun, bank(geo=size))
    ids = []
    while not learner.over:
        ids.append(learner.question.question_id)
        learner.right()
    return ids


def right_answer(shown: Session, asked: Question) -> Session:
    return answer(shown, asked, asked.correct_choices, now=START + 1).session


def with_pool(begun: Session, *entries: PoolEntry) -> Session:
    pool = Pool()
    for each in sorted(entries):
        pool = pool.added(each)
    return begun._replace(pool=pool)
