"""Show the current question."""

from domain.question import Question
from domain.session.state import Session
from lambdas.shared.playing import current_question, load, require_playable
from lambdas.shared.services import Services
from lambdas.shared.store.errors import TransactionConditionError


def show_question(
    services: Services, user_id: str, session_id: str
) -> tuple[Session, Question | None]:
    """Return the session and the question on its screen, None when it is completed.

    Raises:
        ApiError: there is no such session, or it cannot be played now.
    """
    session = load(services, user_id, session_id)
    require_playable(session, services.clock())
    try:
        return current_question(services, session)
    except TransactionConditionError:
        # Another request replaced the vanished question; what it put there is what is shown.
        return current_question(services, load(services, user_id, session_id))
