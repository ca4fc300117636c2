"""A learner's totals, as the consumer of answers keeps them, and what their pool owes."""

from dataclasses import dataclass

from domain.statistics.learner import LearnerTally
from lambdas.shared.services import Services
from lambdas.shared.store.tallies import learner_of


@dataclass(frozen=True, slots=True)
class LearnerTotals:
    """Totals of a learner, which lag by seconds, and what the pool owes now."""

    tally: LearnerTally
    pool_entries: int
    pool_tries: int


def learner_totals(services: Services, user_id: str) -> LearnerTotals:
    """Read a learner's totals and sum up their pool: two calls up to some 5,000 entries owed.

    Raises:
        AccountErasedError: the account was erased.
    """
    tally = learner_of(services.users.item(user_id))
    tries = [owed.entry.remaining_tries for owed in services.wrong_answers.every(user_id)]
    return LearnerTotals(tally, len(tries), sum(tries))
