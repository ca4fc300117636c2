"""Response bodies of the HTTP contract, as types: JSON field names, times as ISO 8601 UTC.

Checked statically where bodies are built and published in the OpenAPI document; nothing imports
them at run time. Those about statistics of questions: `lambdas.contract.statistics_responses`.
"""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from lambdas.contract.errors import FieldCode

SessionStatus = Literal["ACTIVE", "PAUSED", "COMPLETED", "ABANDONED", "EXPIRED"]
NextAction = Literal["RETRY_SAME_QUESTION", "NEXT_QUESTION", "SESSION_COMPLETED"]
Policy = Literal["RATIO", "SPACED"]
ReasonCode = Literal["NEW", "RETRY", "DUE", "LIMIT", "REST", "REVIEW"]
QuestionType = Literal["SINGLE_CHOICE", "MULTIPLE_CHOICE"]
SaveStatus = Literal["CREATED", "UPDATED", "UNCHANGED", "REJECTED"]


class Health(TypedDict):
    status: Literal["ok"]
    stage: str
    version: str


class Category(TypedDict):
    category: str
    title: str
    description: str
    language: str
    questionCount: int


class CategoryPage(TypedDict):
    categories: list[Category]
    nextToken: NotRequired[str]


class DefaultSpacing(TypedDict):
    """Default settings of the policy SPACED; each is absent unless it was set."""

    firstLag: NotRequired[int]
    secondLag: NotRequired[int]
    share: NotRequired[int]
    pendingLimit: NotRequired[int | None]


class DefaultSettings(TypedDict):
    """Default settings of a category; each is absent unless it was set."""

    policy: NotRequired[Policy]
    wrongAnswerPercentage: NotRequired[int]
    spacing: NotRequired[DefaultSpacing]


class BankCategory(Category):
    settings: DefaultSettings


class SessionSource(TypedDict):
    category: str
    questionCount: int


class Spacing(TypedDict):
    """Settings of the policy SPACED; lags in turns, `pendingLimit` null for none."""

    firstLag: int
    secondLag: int
    share: int
    pendingLimit: int | None


class SessionSettings(TypedDict):
    """How the session chooses questions, fixed at its start; `spacing` under SPACED alone."""

    policy: Policy
    wrongAnswerPercentage: int
    spacing: NotRequired[Spacing]


class SessionProgress(TypedDict):
    totalQuestions: int
    questionsAnswered: int
    correctAnswers: int
    wrongAnswers: int
    mastered: int
    wrongPoolSize: int
    remainingTries: int
    answersLeft: int
    penaltyIndicator: str
    percentComplete: float


class Session(TypedDict):
    sessionId: str
    name: str
    status: SessionStatus
    version: int
    sources: list[SessionSource]
    settings: SessionSettings
    createdAt: str
    updatedAt: str
    expiresAt: str
    progress: SessionProgress


class SessionPage(TypedDict):
    sessions: list[Session]
    nextToken: NotRequired[str]


class ShownAnswer(TypedDict):
    id: str
    text: str


class QuestionReason(TypedDict):
    """Why this question is shown now; `text` is a sentence for the learner."""

    code: ReasonCode
    text: str


class ShownQuestion(TypedDict):
    questionId: str
    turn: int
    text: str
    type: QuestionType
    answers: list[ShownAnswer]
    shuffled: bool
    fromWrongPool: bool
    questionNumber: int
    language: str
    reason: QuestionReason


class CurrentQuestion(TypedDict):
    nextAction: Literal["ANSWER", "SESSION_COMPLETED"]
    penaltyIndicator: str
    question: ShownQuestion | None
    version: int
    progress: SessionProgress


class AnswerResult(TypedDict):
    correct: bool
    nextAction: NextAction
    penaltyIndicator: str
    message: str
    correctAnswers: NotRequired[list[str]]
    explanation: NotRequired[str]
    question: ShownQuestion | None
    version: int
    progress: SessionProgress


class User(TypedDict):
    userId: str
    displayName: str
    language: str
    timeZone: str
    policy: Policy
    wrongAnswerPercentage: int
    spacing: Spacing
    createdAt: str | None
    updatedAt: str | None


