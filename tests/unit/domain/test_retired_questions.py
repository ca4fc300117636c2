"""Retired and missing questions: replaced by others of their source, or taken out of the totals."""

from collections.abc import Mapping

import pytest

from domain.question import Question
from domain.session.drawing import (
    MAX_LOOKAHEAD,
    FreshDraw,
    advance,
    following,
    next_draw,
    skip,
    withdraw,
)
from domain.session.effects import EntryRemoved
from domain.session.pool import HEAD_CAPACITY, Pool, PoolEntry
from domain.session.state import Session, Status, progress_of
from tests.unit.domain.builders import (
    START,
    Learner,
    bank,
    entry,
    question,
    session,
    source,
)
from tests.unit.domain.drawing import Store, in_drawing_order, right_answer, with_pool


def retired(*identifiers: str) -> dict[str, Question]:
    return {identifier: question(identifier, retired=True) for identifier in identifiers}


# Retired


@pytest.mark.parametrize("gone", ["retired", "missing"])
def test_a_retired_fresh_question_is_replaced_by_the_next_of_its_source(gone: str) -> None:
    begun = session(source("geo", 6, 3))
    planned = in_drawing_order(session(source("geo", 6)), 6)
    questions = bank(geo=6)
    if gone == "retired":
        questions |= retired(planned[0], planned[2])
    else:
        del questions[planned[0]], questions[planned[2]]
    learner = Learner(begun, questions)
    assert learner.progress.total_questions == 3

    asked = []
    while not learner.over:
        asked.append(learner.question.question_id)
        learner.right()

    assert asked == [planned[1], planned[3], planned[4]]
    assert (learner.progress.total_questions, learner.progress.mastered) == (3, 3)


def test_the_totals_go_down_when_the_source_has_none_to_spare() -> None:
    planned = in_drawing_order(session(source("geo", 4)), 4)
    learner = Learner(session(source("geo", 4)), bank(geo=4) | retired(planned[1], planned[3]))
    assert learner.progress.total_questions == 4
    assert learner.question.question_id == planned[0]

    learner.right()
    assert learner.question.question_id == planned[2]
    assert (learner.progress.total_questions, learner.progress.answers_left) == (3, 2)
    learner.right()

    assert learner.over
    assert (learner.progress.total_questions, learner.progress.mastered) == (2, 2)


def test_the_totals_stay_while_the_source_can_spare_what_was_retired() -> None:
    begun = session(source("geo", 3, 2))
    draw = next_draw(begun)
    assert isinstance(draw, FreshDraw)

    once = skip(begun, draw)
    twice = skip(once, next_fresh(once))

    assert [state.fresh_left for state in (begun, once, twice)] == [2, 2, 1]


def next_fresh(begun: Session) -> FreshDraw:
    draw = next_draw(begun)
    assert isinstance(draw, FreshDraw)
    return draw


def test_a_source_retired_as_a_whole_completes_the_session() -> None:
    store = Store(retired(*bank(geo=40)))

    advanced = store.advance(session(source("geo", 40)))

    assert advanced.question is None
    assert advanced.session.status is Status.COMPLETED
    assert progress_of(advanced.session).total_questions == 0


def test_another_source_goes_on_when_one_is_retired_as_a_whole() -> None:
    questions = retired(*bank(geo=9)) | bank(art=2)
    learner = Learner(session(source("geo", 9), source("art", 2)), questions)

    assert learner.finish() == 2
    assert learner.progress.mastered == learner.progress.total_questions == 2


def test_each_retired_question_met_doubles_how_many_are_fetched_together() -> None:
    store = Store({})
    store.advance(session(source("geo", 400)))

    sizes = [len(identifiers) for identifiers in store.fetched]
    assert sizes[:8] == [1, 2, 4, 8, 16, 32, 64, 100]
    assert max(sizes) == 1 + MAX_LOOKAHEAD == 100


def test_what_is_fetched_ahead_is_what_the_session_steps_to() -> None:
    begun = session(source("geo", 120))
    planned = in_drawing_order(begun, 120)
    store = Store({})

    store.advance(begun)

    assert {each for identifiers in store.fetched for each in identifiers} == set(planned)
    for identifiers in store.fetched:
        first = planned.index(identifiers[0])
        assert list(identifiers) == planned[first : first + len(identifiers)]


def test_a_source_retired_as_a_whole_costs_few_calls() -> None:
    questions = retired(*bank(geo=400))
    known: set[str] = set()
    calls = 0

    def fetch_what_is_not_cached(identifiers: tuple[str, ...]) -> Mapping[str, Question]:
        nonlocal calls
        calls += not known.issuperset(identifiers)
        known.update(identifiers)
        return {each: questions[each] for each in identifiers}

    advance(session(source("geo", 400)), fetch_what_is_not_cached, lambda _: ((), True))

    assert calls <= 12


