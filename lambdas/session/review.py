"""What earlier sessions left in the wrong-answer pool, taken up by a review session.

Leftovers are entries whose session was abandoned, expired or is gone. One transaction makes the
review session their owner and marks former sessions that could still be answered as abandoned,
with a new version, so that an answer on its way to one of them finds it over.
"""

from dataclasses import dataclass, field

from domain.question import category_and_ordinal
from domain.session.effects import EntryQueued, EntryRemoved
from domain.session.pool import PoolEntry
from domain.session.state import Session, Status
from lambdas.contract.bodies.session import MAX_SOURCES
from lambdas.shared.playing import draw_next
from lambdas.shared.services import Services
from lambdas.shared.store.transaction import Action
from lambdas.shared.store.wrong_answers import OwedQuestion

MAX_ACTIONS = 97
"""Of a transaction's 100, what the review session, its idempotency marker and the check of the
learner's account leave."""

PAGE = 100
"""Entries read at a time while looking for leftovers."""


@dataclass(slots=True)
class Leftovers:
    """Entries to take up, oldest first; `merged` are further ones of the same questions.

    `closed` are the former sessions that have to be abandoned.
    """

    taken: dict[str, OwedQuestion] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    merged: list[OwedQuestion] = field(default_factory=list)
    closed: dict[str, Session] = field(default_factory=dict)
    categories: set[str] = field(default_factory=set)

    @property
    def entries(self) -> list[PoolEntry]:
        """The pool the review session begins with."""
        return [
            owed.entry._replace(remaining_tries=self.tries[question_id], leftover=True, turn=0)
            for question_id, owed in self.taken.items()
        ]

    def add(self, owed: OwedQuestion, former: Session | None, limit: int) -> bool:
        """Take an entry up if there is room for it; return whether there is room for more."""
        question_id = owed.entry.question_id
        category, _ = category_and_ordinal(question_id)
        known = question_id in self.taken
        if not known and (
            len(self.taken) == limit or len(self.categories | {category}) > MAX_SOURCES
        ):
            return True
        closes = former is not None and former.status is not Status.ABANDONED
        closing = {former.session_id: former} if former and closes else {}
        actions = len(self.taken) + len(self.merged) + len(self.closed | closing) + 1
        if actions > MAX_ACTIONS:
            return False
        self.closed |= closing
        self.categories.add(category)
        if known:
            self.merged.append(owed)
        else:
            self.taken[question_id] = owed
        self.tries[question_id] = max(self.tries.get(question_id, 0), owed.entry.remaining_tries)
        return True


def find_leftovers(
    services: Services, user_id: str, *, category: str | None, limit: int, now: int
) -> Leftovers:
    """Return the learner's oldest leftovers: up to `limit` questions of up to 8 categories.

    Several entries of one question among those read become one, owing the most any of them owes.
    """
    leftovers = Leftovers()
    owners: dict[str, Session | None] = {}
    after: str | None = None
    while True:
        page, after = services.wrong_answers.page(user_id, limit=PAGE, after=after, consistent=True)
        unknown = {owed.session_id for owed in page} - owners.keys()
        found = services.sessions.many(user_id, unknown)
        owners |= {session_id: found.get(session_id) for session_id in unknown}
        for owed in page:
            former = owners[owed.session_id]
            if category not in (None, category_and_ordinal(owed.entry.question_id)[0]):
                continue
            if _is_left(former, now) and not leftovers.add(owed, former, limit):
                return leftovers
        if after is None or len(leftovers.taken) == limit:
            return leftovers


def take_up(
    services: Services, session: Session, leftovers: Leftovers, now: int
) -> tuple[Session, list[Action]]:
    """Return the review session with its first question, and what to write beside it."""
    queued = [EntryQueued(entry, ()) for entry in leftovers.entries]
    drawn = draw_next(services, session, queued)
    gone = {c.entry.question_id for c in drawn.changes if isinstance(c, EntryRemoved)}
    table = services.wrong_answers
    actions: list[Action] = [
        table.removed(session.user_id, owed)
        if question_id in gone
        else table.taken_over(session, owed, leftovers.tries[question_id])
        for question_id, owed in leftovers.taken.items()
    ]
    actions += [table.removed(session.user_id, owed) for owed in leftovers.merged]
    for former in leftovers.closed.values():
        closed = former._replace(
            status=Status.ABANDONED, version=former.version + 1, updated_at=now
        )
        actions.append(services.sessions.put(closed, expected_version=former.version))
    return drawn.session, actions


def _is_left(former: Session | None, now: int) -> bool:
    return former is None or former.status_at(now) in (Status.ABANDONED, Status.EXPIRED)
