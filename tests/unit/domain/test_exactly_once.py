"""Which turn an answer is for, and which choices it names: one answer counts once."""

from collections.abc import Sequence

import pytest

from domain.errors import NoCurrentTurnError
from domain.question import Question
from domain.session.drawing import advance, withdraw
from domain.session.engine import (
    Graded,
    Mismatch,
    NotPlayable,
    Repeated,
    SubmissionOutcome,
    UnknownChoice,
    answer,
    shown_order,
    submit,
)
from domain.session.presentation import choice_ids
from domain.session.state import LIFETIME, Outcome, Session, Status
from domain.session.submission import SubmittedAnswer
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


def submitted(
    state: Session,
    asked: Question | None,
    selected: Sequence[str],
    *,
    turn: int | None,
    question_id: str | None = None,
    now: int = START,
) -> SubmissionOutcome:
    """Submit choices for a question: the one on screen, unless another is named."""
    named = question_id or (asked and asked.question_id) or ""
    return submit(state, asked, SubmittedAnswer(named, turn, tuple(selected)), now=now)


def graded(state: Session, asked: Question, ids: Sequence[str]) -> Graded:
    outcome = submitted(state, asked, ids, turn=state.turns)
    assert isinstance(outcome, Graded)
    return outcome


# The turn


@pytest.mark.parametrize("named", [True, False])
def test_an_answer_for_the_turn_on_screen_is_graded(*, named: bool) -> None:
    learner = Learner(session(), bank(geo=3))
    ids = shown_ids(learner.session, learner.question)
    turn = 1 if named else None

    outcome = submitted(learner.session, learner.question, ids[:1], turn=turn)

    assert outcome == answer(learner.session, learner.question, frozenset({0}), now=START)


def test_the_time_spent_is_part_of_the_progress() -> None:
    learner = Learner(session(), bank(geo=3))
    asked = learner.question
    ids = shown_ids(learner.session, asked)

    submission = SubmittedAnswer(asked.question_id, 1, ids[:1], time_spent=1_250)
    outcome = submit(learner.session, asked, submission, now=START)

    assert isinstance(outcome, Graded)
    assert outcome.progress.time_spent == 1_250


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

    outcome = submitted(
        learner.session, asked, [ids[each] for each in chosen], turn=1 if named else None
    )

    assert learner.session.processed
    assert outcome == Repeated(learner.session.processed)


def test_other_choices_for_the_turn_just_processed_are_no_repeat() -> None:
    learner = Learner(session(), bank(geo=3))
    asked = learner.question
    ids = shown_ids(learner.session, asked)
    learner.choose({1})

    for others in ([ids[0]], [ids[2]], [ids[0], ids[1]], []):
        assert submitted(learner.session, asked, others, turn=1) == Mismatch.OTHER_TURN


def test_a_repeat_of_several_choices_may_name_them_in_any_order_but_needs_them_all() -> None:
    asked = question(right=(1, 3))
    learner = learner_of(asked)
    ids = shown_ids(learner.session, asked)
    learner.choose({3, 1})
    assert learner.session.processed
    repeated = Repeated(learner.session.processed)

    def outcome(*selected: str) -> SubmissionOutcome:
        return submitted(learner.session, asked, selected, turn=1)

    assert outcome(ids[1], ids[3]) == outcome(ids[3], ids[1]) == repeated
    assert outcome(ids[1]) != repeated
    assert outcome(ids[1], ids[3], ids[0]) != repeated


@pytest.mark.parametrize("status", [Status.PAUSED, Status.ABANDONED, Status.EXPIRED])
def test_a_repeat_is_recognized_in_every_status(status: Status) -> None:
    learner = Learner(session(), bank(geo=3))
    asked = learner.question
    ids = shown_ids(learner.session, asked)
    learner.choose({2})
    expired = status is Status.EXPIRED
    ended = learner.session if expired else learner.session._replace(status=status)
    now = START + 2 * LIFETIME if expired else START
    assert ended.status_at(now) is status

    outcome = submitted(ended, None, [ids[2]], turn=1, question_id=asked.question_id, now=now)

    assert isinstance(outcome, Repeated)