class UserExport(TypedDict):
    """Everything kept about a user; records as docs/privacy.md describes them.

    `user` is on the first page, `nextToken` on all but the last.
    """

    userId: str
    exportedAt: str
    user: NotRequired[dict[str, Any]]
    sessions: list[dict[str, Any]]
    bookkeeping: list[dict[str, Any]]
    progress: list[dict[str, Any]]
    wrongAnswers: list[dict[str, Any]]
    nextToken: NotRequired[str]


class CategoryProgress(TypedDict):
    category: str
    questionsAttempted: int
    correct: int
    wrong: int
    mastered: int


class Streaks(TypedDict):
    """Right answers in a row, by session and number of the answer, and days with an answer.

    `currentDays` is of a streak that reached today or yesterday.
    """

    currentDays: int
    bestDays: int
    currentAnswers: int
    bestAnswers: int


class DayProgress(TypedDict):
    """One day on which there was an answer."""

    date: str
    correct: int
    wrong: int


class LearnerProgress(TypedDict):
    """Lifetime totals; they lag by seconds.

    `asOf` is the time of the newest answer in them, null before the first.
    `wrongPoolSize` and `remainingTries` are exact at once. `days` are those of the last 30 with
    an answer.
    """

    userId: str
    asOf: str | None
    questionsAttempted: int
    attempts: int
    correct: int
    wrong: int
    accuracy: float
    mastered: int
    timeSpent: float
    wrongPoolSize: int
    remainingTries: int
    streaks: Streaks
    categories: list[CategoryProgress]
    days: list[DayProgress]


class PlayedAnswer(TypedDict):
    text: str
    chosen: bool
    correct: NotRequired[bool]


class PlayedQuestion(TypedDict):
    questionId: str
    category: str
    text: str
    type: QuestionType
    language: str
    answers: list[PlayedAnswer]
    explanation: NotRequired[str]
    edited: bool


class SessionQuestion(PlayedQuestion):
    missed: bool
    timeSpent: float
    answeredAt: str


class SessionQuestionPage(TypedDict):
    questions: list[SessionQuestion]
    nextToken: NotRequired[str]


class QuestionProgress(TypedDict):
    questionId: str
    category: str
    attempts: int
    correct: int
    wrong: int
    mastered: bool
    firstSeenAt: str
    lastSeenAt: str
    timeSpent: float
    question: NotRequired[PlayedQuestion]


class QuestionProgressPage(TypedDict):
    questions: list[QuestionProgress]
    nextToken: NotRequired[str]


class WrongAnswer(TypedDict):
    questionId: str
    category: str
    timestamp: str
    remainingTries: int
    sessionId: str
    question: NotRequired[PlayedQuestion]


class WrongAnswerPage(TypedDict):
    wrongAnswers: list[WrongAnswer]
    nextToken: NotRequired[str]


class BankAnswer(TypedDict):
    text: str
    correct: bool
    pinned: NotRequired[bool]


class BankQuestion(TypedDict):
    questionId: str
    category: str
    text: str
    type: QuestionType
    answers: list[BankAnswer]
    explanation: str
    language: str
    difficulty: NotRequired[int]
    tags: list[str]
    externalId: NotRequired[str]
    version: int
    retired: bool
    createdAt: str
    updatedAt: str


class BankQuestionPage(TypedDict):
    questions: list[BankQuestion]
    nextToken: NotRequired[str]


class FieldError(TypedDict):
    field: str
    code: FieldCode
    message: str


class SaveResult(TypedDict):
    index: int
    status: SaveStatus
    questionId: NotRequired[str]
    errors: NotRequired[list[FieldError]]


class SaveResults(TypedDict):
    results: list[SaveResult]


class BankImport(TypedDict):
    """An import of questions.

    `parts` have been received; `updatesLeft` updates are not published yet. Unless it is used, it
    expires at `expiresAt`.
    """

    importId: str
    status: Literal["OPEN", "PUBLISHING", "PUBLISHED", "DELETED", "EXPIRED"]
    categories: list[str]
    parts: int
    updatesLeft: int
    createdAt: str
    expiresAt: str


class Problem(TypedDict):
    """RFC 9457. `question` comes with a conflict about the current turn.

    `currentVersion` comes with a stale version.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    requestId: str
    errors: NotRequired[list[FieldError]]
    question: NotRequired[ShownQuestion | None]
    currentVersion: NotRequired[int]
