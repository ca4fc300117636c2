"""Which turn an answer is for, and which choices it names: one answer counts once."""

from collections.abc import Sequence

import pytest

from domain.errors import NoCurrentTurnError, TooManyChoicesError, UnknownChoiceError
from domain.question import Question
from domain.session.drawing import advance, withdraw
from domain.session.engine import Addressed, addressed_turn, answer, selected_choices, shown_order
from domain.session.presentation import choice_ids
from domain.session.state import Outcome, Session, Status
from tests.unit.domain.builders import (
    SEED,
    START,
    Learner,
    bank,
    question,
    session,
    shown_ids,
    source,
    wrong_choices,
)


def learner_of(asked: Question) -> Learner:
    return Learner(session(source("geo", 1)), {asked.question_id: asked})


def graded(state: Session, asked: Question, ids: Sequence[str]) -> Outcome:
    chosen = selected_choices(state, asked, asked.version, ids)
    return answer(state, asked, chosen, now=START).outcome


# Naming the turn


@pytest.mark.parametrize("named", [True, False])
def test_an_answer_for_the_turn_on_screen_is_processed(*, named: bool) -> None:
    learner = Learner(session(), bank(geo=3))
    ids = shown_ids(learner.session, learner.question)
    turn = 1 if named else None

    addressed = addressed_turn(learner.session, learner.question.question_id, turn, ids[:1])

    assert addressed is Addressed.CURRENT


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("correct", [True, False])
def test_the_same_choices_for_the_turn_just_processed_are_a_repeat(
    *, named: bool, correct: bool
) -> None:
    learner = Learner(session(), bank(geo=3))
    asked = learner.question
    chosen = asked.correct_choices if correct else wrong_choices(asked)
    ids = shown_ids(learner.session, asked)
    learner.choose(chosen)

    addressed = addressed_turn(
        learner.session, asked.question_id, 1 if named else None, [ids[each] for each in chosen]
    )

    assert addressed is Addressed.PROCESSED


def test_other_choices_for_the_turn_just_processed_are_no_repeat() -> None:
    learner = Learner(session(), bank(geo=3))
    asked = learner.question
    ids = shown_ids(learner.session, asked)
    learner.choose({1})

    for others in ([ids[0]], [ids[2]], [ids[0], ids[1]], []):
        addressed = addressed_turn(learner.session, asked.question_id, 1, others)
        assert addressed is Addressed.OTHER


def test_a_repeat_of_several_choices_may_name_them_in_any_order_but_needs_them_all() -> None:
    asked = question(right=(1, 3))
    learner = learner_of(asked)
    ids = shown_ids(learner.session, asked)
    learner.choose({3, 1})

    def addressed(*selected: str) -> Addressed:
        return addressed_turn(learner.session, asked.question_id, 1, selected)

    assert addressed(ids[1], ids[3]) is addressed(ids[3], ids[1]) is Addressed.PROCESSED
    assert addressed(ids[1]) is Addressed.OTHER
    assert addressed(ids[1], ids[3], ids[0]) is Addressed.OTHER


@pytest.mark.parametrize("status", [Status.PAUSED, Status.ABANDONED])
def test_a_repeat_is_known_whatever_became_of_the_session(status: Status) -> None:
    learner = Learner(session(), bank(geo=3))
    asked = learner.question
    ids = shown_ids(learner.session, asked)
    learner.choose({2})

    ended = learner.session._replace(status=status)

    assert addressed_turn(ended, asked.question_id, 1, [ids[2]]) is Addressed.PROCESSED


def test_the_last_answer_of_a_completed_session_is_a_repeat() -> None:
    learner = Learner(session(source("geo", 1)), bank(geo=1))
    ids = shown_ids(learner.session, learner.question)
    learner.right()
    assert learner.session.processed
    assert learner.session.processed.turn == 1

    assert addressed_turn(learner.session, "geo:000000", None, [ids[0]]) is Addressed.PROCESSED


def test_only_the_turn_processed_last_is_repeated() -> None:
    learner = Learner(session(source("geo", 1)), bank(geo=1))
    first = shown_ids(learner.session, learner.question)
    learner.choose({1})
    learner.choose({1})

    for turn in (1, None):
        addressed = addressed_turn(learner.session, "geo:000000", turn, [first[1]])
        assert addressed is Addressed.OTHER


