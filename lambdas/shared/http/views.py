"""Sessions and questions as the contract shows them to a learner."""

from typing import TYPE_CHECKING

from domain.question import Question
from domain.session.engine import shown_order
from domain.session.presentation import choice_ids, choices_move
from domain.session.state import Session, progress_of
from lambdas.shared.timestamps import iso

if TYPE_CHECKING:
    from lambdas.contract import responses


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
        "settings": {"wrongAnswerPercentage": session.wrong_answer_percentage},
        "createdAt": iso(session.created_at),
        "updatedAt": iso(session.updated_at),
        "expiresAt": iso(session.expires_at),
        "progress": progress_view(session),
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
    """Return the question on screen, without anything that tells the right choice."""
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
    }
