"""Properties of every session, on any bank, with any learner and any clock."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise, product

import pytest
from hypothesis import given, settings

from domain.session.effects import EntryRemoved, EntrySaved
from domain.session.policy import Spacing
from domain.session.pool import HEAD_CAPACITY, TRIES, PoolEntry
from domain.session.replay import replay
from domain.session.state import Outcome, Status, progress_of
from tests.support.session_rules import ReferenceModel, Sheet
from tests.unit.domain.builders import question, seeded
from tests.unit.domain.chi_square import chi_square, limit
from tests.unit.domain.whole_sessions import (
    CATEGORIES,
    Plan,
    Step,
    plans,
    plans_with_gaps,
    play,
    steps,
)

pytestmark = pytest.mark.slow

Property = Callable[[Plan, list[Step]], None]
OF_ANY_SESSION: list[Property] = []
OF_A_SESSION_WITH_GAPS: list[Property] = []


def of_any_session(check: Property) -> Property:
    OF_ANY_SESSION.append(check)
    return check


def of_a_session_with_gaps(check: Property) -> Property:
    OF_A_SESSION_WITH_GAPS.append(check)
    return check


def movable(step: Step) -> int:
    return sum(not choice.pinned for choice in step.question.choices)


@of_any_session
def the_totals_are_those_of_the_whole_pool_and_each_head_is_its_oldest_part(
    plan: Plan, played: list[Step]
) -> None:
    for step in played:
        pool = step.after.pool
        passed = [entry for entry in step.entries if plan.spacing and entry.remaining_tries == 1]
        waiting = [entry for entry in step.entries if entry not in passed]
        assert [*passed, *waiting] == list(step.entries)
        assert len(pool.head) <= HEAD_CAPACITY
        assert pool.head == (*pool.passed.head, *pool.waiting.head)
        for queue, entries in ((pool.passed, passed), (pool.waiting, waiting)):
            assert queue.entries == len(entries)
            assert queue.tries == sum(entry.remaining_tries for entry in entries)
            assert list(queue.head) == entries[: len(queue.head)]
            assert (queue.mark is None) is (queue.beyond_head == 0)
            if queue.mark is not None:
                assert all(entry.key > queue.mark for entry in entries[len(queue.head) :])


def limit_of(plan: Plan) -> int | None:
    return plan.spacing.pending_limit if plan.spacing else None


@of_any_session
def a_pending_limit_is_never_exceeded_and_with_one_nothing_is_read(
    plan: Plan, played: list[Step]
) -> None:
    limit = limit_of(plan)
    if limit is None:
        return
    for step in played:
        assert len(step.entries) <= limit
        assert step.after.pool.beyond_head == 0
        if step.fresh:
            assert step.before.pool.entries < limit


@of_any_session
def the_earliest_due_entry_comes_first(plan: Plan, played: list[Step]) -> None:
    if plan.spacing is None:
        return
    spacing, previous = plan.spacing, None
    table: tuple[PoolEntry, ...] = ()
    for step in played:
        if step.turn.from_pool and not step.turn.missed:
            others = [entry for entry in table if entry.question_id != previous] or list(table)
            first = min(
                others,
                key=lambda entry: (
                    entry.turn
                    + (spacing.first_lag if entry.remaining_tries == 2 else spacing.second_lag),
                    entry.key,
                ),
            )
            assert step.turn.question_id == first.question_id
            assert step.turn.ago == step.before.turns - first.turn
        previous, table = step.turn.question_id, step.entries


@of_any_session
def every_right_answer_takes_one_off_what_is_left_and_no_wrong_one_does(
    _: Plan, played: list[Step]
) -> None:
    left = progress_of(played[0].before).answers_left
    for step in played:
        now = progress_of(step.after).answers_left
        if step.answered.outcome.correct:
            assert now == left - 1
        else:
            assert now >= left
        left = now
    assert left == 0


@of_any_session
def a_session_always_ends_in_the_stated_number_of_right_answers(
    _: Plan, played: list[Step]
) -> None:
    wrong = [at for at, step in enumerate(played) if step.answered.outcome is Outcome.WRONG]
    careful_from = wrong[-1] + 1 if wrong else 0

    stated = progress_of(played[careful_from].before).answers_left

    assert stated == len(played) - careful_from
    assert [step.after.status for step in played[:-1]] == [Status.ACTIVE] * (len(played) - 1)
    assert played[-1].after.status is Status.COMPLETED


@of_any_session
def states_are_equal_to_the_byte_when_a_session_is_replayed(plan: Plan, played: list[Step]) -> None:
    answers = [step.submission for step in played]

    again = list(replay(plan.begun, plan.bank, answers))

    assert again == [played[0].before, *(step.after for step in played)]
    assert repr(again[-1]) == repr(played[-1].after)


@of_a_session_with_gaps
def no_question_is_fresh_twice_and_none_is_asked_that_was_not_to_be(
    plan: Plan, played: list[Step]
) -> None:
    fresh = [step.question for step in played if step.fresh]

    assert len({each.question_id for each in fresh}) == len(fresh)
    assert not any(each.retired for each in fresh)
    asked = Counter(each.question_id.split(":")[0] for each in fresh)
    for category, (size, ask) in zip(CATEGORIES, plan.sources, strict=False):
        gone = plan.retired | plan.missing
        live = size - sum(identifier.startswith(category + ":") for identifier in gone)
        assert asked[category] == min(ask, live)


@of_a_session_with_gaps
def everything_is_mastered_at_the_end_and_every_submission_counted(
    _: Plan, played: list[Step]
) -> None:
    end = progress_of(played[-1].after)

    assert end.mastered == end.total_questions == end.questions_answered
    assert end.correct_answers + end.wrong_answers == len(played)
    assert end.wrong_answers == sum(step.answered.outcome is Outcome.WRONG for step in played)
    assert (end.penalty_indicator, end.answers_left, end.percent_complete) == ("", 0, 100.0)


@of_any_session
def no_question_comes_twice_in_a_row_unless_missed_or_the_only_one(
    _: Plan, played: list[Step]
) -> None:
    for step, following in pairwise(played):
        if following.turn.missed:
            assert following.question is step.question
        elif following.turn.question_id == step.turn.question_id:
            assert following.turn.from_pool
            assert following.before.fresh_left == 0
            assert [entry.question_id for entry in step.entries] == [step.turn.question_id]


@of_any_session
def pins_hold_in_every_order_and_a_retry_is_shuffled_when_it_can_be(
    _: Plan, played: list[Step]
) -> None:
    for step in played:
        order = step.turn.order
        assert sorted(order) == list(range(len(step.question.choices)))
        for place, choice in enumerate(step.question.choices):
            assert order[place] == place or not choice.pinned
        if step.answered.outcome is Outcome.WRONG:
            retry = step.after.turn
            assert retry is not None
            assert (retry.order == order) is (movable(step) < 2)


@of_any_session
def turns_and_versions_count_every_answer(_: Plan, played: list[Step]) -> None:
    for number, step in enumerate(played, start=1):
        assert step.before.turns == number
        assert step.before.version == number
        assert step.after.processed
        assert step.after.processed.turn == number
    assert played[-1].after.turns == len(played)


@of_any_session
def entries_are_queued_in_strictly_rising_order_whatever_the_clock_does(
    _: Plan, played: list[Step]
) -> None:
    last = 0
    for step in played:
        for change in step.answered.pool_changes:
            if isinstance(change, EntrySaved) and change.new:
                assert change.entry.queued_at > last
                assert change.entry.queued_at >= step.submission.at
                assert change.entry.remaining_tries == TRIES
                last = change.entry.queued_at


@of_any_session
def the_effects_of_all_answers_leave_an_empty_table(_: Plan, played: list[Step]) -> None:
    table: dict[tuple[int, str], PoolEntry] = {}
    for step in played:
        for change in step.answered.pool_changes:
            if isinstance(change, EntryRemoved):
                assert table.pop(change.entry.key) == change.entry
            else:
                assert change.new is (change.entry.key not in table)
                table[change.entry.key] = change.entry
                assert change.order == step.turn.order
        assert sorted(table.values()) == list(step.entries)
    assert table == {}


@of_any_session
def every_step_is_one_the_reference_model_allows(plan: Plan, played: list[Step]) -> None:
    model = ReferenceModel(
        sheets={
            identifier: Sheet(
                right=set(each.correct_choices),
                pinned={at for at, choice in enumerate(each.choices) if choice.pinned},
                count=len(each.choices),
            )
            for identifier, each in plan.bank.items()
        },
        asked={name: ask for name, (_, ask) in zip(CATEGORIES, plan.sources, strict=False)},
        percentage=plan.percentage,
        spaced={
            "lags": {2: plan.spacing.first_lag, 1: plan.spacing.second_lag},
            "share": plan.spacing.share,
            "limit": plan.spacing.pending_limit or 0,
        }
        if plan.spacing
        else None,
    )
    for step in played:
        turn = step.turn
        if turn.missed:
            model.show_again(list(turn.order))
        else:
            model.show(turn.question_id, list(turn.order), from_pool=turn.from_pool)
        assert turn.reason is not None
        assert turn.reason.value == model.reason
        agree(model, step, before=True)

        outcome = model.answer(set(step.submission.selected), step.submission.at)

        assert outcome == step.answered.outcome.value
        if outcome != "WRONG":
            assert model.pool == [
                {
                    "question": each.question_id,
                    "tries": each.remaining_tries,
                    "at": each.queued_at,
                    "turn": each.turn,
                }
                for each in step.entries
            ]
    assert model.is_over()
    agree(model, played[-1], before=False)


def agree(model: ReferenceModel, step: Step, *, before: bool) -> None:
    said = progress_of(step.before if before else step.after)
    assert said.penalty_indicator == model.indicator()
    assert (said.wrong_pool_size, said.remaining_tries) == model.owed()
    assert said.answers_left == model.answers_left()
    assert said.mastered == len(model.mastered)
    assert said.questions_answered == len(model.put_right)
    assert (said.correct_answers, said.wrong_answers) == (model.right_answers, model.wrong_answers)
    assert said.total_questions == len(model.seen) + sum(model.to_ask.values())


@settings(deadline=None, max_examples=250)
@given(plan=plans())
def test_every_property_of_any_session_holds(plan: Plan) -> None:
    """Playing costs more than checking: each session is played once for all properties."""
    played = play(plan)
    for holds in OF_ANY_SESSION:
        holds(plan, played)


@settings(deadline=None, max_examples=80)
@given(plan=plans_with_gaps())
def test_every_property_of_a_session_with_gaps_holds(plan: Plan) -> None:
    played = play(plan)
    if not played:
        assert not set(plan.bank) - plan.retired
        return
    for holds in OF_A_SESSION_WITH_GAPS:
        holds(plan, played)


@settings(deadline=None, max_examples=80)
@given(plan=plans())
def test_neither_draws_nor_reasons_depend_on_the_right_choice(plan: Plan) -> None:
    single = replace(plan, shapes=(question(count=4, right=[0]),))
    other = replace(plan, shapes=(question(count=4, right=[3]),))

    def drawn(each: Plan) -> list[object]:
        return [(s.turn.question_id, s.turn.reason, s.turn.ago) for s in play(each)]

    assert drawn(single) == drawn(other)


@pytest.mark.parametrize("spacing", [None, Spacing(share=100), Spacing(2, 3, 60, 4)], ids=str)
def test_new_questions_are_drawn_uniformly_under_every_policy(spacing: Spacing | None) -> None:
    places: list[tuple[int, int]] = []
    for number in range(1_200):
        plan = Plan(
            seed=seeded(number),
            percentage=50,
            sources=((8, 8),),
            shapes=(question(count=2),),
            misses=(1, 0, 1),
            steps=(1_000,),
            spacing=spacing,
        )
        fresh = (step.question.question_id for step in steps(plan) if step.fresh)
        places += [(place, int(each[-1])) for place, each in enumerate(fresh)]
    cells = dict.fromkeys(product(range(8), range(8)), 1)
    # Rows and columns both sum to the number of sessions: 49 degrees of freedom.
    assert chi_square(places, cells) < limit(49)
