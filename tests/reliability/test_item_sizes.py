"""Items stay small at the extremes of the contract, counted on real tables through real play."""

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, cast

import pytest

from domain.question import Choice, Question
from domain.session.drawing import advance
from domain.session.effects import EntrySaved
from domain.session.pool import HEAD_CAPACITY, PoolEntry
from lambdas.shared.bank import Bank
from ops.cost.budgets import (
    BEYOND_HEAD,
    FRESH_AND_RIGHT,
    GET_QUESTION,
    POOL_CHANGES,
    POOL_ENTRY_STARTS_AGAIN,
    QUESTION_DUE,
    REFILLED,
    WRONG,
    CallCost,
)
from tests.integration.deep_sessions import both, loaded
from tests.integration.stage import InvokedStage, submission
from tests.support.item_size import item_bytes

if TYPE_CHECKING:
    from lambdas.shared.store.questions import QuestionsTable

KILOBYTE = 1024
LONGEST = tuple(f"{number}{'c' * 47}" for number in range(8))
ORDINARY = ("aws-cloud-practitioner", "science-technology", "religion-faith")
NAME_AT_MOST = "\N{BRAIN}" * 80
PENDING = 5_000
SIZE = 10_000
USER = "ada"
ONE_MORE_KILOBYTE = 2
"""Write units a transaction pays for it."""


class AnyQuestion:
    """A table that has every question: ten choices, nine of them right."""

    def questions(self, ids: Sequence[str], *, consistent: bool = False) -> dict[str, Question]:
        del consistent
        choices = tuple(Choice(f"{'wrong' if n == 0 else 'right'} {n}", n != 0) for n in range(10))
        return {
            each: Question(question_id=each, version=999, text="?", choices=choices, multiple=True)
            for each in ids
        }


def with_pending(stage: InvokedStage, session_id: str, questions: Sequence[str]) -> None:
    """Give a session that just began pool entries, and show it its next question."""
    # A time of its own: a learner's entries of two sessions share one partition.
    stage.clock.advance(len(questions))
    session = loaded(stage, session_id)._replace(last_queued_at=stage.clock.now)
    began = stage.clock.now - len(questions)
    pool, entries = session.pool, []
    for number, question_id in enumerate(questions):
        entry = PoolEntry(began + number, question_id)
        pool = pool.added(entry)
        entries.append(
            stage.services.wrong_answers.change(session, EntrySaved(entry, (0,), new=True))
        )
    for at in range(0, len(entries), 100):
        stage.services.transactions.write(entries[at : at + 100])
    advanced = advance(
        session._replace(pool=pool, turn=None),
        stage.services.bank.get,
        lambda _: pytest.fail("a full head needs no refill"),
    )
    stage.services.sessions.save(advanced.session, expected_version=session.version)