def test_a_future_turn_or_another_question_is_not_the_one_on_screen() -> None:
    learner = Learner(session(), bank(geo=3))
    shown = learner.question.question_id
    ids = shown_ids(learner.session, learner.question)

    assert addressed_turn(learner.session, shown, 2, ids[:1]) is Addressed.OTHER
    assert addressed_turn(learner.session, shown, 0, ids[:1]) is Addressed.OTHER
    assert addressed_turn(learner.session, "geo:000099", 1, ids[:1]) is Addressed.OTHER


def test_a_repeat_names_its_question() -> None:
    learner = Learner(session(), bank(geo=3))
    ids = shown_ids(learner.session, learner.question)
    learner.choose({1})

    assert addressed_turn(learner.session, "geo:000099", 1, [ids[1]]) is Addressed.OTHER


def test_nothing_was_processed_before_the_first_answer() -> None:
    learner = Learner(session(), bank(geo=3))
    ids = choice_ids(SEED, 0, 1, 4)
    shown = learner.question.question_id
    assert addressed_turn(learner.session, shown, 0, ids[:1]) is Addressed.OTHER


def test_without_a_turn_choices_of_several_turns_are_refused() -> None:
    learner = Learner(session(source("geo", 1)), bank(geo=1))
    first = shown_ids(learner.session, learner.question)
    learner.wrong()
    second = shown_ids(learner.session, learner.question)

    with pytest.raises(UnknownChoiceError, match="several turns"):
        addressed_turn(learner.session, "geo:000000", None, [first[0], second[1]])


def test_without_a_turn_an_answer_without_choices_is_refused() -> None:
    learner = Learner(session(), bank(geo=3))
    with pytest.raises(UnknownChoiceError):
        addressed_turn(learner.session, learner.question.question_id, None, [])


def test_without_a_turn_what_is_no_choice_id_is_refused_by_name() -> None:
    learner = Learner(session(), bank(geo=3))
    with pytest.raises(UnknownChoiceError, match=r"^nonsense!$"):
        addressed_turn(learner.session, learner.question.question_id, None, ["nonsense!"])


# Naming the choices


def test_choices_are_known_by_their_ids_and_not_by_their_order() -> None:
    asked = question(right=(1, 3))
    learner = learner_of(asked)
    ids = shown_ids(learner.session, asked)

    for selected in ([ids[1], ids[3]], [ids[3], ids[1]]):
        assert selected_choices(learner.session, asked, 1, selected) == {1, 3}
        assert graded(learner.session, asked, selected) is Outcome.MASTERED
    assert graded(learner.session, asked, [ids[1]]) is Outcome.WRONG


def test_an_unknown_id_is_refused_by_name() -> None:
    learner = Learner(session(), bank(geo=3))
    with pytest.raises(UnknownChoiceError, match=r"^zzzzzzz1$"):
        selected_choices(learner.session, learner.question, 1, ["zzzzzzz1"])


def test_an_id_of_an_older_turn_is_unknown_on_this_one() -> None:
    learner = Learner(session(source("geo", 1)), bank(geo=1))
    older = shown_ids(learner.session, learner.question)[0]
    learner.wrong()

    with pytest.raises(UnknownChoiceError, match=older):
        selected_choices(learner.session, learner.question, 1, [older])


def test_an_id_beyond_the_questions_choices_is_unknown() -> None:
    learner = learner_of(question(count=3))
    beyond = choice_ids(SEED, 1, 1, 4)[3]
    with pytest.raises(UnknownChoiceError, match=beyond):
        selected_choices(learner.session, learner.question, 1, [beyond])


def test_several_choices_for_one_right_choice_are_refused() -> None:
    learner = Learner(session(), bank(geo=3))
    ids = shown_ids(learner.session, learner.question)

    for selected in (ids[:2], (ids[0], ids[0])):
        with pytest.raises(TooManyChoicesError):
            selected_choices(learner.session, learner.question, 1, selected)


