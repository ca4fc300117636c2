"""Use cases of the bank: its questions, for administrators."""

from collections.abc import Sequence
from typing import Any

from domain.question import SMOKE_CATEGORY, category_and_ordinal, question_id
from lambdas.contract.bodies.category import UpdateCategory
from lambdas.contract.bodies.question import QuestionDraft, ReplaceQuestion
from lambdas.contract.errors import (
    FieldCode,
    FieldFault,
    NotFoundError,
    ValidationError,
    VersionConflictError,
)
from lambdas.questions.drafts import named_category, settle_each
from lambdas.questions.staging import Staged
from lambdas.questions.writing import bank_writer
from lambdas.shared.services import Services
from lambdas.shared.store.categories import Category
from lambdas.shared.store.questions import BankRecord


def list_questions(
    services: Services, *, category: str | None, limit: int, after: str | None
) -> tuple[list[BankRecord], str | None]:
    """Return a page of the bank, and the id of the question after which the next page begins.

    A page ends with its category.
    """
    last_seen, seen = category_and_ordinal(after) if after else (None, -1)
    entries = [
        entry
        for entry in _categories_from(services, category, last_seen)
        if entry.category != last_seen or seen < entry.size - 1
    ]
    if not entries:
        return [], None
    entry = entries[0]
    begun = entry.category == last_seen
    records, cut = services.questions.page(entry, limit=limit, after=seen if begun else None)
    last = entry.size - 1
    if cut:
        _, last = category_and_ordinal(records[-1].question.question_id)
    more = last < entry.size - 1 or len(entries) > 1
    return records, question_id(entry.category, last) if more else None


def _categories_from(services: Services, only: str | None, begun: str | None) -> list[Category]:
    """Return the categories that a page of the bank may need: the one begun and the next two."""
    if only == SMOKE_CATEGORY:
        return []
    if only is not None:
        return list(services.categories.many([only]).values())
    current = services.categories.many([begun]).values() if begun is not None else ()
    return [*current, *services.categories.following(begun)]


def get_question(services: Services, identifier: str) -> BankRecord:
    """Return a published question.

    Raises:
        NotFoundError: there is none of this id.
    """
    record = services.questions.published(identifier)
    if record is None:
        raise NotFoundError
    return record


def save_questions(services: Services, questions: Sequence[Any]) -> list[Staged]:
    """Create or update questions; each is accepted or rejected by its place.

    Raises:
        UnavailableError: another writer holds one of the categories.
    """

    def settle(drafts: Sequence[QuestionDraft]) -> list[Staged]:
        with bank_writer(services, {draft.category for draft in drafts}) as writer:
            staged = writer.stage(drafts)
            writer.publish([each.update for each in staged if each.update])
        return staged

    return settle_each(questions, settle)


def update_category(services: Services, category: str, wanted: UpdateCategory) -> Category:
    """Change what learners see of a category, and its default settings.

    Raises:
        NotFoundError: the category has no questions.
    """
    defaults = wanted.settings.preferences if wanted.settings else None
    changed = services.categories.describe(category, wanted.texts, defaults)
    if changed is None:
        raise NotFoundError
    return changed


def category_faults(identifier: str, body: object) -> list[FieldFault]:
    """Return the fault of a replacement that names another category than the question's."""
    category, _ = category_and_ordinal(identifier)
    given = named_category(body)
    if given is None or given == category:
        return []
    return [FieldFault("category", FieldCode.IMMUTABLE, f"The category stays {category}.")]


def replace_question(services: Services, identifier: str, draft: ReplaceQuestion) -> BankRecord:
    """Replace a question in place; a retired one comes back into use.

    Raises:
        NotFoundError: there is no question with this id.
        VersionConflictError: the question is at another version than the one given.
        ValidationError: the draft is of another category, or has another question's content.
        UnavailableError: another writer holds the category.
    """
    if faults := category_faults(identifier, {"category": draft.category}):
        raise ValidationError(faults)
    category, _ = category_and_ordinal(identifier)
    with bank_writer(services, {category}, existing=True) as writer:
        known = writer.held(identifier)
        if known is None:
            raise NotFoundError
        version = known.question.version
        if draft.version not in (None, version):
            raise VersionConflictError(
                f"The question is at version {version} now.", members={"currentVersion": version}
            )
        staged = writer.replace(known, draft)
        if staged.faults:
            raise ValidationError(staged.faults)
        writer.publish([staged.update] if staged.update else [])
    return staged.update.record if staged.update else known


def retire_question(services: Services, identifier: str) -> None:
    """Retire a question; a repeated call changes nothing.

    Raises:
        NotFoundError: there is no question with this id.
        UnavailableError: another writer holds the category.
    """
    category, _ = category_and_ordinal(identifier)
    with bank_writer(services, {category}, existing=True) as writer:
        record = writer.held(identifier)
        if record is None:
            raise NotFoundError
        if record.question.retired:
            writer.close()
        else:
            writer.retire(record)
