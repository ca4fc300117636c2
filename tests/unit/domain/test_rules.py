"""The nine rules of the engine, one by one, on banks small enough to follow by eye."""

from itertools import pairwise

import pytest

from domain.session.drawing import PoolDraw, next_draw
from domain.session.effects import EntryRemoved, EntrySaved
from domain.session.engine import answer
from domain.session.replay import Submission, replay
from domain.session.state import Outcome, Status
from tests.unit.domain.builders import (
    START,
    Learner,
    bank,
    question,
    seeded,
    session,
    shown_ids,
    source,
    wrong_choices,
)


def one_question(percentage: int = 20) -> Learner:
    return Learner(session(source("geo", 1), percentage=percentage), bank(geo=1))


# Rule 1


def test_a_wrong_answer_brings_the_same_question_back_at_once_in_another_order() -> None:
    learner = Learner(session(), bank(geo=3))
    before = learner.turn

    answered = learner.wrong()

    assert answered.outcome is Outcome.WRONG
    assert learner.turn.question_id == before.question_id
    assert learner.session.turns == 2
    assert learner.turn.order != before.order
    assert sorted(learner.turn.order) == sorted(before.order)


def test_a_wrong_answer_is_owed_at_once_but_not_queued_until_it_is_put_right() -> None:
    learner = Learner(session(), bank(geo=3))

    answered = learner.wrong()

    assert learner.progress.penalty_indicator == "(+1 Question @ 2 Tries)"
    assert answered.pool_changes == ()
    assert learner.replay.entries == ()
    assert learner.session.pool.entries == 0


def test_missing_it_again_and_again_owes_no_more_and_reshuffles_every_time() -> None:
    learner = one_question()
    orders = [learner.turn.order]

    for _ in range(6):
        learner.wrong()
        orders.append(learner.turn.order)

    assert all(order != following for order, following in pairwise(orders))
    assert learner.progress.penalty_indicator == "(+1 Question @ 2 Tries)"
    assert learner.progress.wrong_answers == 6


# Rule 2


def test_right_after_wrong_queues_the_question_with_two_tries_at_that_moment() -> None:
    learner = Learner(session(percentage=0), bank(geo=3))
    missed = learner.question.question_id
    learner.wrong()
    order = learner.turn.order

    answered = learner.right(at=START + 5)

    (queued,) = answered.pool_changes
    assert answered.outcome is Outcome.QUEUED
    assert isinstance(queued, EntrySaved)
    assert queued.new
    assert queued.order == order
    (entry,) = learner.replay.entries
    assert (entry.question_id, entry.queued_at, entry.remaining_tries) == (missed, START + 5, 2)


def test_a_pool_question_missed_again_starts_again_with_two_tries_and_a_new_timestamp() -> None:
    learner = one_question()
    learner.wrong_then_right()
    learner.right()
    (lowered,) = learner.replay.entries
    assert lowered.remaining_tries == 1

    learner.wrong()
    assert learner.progress.penalty_indicator == "(+1 Question @ 2 Tries)"
    answered = learner.right()

    (entry,) = learner.replay.entries
    removed, queued = answered.pool_changes
    assert removed == EntryRemoved(lowered)
    assert isinstance(queued, EntrySaved)
    assert queued.new
    assert queued.entry == entry
    assert answered.outcome is Outcome.QUEUED
    assert entry.remaining_tries == 2
    assert entry.queued_at > lowered.queued_at


# Rule 3


def test_a_pool_question_is_mastered_by_two_right_first_tries_and_keeps_its_timestamp() -> None:
    learner = one_question()
    learner.wrong_then_right()
    (queued,) = learner.replay.entries

    first = learner.right()
    (lowered,) = learner.replay.entries
    second = learner.right()

    assert first.outcome is Outcome.LOWERED
    (change,) = first.pool_changes
    assert isinstance(change, EntrySaved)
    assert not change.new
    assert (lowered.key, lowered.remaining_tries) == (queued.key, 1)
    assert second.outcome is Outcome.MASTERED
    assert second.pool_changes == (EntryRemoved(lowered),)
    assert learner.replay.entries == ()
    assert learner.progress.mastered == 1


# Rule 4