def published(stage: InvokedStage, categories: Sequence[str], questions: int) -> None:
    """Publish categories of so many questions together; what they are, `AnyQuestion` knows."""
    size = -(-questions // len(categories))
    stage.publish(dict.fromkeys(categories, size))
    bank = Bank(cast("QuestionsTable", AnyQuestion()), stage.clock)
    bank.get(f"{each}:{n:06d}" for each in categories for n in range(size))
    stage.services.bank = bank


def started(stage: InvokedStage, categories: Sequence[str], name: str, percentage: int) -> str:
    body = {
        "name": name,
        "sources": [{"category": each} for each in categories],
        "settings": {"wrongAnswerPercentage": percentage},
    }
    reply = stage.call("startSession", body)
    assert reply.status == 201, reply.body
    return str(reply.body["sessionId"])


def pending(categories: Sequence[str], how_many: int) -> list[str]:
    return [f"{each}:{n:06d}" for n, each in zip(range(how_many), cycle(categories), strict=False)]


def stored(stage: InvokedStage, table: str) -> list[int]:
    """Return the bytes of all rows of a table."""
    return [item_bytes(row) for row in stage.rows(table)]


def session_bytes(stage: InvokedStage, session_id: str) -> int:
    found = stage.services.database.call(
        "get_item",
        TableName=stage.services.sessions.name,
        Key={"userId": {"S": USER}, "sessionId": {"S": session_id}},
        ConsistentRead=True,
    )
    return item_bytes(found["Item"])


def played(
    stage: InvokedStage, session_id: str, pattern: str
) -> list[tuple[int, tuple[int, float, float]]]:
    """Answer by a pattern of `r` and `w`; return the item's bytes and the cost after each."""
    body: Any = stage.question(session_id)
    seen = []
    for each in pattern:
        answer = submission(body["question"], right=each == "r", timeSpent=86_400)
        reply = stage.call("submitAnswer", answer, path={"sessionId": session_id})
        assert reply.status == 200, reply.body
        seen.append((session_bytes(stage, session_id), reply.cost))
        body = reply.body
    return seen


def due(cost: CallCost) -> CallCost:
    """Return a cost with that of reading the question again: `AnyQuestion` has no revision."""
    return both(cost, QUESTION_DUE)


PATTERN = "r" * 2 * HEAD_CAPACITY + "rrwrwwr" * 6
"""Works off the whole head, then makes mistakes."""


@pytest.mark.slow
@pytest.mark.parametrize("percentage", [0, 100])
def test_a_session_of_ordinary_names_stays_within_a_kilobyte_and_its_budget(
    stage: InvokedStage, percentage: int
) -> None:
    published(stage, ORDINARY, SIZE)
    session_id = started(stage, ORDINARY, "n" * 40, percentage)
    with_pending(stage, session_id, pending(ORDINARY, PENDING))
    seen = played(stage, session_id, PATTERN)

    assert max(size for size, _ in seen) <= KILOBYTE
    costs = {cost for _, cost in seen}
    in_head = {POOL_CHANGES, POOL_ENTRY_STARTS_AGAIN}
    from_pool = in_head | {both(each, BEYOND_HEAD) for each in in_head}
    refilled = {due(REFILLED._replace(write_units=each.write_units)) for each in from_pool}
    if percentage:
        assert costs <= {due(WRONG)} | {due(each) for each in from_pool} | refilled
        assert costs & refilled, "the head was refilled"
    else:
        assert costs == {due(WRONG), due(FRESH_AND_RIGHT), due(both(POOL_CHANGES, BEYOND_HEAD))}


@pytest.mark.slow
@pytest.mark.parametrize("percentage", [0, 100])
def test_a_session_at_the_extremes_stays_within_two_kilobytes_and_one_more_unit(
    stage: InvokedStage, percentage: int
) -> None:
    published(stage, LONGEST, SIZE)
    session_id = started(stage, LONGEST, NAME_AT_MOST, percentage)
    with_pending(stage, session_id, pending(LONGEST, PENDING))
    seen = played(stage, session_id, PATTERN)

    assert KILOBYTE < max(size for size, _ in seen) <= 2 * KILOBYTE
    writes = {cost[2] for _, cost in seen}
    in_head = {WRONG, POOL_CHANGES, POOL_ENTRY_STARTS_AGAIN}
    budget = {each.write_units for one in in_head for each in (one, both(one, BEYOND_HEAD))}
    assert writes <= {units + ONE_MORE_KILOBYTE for units in budget}
    assert {cost[0] for _, cost in seen} <= {2, 3}
    assert stage.call("getQuestion", path={"sessionId": session_id}).cost == GET_QUESTION


def test_a_head_filled_by_play_alone_stays_within_two_kilobytes(stage: InvokedStage) -> None:
    published(stage, LONGEST, 24)
    session_id = started(stage, LONGEST, NAME_AT_MOST, 0)
    seen = played(stage, session_id, "wr" * (HEAD_CAPACITY + 4) + "r" * 44)
    assert max(size for size, _ in seen) <= 2 * KILOBYTE
    final = stage.call("getSession", path={"sessionId": session_id}).body
    assert final["status"] == "COMPLETED"
    assert final["progress"]["mastered"] == 24
    assert stage.rows("wrong_answers") == []


def test_a_review_of_eight_categories_stays_within_two_kilobytes(stage: InvokedStage) -> None:
    published(stage, LONGEST, SIZE)
    former = started(stage, LONGEST, NAME_AT_MOST, 0)
    with_pending(stage, former, pending(LONGEST, 50))
    assert stage.call("abandonSession", path={"sessionId": former}).status == 204

    reply = stage.call("startSession", {"review": {}, "name": NAME_AT_MOST})

    assert reply.status == 201
    assert len(reply.body["sources"]) == 8
    session_id = reply.body["sessionId"]
    assert session_bytes(stage, session_id) <= 2 * KILOBYTE
    seen = played(stage, session_id, "wr" * 20 + "r" * 30)
    assert max(size for size, _ in seen) <= 2 * KILOBYTE
    assert max(stored(stage, "wrong_answers")) < KILOBYTE


def test_rows_of_progress_and_wrong_answers_stay_within_a_kilobyte(stage: InvokedStage) -> None:
    published(stage, LONGEST[:1], 3)
    session_id = started(stage, LONGEST[:1], NAME_AT_MOST, 100)
    seen = played(stage, session_id, "w" * 30 + "r" + "wwr" * 3)
    assert max(cost[2] for _, cost in seen) <= POOL_ENTRY_STARTS_AGAIN[2] + ONE_MORE_KILOBYTE
    environment = stage.services
    for row in stage.rows("progress"):
        environment.database.call(
            "update_item",
            TableName=environment.progress.name,
            Key={"userId": row["userId"], "questionId": row["questionId"]},
            UpdateExpression="ADD attempts :n, correct :n, wrong :n, timeSpent :t",
            ExpressionAttributeValues={":n": {"N": "999999999"}, ":t": {"N": "9" * 18}},
        )
    of_user = 36 - len(USER)
    assert max(stored(stage, "progress")) + of_user <= KILOBYTE / 2
    assert max(stored(stage, "wrong_answers")) + of_user <= KILOBYTE / 2
