"""The category that the smoke test plays, and the writer of its questions.

Its questions are part of the release: to change one, edit it here and keep its `externalId`.
"""

from typing import Any

from domain.question import SMOKE_CATEGORY, question_id
from lambdas.contract.bodies.base import CategoryName
from lambdas.contract.bodies.question import QuestionDraft
from lambdas.questions.draft_identity import with_draft
from lambdas.questions.staging import SaveStatus
from lambdas.questions.use_cases import retire_question
from lambdas.questions.writing import bank_writer
from lambdas.shared.services import Services
from lambdas.shared.store.questions import BankRecord

# One has several right answers: selecting all choices of it is wrong for sure, so that a program
# without an answer key meets every rule of a wrong answer.
_QUESTIONS: tuple[dict[str, Any], ...] = (
    {
        "externalId": "minutes",
        "text": "How many minutes does an hour have?",
        "answers": [
            {"text": "60", "correct": True},
            {"text": "24", "correct": False},
            {"text": "100", "correct": False},
        ],
        "explanation": "An hour has 60 minutes of 60 seconds each.",
    },
    {
        "externalId": "planets",
        "text": "Which planet is closest to the Sun?",
        "answers": [
            {"text": "Mercury", "correct": True},
            {"text": "Venus", "correct": False},
            {"text": "Mars", "correct": False},
        ],
        "explanation": "Mercury orbits the Sun at about 58 million kilometres.",
    },
    {
        "externalId": "even-numbers",
        "text": "Which of these numbers are even?",
        "type": "MULTIPLE_CHOICE",
        "answers": [
            {"text": "2", "correct": True},
            {"text": "10", "correct": True},
            {"text": "7", "correct": False},
        ],
        "explanation": "2 and 10 can be divided by 2 without a remainder.",
    },
)

SMOKE_QUESTIONS = len(_QUESTIONS)
"""Questions in the category."""


class _SmokeDraft(QuestionDraft):
    """A draft of the category that every other writer is refused."""

    category: CategoryName = SMOKE_CATEGORY


def ensure_smoke_category(services: Services) -> list[str]:
    """Write the questions of the category unless it holds them; return what became of each.

    A repeated call costs two reads and writes nothing. Questions of another release are retired.

    Raises:
        UnavailableError: another writer holds the category.
        ValueError: a question is refused; nothing is published.
    """
    drafts = [_SmokeDraft.read(each) for each in _QUESTIONS]
    records = _records(services)
    ours = {draft.external_id for draft in drafts}
    surplus = [each for each in records if each.external_id not in ours]
    retired = all(each.question.retired for each in surplus)
    held = {each.external_id: each for each in records}
    if retired and all(_holds(held.get(draft.external_id), draft) for draft in drafts):
        return [SaveStatus.UNCHANGED] * len(drafts)
    with bank_writer(services, {SMOKE_CATEGORY}) as writer:
        staged = writer.stage(drafts)
        if any(each.faults for each in staged):
            raise ValueError([each.faults for each in staged])
        writer.publish([each.update for each in staged if each.update])
    for record in surplus:
        retire_question(services, record.question.question_id)
    return [each.status for each in staged]


def _records(services: Services) -> list[BankRecord]:
    entry = services.categories.get(SMOKE_CATEGORY)
    size = entry.size if entry else 0
    identifiers = [question_id(SMOKE_CATEGORY, ordinal) for ordinal in range(size)]
    return list(services.questions.records(identifiers).values()) if identifiers else []


def _holds(record: BankRecord | None, draft: QuestionDraft) -> bool:
    return record is not None and with_draft(record, draft, record.updated_at) is None
