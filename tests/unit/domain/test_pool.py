"""The wrong-answer pool of a session: a bounded head and two totals."""

import pytest

from domain.session.pool import HEAD_CAPACITY, PoolEntry, Queue
from tests.unit.domain.builders import Learner, bank, entry, session, source


def filled(count: int) -> Queue:
    pool = Queue()
    for number in range(1, count + 1):
        pool = pool.added(entry(number))
    return pool


def read_newer(pool: Queue, table: list[PoolEntry]) -> Queue:
    """Refill as the store does: entries newer than the mark, up to what the head has room for."""
    newer = [each for each in table if pool.mark is None or each.key > pool.mark]
    room = HEAD_CAPACITY - len(pool.head)
    return pool.refilled(newer[:room], exhausted=len(newer) <= room)


def test_the_head_holds_the_oldest_sixteen_and_the_totals_count_all() -> None:
    pool = filled(40)

    assert [each.queued_at for each in pool.head] == list(range(1, HEAD_CAPACITY + 1))
    assert (pool.entries, pool.tries, pool.beyond_head) == (40, 80, 24)
    assert pool.mark == entry(HEAD_CAPACITY).key


def test_a_pool_that_fits_its_head_needs_no_mark() -> None:
    pool = filled(HEAD_CAPACITY)
    assert (pool.mark, pool.beyond_head) == (None, 0)


def test_an_entry_beyond_the_head_never_jumps_into_the_room_of_one_that_left() -> None:
    pool = filled(17).removed(entry(1)).removed(entry(2)).added(entry(99))

    assert [each.queued_at for each in pool.head] == list(range(3, HEAD_CAPACITY + 1))
    assert pool.beyond_head == 2
    assert pool.mark == entry(HEAD_CAPACITY).key


def test_a_refill_joins_the_entries_newer_than_the_mark_in_order() -> None:
    table = [entry(number) for number in range(1, 41)]
    pool = filled(40)
    for number in range(1, 16):
        pool = pool.removed(entry(number))
    assert pool.head == (entry(16),)

    pool = read_newer(pool, table)

    assert pool.head == tuple(entry(number) for number in range(16, 32))
    assert (pool.mark, pool.entries, pool.beyond_head) == (entry(31).key, 25, 9)


def test_the_mark_goes_when_a_refill_brings_the_last_entries() -> None:
    table = [entry(number) for number in range(1, 20)]
    pool = filled(19)
    for number in range(1, 17):
        pool = pool.removed(entry(number))

    pool = read_newer(pool, table)

    assert pool == Queue(head=(entry(17), entry(18), entry(19)), entries=3, tries=6)
    assert pool.added(entry(20)).head[-1] == entry(20), "there is room in the head again"


def test_a_refill_takes_entries_found_in_any_order_and_none_it_holds_already() -> None:
    pool = Queue(head=(entry(3),), entries=4, tries=8, mark=entry(3).key)

    pool = pool.refilled([entry(6), entry(2), entry(3), entry(5), entry(4)], exhausted=True)

    assert pool.head == (entry(3), entry(4), entry(5), entry(6))
    assert (pool.entries, pool.tries, pool.mark) == (4, 8, None)


def test_the_mark_goes_when_all_that_is_counted_was_found_though_the_table_may_hold_more() -> None:
    pool = Queue(head=(entry(3),), entries=3, tries=6, mark=entry(3).key)

    pool = pool.refilled([entry(4), entry(5)], exhausted=False)

    assert pool == Queue(head=(entry(3), entry(4), entry(5)), entries=3, tries=6)


def test_entries_lost_by_other_hands_leave_the_totals_when_a_refill_finds_no_more() -> None:
    pool = Queue(head=(entry(3, tries=1),), entries=9, tries=17, mark=entry(3).key)

    pool = pool.refilled([entry(5), entry(8, tries=1)], exhausted=True)

    assert pool == Queue(head=(entry(3, 1), entry(5), entry(8, 1)), entries=3, tries=4)


def test_a_pool_lost_as_a_whole_becomes_empty() -> None:
    pool = Queue(head=(), entries=5, tries=10, mark=entry(3).key)
    assert pool.refilled([], exhausted=True) == Queue()


