"""Show the current question."""

from domain.question import Question
from domain.session import Session
from lambdas.shared.environment import Environment
from lambdas.shared.playing import current_question, load, require_playable
from lambdas.shared.store.client import ConditionFailedError


def show_question(
    environment: Environment, user_id: str, session_id: str
) -> tuple[Session, Question | None]:
    """Return the session and the question on its screen, None when it is completed.

    Raises:
        ApiError: there is no such session, or it cannot be played now.
    """
    session = load(environment, user_id, session_id)
    require_playable(session, environment.clock())
    try:
        return current_question(environment, session)
    except ConditionFailedError:
        # Another request replaced the vanished question; what it put there is what is shown.
        return current_question(environment, load(environment, user_id, session_id))
