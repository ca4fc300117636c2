"""Questions that a learner answered, as far as the learner may see them.

Right choices and explanation were earned by the newest answer: it was right, and the question has
not been edited since. Everything is read; an answer writes nothing for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.question import Question
from domain.session.drawing import drawn
from domain.session.state import Session
from lambdas.contract.formats import QUESTION_ID_PATTERN
from lambdas.shared.playing import load
from lambdas.shared.services import Services
from lambdas.shared.store.progress import QuestionRecord

READS = 4
"""Most reads of records for one page. A page with fewer items than asked for is short where the
learner answered the session's questions again in another session."""

MAX_WITH_QUESTIONS = 70
"""Most questions of a page that shows them: at 77 KB each they stay below the 6 MB of a response.
Longer pages are cut here, and continue with their token."""

_DRAWN, _RECORD = "drawn-", "after-"
POSITION_PATTERN = f"{_DRAWN}[0-9]{{1,9}}|{_RECORD}{QUESTION_ID_PATTERN.strip('^$')}"
"""Where a page begins: a place among the questions drawn, or in a review a question id."""


class Played(NamedTuple):
    """A question as it is now, and the learner's record of it."""

    question: Question
    record: QuestionRecord

    @property
    def edited(self) -> bool:
        """Whether the question was edited since the newest answer."""
        return self.question.version != self.record.last_version

    @property
    def earned(self) -> bool:
        """Whether the newest answer was right, so that the right choices are known."""
        return not self.edited and self.record.last_choice == self.question.correct_choices


def session_questions(
    services: Services, user_id: str, session_id: str, *, limit: int, after: str | None
) -> tuple[list[Played], str | None]:
    """Return questions whose newest answer was given in a session, and where to read on.

    At most `READS` + 2 calls: one for the session, those for records, one for the questions.

    Raises:
        NotFoundError: the learner has no such session.
    """
    session = load(services, user_id, session_id)
    limit = min(limit, MAX_WITH_QUESTIONS)
    if any(source.size for source in session.sources):
        records, following = _of_draws(services, session, limit, after)
    else:
        records, following = _of_review(services, session, limit, after)
    return with_questions(services, records), following


def with_questions(services: Services, records: Sequence[QuestionRecord]) -> list[Played]:
    """Return records with their questions: one call. One whose question is gone is left out."""
    found = services.questions.questions([each.question_id for each in records], consistent=False)
    return [Played(found[each.question_id], each) for each in records if each.question_id in found]


def played_by_id(
    services: Services, user_id: str, question_ids: Iterable[str]
) -> Mapping[str, Played]:
    """Return what a learner did with the questions named: two calls."""
    records = services.progress.records(user_id, question_ids)
    return {
        each.question.question_id: each for each in with_questions(services, list(records.values()))
    }


def _of_draws(
    services: Services, session: Session, limit: int, after: str | None
) -> tuple[list[QuestionRecord], str | None]:
    """Read the records of the questions drawn, of which all but a few belong to the session."""
    place = int(after.removeprefix(_DRAWN)) if after and after.startswith(_DRAWN) else 0
    records: list[QuestionRecord] = []
    for _ in range(READS):
        wanted = drawn(session, place, limit - len(records))
        if not wanted:
            return records, None
        found = services.progress.records(session.user_id, wanted, consistent=True)
        records += [
            found[each]
            for each in wanted
            if each in found and found[each].session_id == session.session_id
        ]
        place += len(wanted)
        if len(records) == limit:
            break
    return records, f"{_DRAWN}{place}" if drawn(session, place, 1) else None


def _of_review(
    services: Services, session: Session, limit: int, after: str | None
) -> tuple[list[QuestionRecord], str | None]:
    """Read the records of the reviewed categories: a review does not store what it took up."""
    last = after.removeprefix(_RECORD) if after and after.startswith(_RECORD) else ""
    begun = last.partition(":")[0]
    categories = sorted(each.category for each in session.sources if each.category >= begun)
    records: list[QuestionRecord] = []
    for category in categories[:READS]:
        found, following = services.progress.answered_in(
            session.user_id, session.session_id, category, last if category == begun else None
        )
        records += found
        if len(records) > limit:
            return records[:limit], _RECORD + records[limit - 1].question_id
        if following:
            return records, _RECORD + following
        last = f"{category}:999999999"  # after every question of the category
    return records, _RECORD + last if len(categories) > READS else None
