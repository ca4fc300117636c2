"""Everything that starting a session reads about the bank and the learner, in one call."""

from collections.abc import Iterable
from typing import NamedTuple

from lambdas.shared.store.batch import batch_get_together
from lambdas.shared.store.categories import CategoriesTable, Category, published_categories
from lambdas.shared.store.users import Profile, UsersTable, profile_from_item


class Start(NamedTuple):
    """Input of a start: the session's categories, by name, and the learner's profile."""

    categories: dict[str, Category]
    profile: Profile


def read_start(
    categories: CategoriesTable, users: UsersTable, user_id: str, names: Iterable[str]
) -> Start:
    """Return the categories named, strongly consistent, and the learner's profile."""
    wanted = list(dict.fromkeys(names))
    found = batch_get_together(
        categories.database,
        {
            **(categories.request(wanted) if wanted else {}),
            users.name: {"Keys": [users.key(user_id)]},
        },
    )
    profile = next(iter(found[users.name]), None)
    return Start(
        published_categories(found.get(categories.name, [])), profile_from_item(user_id, profile)
    )
