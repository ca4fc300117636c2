"""Leftovers: entries of the wrong-answer pool that a review session takes up.

Leftovers are entries whose session was abandoned, expired or deleted. One transaction makes the
review session their owner and abandons the expired sessions among their former owners, with a new
version, so that a late answer to one of them is refused.
"""

from collections.abc import Collection
from itertools import islice

from domain.question import category_and_ordinal, is_smoke_question
from domain.session.effects import EntryRemoved, EntrySaved
from domain.session.pool import PoolEntry
from domain.session.state import Session, Status
from lambdas.contract.bodies.session import MAX_SOURCES
from lambdas.shared.playing import draw_next
from lambdas.shared.services import Services
from lambdas.shared.store.sessions import DAY
from lambdas.shared.store.transaction import Action
from lambdas.shared.store.wrong_answers import OwedQuestion

MAX_ACTIONS = 97
"""Actions that a transaction of 100 has room for beside the review session's own writes."""

PAGE = 200
"""Entries of one query: at some 190 bytes each, at most 10 read units."""

MAX_PAGES = 2
"""Queries of one review, so that it takes at most 6 round trips and 40 read units. Entries of
sessions in progress are skipped, so more pages than one are rare."""


class Leftovers:
    """Entries to take up, oldest first.

    Attributes:
        expired: The learner's expired sessions that are not closed yet.
        taken: The entry taken up for each question.
        tries: The right answers that each question owes.
        merged: Further entries of the same questions, which are removed.
        owners: The former sessions of all these entries.
        categories: The categories of the questions.
    """

    def __init__(self, expired: Collection[str]) -> None:
        """Begin with none."""
        self.expired = expired
        self.taken: dict[str, OwedQuestion] = {}
        self.tries: dict[str, int] = {}
        self.merged: list[OwedQuestion] = []
        self.owners: set[str] = set()
        self.categories: set[str] = set()

    @property
    def entries(self) -> list[PoolEntry]:
        """The pool the review session begins with."""
        return [
            owed.entry._replace(remaining_tries=self.tries[question_id], leftover=True, turn=0)
            for question_id, owed in self.taken.items()
        ]

    def add(self, owed: OwedQuestion, limit: int) -> bool:
        """Take an entry up if there is room for it; return whether there is room for more."""
        question_id = owed.entry.question_id
        category, _ = category_and_ordinal(question_id)
        known = question_id in self.taken
        if not known and (
            len(self.taken) == limit or len(self.categories | {category}) > MAX_SOURCES
        ):
            return True
        owners = self.owners | {owed.session_id}
        if len(self.taken) + len(self.merged) + len(owners) + 1 > MAX_ACTIONS:
            return False
        self.owners = owners
        self.categories.add(category)
        if known:
            self.merged.append(owed)
        else:
            self.taken[question_id] = owed
        self.tries[question_id] = max(self.tries.get(question_id, 0), owed.entry.remaining_tries)
        return True


def find_leftovers(
    services: Services, user_id: str, *, category: str | None, limit: int, now: int, certain: bool
) -> Leftovers:
    """Return the learner's leftovers: up to `limit` questions of up to 8 categories.

    The oldest are taken of those read: all, unless the learner owes more than `PAGE` questions.
    Several entries of one question become one, owing the most any of them owes.

    A session that expires today counts as expired, and the transaction checks it: as a rule it was
    not used for weeks. To be `certain`, after such a check failed, these sessions are read.
    """
    unfinished = services.sessions.unfinished(user_id)
    today = now // DAY
    playable = {each for each, ends in unfinished.items() if ends > today}
    found: list[OwedQuestion] = []
    pages = services.wrong_answers.owed_by_others(user_id, category, playable, limit=PAGE)
    for page in islice(pages, MAX_PAGES):
        # A review would mix them with questions that are measured.
        found += [each for each in page if not is_smoke_question(each.entry.question_id)]
        if len(found) >= limit:
            break
    if certain:
        uncertain = {each.session_id for each in found if unfinished.get(each.session_id) == today}
        sessions = services.sessions.many(user_id, uncertain)
        playable |= {
            session_id
            for session_id, session in sessions.items()
            if session.status_at(now) in (Status.ACTIVE, Status.PAUSED)
        }
    leftovers = Leftovers(unfinished.keys() - playable)
    for owed in sorted(found, key=lambda each: each.entry.key):
        if owed.session_id not in playable and not leftovers.add(owed, limit):
            break
    return leftovers


def take_up(
    services: Services, session: Session, leftovers: Leftovers, now: int
) -> tuple[Session, list[Action]]:
    """Return the review session with its first question, and the writes that go with it."""
    queued = [EntrySaved(entry, (), new=True) for entry in leftovers.entries]
    drawn = draw_next(services, session, queued)
    gone = {c.entry.question_id for c in drawn.changes if isinstance(c, EntryRemoved)}
    table, user_id = services.wrong_answers, session.user_id
    actions = [
        table.removed(user_id, owed)
        if question_id in gone
        else table.taken_over(drawn.session, owed, leftovers.tries[question_id])
        for question_id, owed in leftovers.taken.items()
    ]
    actions += [table.removed(user_id, owed) for owed in leftovers.merged]
    actions += [
        services.sessions.close_expired(user_id, owner, now)
        if owner in leftovers.expired
        else services.sessions.check_over(user_id, owner)
        for owner in sorted(leftovers.owners)
    ]
    return drawn.session, actions
