"""A learner's totals, summed from the record of each question."""

from dataclasses import dataclass, field

from domain.question import category_and_ordinal
from lambdas.shared.environment import Environment
from lambdas.shared.store.progress import QuestionRecord


@dataclass(slots=True)
class Totals:
    """Sums over records; `time_spent` in milliseconds."""

    questions: int = 0
    correct: int = 0
    wrong: int = 0
    mastered: int = 0
    time_spent: int = 0

    def add(self, record: QuestionRecord) -> None:
        """Count a record in."""
        self.questions += 1
        self.correct += record.correct
        self.wrong += record.wrong
        self.mastered += record.mastered
        self.time_spent += record.time_spent

    @property
    def attempts(self) -> int:
        """Answers given."""
        return self.correct + self.wrong

    @property
    def accuracy(self) -> float:
        """Share of right answers, four decimals; 0 before the first."""
        return round(self.correct / self.attempts, 4) if self.attempts else 0.0


@dataclass(slots=True)
class LearnerTotals:
    """Totals of a learner, overall and by category, and what the pool owes."""

    as_of: int
    overall: Totals = field(default_factory=Totals)
    categories: dict[str, Totals] = field(default_factory=dict)
    pool_entries: int = 0
    pool_tries: int = 0


def learner_totals(environment: Environment, user_id: str) -> LearnerTotals:
    """Read a learner's record and pool whole, and sum them."""
    totals = LearnerTotals(as_of=environment.clock())
    for record in environment.progress.every(user_id):
        category, _ = category_and_ordinal(record.question_id)
        totals.overall.add(record)
        totals.categories.setdefault(category, Totals()).add(record)
    for owed in environment.wrong_answers.every(user_id):
        totals.pool_entries += 1
        totals.pool_tries += owed.entry.remaining_tries
    return totals
