"""Which question comes next: retired and missing ones, refills of the head, looking ahead."""

from collections.abc import Iterable, Mapping

import pytest

from domain.errors import NoCurrentTurnError
from domain.question import Question, question_id
from domain.session.drawing import (
    MAX_LOOKAHEAD,
    Advanced,
    FreshDraw,
    NothingLeft,
    PoolDraw,
    RefillNeeded,
    advance,
    expected_next,
    following,
    next_draw,
    refill,
    skip,
    withdraw,
)
from domain.session.effects import EntryRemoved
from domain.session.engine import answer
from domain.session.pool import HEAD_CAPACITY, Pool, PoolEntry, Queue
from domain.session.replay import Replay, Submission
from domain.session.state import Session, Status, Turn, progress_of
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


class Store:
    """A bank and a pool that remember what was asked of them."""

    def __init__(
        self, questions: Mapping[str, Question], entries: Iterable[PoolEntry] = ()
    ) -> None:
        self.questions = dict(questions)
        self.entries = sorted(entries)
        self.fetched: list[tuple[str, ...]] = []
        self.refills: list[RefillNeeded] = []

    def fetch(self, identifiers: tuple[str, ...]) -> Mapping[str, Question]:
        self.fetched.append(identifiers)
        return {each: self.questions[each] for each in identifiers if each in self.questions}

    def read_pool(self, needed: RefillNeeded) -> tuple[list[PoolEntry], bool]:
        self.refills.append(needed)
        assert len(self.refills) < 100, "the pool is read on and on"
        newer = [each for each in self.entries if needed.after is None or each.key > needed.after]
        return newer[: needed.limit], len(newer) <= needed.limit

    def advance(self, begun: Session) -> Advanced:
        return advance(begun, self.fetch, self.read_pool)


def retired(*identifiers: str) -> dict[str, Question]:
    return {identifier: question(identifier, retired=True) for identifier in identifiers}


def in_drawing_order(begun: Session, size: int) -> list[str]:
    """Return the ids of a one-source session in the order they will be drawn."""
    learner = Learner(begun, bank(geo=size))
    ids = []
    while not learner.over:
        ids.append(learner.question.question_id)
        learner.right()
    return ids


def right_answer(shown: Session, asked: Question) -> Session:
    return answer(shown, asked, asked.correct_choices, now=START + 1).session


def with_pool(begun: Session, *entries: PoolEntry) -> Session:
    pool = Pool()
    for each in sorted(entries):
        pool = pool.added(each)
    return begun._replace(pool=pool)


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
    assert isinstance(next_draw(withdrawn), NothingLeft)


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
