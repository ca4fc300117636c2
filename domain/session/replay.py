"""Play a session again from its first state and its answers, without a database.

The same engine, with the bank and the pool in memory: what support, tests and simulations use to
reconstruct a session.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from domain.errors import NoCurrentTurnError
from domain.question import Question
from domain.session.drawing import Advanced, RefillNeeded, advance
from domain.session.effects import EntryRemoved, EntrySaved, PoolChange
from domain.session.engine import Graded, answer
from domain.session.pool import PoolEntry
from domain.session.state import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """An answer as indexes into the question's choices; times in milliseconds."""

    selected: frozenset[int]
    at: int
    time_spent: int = 0


class Replay:
    """A session in progress: `session` is its state, `question` the one on screen."""

    def __init__(
        self,
        session: Session,
        bank: Mapping[str, Question],
        entries: Iterable[PoolEntry] | None = None,
    ) -> None:
        """Start from a session, and show its next question if none is on screen.

        `entries` is the pool it begins with: the session's head, unless there is more.

        Raises:
            KeyError: a question on screen is not in `bank`.
        """
        self._bank = bank
        owed = session.pool.head if entries is None else entries
        self._entries = {entry.key: entry for entry in owed}
        self.session = session
        self.question: Question | None = None
        if session.turn:
            self.question = bank[session.turn.question_id]
        else:
            self._advance(session, ())

    @property
    def entries(self) -> tuple[PoolEntry, ...]:
        """The whole pool, oldest first: what the WrongAnswers table would hold."""
        return tuple(sorted(self._entries.values()))

    def submit(self, submission: Submission) -> Graded:
        """Answer the question on screen and show what comes next.

        Raises:
            NoCurrentTurnError: the session is over.
        """
        if self.question is None:
            raise NoCurrentTurnError
        graded = answer(
            self.session,
            self.question,
            submission.selected,
            now=submission.at,
            time_spent=submission.time_spent,
        )
        if graded.session.turn is None:
            self._advance(graded.session, graded.pool_changes)
        else:
            self.session = graded.session
        return graded

    def _advance(self, session: Session, changes: Iterable[PoolChange]) -> None:
        self._apply(changes)
        advanced: Advanced = advance(session, self._fetch, self._read_pool)
        self._apply(advanced.removed)
        self.session, self.question = advanced.session, advanced.question

    def _apply(self, changes: Iterable[PoolChange]) -> None:
        for change in changes:
            match change:
                case EntrySaved():
                    self._entries[change.entry.key] = change.entry
                case EntryRemoved():
                    del self._entries[change.entry.key]

    def _fetch(self, question_ids: tuple[str, ...]) -> Mapping[str, Question]:
        return {each: self._bank[each] for each in question_ids if each in self._bank}

    def _read_pool(self, needed: RefillNeeded) -> tuple[list[PoolEntry], bool]:
        newer = [e for e in self.entries if needed.after is None or e.key > needed.after]
        return newer[: needed.limit], len(newer) <= needed.limit


def replay(
    session: Session, bank: Mapping[str, Question], submissions: Iterable[Submission]
) -> Iterator[Session]:
    """Yield the session's state at its start and after each answer."""
    playing = Replay(session, bank)
    yield playing.session
    for submission in submissions:
        playing.submit(submission)
        yield playing.session