def test_totals_stay_while_the_table_holds_more_than_was_found() -> None:
    pool = Queue(head=(entry(3),), entries=30, tries=60, mark=entry(3).key)

    pool = pool.refilled([entry(number) for number in range(4, 19)], exhausted=False)

    assert (len(pool.head), pool.entries, pool.tries) == (HEAD_CAPACITY, 30, 60)
    assert pool.mark == entry(18).key


def test_more_entries_than_the_head_holds_are_cut_though_the_table_was_read_to_its_end() -> None:
    pool = Queue(head=(entry(1),), entries=20, tries=40, mark=entry(1).key)

    pool = pool.refilled([entry(number) for number in range(2, 21)], exhausted=True)

    assert pool.head == tuple(entry(number) for number in range(1, 17))
    assert (pool.entries, pool.tries, pool.mark) == (20, 40, entry(16).key)


def test_a_refill_that_finds_nothing_yet_keeps_the_mark() -> None:
    pool = Queue(head=(), entries=5, tries=10, mark=entry(3).key)
    assert pool.refilled([], exhausted=False) == pool


def test_lowering_takes_one_try_off_one_entry_and_leaves_its_place() -> None:
    pool = filled(3).lowered(entry(2).lowered(turn=9))

    assert pool.head == (entry(1), entry(2, tries=1)._replace(turn=9), entry(3))
    assert (pool.entries, pool.tries) == (3, 5)


def test_removing_takes_off_the_tries_the_entry_owed() -> None:
    pool = filled(2).lowered(entry(1).lowered(turn=9)).removed(entry(1, tries=1))
    assert pool == Queue(head=(entry(2),), entries=1, tries=2)


def test_an_entry_is_found_by_its_question_in_the_head_alone() -> None:
    pool = filled(17)
    assert pool.entry("geo:000016") == entry(16)
    assert pool.entry("geo:000017") is None


def test_the_oldest_entry_of_another_question_is_the_second_when_the_first_is_excluded() -> None:
    pool = filled(2)
    assert pool.oldest(None) == entry(1)
    assert pool.oldest("geo:000001") == entry(2)
    assert filled(1).oldest("geo:000001") is None


# Clocks


def test_two_wrong_answers_in_one_millisecond_are_two_entries_in_order() -> None:
    learner = Learner(session(source("geo", 3), percentage=0), bank(geo=3))

    missed = [learner.wrong_then_right(at=5_000) for _ in range(3)]

    assert [each.question_id for each in learner.replay.entries] == missed
    assert [each.queued_at for each in learner.replay.entries] == [5_000, 5_001, 5_002]


def test_entries_stay_in_order_when_the_clock_steps_back() -> None:
    learner = Learner(session(source("geo", 3), percentage=0), bank(geo=3))

    missed = [learner.wrong_then_right(at=at) for at in (9_000, 4_000, 9_001)]

    assert [each.question_id for each in learner.session.pool.head] == missed
    assert [each.queued_at for each in learner.session.pool.head] == [9_000, 9_001, 9_002]


def test_a_pool_question_started_again_by_a_slow_clock_still_goes_to_the_end() -> None:
    learner = Learner(session(source("geo", 2), percentage=0), bank(geo=2))
    first, second = (learner.wrong_then_right(at=9_000) for _ in range(2))

    assert learner.question.question_id == first
    learner.wrong_then_right(at=1)

    assert [each.question_id for each in learner.replay.entries] == [second, first]


# Deep pools


@pytest.mark.parametrize("percentage", [0, 20, 60])
def test_a_pool_deeper_than_the_head_is_worked_off_to_its_last_entry(percentage: int) -> None:
    learner = Learner(session(source("geo", 60), percentage=percentage), bank(geo=60))
    shown = 0
    while shown < 60:
        shown += not learner.turn.from_pool
        learner.wrong_then_right()

    assert learner.session.pool.beyond_head >= 60 - HEAD_CAPACITY
    assert learner.progress.penalty_indicator == "(+60 Questions @ 120 Tries)"
    assert learner.finish() == 120
    assert learner.progress.mastered == 60