def test_deleted_questions_of_the_pool_are_fetched_together() -> None:
    pool = Pool()
    for number in range(HEAD_CAPACITY):
        pool = pool.added(entry(number))
    begun = session(source("geo", 20))._replace(pool=pool)
    begun = begun._replace(sources=(begun.sources[0]._replace(left=0, cursor=20),))
    last = f"geo:{HEAD_CAPACITY - 1:06d}"
    store = Store({last: question(last)})

    advanced = store.advance(begun)

    assert advanced.question == question(last)
    assert len(advanced.removed) == HEAD_CAPACITY - 1
    assert [len(each) for each in store.fetched] == [1, 2, 4, 8, 1]


def test_looking_ahead_stops_at_the_end_of_the_source() -> None:
    begun = session(source("geo", 3))
    draw = next_fresh(begun)

    assert len(following(begun, draw, 1)) == 1
    assert sorted((draw.question_id, *following(begun, draw, 99))) == sorted(bank(geo=3))
    assert following(begun, draw, 0) == ()


def test_a_question_retired_while_in_the_pool_is_still_asked() -> None:
    questions = bank(geo=1)
    learner = Learner(session(source("geo", 1)), questions)
    learner.wrong()
    questions |= retired("geo:000000")
    learner.right()

    assert learner.question.retired
    assert learner.turn.from_pool
    assert learner.finish() == 2
    assert learner.progress.mastered == 1


def test_a_pool_question_that_is_missing_altogether_goes_with_its_entry() -> None:
    learner = Learner(session(source("geo", 2), percentage=0), bank(geo=2))
    first = learner.wrong_then_right()
    second = learner.question.question_id
    learner.wrong()
    left = right_answer(learner.session, learner.question)
    store = Store({second: question(second)})

    advanced = store.advance(left)

    assert advanced.removed == (EntryRemoved(PoolEntry(START + 2000, first, turn=2)),)
    assert advanced.question == question(second)
    assert (advanced.session.pool.entries, advanced.session.pool.tries) == (1, 2)


def test_a_session_whose_whole_pool_is_missing_completes() -> None:
    store = Store({}, [entry(1), entry(2)])
    begun = session(source("geo", 3))
    emptied = begun._replace(sources=(begun.sources[0]._replace(left=0),))

    advanced = store.advance(with_pool(emptied, entry(1), entry(2)))

    assert advanced.session.status is Status.COMPLETED
    assert advanced.session.pool == Pool()
    assert set(advanced.removed) == {EntryRemoved(entry(1)), EntryRemoved(entry(2))}


def test_replay_forgets_the_entry_of_a_question_that_is_missing() -> None:
    questions = bank(geo=2)
    learner = Learner(session(source("geo", 2), percentage=0), questions)
    missed = learner.wrong_then_right()
    del questions[missed]

    learner.right()

    assert learner.over
    assert learner.replay.entries == ()


# Withdrawn from the screen


def test_a_fresh_question_withdrawn_from_the_screen_leaves_the_totals() -> None:
    learner = Learner(session(source("geo", 3)), bank(geo=3))
    gone = learner.question.question_id

    withdrawn, removed = withdraw(learner.session)
    advanced = Store(bank(geo=3)).advance(withdrawn)

    assert removed == ()
    assert withdrawn.turn is None
    assert advanced.question is not None
    assert advanced.question.question_id != gone
    assert (advanced.session.turns, advanced.session.presented) == (2, 1)
    assert progress_of(advanced.session).total_questions == 2
    assert progress_of(advanced.session).answers_left == 2


def test_a_missed_question_withdrawn_from_the_screen_is_owed_no_more() -> None:
    learner = Learner(session(source("geo", 3)), bank(geo=3))
    learner.wrong()

    withdrawn, _ = withdraw(learner.session)

    assert progress_of(withdrawn).penalty_indicator == ""
    assert progress_of(withdrawn).answers_left == 2


def test_a_pool_question_withdrawn_from_the_screen_takes_its_entry_along() -> None:
    learner = Learner(session(source("geo", 1)), bank(geo=1))
    learner.wrong_then_right()
    (queued,) = learner.replay.entries

    withdrawn, removed = withdraw(learner.session)

    assert removed == (EntryRemoved(queued),)
    assert withdrawn.pool == Pool()
    assert withdrawn.presented == 1, "it was shown as new once"
    assert next_draw(withdrawn) is None
