"""Everything that grading an answer reads about the session and the question, in one call."""

from domain.question import Question
from domain.session.state import Session
from lambdas.shared.store.batch import batch_get_together
from lambdas.shared.store.questions import QuestionsTable
from lambdas.shared.store.sessions import SessionsTable, session_from_item


def read_turn(
    sessions: SessionsTable,
    questions: QuestionsTable,
    user_id: str,
    session_id: str,
    question_id: str,
) -> tuple[Session | None, Question | None]:
    """Return a session, strongly consistent, and a question, eventually consistent.

    Raises:
        StoreUnavailableError: one of the tables cannot be read.
    """
    key = {"userId": {"S": user_id}, "sessionId": {"S": session_id}}
    found = batch_get_together(
        sessions.database,
        {
            sessions.name: {"Keys": [key], "ConsistentRead": True},
            questions.name: questions.request(question_id),
        },
    )
    session = next(map(session_from_item, found[sessions.name]), None)
    question = next(map(questions.question, found[questions.name]), None)
    return session, question
