"""Small banks, sessions and a learner to answer them: what every test of the engine starts from."""

from collections.abc import Iterable, Mapping
from itertools import combinations

from domain.question import Choice, Question, question_id
from domain.session.engine import Graded, new_session, with_spacing
from domain.session.policy import Spacing
from domain.session.pool import PoolEntry
from domain.session.presentation import choice_ids
from domain.session.replay import Replay, Submission
from domain.session.state import Progress, Session, Source, Turn, progress_of

SEED = bytes(range(16))
START = 1_790_000_000_000
"""Milliseconds since the epoch at which the sessions of these tests begin."""


def question(
    identifier: str = "geo:000000",
    *,
    count: int = 4,
    right: Iterable[int] = (0,),
    pinned: Iterable[int] = (),
    version: int = 1,
    retired: bool = False,
) -> Question:
    """Return a question of `count` choices; it is multiple choice when several are right."""
    right, pinned = frozenset(right), frozenset(pinned)
    return Question(
        question_id=identifier,
        version=version,
        text=f"What of {identifier}?",
        choices=tuple(
            Choice(text=f"choice {index}", correct=index in right, pinned=index in pinned)
            for index in range(count)
        ),
        multiple=len(right) > 1,
        retired=retired,
    )


def bank(**sizes: int) -> dict[str, Question]:
    """Return a bank of plain questions: `bank(geo=3, art=2)`."""
    identifiers = (
        question_id(category, ordinal)
        for category, size in sizes.items()
        for ordinal in range(size)
    )
    return {identifier: question(identifier) for identifier in identifiers}


def source(category: str, size: int, ask: int | None = None) -> Source:
    """Return a source that asks `ask` of `size` questions, all of them by default."""
    asked = size if ask is None else ask
    return Source(category=category, question_count=asked, size=size, left=asked)


def session(
    *sources: Source, percentage: int = 20, seed: bytes = SEED, spacing: Spacing | None = None
) -> Session:
    """Return a session that has drawn nothing yet."""
    begun = new_session(
        user_id="ada",
        session_id="s-1",
        name="Practice",
        seed=seed,
        sources=sources or (source("geo", 3),),
        wrong_answer_percentage=percentage,
        now=START,
    )
    return with_spacing(begun, spacing)


def seeded(number: int) -> bytes:
    """Return the seed of this number, one of a fixed family."""
    return number.to_bytes(16)


def entry(number: int, tries: int = 2) -> PoolEntry:
    """Return the pool entry of question `geo:<number>`, queued at that millisecond."""
    return PoolEntry(number, question_id("geo", number), tries)


def right_choices(asked: Question) -> frozenset[int]:
    """Return what answers the question correctly."""
    return asked.correct_choices


def wrong_choices(asked: Question, which: int = 0) -> frozenset[int]:
    """Return one of the selections that a learner may submit and that are wrong."""
    indexes = range(len(asked.choices))
    sizes = indexes[1:] if asked.multiple else (1,)
    selections = [frozenset(chosen) for size in sizes for chosen in combinations(indexes, size)]
    wrong = [selected for selected in selections if selected != asked.correct_choices]
    return wrong[which % len(wrong)]


def shown_ids(shown: Session, asked: Question) -> tuple[str, ...]:
    """Return the ids of the current turn's choices by their index, as a client got them."""
    return choice_ids(shown.seed, shown.turns, asked.version, len(asked.choices))


class Learner:
    """Somebody who answers a session, one answer a second."""

    def __init__(self, begun: Session, questions: Mapping[str, Question]) -> None:
        """Open the session and look at its first question."""
        self.replay = Replay(begun, questions)
        self._now = START

    @property
    def session(self) -> Session:
        """The session as it is now."""
        return self.replay.session

    @property
    def progress(self) -> Progress:
        """The figures the learner sees."""
        return progress_of(self.session)

    @property
    def turn(self) -> Turn:
        """The presentation on screen."""
        turn = self.session.turn
        assert turn is not None, "the session is over"
        return turn

    @property
    def question(self) -> Question:
        """The question on screen."""
        asked = self.replay.question
        assert asked is not None, "the session is over"
        return asked

    @property
    def over(self) -> bool:
        """Whether there is nothing on screen any more."""
        return self.replay.question is None

    def choose(self, selected: Iterable[int], at: int | None = None) -> Graded:
        """Answer with these choices, by default a second after the last answer."""
        self._now = self._now + 1000 if at is None else at
        return self.replay.submit(Submission(selected=frozenset(selected), at=self._now))

    def right(self, at: int | None = None) -> Graded:
        """Answer correctly."""
        return self.choose(right_choices(self.question), at)

    def wrong(self, at: int | None = None) -> Graded:
        """Answer wrongly."""
        return self.choose(wrong_choices(self.question), at)

    def wrong_then_right(self, at: int | None = None) -> str:
        """Miss the question on screen, put it right, and return its id."""
        missed = self.question.question_id
        self.wrong(at)
        self.right(at)
        return missed

    def finish(self) -> int:
        """Answer correctly to the end, and return how many answers it took."""
        answers = 0
        while not self.over:
            self.right()
            answers += 1
        return answers
