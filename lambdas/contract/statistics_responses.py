"""Responses about how questions and categories behave, for teachers, as types of the HTTP contract.

JSON field names, times as ISO 8601 UTC, shares from 0 to 1. Nothing imports them at run time, as
with the other responses (`lambdas.contract.responses`).
"""

from typing import Literal

from typing_extensions import TypedDict

QuestionFlag = Literal["MISLEADING", "AMBIGUOUS", "TOO_HARD", "TOO_EASY"]


class Discrimination(TypedDict):
    """Correlation of a right first try with the learner's score in the session before it.

    `firstTries` are those with a score (five answers before); `low` to `high` is the 95% interval.
    """

    firstTries: int
    value: float | None
    low: float | None
    high: float | None


class QuestionTimes(TypedDict):
    """Seconds an answer took, over the `answers` with a time; quantiles to within 10%."""

    answers: int
    mean: float | None
    lowerQuartile: float | None
    median: float | None
    upperQuartile: float | None


class Strongest(TypedDict):
    """The learners of the highest scores: at least 27% of those with one."""

    learners: int
    fromScore: float | None


class ChoiceStatistics(TypedDict):
    """How often a choice was taken: in all answers, at first tries, and those of the strongest."""

    text: str
    correct: bool
    taken: int
    takenAtFirst: int
    takenByStrongest: int


class MonthStatistics(TypedDict):
    """First tries of a UTC month."""

    month: str
    firstTries: int
    correct: int


class AttemptStatistics(TypedDict):
    """Answers that were a learner's so many'th to a question; 8 stands for all from there on."""

    attempt: int
    answers: int
    correct: int


class PoolDepth(TypedDict):
    """Questions in the wrong-answer pool after answers of such numbers in their sessions.

    `toAnswer` is null where there is no end.
    """

    fromAnswer: int
    toAnswer: int | None
    answers: int
    meanDepth: float


class QuestionStatistics(TypedDict):
    """How the present version of a question behaves; zeros and nulls before the first answer.

    A first try is a learner's first answer ever to the question, a review the first answer each
    time it is drawn from the wrong-answer pool. `facility` is the share of first tries that were
    right. Flags come with 30 first tries.
    """

    questionId: str
    category: str
    version: int
    asOf: str | None
    attempts: int
    correct: int
    firstTries: int
    firstTriesCorrect: int
    reviews: int
    reviewsCorrect: int
    facility: float | None
    discrimination: Discrimination
    timeSpent: QuestionTimes
    strongest: Strongest
    choices: list[ChoiceStatistics]
    months: list[MonthStatistics]
    learning: list[AttemptStatistics]
    flags: list[QuestionFlag]


FacilityClass = TypedDict("FacilityClass", {"from": float, "to": float, "questions": int})


class FlagCounts(TypedDict):
    misleading: int
    ambiguous: int
    tooHard: int
    tooEasy: int


class PoorQuestion(TypedDict):
    questionId: str
    text: str
    firstTries: int
    facility: float | None
    discrimination: Discrimination
    flags: list[QuestionFlag]


class CategoryStatistics(TypedDict):
    """How the questions in use of a category behave; zeros and nulls before the first answer.

    `answered` were tried at all, `judged` by 30 learners or more: the ten `worst` are of these.
    """

    category: str
    asOf: str | None
    questions: int
    answered: int
    judged: int
    attempts: int
    firstTries: int
    firstTriesCorrect: int
    reviews: int
    reviewsCorrect: int
    facility: float | None
    facilities: list[FacilityClass]
    learning: list[AttemptStatistics]
    poolDepth: list[PoolDepth]
    flags: FlagCounts
    worst: list[PoorQuestion]