def test_a_fresh_question_right_at_first_try_is_mastered_and_asked_no_more() -> None:
    learner = Learner(session(), bank(geo=3))
    mastered = learner.question.question_id

    answered = learner.right()

    assert answered.outcome is Outcome.MASTERED
    assert answered.pool_changes == ()
    assert learner.progress.mastered == 1
    later = set()
    while not learner.over:
        later.add(learner.question.question_id)
        learner.right()
    assert mastered not in later


# Rule 5


def test_the_oldest_pool_entry_comes_first_at_a_hundred_percent() -> None:
    learner = Learner(session(source("geo", 4), percentage=100), bank(geo=4))
    first = learner.wrong_then_right()
    second = learner.wrong_then_right()
    assert second != first, "the only entry was just shown, so a fresh one came"

    assert learner.turn.from_pool
    assert learner.question.question_id == first


def test_at_zero_percent_the_pool_waits_until_no_fresh_question_is_left() -> None:
    learner = Learner(session(source("geo", 4), percentage=0), bank(geo=4))
    missed = [learner.wrong_then_right() for _ in range(3)]
    last_fresh = learner.turn

    learner.right()

    assert not last_fresh.from_pool
    assert len({*missed, last_fresh.question_id}) == 4
    assert (learner.turn.from_pool, learner.turn.question_id) == (True, missed[0])


def test_the_second_oldest_comes_when_the_oldest_was_just_shown() -> None:
    learner = Learner(session(source("geo", 2), percentage=100), bank(geo=2))
    first, second = learner.wrong_then_right(), learner.wrong_then_right()
    assert learner.question.question_id == first

    learner.right()

    assert learner.session.pool.head[0].question_id == first, "it is the oldest still"
    assert learner.question.question_id == second


def test_a_fresh_question_comes_when_the_only_pool_entry_was_just_shown() -> None:
    learner = Learner(session(source("geo", 2), percentage=100), bank(geo=2))
    missed = learner.wrong_then_right()

    assert not learner.turn.from_pool
    assert learner.question.question_id != missed


def test_the_only_question_left_is_shown_twice_in_a_row() -> None:
    learner = one_question()
    missed = learner.wrong_then_right()

    assert learner.turn.from_pool
    assert learner.question.question_id == missed


def test_the_session_is_complete_when_both_sides_are_empty() -> None:
    learner = one_question()
    before = learner.session

    learner.right()

    assert (before.status, learner.session.status) == (Status.ACTIVE, Status.COMPLETED)
    assert learner.session.turn is None
    assert learner.over


# Rule 6


def test_the_indicator_counts_pool_entries_and_the_question_being_missed() -> None:
    learner = Learner(session(source("geo", 3), percentage=0), bank(geo=3))
    indicators = [learner.progress.penalty_indicator]
    learner.wrong()
    indicators.append(learner.progress.penalty_indicator)
    learner.right()
    learner.wrong()
    indicators.append(learner.progress.penalty_indicator)
    learner.right()
    learner.right()
    while not learner.over:
        learner.right()
        indicators.append(learner.progress.penalty_indicator)

    assert indicators == [
        "",
        "(+1 Question @ 2 Tries)",
        "(+2 Questions @ 4 Tries)",
        "(+2 Questions @ 3 Tries)",
        "(+2 Questions @ 2 Tries)",
        "(+1 Question @ 1 Try)",
        "",
    ]


def test_a_missed_pool_question_counts_as_one_owed_of_two_tries_not_as_two_owed() -> None:
    learner = one_question()
    learner.wrong_then_right()
    learner.right()
    assert learner.progress.penalty_indicator == "(+1 Question @ 1 Try)"

    learner.wrong()

    assert (learner.progress.wrong_pool_size, learner.progress.remaining_tries) == (1, 2)


# Rule 7


@pytest.mark.parametrize(
    ("selected", "outcome"),
    [
        ({1, 3}, Outcome.MASTERED),
        ({1}, Outcome.WRONG),
        ({1, 2, 3}, Outcome.WRONG),
        ({0, 2}, Outcome.WRONG),
        ({0, 1, 2, 3}, Outcome.WRONG),
    ],
)
def test_all_and_only_the_right_choices_are_right(selected: set[int], outcome: Outcome) -> None:
    asked = question(right=(1, 3))
    learner = Learner(session(source("geo", 1)), {asked.question_id: asked})

    assert learner.choose(selected).outcome is outcome


