"""Cost of each call of play, counted: round trips, read units, write units, and bytes.

The numbers are those of ops/cost/budgets.py and docs/limits.md: the same with a bank of 10 to
100,000 questions and with 0 to 5,000 pending corrections. Both are seeded, not played. All other
routes are in test_route_budgets.py.
"""

from collections.abc import Iterator

import pytest

from domain.session.drawing import advance
from domain.session.policy import Spacing
from domain.session.pool import HEAD_CAPACITY, Pool, Queue
from lambdas.contract.time_zones import code_of
from lambdas.shared.store.sessions import item_from_session
from ops.cost.budgets import (
    BEYOND_HEAD,
    FRESH_AND_RIGHT,
    GET_QUESTION,
    POOL_CHANGES,
    POOL_ENTRY_STARTS_AGAIN,
    QUESTION_DUE,
    QUESTIONS_NOT_IN_MEMORY,
    REFILLED,
    REPEATED_ANSWER,
    SESSION_ENDS,
    SESSION_ITEM_BYTES,
    SESSION_ITEM_BYTES_AT_THE_EXTREMES,
    START_SESSION,
    START_SESSION_WITH_KEY,
    WORST_REFILL,
    WORST_REVIEW,
    WRONG,
    CallCost,
)
from tests.integration.deep_sessions import (
    FOREIGN,
    SPARE,
    begun,
    both,
    both_queues_deep,
    busiest,
    foreign,
    loaded,
    publish,
    seeded,
    store,
    with_pool,
)
from tests.integration.stage import START, InvokedStage, Reply, draft, drafts
from tests.support.item_size import item_bytes


def warm(stage: InvokedStage, category: str, size: int) -> None:
    """Read a category into the bank's cache."""
    ids = [f"{category}:{ordinal:06d}" for ordinal in range(size)]
    assert len(stage.services.bank.get(ids)) == size


SIZES = (10, 1_000, 10_000, 100_000)

PENDING = (0, 50, 500, 5_000)


def play(stage: InvokedStage, session_id: str, pattern: str) -> Iterator[Reply]:
    """Answer by a pattern of `r`ight and `w`rong."""
    body = stage.question(session_id)
    for each in pattern:
        reply = stage.answer(session_id, body["question"], right=each == "r")
        assert reply.status == 200, reply.body
        yield reply
        body = reply.body


def costs(replies: Iterator[Reply]) -> list[tuple[int, float, float]]:
    return [reply.cost for reply in replies]


FREE = CallCost(0, 0.0, 0.0)


