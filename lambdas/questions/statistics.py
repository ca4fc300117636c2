"""Statistics of questions, for administrators: from what the consumer of answers keeps."""

from typing import NamedTuple

from domain.statistics.category import CategoryStatistics, QuestionTally, category_statistics
from domain.statistics.item import ItemTally
from lambdas.contract.errors import NotFoundError
from lambdas.questions.use_cases import get_question
from lambdas.shared.services import Services
from lambdas.shared.store.questions import BankRecord
from lambdas.shared.store.tallies import ItemKey, item_tallies


class CategoryReport(NamedTuple):
    """A category's statistics, and the records of its worst questions."""

    statistics: CategoryStatistics
    records: dict[str, BankRecord]


def question_statistics(services: Services, identifier: str) -> tuple[BankRecord, ItemTally]:
    """Return a question and the tally of its present version: two calls.

    Raises:
        NotFoundError: there is none of this id.
    """
    record = get_question(services, identifier)
    key = ItemKey(identifier, record.question.version)
    found = item_tallies(services.questions, [key])
    return record, found.get(key, ItemTally())


def read_category(services: Services, category: str) -> CategoryReport:
    """Return the statistics of the questions in use of a category.

    For n of them that is a call for the category, one a megabyte of the index, n / 100 for their
    tallies and one for the worst.

    Raises:
        NotFoundError: there is no such category.
        UnavailableError: the invocation has no time for all of them.
    """
    entry = services.categories.get(category)
    if entry is None:
        raise NotFoundError
    keys = [ItemKey(*each) for each in services.questions.versions_in_use(entry)]
    tallies = item_tallies(services.questions, keys)
    statistics = category_statistics(
        QuestionTally(key.question_id, tallies.get(key, ItemTally())) for key in keys
    )
    worst = [each.question_id for each in statistics.worst]
    return CategoryReport(statistics, services.questions.records(worst) if worst else {})
