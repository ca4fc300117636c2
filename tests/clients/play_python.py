"""Plays a session with the client that openapi-python-client generated: `URL TOKEN`."""

import sys

from adaptive_quiz_client import AuthenticatedClient
from adaptive_quiz_client.api.play import get_question, start_session, submit_answer
from adaptive_quiz_client.models import (
    AnswerResult,
    ConflictProblem,
    ConflictProblemCode,
    CurrentQuestion,
    Session,
    ShownQuestion,
    SourceChoice,
    StartOfSources,
    SubmitAnswer,
    UnprocessableProblem,
)


def main(url: str, token: str) -> None:
    """Answer by elimination until the session is complete, and provoke two typed errors."""
    client = AuthenticatedClient(base_url=url, token=token)
    unknown = start_session.sync(
        client=client, body=StartOfSources(sources=[SourceChoice(category="unknown")])
    )
    assert isinstance(unknown, UnprocessableProblem), unknown
    session = start_session.sync(
        client=client,
        body=StartOfSources(sources=[SourceChoice(category="capitals", question_count=3)]),
    )
    assert isinstance(session, Session), session
    shown = get_question.sync(session.session_id, client=client)
    assert isinstance(shown, CurrentQuestion), shown
    question = shown.question
    tried: dict[str, set[str]] = {}
    answers = 0
    while isinstance(question, ShownQuestion):
        wrong = tried.setdefault(question.question_id, set())
        choice = next(each for each in question.answers if each.text not in wrong)
        body = SubmitAnswer(question.question_id, [choice.id], turn=question.turn)
        result = submit_answer.sync(session.session_id, client=client, body=body)
        assert isinstance(result, AnswerResult), result
        answers += 1
        if not result.correct:
            wrong.add(choice.text)
        question = result.question
    stale = submit_answer.sync(
        session.session_id, client=client, body=SubmitAnswer("geography:000000", ["aaaa1"], turn=1)
    )
    assert isinstance(stale, ConflictProblem), stale
    assert stale.code in (ConflictProblemCode.SESSION_OVER, ConflictProblemCode.TURN_MISMATCH)
    print(f"completed after {answers} answers; then {stale.code}")


main(*sys.argv[1:])