def within(cost: tuple[int, float, float], most: CallCost) -> bool:
    return all(each <= bound for each, bound in zip(cost, most, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("pending", PENDING)
def test_every_answer_costs_the_same_with_any_bank_and_any_number_pending(
    stage: InvokedStage, pending: int
) -> None:
    owner = begun(stage, 10)
    entries = seeded(stage, owner, pending)
    deep = BEYOND_HEAD if pending > HEAD_CAPACITY else FREE
    for number, size in enumerate(SIZES):
        # The entries are the first session's: each that follows takes its place.
        session = begun(stage, size)._replace(session_id=owner.session_id)
        owed = entries[4 * number :][:pending]

        fresh = with_pool(session, owed, wrong_answer_percentage=0)
        store(stage, fresh)
        assert stage.call("getQuestion", path={"sessionId": owner.session_id}).cost == GET_QUESTION
        assert costs(play(stage, owner.session_id, "rwwrr")) == [
            FRESH_AND_RIGHT,
            WRONG,
            WRONG,
            both(POOL_CHANGES, deep),  # enters the pool
            FRESH_AND_RIGHT,
        ]
        stage.clock.advance(10)
        pooled = with_pool(session, owed, wrong_answer_percentage=100)
        store(stage, pooled)
        if not pending:
            assert costs(play(stage, owner.session_id, "wrr")) == [
                WRONG,
                POOL_CHANGES,
                FRESH_AND_RIGHT,
            ]
        assert costs(play(stage, owner.session_id, "r")) == [POOL_CHANGES]  # lowered
        if not pending:
            assert costs(play(stage, owner.session_id, "r")) == [FRESH_AND_RIGHT]
        assert stage.question(owner.session_id)["question"]["fromWrongPool"]
        assert costs(play(stage, owner.session_id, "wr")) == [
            WRONG,
            both(POOL_ENTRY_STARTS_AGAIN, deep),
        ]
        shown = stage.question(owner.session_id)["question"]
        assert stage.answer(owner.session_id, shown).status == 200
        assert stage.answer(owner.session_id, shown).cost == REPEATED_ANSWER
        stage.clock.advance(10)


@pytest.mark.parametrize("pending", PENDING[1:])
def test_a_refill_costs_the_same_with_any_number_pending(stage: InvokedStage, pending: int) -> None:
    owner = begun(stage, 10)
    entries = seeded(stage, owner, pending, carried=1)[:pending]
    last = entries[0]
    store(
        stage,
        with_pool(owner, entries, wrong_answer_percentage=100)._replace(
            pool=Pool(Queue(head=(last,), entries=pending, tries=2 * pending, mark=last.key)),
        ),
    )
    assert costs(play(stage, owner.session_id, "rr")) == [
        (REFILLED.round_trips, REFILLED.read_units, POOL_CHANGES.write_units),
        both(POOL_CHANGES, BEYOND_HEAD),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("pending", PENDING[1:])
def test_a_refill_costs_the_same_with_entries_of_other_sessions(
    stage: InvokedStage, pending: int
) -> None:
    owner = begun(stage, 10)
    entries = seeded(stage, owner, pending, carried=1)[:pending]
    # Between the session's entries and before them.
    foreign(stage, 20, entries[0].queued_at - FOREIGN // 2)
    last = entries[0]
    stored = with_pool(owner, entries, wrong_answer_percentage=100)._replace(
        pool=Pool(Queue(head=(last,), entries=pending, tries=2 * pending, mark=last.key)),
    )
    store(stage, stored)

    (refilled,) = play(stage, owner.session_id, "r")

    assert within(refilled.cost, WORST_REFILL)
    assert refilled.cost[0] == WORST_REFILL.round_trips
    session = loaded(stage, owner.session_id)
    owed = [each.question_id for each in session.pool.head]
    assert owed == [each.question_id for each in entries[:HEAD_CAPACITY]]


@pytest.mark.slow
@pytest.mark.parametrize("sessions", [1, 20, 199])
@pytest.mark.parametrize("pending", [0, 5_000])
def test_a_review_without_leftovers_has_a_bounded_cost(
    stage: InvokedStage, pending: int, sessions: int
) -> None:
    owner = begun(stage, 10)
    entries = seeded(stage, owner, pending)
    foreign(stage, sessions, START - 10**6 - 1)
    store(stage, with_pool(owner, entries))

    for wanted in ({}, {"category": "history"}):
        refused = stage.call("startSession", {"review": wanted})
        assert refused.status == 422
        assert within(refused.cost, WORST_REVIEW), refused.cost


def test_a_review_among_other_entries_adds_what_it_takes_up(stage: InvokedStage) -> None:
    owner = begun(stage, 10)
    entries = seeded(stage, owner, 34)
    store(stage, with_pool(owner, entries))
    foreign(stage, 1, START - 10**6 - 1)
    assert stage.call("abandonSession", path={"sessionId": owner.session_id}).status == 204

    started = stage.call("startSession", {"review": {"category": "history"}})

    assert started.status == 201, started.body
    assert started.body["progress"]["wrongPoolSize"] == 50
    # Each entry is written (2) and moves in both indexes (2 each); then the session, the check of
    # its former one, and the learner's count.
    writes = CallCost(0, 0.0, 50 * (2 + 2 + 2) + START_SESSION.write_units + 2)
    assert within(started.cost, both(WORST_REVIEW, writes)), started.cost


def test_the_answer_that_completes_a_session_leaves_the_index_of_unfinished_ones(
    stage: InvokedStage,
) -> None:
    stage.save(*drafts("geography", 1))
    warm(stage, "geography", 1)
    session = stage.start({"category": "geography"})
    assert costs(play(stage, session, "r")) == [both(FRESH_AND_RIGHT, SESSION_ENDS)]


def test_the_first_answer_of_a_later_day_moves_in_that_index(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 4))
    warm(stage, "geography", 4)
    session = stage.start({"category": "geography"})
    stage.clock.advance(24 * 3600 * 1000)
    stage.services.bank.get([f"geography:{number:06d}" for number in range(4)])
    moved = both(FRESH_AND_RIGHT, both(SESSION_ENDS, SESSION_ENDS))
    assert costs(play(stage, session, "rr")) == [moved, FRESH_AND_RIGHT]


@pytest.mark.parametrize("size", SIZES)
def test_starting_a_session_costs_the_same_with_any_bank(stage: InvokedStage, size: int) -> None:
    publish(stage, geography=size)
    body = {"sources": [{"category": "geography"}]}

    assert stage.call("startSession", body).cost == START_SESSION
    keyed = stage.call("startSession", body, headers={"Idempotency-Key": "k"})
    assert keyed.cost == START_SESSION_WITH_KEY


def test_statistics_of_a_category_take_a_call_for_a_hundred_questions(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 250))
    statistics = stage.admin("getCategoryStatistics", path={"category": "geography"})
    assert statistics.status == 200
    # The registry, a megabyte of the index at most, and three batches of tallies.
    assert statistics.cost[0] <= 1 + 1 + 3


def test_working_an_entry_off_costs_what_lowering_it_does(stage: InvokedStage) -> None:
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


def test_the_head_is_refilled_by_one_query_in_sixteen_draws(stage: InvokedStage) -> None:
    session = begun(stage, 10)
    store(stage, with_pool(session, seeded(stage, session, 60), wrong_answer_percentage=100))

    replies = list(play(stage, session.session_id, "r" * 60))

    refills = [reply.cost for reply in replies if reply.cost[0] > POOL_CHANGES.round_trips]
    assert refills
    assert len(refills) <= 2 * 60 / HEAD_CAPACITY
    # 16 entries of some 200 bytes, strongly consistent: 4 KB a unit.
    assert all(within(cost, REFILLED) for cost in refills)
    others = {reply.cost for reply in replies} - set(refills)
    assert others == {POOL_CHANGES, both(POOL_CHANGES, BEYOND_HEAD)}


def test_questions_not_in_memory_cost_one_more_call(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 50))
    session = stage.start({"category": "geography"}, percentage=0)
    shown = stage.question(session)["question"]
    stage.forget_questions()

    # The question asked and the one after it are read together.
    trips, units, _ = QUESTIONS_NOT_IN_MEMORY
    assert stage.answer(session, shown).cost == (
        FRESH_AND_RIGHT.round_trips + trips,
        FRESH_AND_RIGHT.read_units + 2 * units,
        FRESH_AND_RIGHT.write_units,
    )


def test_a_question_read_five_seconds_ago_is_read_again_with_the_session(
    stage: InvokedStage,
) -> None:
    stage.save(*drafts("geography", 50))
    session = stage.start({"category": "geography"}, percentage=0)
    shown = stage.question(session)["question"]
    # The next question is in memory too.
    stage.services.bank.get(f"geography:{number:06d}" for number in range(50))
    stage.clock.advance(5_000)

    trips, reads, writes = QUESTION_DUE
    assert stage.answer(session, shown).cost == (
        FRESH_AND_RIGHT.round_trips + trips,
        FRESH_AND_RIGHT.read_units + reads,
        FRESH_AND_RIGHT.write_units + writes,
    )


def test_a_session_item_fits_in_one_kilobyte() -> None:
    names = ["aws-cloud-practitioner", "science-technology", "religion-faith"]
    session = busiest(names, "n" * 40, pool_entries=5_000)._replace(
        time_zone=code_of("Europe/Vienna")
    )
    assert len(session.pool.head) == HEAD_CAPACITY
    assert item_bytes(item_from_session(session)) <= SESSION_ITEM_BYTES
    assert item_bytes(item_from_session(both_queues_deep(session))) <= SESSION_ITEM_BYTES


def test_a_session_item_fits_in_two_kilobytes_at_the_extremes_of_the_contract() -> None:
    names = [f"{number}{'c' * 47}" for number in range(8)]
    session = busiest(names, "\N{BRAIN}" * 80, pool_entries=5_000)
    session = session._replace(time_zone=code_of("Europe/Vienna"))
    for each in (session, both_queues_deep(session)):
        assert item_bytes(item_from_session(each)) <= SESSION_ITEM_BYTES_AT_THE_EXTREMES


@pytest.mark.slow
@pytest.mark.parametrize("pending", PENDING[1:])
def test_answers_of_a_spaced_session_cost_the_same_with_any_number_pending(
    stage: InvokedStage, pending: int
) -> None:
    owner = begun(stage, 10)
    entries = seeded(stage, owner, pending)[:pending]
    spaced = with_pool(owner, entries, spacing=Spacing(first_lag=1, second_lag=9, share=100))
    store(stage, spaced)
    # Reviews: lowered, lowered, missed and put right again, lowered.
    found = costs(play(stage, owner.session_id, "rrwrr"))
    # The new entry of the missed question is queued beyond the head.
    again = both(POOL_ENTRY_STARTS_AGAIN, BEYOND_HEAD)
    assert found == [POOL_CHANGES, POOL_CHANGES, WRONG, again, POOL_CHANGES]


def test_a_deep_spaced_pool_is_worked_off_with_a_refill_in_eight_draws(stage: InvokedStage) -> None:
    session = begun(stage, 1)
    session = session._replace(
        sources=tuple(source._replace(left=0) for source in session.sources),
        spacing=Spacing(first_lag=2, second_lag=30, share=100),
    )
    owed = seeded(stage, session, 60 - SPARE)
    stage.services.database.call(
        "put_item",
        TableName=stage.services.sessions.name,
        Item=item_from_session(
            advance(with_pool(session, owed), stage.services.bank.get, lambda _: ((), True)).session
        ),
    )

    shown, replies = stage.question(session.session_id)["question"], []
    while shown:
        replies.append(stage.answer(session.session_id, shown))
        shown = replies[-1].body["question"]

    assert len(replies) == 120
    refills = [reply for reply in replies if reply.cost[0] > POOL_CHANGES.round_trips]
    assert 0 < len(refills) <= 120 / 8
    others = {reply.cost for reply in replies if reply not in refills}
    # An entry may leave the part beyond the head of one queue and enter that of the other.
    one = both(POOL_CHANGES, BEYOND_HEAD)
    assert others <= {POOL_CHANGES, one, both(one, BEYOND_HEAD)}
    assert replies[-1].body["nextAction"] == "SESSION_COMPLETED"


def test_multiple_choice_questions_cost_no_more(stage: InvokedStage) -> None:
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
