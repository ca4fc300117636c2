"""Faults by name, and slow responses, to strike a stage with."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.integration.stage import (
    InvokedStage,
    Reply,
    submission,
)

QUESTIONS = 6

WORK_DONE = {"reply lost", "connection reset after the work"}
"""Kinds that leave a write done, though nobody hears of it."""


@dataclass(frozen=True)
class Scene:
    """A request of play, and the call of it that is struck."""

    route: str
    struck: str
    body: Callable[[InvokedStage, str, str], object] = lambda *_: None
    headers: bool = False
    within: str = ""
    owing: bool = False
    expired: bool = False
    cold: bool = False

    def __str__(self) -> str:
        kinds = ("review" if self.owing else "", "keyed" if self.headers else "")
        parts = (self.route, *kinds, self.within, self.struck)
        return " ".join(part for part in parts if part)

    def prepared(self, stage: InvokedStage, user: str) -> Callable[[], Reply]:
        """Bring a learner to where the request can be made; return what makes it."""
        session_id = stage.start({"category": "geography"}, user=user)
        if self.owing:
            _owe(stage, session_id, user)
            if self.expired:
                session = stage.services.sessions.get(user, session_id)
                assert session
                # One that expires later on the same day. The index has the day only: the review's
                # check finds that this one is not over, and then the sessions are read.
                stage.clock.advance(1_000)
                _owe(stage, stage.start({"category": "geography"}, user=user), user)
                stage.clock.now = session.expires_at
            else:
                path = {"sessionId": session_id}
                assert stage.call("abandonSession", path=path, user=user).status == 204
        body = self.body(stage, session_id, user)
        headers = {"Idempotency-Key": "k"} if self.headers else None
        stage.services.bank.get(f"geography:{n:06d}" for n in range(QUESTIONS))
        if self.cold:
            stage.forget_questions()

        def request() -> Reply:
            path = {"sessionId": session_id}
            return stage.call(self.route, body, user=user, path=path, headers=headers)

        return request


def _owe(stage: InvokedStage, session_id: str, user: str) -> None:
    for right in (False, True):
        shown = stage.question(session_id, user)["question"]
        stage.answer(session_id, shown, right=right, user=user)


def _start(*_: object) -> object:
    return {"sources": [{"category": "geography"}], "settings": {"wrongAnswerPercentage": 20}}


def _start_as_preferred(*_: object) -> object:
    return {"sources": [{"category": "geography"}]}


def _review(*_: object) -> object:
    return {"review": {}}


def _rename(*_: object) -> object:
    return {"version": 1, "name": "storm"}


def _answer(stage: InvokedStage, session_id: str, user: str) -> object:
    return submission(stage.question(session_id, user)["question"])


SCENES = [
    Scene("startSession", "BatchGetItem", _start),
    Scene("startSession", "TransactWriteItems", _start),
    Scene("startSession", "TransactWriteItems", _start, headers=True),
    Scene("startSession", "BatchGetItem", _start_as_preferred),
    Scene("startSession", "Query", _review, owing=True, within="sessions"),
    Scene("startSession", "Query", _review, owing=True, within="wrong_answers"),
    Scene("startSession", "BatchGetItem", _review, owing=True, expired=True, within="sessions"),
    Scene("startSession", "TransactWriteItems", _review, owing=True, headers=True),
    Scene("getQuestion", "GetItem"),
    Scene("getQuestion", "GetItem", within="questions", cold=True),
    Scene("submitAnswer", "GetItem", _answer),
    Scene("submitAnswer", "BatchGetItem", _answer, cold=True),
    Scene("submitAnswer", "TransactWriteItems", _answer),
    Scene("getSession", "GetItem"),
    Scene("listSessions", "Query"),
    Scene("updateSession", "GetItem", _rename),
    Scene("updateSession", "PutItem", _rename),
    Scene("abandonSession", "GetItem"),
    Scene("abandonSession", "PutItem"),
]
