"""What each call costs, counted: round trips, read units, write units, and bytes.

The numbers are those of ops/budgets.py and docs/architecture.md: the same with a bank of 10 or
10,000 and with 0 or 500 pending corrections. Pending ones are seeded, not played.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from domain.drawing import PoolDraw, advance, present
from domain.effects import EntryQueued
from domain.engine import new_session
from domain.pool import HEAD_CAPACITY, PoolEntry
from domain.question import Choice, Question
from domain.session import Outcome, ProcessedTurn, Session, Source
from lambdas.shared.store.sessions import item_from_session
from ops.budgets import (
    FRESH_AND_RIGHT,
    GET_QUESTION,
    POOL_CHANGES,
    POOL_ENTRY_STARTS_AGAIN,
    QUESTIONS_NOT_IN_MEMORY,
    REFILLED,
    REPEATED_ANSWER,
    SESSION_ITEM_BYTES,
    SESSION_ITEM_BYTES_AT_THE_EXTREMES,
    START_SESSION,
    START_SESSION_WITH_KEY,
    WRONG,
)
from tests.integration.stage import START, Reply, Stage, draft, drafts
from tests.item_size import item_bytes


def loaded(stage: Stage, session_id: str) -> Session:
    session = stage.environment.sessions.get("ada", session_id)
    assert session is not None
    return session


def warm(stage: Stage, category: str, size: int) -> None:
    """Read a category into the bank's cache."""
    ids = [f"{category}:{ordinal:06d}" for ordinal in range(size)]
    assert len(stage.environment.bank.get(ids)) == size


def with_pending(stage: Stage, session_id: str, questions: Sequence[str]) -> None:
    """Give a session that just began pool entries, and show it its next question."""
    # A time of its own: a learner's entries of two sessions share one partition.
    stage.clock.advance(len(questions))
    session = replace(loaded(stage, session_id), last_queued_at=stage.clock.now)
    began = stage.clock.now - len(questions)
    pool, entries = session.pool, []
    for number, question_id in enumerate(questions):
        entry = PoolEntry(began + number, question_id)
        pool = pool.added(entry)
        entries.append(stage.environment.wrong_answers.change(session, EntryQueued(entry, (0,))))
    for at in range(0, len(entries), 100):
        stage.environment.transactions.write(entries[at : at + 100])
    advanced = advance(
        replace(session, pool=pool, turn=None),
        stage.environment.bank.get,
        lambda _: pytest.fail("a full head needs no refill"),
    )
    stage.environment.sessions.save(advanced.session, expected_version=session.version)


def play(stage: Stage, session_id: str, pattern: str) -> Iterator[Reply]:
    """Answer by a pattern of `r`ight and `w`rong."""
    body = stage.question(session_id)
    for each in pattern:
        reply = stage.answer(session_id, body["question"], right=each == "r")
        assert reply.status == 200, reply.body
        yield reply
        body = reply.body


def costs(replies: Iterator[Reply]) -> list[tuple[int, float, float]]:
    return [reply.cost for reply in replies]