def test_an_unknown_id_is_told_before_too_many() -> None:
    learner = Learner(session(), bank(geo=3))
    ids = shown_ids(learner.session, learner.question)
    with pytest.raises(UnknownChoiceError):
        selected_choices(learner.session, learner.question, 1, [ids[0], "zzzzzzz1"])


# A question edited while it is on screen


def edited(count: int, right: Sequence[int] = (0,)) -> Question:
    return question(version=2, count=count, right=right)


@pytest.mark.parametrize("count", [2, 3, 4, 6])
def test_an_edited_question_is_shown_as_it_is_now_with_all_its_choices(count: int) -> None:
    learner = learner_of(question(count=4))

    order = shown_order(learner.session, edited(count))

    assert sorted(order) == list(range(count))
    assert order == shown_order(learner.session, edited(count)), "asking twice changes nothing"


def test_an_unedited_question_is_shown_in_the_order_of_its_turn() -> None:
    learner = learner_of(question())
    learner.wrong()
    assert shown_order(learner.session, learner.question) == learner.turn.order


def test_an_edited_question_keeps_the_pins_it_has_now() -> None:
    learner = learner_of(question(count=3))
    now = question(version=2, count=5, pinned=(4, 0))
    order = shown_order(learner.session, now)
    assert (order[0], order[4]) == (0, 4)


def test_an_answer_to_the_version_before_the_edit_is_not_graded() -> None:
    learner = learner_of(question())
    older = shown_ids(learner.session, learner.question)
    for identifier in older:
        with pytest.raises(UnknownChoiceError):
            selected_choices(learner.session, edited(4), 2, [identifier])


def test_an_answer_to_the_version_before_the_edit_is_recognized_as_such() -> None:
    learner = learner_of(question())
    older = shown_ids(learner.session, learner.question)
    assert selected_choices(learner.session, edited(4), 1, [older[2]]) == {2}


def test_an_edited_question_is_graded_by_its_new_key() -> None:
    learner = learner_of(question(right=(0,)))
    now = edited(5, right=(4,))
    ids = shown_ids(learner.session, now)

    assert graded(learner.session, now, [ids[0]]) is Outcome.WRONG
    assert graded(learner.session, now, [ids[4]]) is Outcome.MASTERED


@pytest.mark.parametrize("count", [2, 3, 6])
def test_an_edited_question_answered_wrongly_comes_back_in_another_order(count: int) -> None:
    learner = learner_of(question(count=4))
    now = edited(count)
    before = shown_order(learner.session, now)

    answered = answer(learner.session, now, wrong_choices(now), now=START)

    turn = answered.session.turn
    assert turn is not None
    assert (turn.version, turn.missed) == (2, True)
    assert sorted(turn.order) == list(range(count))
    assert turn.order != before
    assert answered.session.processed is not None
    assert answered.session.processed.version == answered.progress.version == 2


def test_a_repeat_is_recognized_by_the_version_it_was_graded_with() -> None:
    learner = learner_of(question(count=4))
    now = edited(6, right=(5,))
    ids = shown_ids(learner.session, now)
    older = choice_ids(SEED, 1, 1, 6)
    after = answer(learner.session, now, frozenset({5}), now=START).session

    assert addressed_turn(after, now.question_id, 1, [ids[5]]) is Addressed.PROCESSED
    assert addressed_turn(after, now.question_id, 1, [older[5]]) is Addressed.OTHER


def test_no_order_is_shown_when_no_question_is() -> None:
    with pytest.raises(NoCurrentTurnError):
        shown_order(session(), question())


# After a question was withdrawn


def test_a_repeat_is_known_though_the_question_after_it_was_withdrawn() -> None:
    learner = Learner(session(source("geo", 4), percentage=0), bank(geo=4))
    asked = learner.question
    ids = shown_ids(learner.session, asked)
    learner.choose({0})
    questions = bank(geo=4)
    withdrawn, _ = withdraw(learner.session)
    shown = advance(
        withdrawn,
        lambda wanted: {each: questions[each] for each in wanted},
        lambda _: ((), True),
    ).session

    assert addressed_turn(shown, asked.question_id, 1, [ids[0]]) is Addressed.PROCESSED
