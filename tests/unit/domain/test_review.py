"""A session on what earlier ones left: what it begins with, and what it refuses."""

from typing import Any

import pytest

from domain.errors import InvalidValueError
from domain.session.drawing import PoolDraw, next_draw
from domain.session.engine import new_review_session
from domain.session.pool import HEAD_CAPACITY, PoolEntry
from domain.session.state import Session, Status, progress_of

LEFT = [PoolEntry(number, f"geo:{number:06d}", 1 + number % 2) for number in range(1, 21)]


def review(**other: Any) -> Session:
    wanted: dict[str, Any] = {
        "user_id": "ada",
        "session_id": "1",
        "name": "",
        "seed": b"s" * 16,
        "entries": LEFT,
        "wrong_answer_percentage": 20,
        "now": 1_000,
    }
    return new_review_session(**(wanted | other))


def test_its_pool_is_filled_and_its_fresh_side_empty() -> None:
    session = review()
    progress = progress_of(session)
    assert session.status is Status.ACTIVE
    assert (session.fresh_left, len(session.pool.head)) == (0, HEAD_CAPACITY)
    assert (progress.total_questions, progress.wrong_pool_size) == (20, 20)
    assert progress.answers_left == progress.remaining_tries == 30
    assert all(entry.leftover for entry in session.pool.head)


def test_it_draws_the_oldest_leftover_first() -> None:
    draw = next_draw(review())
    assert isinstance(draw, PoolDraw)
    assert draw.question_id == "geo:000001"


@pytest.mark.parametrize(
    "wrong",
    [
        {"entries": []},
        {"entries": [LEFT[0], PoolEntry(9, LEFT[0].question_id)]},
        {"entries": [LEFT[1], LEFT[0]]},
        {"wrong_answer_percentage": 101},
        {"wrong_answer_percentage": -1},
        {"seed": b"short"},
    ],
)
def test_it_refuses_what_no_rule_allows(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError):
        review(**wrong)