def test_the_ids_of_one_turn_mean_nothing_in_another() -> None:
    learner = one_question()
    ids: set[str] = set()
    for _ in range(20):
        shown = shown_ids(learner.session, learner.question)
        assert ids.isdisjoint(shown)
        assert {identifier[:7] for identifier in ids}.isdisjoint(i[:7] for i in shown)
        ids.update(shown)
        learner.wrong()
    assert len(ids) == 80


# Rule 8


def test_a_session_replays_byte_for_byte_from_its_seed_and_answers() -> None:
    def states(seed: bytes) -> list[str]:
        answers = [
            Submission(selected=frozenset({number % 4}), at=START + number) for number in range(40)
        ]
        begun = session(source("geo", 30, 20), seed=seed)
        return [repr(state) for state in replay(begun, bank(geo=30), answers)]

    assert states(seeded(1)) == states(seeded(1))
    assert states(seeded(1)) != states(seeded(2))


def test_two_sessions_of_different_seeds_share_neither_draws_nor_orders_nor_ids() -> None:
    one, two = (
        Learner(session(source("geo", 500, 30), percentage=0, seed=seeded(number)), bank(geo=500))
        for number in (1, 2)
    )
    draws: list[tuple[str, str]] = []
    orders: list[bool] = []
    for _ in range(30):
        draws.append((one.question.question_id, two.question.question_id))
        orders.append(one.turn.order == two.turn.order)
        assert set(shown_ids(one.session, one.question)).isdisjoint(
            shown_ids(two.session, two.question)
        )
        one.right()
        two.right()

    assert sum(first == second for first, second in draws) < 5
    assert sum(orders) < 10


# Rule 9


def test_the_stated_number_of_right_answers_ends_the_session() -> None:
    learner = Learner(session(source("geo", 5)), bank(geo=5))
    assert learner.progress.answers_left == 5
    learner.wrong()
    assert learner.progress.answers_left == 4 + 1 + 2, "put it right, then twice more"
    learner.right()
    assert learner.progress.answers_left == 6
    learner.wrong()

    stated = learner.progress.answers_left

    assert learner.finish() == stated
    assert learner.progress.answers_left == 0


# State that the rules leave alone


def test_the_engine_changes_no_state_it_was_given() -> None:
    learner = Learner(session(), bank(geo=3))
    before, asked = learner.session, learner.question
    snapshot = repr(before)

    for selected in (asked.correct_choices, wrong_choices(asked)):
        answer(before, asked, selected, now=START)
    next_draw(before)

    assert repr(before) == snapshot


def test_an_answer_renews_the_session_and_numbers_its_new_version() -> None:
    learner = Learner(session(), bank(geo=3))
    version, lifetime = learner.session.version, learner.session.expires_at - START

    for answers in (learner.wrong, learner.right, learner.right):
        answers(at=START + 777)
        version += 1
        assert learner.session.version == version
        assert learner.session.updated_at == START + 777
        assert learner.session.expires_at == START + 777 + lifetime


def test_each_answer_reports_the_attempt_to_the_learners_record() -> None:
    learner = one_question()
    mastery = []
    for answers in (learner.wrong, learner.right, learner.right, learner.right):
        answered = answers(at=START + 9)
        report = answered.progress
        assert (report.question_id, report.version, report.at) == ("geo:000000", 1, START + 9)
        assert report.correct is answered.outcome.correct
        mastery.append(report.mastered)

    assert mastery == [False, None, None, True]


def test_the_attempt_carries_the_choices_in_order_and_the_time_spent() -> None:
    asked = question(right=(1, 3))
    learner = Learner(session(source("geo", 1)), {asked.question_id: asked})

    answered = answer(learner.session, asked, frozenset({3, 0, 1}), now=START, time_spent=12_500)

    assert answered.progress.selected == (0, 1, 3)
    assert answered.progress.time_spent == 12_500
    assert answered.session.processed is not None
    assert answered.session.processed.selected == (0, 1, 3)


def test_a_pool_draw_names_the_entry_it_took() -> None:
    learner = one_question()
    learner.wrong()
    answered = answer(
        learner.session, learner.question, learner.question.correct_choices, now=START
    )

    draw = next_draw(answered.session)

    assert isinstance(draw, PoolDraw)
    assert (draw.entry,) == answered.session.pool.head
