"""An answer as a learner submits it: which turn and which choices it refers to."""

from typing import NamedTuple

from domain.errors import UnknownChoiceError
from domain.question import MAX_CHOICES, Question
from domain.session.presentation import choice_ids, turn_of
from domain.session.state import ProcessedTurn, Session


class SubmittedAnswer(NamedTuple):
    """Choices selected for a turn.

    Attributes:
        question_id: The question that is answered.
        turn: The turn that is answered; None leaves it to the choice ids.
        selected: Ids of the selected choices, in any order.
        time_spent: Milliseconds the learner took.
    """

    question_id: str
    turn: int | None
    selected: tuple[str, ...]
    time_spent: int = 0


def submitted_turn(submission: SubmittedAnswer) -> int | None:
    """Return the turn of a submission; None if its choice ids are not of one turn."""
    if submission.turn is not None:
        return submission.turn
    try:
        turns = {turn_of(identifier) for identifier in submission.selected}
    except UnknownChoiceError:
        return None
    return turns.pop() if len(turns) == 1 else None


def repeated_turn(session: Session, submission: SubmittedAnswer, turn: int) -> ProcessedTurn | None:
    """Return the turn processed last if the submission repeats its answer, choice for choice."""
    done = session.processed
    if done is None or (turn, submission.question_id) != (done.turn, done.question_id):
        return None
    ids = choice_ids(session.seed, turn, done.version, max(done.selected, default=-1) + 1)
    same = set(submission.selected) == {ids[index] for index in done.selected}
    return done if same else None


def is_for_screen(session: Session, submission: SubmittedAnswer, turn: int) -> bool:
    """Whether a submission is for the question on screen and its turn."""
    shown = session.turn
    return shown is not None and (turn, submission.question_id) == (
        session.turns,
        shown.question_id,
    )


def selected_choices(
    session: Session, question: Question, submission: SubmittedAnswer
) -> frozenset[int] | None:
    """Return the indexes of the selected choices of the current turn; None if one is unknown."""
    ids = choice_ids(session.seed, session.turns, question.version, len(question.choices))
    index_of = {identifier: index for index, identifier in enumerate(ids)}
    if not index_of.keys() >= set(submission.selected):
        return None
    return frozenset(index_of[identifier] for identifier in submission.selected)


def is_of_older_version(session: Session, question: Question, submission: SubmittedAnswer) -> bool:
    """Whether all selected choices are of one earlier version since the question was drawn."""
    selected = set(submission.selected)
    drawn = session.turn.version if session.turn else question.version
    return any(
        selected <= set(choice_ids(session.seed, session.turns, version, MAX_CHOICES))
        for version in range(drawn, question.version)
    )
