"""Everything that starting a session reads about the bank and the learner, in one call."""

from lambdas.shared.store.batch import batch_get_together
from lambdas.shared.store.questions import CategoryEntry, QuestionsTable, registry_from_item
from lambdas.shared.store.users import Profile, UsersTable, profile_from_item


def read_start(
    questions: QuestionsTable, users: UsersTable, user_id: str
) -> tuple[dict[str, CategoryEntry], Profile]:
    """Return the categories, strongly consistent, and the learner's profile."""
    found = batch_get_together(
        questions.database,
        {**questions.registry_request(), users.name: {"Keys": [users.key(user_id)]}},
    )
    registry = next(iter(found[questions.name]), None)
    profile = next(iter(found[users.name]), None)
    return registry_from_item(registry), profile_from_item(user_id, profile)
