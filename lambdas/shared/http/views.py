"""Sessions and questions as the contract shows them to a learner."""

from typing import TYPE_CHECKING

from domain.question import Question
from domain.session.engine import shown_order
from domain.session.policy import Spacing
from domain.session.presentation import choice_ids, choices_move
from domain.session.state import Reason, Session, progress_of
from lambdas.shared.timestamps import iso

if TYPE_CHECKING:
    from lambdas.contract import responses

REASONS = {
    Reason.NEW: "This question is new.",
    Reason.RETRY: "Your answer was wrong: try again.",
    Reason.DUE: "You missed this question before, and its review is due.",
    Reason.LIMIT: "So many missed questions are waiting that no new ones are added.",
    Reason.REST: "No new questions are left: only missed ones are still to be reviewed.",
    Reason.REVIEW: "You missed this question in an earlier session.",
}
"""Sentences for the learner; none of them depends on the choices of the question."""


def session_view(session: Session, now: int) -> "responses.Session":
    """Return a session, with its status as of now."""
    return {
        "sessionId": session.session_id,
        "name": session.name,
        "status": session.status_at(now).value,
        "version": session.version,
        "sources": [
            {"category": source.category, "questionCount": source.question_count}
            for source in session.sources
        ],
        "settings": _session_settings(session),
        "createdAt": iso(session.created_at),
        "updatedAt": iso(session.updated_at),
        "expiresAt": iso(session.expires_at),
        "progress": progress_view(session),
    }


def _session_settings(session: Session) -> "responses.SessionSettings":
    settings: responses.SessionSettings = {
        "policy": session.policy.value,
        "wrongAnswerPercentage": session.wrong_answer_percentage,
    }
    if session.spacing:
        settings["spacing"] = spacing_view(session.spacing)
    return settings


def spacing_view(spacing: Spacing) -> "responses.Spacing":
    """Return the settings of SPACED."""
    return {
        "firstLag": spacing.first_lag,
        "secondLag": spacing.second_lag,
        "share": spacing.share,
        "pendingLimit": spacing.pending_limit,
    }


def progress_view(session: Session) -> "responses.SessionProgress":
    """Return a session's figures."""
    progress = progress_of(session)
    return {
        "totalQuestions": progress.total_questions,
        "questionsAnswered": progress.questions_answered,
        "correctAnswers": progress.correct_answers,
        "wrongAnswers": progress.wrong_answers,
        "mastered": progress.mastered,
        "wrongPoolSize": progress.wrong_pool_size,
        "remainingTries": progress.remaining_tries,
        "answersLeft": progress.answers_left,
        "penaltyIndicator": progress.penalty_indicator,
        "percentComplete": progress.percent_complete,
    }


def question_view(session: Session, question: Question | None) -> "responses.ShownQuestion | None":
    """Return the question on screen, without anything that reveals the right choice."""
    if question is None or session.turn is None:
        return None
    ids = choice_ids(session.seed, session.turns, question.version, len(question.choices))
    return {
        "questionId": question.question_id,
        "turn": session.turns,
        "text": question.text,
        "type": "MULTIPLE_CHOICE" if question.multiple else "SINGLE_CHOICE",
        "answers": [
            {"id": ids[index], "text": question.choices[index].text}
            for index in shown_order(session, question)
        ],
        "shuffled": choices_move(question.choices),
        "fromWrongPool": session.turn.from_pool,
        "questionNumber": session.presented,
        "language": question.language,
        "reason": reason_view(session),
    }


def reason_view(session: Session) -> "responses.QuestionReason":
    """Return why the question is on screen, from the session alone."""
    turn = session.turn
    assert turn is not None  # noqa: S101 - the caller shows a question
    code, entry = turn.known_reason, session.pool_entry
    parts = [REASONS[code]]
    if turn.ago and not turn.missed:
        parts.append(f"Your last right answer to it was {_count(turn.ago, 'answer')} ago.")
    if entry and not turn.missed:
        parts.append(f"It needs {_count(entry.remaining_tries, 'more right answer')}.")
    return {"code": code.value, "text": " ".join(parts)}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