@pytest.mark.parametrize("status", [Status.PAUSED, Status.ABANDONED, Status.EXPIRED])
def test_a_session_that_is_not_active_takes_no_answer(status: Status) -> None:
    learner = Learner(session(), bank(geo=3))
    ids = shown_ids(learner.session, learner.question)
    expired = status is Status.EXPIRED
    ended = learner.session if expired else learner.session._replace(status=status)
    now = START + 2 * LIFETIME if expired else START

    outcome = submitted(ended, learner.question, ids[:1], turn=1, now=now)

    assert outcome == NotPlayable(status)


def test_the_last_answer_of_a_completed_session_is_a_repeat() -> None:
    learner = Learner(session(source("geo", 1)), bank(geo=1))
    ids = shown_ids(learner.session, learner.question)
    learner.right()
    assert learner.session.processed
    assert learner.session.processed.turn == 1

    outcome = submitted(learner.session, None, [ids[0]], turn=None, question_id="geo:000000")
    assert isinstance(outcome, Repeated)
    other = submitted(learner.session, None, [ids[1]], turn=None, question_id="geo:000000")
    assert other == NotPlayable(Status.COMPLETED)


def test_only_the_turn_processed_last_is_repeated() -> None:
    learner = Learner(session(source("geo", 1)), bank(geo=1))
    first = shown_ids(learner.session, learner.question)
    learner.choose({1})
    learner.choose({1})

    for turn in (1, None):
        outcome = submitted(learner.session, learner.question, [first[1]], turn=turn)
        assert outcome == Mismatch.OTHER_TURN


def test_a_future_turn_or_another_question_is_not_the_one_on_screen() -> None:
    learner = Learner(session(), bank(geo=3))
    asked = learner.question
    ids = shown_ids(learner.session, asked)

    assert submitted(learner.session, asked, ids[:1], turn=2) == Mismatch.OTHER_TURN
    assert submitted(learner.session, asked, ids[:1], turn=0) == Mismatch.OTHER_TURN
    other = submitted(learner.session, asked, ids[:1], turn=1, question_id="geo:000099")
    assert other == Mismatch.OTHER_TURN


def test_a_question_that_the_bank_has_lost_cannot_be_answered() -> None:
    learner = Learner(session(), bank(geo=3))
    asked = learner.question.question_id
    ids = shown_ids(learner.session, learner.question)

    outcome = submitted(learner.session, None, ids[:1], turn=1, question_id=asked)

    assert outcome == Mismatch.OTHER_TURN


def test_a_repeat_names_its_question() -> None:
    learner = Learner(session(), bank(geo=3))
    ids = shown_ids(learner.session, learner.question)
    learner.choose({1})

    outcome = submitted(
        learner.session, learner.question, [ids[1]], turn=1, question_id="geo:000099"
    )

    assert outcome == Mismatch.OTHER_TURN


def test_nothing_was_processed_before_the_first_answer() -> None:
    learner = Learner(session(), bank(geo=3))
    ids = choice_ids(SEED, 0, 1, 4)
    assert submitted(learner.session, learner.question, ids[:1], turn=0) == Mismatch.OTHER_TURN


def test_without_a_turn_choices_of_several_turns_are_unknown() -> None:
    learner = Learner(session(source("geo", 1)), bank(geo=1))
    first = shown_ids(learner.session, learner.question)
    learner.wrong()
    second = shown_ids(learner.session, learner.question)

    outcome = submitted(learner.session, learner.question, [first[0], second[1]], turn=None)

    assert outcome == UnknownChoice(on_screen=False)


def test_without_a_turn_an_answer_without_choices_is_refused() -> None:
    learner = Learner(session(), bank(geo=3))
    outcome = submitted(learner.session, learner.question, [], turn=None)
    assert outcome == UnknownChoice(on_screen=False)


def test_without_a_turn_a_malformed_choice_id_is_unknown() -> None:
    learner = Learner(session(), bank(geo=3))
    outcome = submitted(learner.session, learner.question, ["nonsense!"], turn=None)
    assert outcome == UnknownChoice(on_screen=False)


