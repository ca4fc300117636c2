"""Which question comes next: retired and missing ones, refills of the head, looking ahead."""

import pytest

from domain.errors import NoCurrentTurnError
from domain.question import question_id
from domain.session.drawing import (
    FreshDraw,
    PoolDraw,
    RefillNeeded,
    expected_next,
    next_draw,
    refill,
)
from domain.session.engine import answer
from domain.session.pool import HEAD_CAPACITY, Pool, Queue
from domain.session.replay import Replay, Submission
from domain.session.state import Status, Turn, progress_of
from tests.unit.domain.builders import (
    START,
    Learner,
    bank,
    entry,
    question,
    seeded,
    session,
    source,
)
from tests.unit.domain.drawing import Store, in_drawing_order, right_answer, with_pool

# Presenting


def test_a_drawn_question_is_shown_as_the_next_turn_with_its_version() -> None:
    store = Store({"geo:000000": question(version=7)})

    advanced = store.advance(session(source("geo", 1)))

    turn = advanced.session.turn
    assert turn is not None
    assert (turn.question_id, turn.version, turn.from_pool, turn.missed) == (
        "geo:000000",
        7,
        False,
        False,
    )
    assert advanced.question == question(version=7)
    assert (advanced.session.turns, advanced.session.presented) == (1, 1)
    assert advanced.session.fresh_left == 0


def test_a_draw_of_a_stored_question_fetches_that_one_alone() -> None:
    store = Store(bank(geo=50))
    advanced = store.advance(session(source("geo", 50)))
    assert advanced.question is not None
    assert store.fetched == [(advanced.question.question_id,)]


def test_a_source_asks_no_more_than_it_was_told() -> None:
    learner = Learner(session(source("geo", 30, 4), source("art", 30, 2)), bank(geo=30, art=30))
    asked = []
    while not learner.over:
        asked.append(learner.question.question_id[:3])
        learner.right()

    assert sorted(asked) == ["art"] * 2 + ["geo"] * 4


# The pool's side


def test_next_draw_asks_for_a_refill_when_the_head_is_empty_and_the_total_is_not() -> None:
    empty_head = session(percentage=100)._replace(
        pool=Pool(Queue(entries=3, tries=6, mark=entry(5).key))
    )
    assert next_draw(empty_head) == RefillNeeded(entry(5).key, HEAD_CAPACITY)


def test_next_draw_asks_for_a_refill_when_the_head_holds_only_the_question_just_shown() -> None:
    store = Store(bank(geo=40), [entry(number) for number in range(1, 31)])
    begun = session(source("geo", 40), percentage=100)
    shown = Turn(question_id="geo:000016", version=1, order=(0, 1, 2, 3), from_pool=True)
    alone = Pool(Queue(head=(entry(16),), entries=15, tries=30, mark=entry(16).key))
    left = right_answer(begun._replace(turns=1, turn=shown, pool=alone), question("geo:000016"))
    store.entries = [entry(16, tries=1), *store.entries[16:]]

    draw = next_draw(left)
    advanced = store.advance(left)

    assert draw == RefillNeeded(entry(16).key, HEAD_CAPACITY - 1)
    assert store.refills == [draw]
    assert advanced.question == question("geo:000017")
    assert advanced.session.pool.head[0] == entry(16, tries=1)._replace(turn=1)


def test_a_fresh_draw_never_asks_for_a_refill() -> None:
    empty_head = session(percentage=0)._replace(
        pool=Pool(Queue(entries=3, tries=6, mark=entry(5).key))
    )
    assert isinstance(next_draw(empty_head), FreshDraw)


def test_a_refill_that_finds_the_pool_lost_turns_to_the_fresh_side() -> None:
    store = Store(bank(geo=3))
    lost = session(percentage=100)._replace(pool=Pool(Queue(entries=3, tries=6, mark=entry(5).key)))

    advanced = store.advance(lost)

    assert advanced.session.turn is not None
    assert not advanced.session.turn.from_pool
    assert advanced.session.pool == Pool()
    assert progress_of(advanced.session).answers_left == 3


def test_a_refill_that_finds_the_pool_lost_completes_a_session_without_fresh_questions() -> None:
    begun = session(source("geo", 1), percentage=100)
    lost = begun._replace(
        sources=(begun.sources[0]._replace(left=0),),
        pool=Pool(Queue(entries=3, tries=6, mark=entry(5).key)),
    )

    assert Store({}).advance(lost).session.status is Status.COMPLETED


