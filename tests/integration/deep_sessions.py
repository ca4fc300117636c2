"""Sessions with banks and pools of any size, written straight into the tables."""

from collections.abc import Sequence
from typing import Any

import pytest

from domain.question import Choice, Question, category_and_ordinal
from domain.session.drawing import PoolDraw, advance, present
from domain.session.effects import EntrySaved
from domain.session.engine import new_session
from domain.session.policy import Spacing
from domain.session.pool import HEAD_CAPACITY, Pool, PoolEntry, Queue
from domain.session.state import Outcome, ProcessedTurn, Reason, Session, Source
from lambdas.shared.bank import Bank
from lambdas.shared.store.batch import batch_write
from lambdas.shared.store.sessions import item_from_session
from ops.cost.budgets import CallCost
from tests.integration.stage import START, InvokedStage, draft


def loaded(stage: InvokedStage, session_id: str) -> Session:
    session = stage.services.sessions.get("ada", session_id)
    assert session is not None
    return session


SPARE = 16
"""Entries seeded beyond those pending, for what earlier sizes of the bank have used up."""


class WholeBank(Bank):
    """A bank that has every question in memory: what is read all the same is counted."""

    def cached(self, question_id: str) -> Question | None:
        if question_id not in self._cached:
            self._keep(made_up(question_id))
        return super().cached(question_id)


def made_up(question_id: str) -> Question:
    """Return the question that `draft` would make."""
    category, ordinal = category_and_ordinal(question_id)
    written = draft(category, ordinal)
    return Question(
        question_id=question_id,
        version=1,
        text=written["text"],
        choices=tuple(Choice(each["text"], each["correct"]) for each in written["answers"]),
        explanation=written["explanation"],
    )


def publish(stage: InvokedStage, **sizes: int) -> None:
    """Make categories of these sizes, all of it in memory: none of it has to be written."""
    stage.publish(sizes)
    stage.services.bank = WholeBank(stage.services.questions, stage.clock)


def begun(stage: InvokedStage, size: int) -> Session:
    """Start a session on a category of this size, and one whose questions are all drawn."""
    publish(stage, geography=size, history=10_000)
    session = loaded(stage, stage.start({"category": "geography"}, {"category": "history"}))
    geography, history = session.sources
    sources = (
        geography._replace(cursor=0, left=geography.size),
        history._replace(cursor=history.size, left=0),
    )
    return session._replace(turn=None, turns=0, presented=0, sources=sources)


def seeded(
    stage: InvokedStage, owner: Session, pending: int, carried: int = HEAD_CAPACITY
) -> list[PoolEntry]:
    """Write pool entries of a session and some to spare; return them, oldest first.

    The session carries the first ones.
    """
    entries = [
        PoolEntry(START - 10**6 + number, f"history:{number:06d}")
        for number in range(pending + SPARE if pending else 0)
    ]
    table = stage.services.wrong_answers
    holder = with_pool(owner, entries[:carried])
    writes = [table.change(holder, EntrySaved(entry, (0,), new=True)).item for entry in entries]
    batch_write(
        stage.services.database,
        table.name,
        [{"PutRequest": {"Item": item}} for item in writes],
    )
    return entries


def with_pool(session: Session, entries: Sequence[PoolEntry], **other: Any) -> Session:
    """Return the session owing these entries, nothing on its screen."""
    pool = Pool()
    for entry in entries:
        pool = pool.added(entry)
    return session._replace(pool=pool, turn=None, processed=None, **other)


def store(stage: InvokedStage, session: Session) -> Session:
    """Write a session over whatever is there, with its next question on screen."""
    advanced = advance(
        session,
        stage.services.bank.get,
        lambda _: pytest.fail("a full head needs no refill"),
    )
    stage.services.database.call(
        "put_item",
        TableName=stage.services.sessions.name,
        Item=item_from_session(advanced.session),
    )
    return advanced.session


FOREIGN = 2_000
"""Pool entries of other sessions."""


def foreign(stage: InvokedStage, sessions: int, first_at: int, category: str = "history") -> None:
    """Write `FOREIGN` pool entries of so many other sessions in progress."""
    template = loaded(stage, stage.start({"category": category}))
    database = stage.services.database
    entries, items = [], []
    for number in range(sessions):
        other = template._replace(session_id=f"{'1' if number % 2 else 'f'}{number:026x}")
        owed = [
            PoolEntry(first_at + at, f"{category}:{at:06d}")
            for at in range(number, FOREIGN, sessions)
        ]
        items.append(item_from_session(with_pool(other, owed)))
        table = stage.services.wrong_answers
        entries += [table.change(other, EntrySaved(entry, (0,), new=True)).item for entry in owed]
    for name, rows in (
        (stage.services.sessions.name, items),
        (stage.services.wrong_answers.name, entries),
    ):
        batch_write(database, name, [{"PutRequest": {"Item": row}} for row in rows])


def both_queues_deep(session: Session) -> Session:
    """Return a session of SPACED whose two queues go beyond their heads."""
    older, newer = session.pool.head[:8], session.pool.head[8:]
    passed = Queue(
        head=tuple(each._replace(remaining_tries=1, turn=999_999) for each in older),
        entries=9_999_999,
        tries=9_999_999,
        mark=older[-1].key,
    )
    waiting = Queue(
        head=tuple(each._replace(turn=999_999) for each in newer),
        entries=9_999_999,
        tries=19_999_998,
        mark=newer[-1].key,
    )
    assert session.turn is not None
    return session._replace(
        pool=Pool(waiting, passed),
        spacing=Spacing(1_000, 1_000, 100, 16),
        turn=session.turn._replace(reason=Reason.REVIEW, ago=999_999),
    )


def busiest(names: Sequence[str], name: str, pool_entries: int) -> Session:
    """A session in the state that takes most bytes."""
    size = 9_999_999
    sources = [
        Source(category=each, question_count=size, size=size, cursor=size - 1, left=size - 1)
        for each in names
    ]
    session = new_session(
        user_id="0" * 36,
        session_id="f" * 27,
        name=name,
        seed=b"s" * 16,
        sources=[source._replace(left=1) for source in sources],
        wrong_answer_percentage=20,
        now=START,
    )
    pool = session.pool
    for number in range(pool_entries):
        pool = pool.added(PoolEntry(START + number, f"{names[-1]}:{size - 1 - number:06d}"))
    choices = tuple(Choice(str(n), n != 0) for n in range(10))
    question = Question(
        question_id=f"{names[-1]}:{size - 1:06d}",
        version=999,
        text="",
        choices=choices,
        multiple=True,
    )
    shown = present(
        session._replace(pool=pool), PoolDraw(question.question_id, pool.head[0]), question
    )
    return shown._replace(
        sources=tuple(sources),
        processed=ProcessedTurn(
            turn=999_999,
            question_id=question.question_id,
            version=999,
            selected=tuple(range(9)),
            outcome=Outcome.MASTERED,
        ),
        last_queued_at=START + pool_entries,
        turns=999_999,
        presented=999_999,
        answered=999_999,
        correct=999_999,
        wrong=999_999,
        mastered=999_999,
        version=999_999,
    )


def both(one: CallCost, other: CallCost) -> CallCost:
    return CallCost(
        one.round_trips + other.round_trips,
        one.read_units + other.read_units,
        one.write_units + other.write_units,
    )