# The choices


def test_choices_are_known_by_their_ids_and_not_by_their_order() -> None:
    asked = question(right=(1, 3))
    learner = learner_of(asked)
    ids = shown_ids(learner.session, asked)

    for selected in ([ids[1], ids[3]], [ids[3], ids[1]]):
        outcome = graded(learner.session, asked, selected)
        assert outcome.progress.selected == (1, 3)
        assert outcome.outcome is Outcome.MASTERED
    assert graded(learner.session, asked, [ids[1]]).outcome is Outcome.WRONG


def test_an_unknown_id_is_refused() -> None:
    learner = Learner(session(), bank(geo=3))
    outcome = submitted(learner.session, learner.question, ["zzzzzzz1"], turn=1)
    assert outcome == UnknownChoice(on_screen=True)


def test_an_id_of_an_older_turn_is_unknown_on_this_one() -> None:
    learner = Learner(session(source("geo", 1)), bank(geo=1))
    older = shown_ids(learner.session, learner.question)[0]
    learner.wrong()

    outcome = submitted(learner.session, learner.question, [older], turn=2)

    assert outcome == UnknownChoice(on_screen=True)


def test_an_id_beyond_the_questions_choices_is_unknown() -> None:
    learner = learner_of(question(count=3))
    beyond = choice_ids(SEED, 1, 1, 4)[3]
    outcome = submitted(learner.session, learner.question, [beyond], turn=1)
    assert outcome == UnknownChoice(on_screen=True)


def test_several_choices_for_one_right_choice_are_refused() -> None:
    learner = Learner(session(), bank(geo=3))
    ids = shown_ids(learner.session, learner.question)

    for selected in (ids[:2], (ids[0], ids[0])):
        outcome = submitted(learner.session, learner.question, selected, turn=1)
        assert outcome == Mismatch.TOO_MANY_CHOICES


def test_an_unknown_id_is_reported_before_too_many() -> None:
    learner = Learner(session(), bank(geo=3))
    ids = shown_ids(learner.session, learner.question)
    outcome = submitted(learner.session, learner.question, [ids[0], "zzzzzzz1"], turn=1)
    assert outcome == UnknownChoice(on_screen=True)


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


@pytest.mark.parametrize("count", [2, 4, 6])
def test_an_answer_to_the_version_before_the_edit_is_recognized_and_not_graded(count: int) -> None:
    learner = learner_of(question(count=4))
    older = shown_ids(learner.session, learner.question)
    for identifier in older:
        outcome = submitted(learner.session, edited(count), [identifier], turn=1)
        assert outcome == Mismatch.OLDER_VERSION


def test_choices_of_two_versions_are_unknown() -> None:
    learner = learner_of(question())
    older = shown_ids(learner.session, learner.question)
    now = edited(4)
    both = [older[0], shown_ids(learner.session, now)[1]]
    outcome = submitted(learner.session, now, both, turn=1)
    assert outcome == UnknownChoice(on_screen=True)


def test_a_version_between_the_one_shown_and_the_newest_is_an_older_one() -> None:
    learner = learner_of(question())
    between = choice_ids(SEED, 1, 2, 4)
    newest = question(version=3)
    assert submitted(learner.session, newest, between[:1], turn=1) == Mismatch.OLDER_VERSION


def test_an_edited_question_is_graded_by_its_new_key() -> None:
    learner = learner_of(question(right=(0,)))
    now = edited(5, right=(4,))
    ids = shown_ids(learner.session, now)

    assert graded(learner.session, now, [ids[0]]).outcome is Outcome.WRONG
    assert graded(learner.session, now, [ids[4]]).outcome is Outcome.MASTERED


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

    assert isinstance(submitted(after, now, [ids[5]], turn=1), Repeated)
    assert not isinstance(submitted(after, now, [older[5]], turn=1), Repeated)


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

    assert isinstance(submitted(shown, asked, [ids[0]], turn=1), Repeated)
