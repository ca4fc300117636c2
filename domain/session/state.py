"""A session: the engine's whole state.

Everything here is immutable; the engine returns new states. Times are integers, milliseconds
since the epoch in UTC, so that a naive or local time cannot be passed by mistake.
"""

from enum import StrEnum
from typing import NamedTuple

from domain.session.penalty import penalty_indicator
from domain.session.policy import Policy, Spacing
from domain.session.pool import TRIES, Pool, PoolEntry

LIFETIME = 30 * 24 * 3600 * 1000
"""A session expires after 30 days (in ms) without use; each use renews it."""


class Status(StrEnum):
    """Where a session stands. Expiry is a matter of time and is never stored."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    ABANDONED = "ABANDONED"
    EXPIRED = "EXPIRED"


class Outcome(StrEnum):
    """Outcome of an answer, by the rules of the engine."""

    WRONG = "WRONG"
    QUEUED = "QUEUED"
    LOWERED = "LOWERED"
    MASTERED = "MASTERED"

    @property
    def correct(self) -> bool:
        """Whether the answer was right."""
        return self is not Outcome.WRONG


class Reason(StrEnum):
    """Why a question is on screen; none of them depends on the right choice."""

    NEW = "NEW"
    RETRY = "RETRY"
    DUE = "DUE"
    LIMIT = "LIMIT"
    REST = "REST"
    REVIEW = "REVIEW"


class Source(NamedTuple):
    """A category a session draws from.

    `size` ordinals were published when the session began, of which it asks `question_count`;
    `cursor` counts the ordinals drawn or passed over, `left` the fresh questions still to come.
    """

    category: str
    question_count: int
    size: int
    left: int
    cursor: int = 0


class Turn(NamedTuple):
    """The presentation on screen.

    Attributes:
        question_id: the question.
        version: its version when it was drawn.
        order: the order in which its choices are shown.
        from_pool: whether it was drawn from the pool.
        missed: whether it was answered wrongly since it was drawn.
        reason: why it is on screen; None where an earlier release did not store it.
        ago: turns since it was put right, for a question of the pool; 0 where that is unknown.
    """

    question_id: str
    version: int
    order: tuple[int, ...]
    from_pool: bool = False
    missed: bool = False
    reason: Reason | None = None
    ago: int = 0

    @property
    def known_reason(self) -> Reason:
        """The reason, inferred where it was not stored."""
        if self.reason:
            return self.reason
        if self.missed:
            return Reason.RETRY
        return Reason.DUE if self.from_pool else Reason.NEW


class ProcessedTurn(NamedTuple):
    """The turn answered last: enough to recognize its answer and to give the same response.

    Attributes:
        turn: its number.
        question_id: the question answered.
        version: the version of the question by which it was graded.
        selected: indexes of the selected choices, ascending.
        outcome: how it was graded.
        session_version: the version of the session with this answer; 0 if an earlier release
            did not store it.
    """

    turn: int
    question_id: str
    version: int
    selected: tuple[int, ...]
    outcome: Outcome
    session_version: int = 0


class Session(NamedTuple):
    """State of one session.

    `spacing` are the settings of the policy `SPACED`; without them the policy is `RATIO`. `turns`
    is the number of the newest presentation, `presented` counts distinct questions shown,
    `waiting` those taken over from earlier sessions that are not shown yet, `answered` those put
    right at least once, `correct` and `wrong` submissions. `last_queued_at` keeps pool entries in
    order though clocks are not. `time_zone` is the code of the learner's at the start:
    days are counted in it, and in UTC without one.
    """

    user_id: str
    session_id: str
    name: str
    status: Status
    version: int
    created_at: int
    updated_at: int
    expires_at: int
    seed: bytes
    wrong_answer_percentage: int
    sources: tuple[Source, ...]
    pool: Pool = Pool()
    last_queued_at: int = 0
    turns: int = 0
    turn: Turn | None = None
    processed: ProcessedTurn | None = None
    presented: int = 0
    waiting: int = 0
    answered: int = 0
    correct: int = 0
    wrong: int = 0
    mastered: int = 0
    spacing: Spacing | None = None
    time_zone: bytes | None = None

    @property
    def policy(self) -> Policy:
        """The policy by which questions are drawn."""
        return Policy.SPACED if self.spacing else Policy.RATIO

    def status_at(self, now: int) -> Status:
        """Return the status as seen at `now`: an unfinished session past its time is expired."""
        unfinished = self.status in (Status.ACTIVE, Status.PAUSED)
        return Status.EXPIRED if unfinished and now >= self.expires_at else self.status

    @property
    def fresh_left(self) -> int:
        """Fresh questions not drawn yet."""
        return sum(source.left for source in self.sources)

    @property
    def pool_entry(self) -> PoolEntry | None:
        """The pool entry the current turn came from."""
        if self.turn is None or not self.turn.from_pool:
            return None
        return self.pool.entry(self.turn.question_id)


class Progress(NamedTuple):
    """The figures of a session that a learner sees, as the HTTP contract defines them."""

    total_questions: int
    questions_answered: int
    correct_answers: int
    wrong_answers: int
    mastered: int
    wrong_pool_size: int
    remaining_tries: int
    answers_left: int

    @property
    def penalty_indicator(self) -> str:
        """The penalty indicator."""
        return penalty_indicator(self.wrong_pool_size, self.remaining_tries)

    @property
    def percent_complete(self) -> float:
        """Right answers given, of those and the ones still needed: 0 to 100, two decimals.

        100 is kept for a session that is complete.
        """
        needed = self.correct_answers + self.answers_left
        if not self.answers_left:
            return 100.0
        return min(round(100 * self.correct_answers / needed, 2), 99.99)


def progress_of(session: Session) -> Progress:
    """Return the session's figures.

    A missed question counts at once as one owed question of two tries, in place of what its pool
    entry owed. `answers_left` counts one right answer for each fresh question, the tries owed,
    and one more for a missed question, which has to be put right first.
    """
    owed, tries = session.pool.entries, session.pool.tries
    still_to_put_right = 0
    if session.turn is not None:
        if session.turn.missed:
            entry = session.pool_entry
            owed += 0 if entry else 1
            tries += TRIES - (entry.remaining_tries if entry else 0)
            still_to_put_right = 1
        elif not session.turn.from_pool:
            still_to_put_right = 1
    return Progress(
        total_questions=session.presented + session.waiting + session.fresh_left,
        questions_answered=session.answered,
        correct_answers=session.correct,
        wrong_answers=session.wrong,
        mastered=session.mastered,
        wrong_pool_size=owed,
        remaining_tries=tries,
        answers_left=session.fresh_left + tries + still_to_put_right,
    )
