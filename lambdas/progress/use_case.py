"""A learner's totals, as the consumer of answers keeps them, and what their pool owes."""

from dataclasses import dataclass

from domain.statistics.learner import LearnerTally
from lambdas.shared.services import Services
from lambdas.shared.store.tallies import learner_of
from lambdas.shared.store.users import profile_from_item


@dataclass(frozen=True, slots=True)
class LearnerTotals:
    """Totals of a learner, which lag by seconds, and what the pool owes now."""

    tally: LearnerTally
    time_zone: str
    pool_entries: int
    pool_tries: int


def learner_totals(services: Services, user_id: str) -> LearnerTotals:
    """Read a learner's totals and sum up their pool: two calls up to some 5,000 entries owed.

    Raises:
        AccountErasedError: the account was erased.
    """
    item = services.users.item(user_id)
    time_zone = profile_from_item(user_id, item).time_zone
    tries = [owed.entry.remaining_tries for owed in services.wrong_answers.every(user_id)]
    return LearnerTotals(learner_of(item), time_zone, len(tries), sum(tries))
