"""Identity of drafts: the keys that find a question, and the record that a draft becomes.

The content key is derived from a question's text and choices, the external key from the id that
its author gave it. Both are unique within a category.
"""

import json
from hashlib import blake2b

from domain.look_alikes import as_seen
from domain.question import Choice, Question, category_and_ordinal
from lambdas.contract.bodies.question import QuestionDraft
from lambdas.shared.store.questions import BankRecord


def content_key(draft: QuestionDraft) -> str:
    """Return the key of a draft's content: its text and choices, in any order.

    The answer key is not part of it, so that correcting an answer updates the question.
    """
    content = [as_seen(draft.text), sorted(as_seen(each.text) for each in draft.answers)]
    return f"#content#{draft.category}#{_digest(content)}"


def draft_keys(draft: QuestionDraft) -> tuple[str, ...]:
    """Return the keys that may find a draft's question: content first, then external id."""
    if draft.external_id is None:
        return (content_key(draft),)
    return (content_key(draft), _external_key(draft.category, draft.external_id))


def record_keys(record: BankRecord) -> tuple[str, ...]:
    """Return the keys that find a stored question, in the order of `draft_keys`."""
    if record.external_id is None:
        return (record.content_key,)
    category, _ = category_and_ordinal(record.question.question_id)
    return (record.content_key, _external_key(category, record.external_id))


def fingerprint(draft: QuestionDraft) -> str:
    """Return a digest of everything in a draft but the order of its choices."""
    choices = sorted((as_seen(each.text), each.correct, each.pinned) for each in draft.answers)
    rest = [draft.type, draft.explanation, draft.language, draft.difficulty, draft.tags]
    return _digest([as_seen(draft.text), choices, *rest])


def new_record(identifier: str, draft: QuestionDraft, now: int) -> BankRecord:
    """Return the record of a new question, at version 1; `now` in milliseconds."""
    return BankRecord(
        question=_question(identifier, 1, draft),
        content_key=content_key(draft),
        difficulty=draft.difficulty,
        tags=draft.tags,
        external_id=draft.external_id,
        created_at=now,
        updated_at=now,
    )


def with_draft(known: BankRecord, draft: QuestionDraft, now: int) -> BankRecord | None:
    """Return a record with a draft's content, or None if nothing changes.

    The version rises only when the text, the choices or the answer key change: sessions in
    progress do not depend on anything else.
    """
    same = known.question
    question = _question(same.question_id, same.version, draft)
    if (question.text, question.choices, question.multiple) != (
        same.text,
        same.choices,
        same.multiple,
    ):
        question = question._replace(version=same.version + 1)
    changed = known._replace(
        question=question,
        content_key=content_key(draft),
        difficulty=draft.difficulty,
        tags=draft.tags,
        external_id=draft.external_id,
    )
    return None if changed == known else changed._replace(updated_at=now)


def _question(identifier: str, version: int, draft: QuestionDraft) -> Question:
    return Question(
        question_id=identifier,
        version=version,
        text=draft.text,
        choices=tuple(Choice(each.text, each.correct, each.pinned) for each in draft.answers),
        multiple=draft.type == "MULTIPLE_CHOICE",
        explanation=draft.explanation,
        language=draft.language,
    )


def _external_key(category: str, external_id: str) -> str:
    return f"#external#{category}#{external_id}"


def _digest(content: object) -> str:
    return blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()