def test_refill_joins_what_was_read_to_the_sessions_pool() -> None:
    begun = session()._replace(pool=Pool(Queue(entries=2, tries=4, mark=entry(5).key)))
    read = RefillNeeded(entry(5).key, HEAD_CAPACITY)
    refilled = refill(begun, read, [entry(6), entry(7)], exhausted=True)
    assert refilled.pool.head == (entry(6), entry(7))


def test_a_deep_pool_is_read_once_in_some_sixteen_of_its_draws() -> None:
    entries = [entry(number, tries=1) for number in range(1, 401)]
    store = Store(bank(geo=401), entries)
    begun = session(source("geo", 401))
    state = with_pool(begun._replace(sources=(begun.sources[0]._replace(left=0),)), *entries)
    draws = 0
    while (advanced := store.advance(state)).question is not None:
        draws += 1
        state = right_answer(advanced.session, advanced.question)

    assert draws == 400
    assert len(store.refills) == 400 // HEAD_CAPACITY - 1


@pytest.mark.parametrize(("percentage", "side"), [(0, FreshDraw), (100, PoolDraw)])
def test_the_percentages_at_both_ends_leave_nothing_to_chance(
    percentage: int, side: type[FreshDraw] | type[PoolDraw]
) -> None:
    for number in range(200):
        begun = session(source("geo", 9), percentage=percentage, seed=seeded(number))
        assert isinstance(next_draw(with_pool(begun, entry(1), entry(2))), side)


# The hint


def test_the_next_question_is_known_before_a_right_first_try() -> None:
    learner = Learner(session(source("geo", 12), percentage=0), bank(geo=12))
    while learner.session.fresh_left:
        hint = expected_next(learner.session)
        learner.right()
        assert learner.question.question_id == hint


def test_the_hint_never_names_the_question_on_screen_while_another_is_available() -> None:
    learner = Learner(session(source("geo", 2), percentage=100), bank(geo=2))
    first, second = learner.wrong_then_right(), learner.wrong_then_right()

    assert learner.question.question_id == first
    assert expected_next(learner.session) == second


def test_no_next_question_is_known_at_the_end() -> None:
    learner = Learner(session(source("geo", 1)), bank(geo=1))
    assert expected_next(learner.session) is None
    learner.right()
    assert expected_next(learner.session) is None


def test_the_hint_is_silent_when_the_pool_would_have_to_be_read() -> None:
    learner = Learner(session(source("geo", 3), percentage=100), bank(geo=3))
    deep = learner.session._replace(pool=Pool(Queue(entries=3, tries=6, mark=entry(5).key)))
    assert expected_next(deep) is None


# Replay


def test_replay_goes_on_with_a_question_already_on_screen() -> None:
    learner = Learner(session(), bank(geo=3))
    again = Replay(learner.session, bank(geo=3))

    assert again.session == learner.session
    assert again.question == learner.question


def test_replay_refuses_a_question_on_screen_that_the_bank_has_not() -> None:
    learner = Learner(session(), bank(geo=3))
    with pytest.raises(KeyError):
        Replay(learner.session, {})


def test_an_answer_after_the_end_is_refused() -> None:
    learner = Learner(session(source("geo", 1)), bank(geo=1))
    learner.right()
    with pytest.raises(NoCurrentTurnError):
        learner.choose({0})
    with pytest.raises(NoCurrentTurnError):
        answer(learner.session, question(), frozenset({0}), now=START)


def test_replay_plays_a_review_session_that_begins_with_a_filled_pool() -> None:
    begun = session(source("geo", 3))
    review = begun._replace(sources=(begun.sources[0]._replace(left=0),), presented=1, answered=1)
    learner = Learner(with_pool(review, entry(1, tries=1)), bank(geo=3))

    assert learner.finish() == 1


def test_replay_reports_the_time_spent() -> None:
    begun = Replay(session(), bank(geo=3))
    answered = begun.submit(Submission(selected=frozenset({0}), at=START, time_spent=321))
    assert answered.progress.time_spent == 321


def test_ordinals_drawn_are_those_published_when_the_session_began() -> None:
    assert set(in_drawing_order(session(source("geo", 7)), 50)) == {
        question_id("geo", ordinal) for ordinal in range(7)
    }