@pytest.mark.parametrize("size", [10, 10_000])
def test_an_answer_costs_the_same_with_any_bank_and_any_number_pending(
    stage: Stage, size: int
) -> None:
    stage.save(*drafts("geography", size), *drafts("history", 600))
    warm(stage, "geography", size)
    warm(stage, "history", 600)
    for pending in (0, 500):
        sources = ({"category": "geography"}, {"category": "history"})
        fresh = stage.start(*sources, percentage=0)
        pooled = stage.start(*sources, percentage=100)
        if pending:
            questions = [f"history:{number:06d}" for number in range(pending)]
            with_pending(stage, fresh, questions)
            with_pending(stage, pooled, questions)
        assert stage.call("getQuestion", path={"sessionId": fresh}).cost == GET_QUESTION

        assert costs(play(stage, fresh, "rwwrr")) == [
            FRESH_AND_RIGHT,
            WRONG,
            WRONG,
            POOL_CHANGES,  # enters the pool
            FRESH_AND_RIGHT,
        ]
        if not pending:
            assert costs(play(stage, pooled, "wrr")) == [WRONG, POOL_CHANGES, FRESH_AND_RIGHT]
        assert costs(play(stage, pooled, "r")) == [POOL_CHANGES]  # lowered
        if not pending:
            assert costs(play(stage, pooled, "r")) == [FRESH_AND_RIGHT]
        assert stage.question(pooled)["question"]["fromWrongPool"]
        assert costs(play(stage, pooled, "wr")) == [WRONG, POOL_ENTRY_STARTS_AGAIN]
        shown = stage.question(pooled)["question"]
        assert stage.answer(pooled, shown).status == 200
        assert stage.answer(pooled, shown).cost == REPEATED_ANSWER
    # The registry, a few megabytes of the index, and a call for a hundred tallies.
    statistics = stage.admin("getCategoryStatistics", path={"category": "geography"})
    assert statistics.status == 200
    assert statistics.cost[0] <= 1 + 5 + max(1, size // 100)


def test_working_an_entry_off_costs_what_lowering_it_does(stage: Stage) -> None:
    stage.save(*drafts("geography", 4))
    warm(stage, "geography", 4)
    session = stage.start({"category": "geography"}, percentage=100)
    # Missed, put right, then worked off between fresh questions.
    assert costs(play(stage, session, "wrrrrr")) == [
        WRONG,
        POOL_CHANGES,
        FRESH_AND_RIGHT,
        POOL_CHANGES,
        FRESH_AND_RIGHT,
        POOL_CHANGES,
    ]


def test_the_head_is_refilled_by_one_query_in_sixteen_draws(stage: Stage) -> None:
    stage.save(*drafts("geography", 10), *drafts("history", 100))
    warm(stage, "geography", 10)
    warm(stage, "history", 100)
    session = stage.start({"category": "geography"}, {"category": "history"}, percentage=100)
    with_pending(stage, session, [f"history:{number:06d}" for number in range(60)])

    replies = list(play(stage, session, "r" * 60))

    refills = [reply.cost for reply in replies if reply.cost != POOL_CHANGES]
    assert refills
    assert len(refills) <= 2 * 60 / HEAD_CAPACITY
    # 16 entries of some 200 bytes, strongly consistent: 4 KB a unit.
    assert all(cost == REFILLED for cost in refills)


def test_questions_not_in_memory_cost_one_more_call(stage: Stage) -> None:
    stage.save(*drafts("geography", 50))
    session = stage.start({"category": "geography"}, percentage=0)
    shown = stage.question(session)["question"]
    stage.environment.bank.__init__(stage.environment.questions, stage.clock)  # type: ignore[misc]

    # The question asked and the one after it are read together.
    trips, units, _ = QUESTIONS_NOT_IN_MEMORY
    assert stage.answer(session, shown).cost == (
        FRESH_AND_RIGHT.round_trips + trips,
        FRESH_AND_RIGHT.read_units + 2 * units,
        FRESH_AND_RIGHT.write_units,
    )


@pytest.mark.parametrize("size", [10, 3_000])
def test_starting_a_session_costs_the_same_with_any_bank(stage: Stage, size: int) -> None:
    stage.save(*drafts("geography", size))
    warm(stage, "geography", size)
    body = {"sources": [{"category": "geography"}]}

    assert stage.call("startSession", body).cost == START_SESSION
    keyed = stage.call("startSession", body, headers={"Idempotency-Key": "k"})
    assert keyed.cost == START_SESSION_WITH_KEY


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
        sources=[replace(source, left=1) for source in sources],
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
        replace(session, pool=pool), PoolDraw(question.question_id, pool.head[0]), question
    )
    return replace(
        shown,
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


def test_a_session_item_fits_in_one_kilobyte() -> None:
    names = ["aws-cloud-practitioner", "science-technology", "religion-faith"]
    session = busiest(names, "n" * 40, pool_entries=5_000)
    assert len(session.pool.head) == HEAD_CAPACITY
    assert item_bytes(item_from_session(session)) <= SESSION_ITEM_BYTES


def test_a_session_item_fits_in_two_kilobytes_at_the_extremes_of_the_contract() -> None:
    names = [f"{number}{'c' * 47}" for number in range(8)]
    session = busiest(names, "\N{BRAIN}" * 80, pool_entries=5_000)
    assert item_bytes(item_from_session(session)) <= SESSION_ITEM_BYTES_AT_THE_EXTREMES


def test_multiple_choice_questions_cost_no_more(stage: Stage) -> None:
    multiple = [
        draft(
            "law",
            number,
            type="MULTIPLE_CHOICE",
            answers=[
                {"text": "right a", "correct": True},
                {"text": "right b", "correct": True},
                {"text": "wrong c", "correct": False},
            ],
        )
        for number in range(3)
    ]
    stage.save(*multiple)
    warm(stage, "law", 3)
    session = stage.start({"category": "law"}, percentage=0)
    assert costs(play(stage, session, "wr")) == [WRONG, POOL_CHANGES]
