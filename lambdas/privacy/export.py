"""Everything kept about a learner, page by page.

A page goes on to the next table when one has no more, so that most learners get one page.
"""

from dataclasses import dataclass, field

from lambdas.privacy.erasure import partitions
from lambdas.shared.services import Services
from lambdas.shared.store.client import Item
from lambdas.shared.store.records import (
    Record,
    bookkeeping_record,
    is_session,
    plain_record,
    session_record,
    user_record,
)

POSITION_PATTERN = "[012]/[!-~]{0,128}"
"""Grammar of positions: the place of a table, and the sort key to go on after."""


@dataclass(slots=True)
class Page:
    """Records by kind; `user` is on the first page alone, `following` where the next begins."""

    user: Record | None = None
    sessions: list[Record] = field(default_factory=list)
    bookkeeping: list[Record] = field(default_factory=list)
    progress: list[Record] = field(default_factory=list)
    wrong_answers: list[Record] = field(default_factory=list)
    following: str | None = None


def export_page(services: Services, user_id: str, *, limit: int, after: str | None) -> Page:
    """Return the page of up to `limit` items that begins after a position, the first one without.

    Raises:
        AccountErasedError: nothing is kept any more.
    """
    page = Page()
    if after is None:
        page.user = user_record(services.users.item(user_id, consistent=True) or {})
    place, _, sort_key = (after or "0/").partition("/")
    room = limit
    for number, part in enumerate(partitions(services, user_id)):
        if number < int(place):
            continue
        if not room:
            page.following = f"{number}/"
            break
        items, last = part.page(limit=room, after=sort_key or None)
        sort_key = ""
        room -= len(items)
        for item in items:
            _add(page, number, item)
        if last:
            page.following = f"{number}/{last}"
            break
    return page


def _add(page: Page, number: int, item: Item) -> None:
    match number:
        case 0 if is_session(item):
            page.sessions.append(session_record(item))
        case 0:
            page.bookkeeping.append(bookkeeping_record(item))
        case 1:
            page.wrong_answers.append(plain_record(item))
        case _:
            page.progress.append(plain_record(item))
