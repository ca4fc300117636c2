"""A category as learners see it."""

from typing import TYPE_CHECKING

from lambdas.shared.store.categories import Category

if TYPE_CHECKING:
    from lambdas.contract import responses


def category_view(entry: Category) -> "responses.Category":
    """Return a category as learners see it."""
    return {
        "category": entry.category,
        "title": entry.title,
        "description": entry.description,
        "language": entry.language,
        "questionCount": entry.active,
    }
