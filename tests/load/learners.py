"""Simulated learners: their actions, how often they act, and the responses they expect.

One action at a time, by the shares in `ACTIONS`: most of the time they answer. Some responses are
lost on the way and asked for again, some clicks are double, some learners reload, pause, go on in
another of their sessions, look at their lists, or give a session up.
"""

import base64
import json
import socket
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar
from urllib.parse import urlsplit

import gevent
from gevent.queue import Queue
from locust import task
from locust.contrib.fasthttp import FastHttpUser

from tests.laptop.learner import AnswerKey
from tests.load.books import SessionBooks, UserBooks
from tests.load.made_up_bank import CATEGORIES

ERROR_RATES = (0.05, 0.15, 0.3, 0.5)
"""Learners of four kinds, as many of each."""

SESSIONS_AT_ONCE = 3
QUESTIONS_OF_A_SESSION = (10, 60)
ATTEMPTS = 6
TOKEN_SECONDS = 2400.0
"""A token lives an hour."""

ANSWER = "POST /sessions/{sessionId}/answer"
QUESTION = "GET /sessions/{sessionId}/question"

ACTIONS = {
    "answer": 880,
    "lose_a_response": 10,
    "double_click": 5,
    "reload": 30,
    "list_sessions": 15,
    "read_progress": 15,
    "list_wrong_answers": 8,
    "list_questions": 7,
    "pause_and_resume": 8,
    "another_session": 20,
    "give_up": 2,
}


def subject(token: str) -> str:
    """Return the user id in a token."""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return str(claims["sub"])


class GivenUpError(Exception):
    """A request failed however often it was repeated."""


IDLE_SECONDS = 0.1


class Arrivals:
    """Lets learners act at the times of a Poisson process, whatever the stage does meanwhile."""

    def __init__(self, rate: float) -> None:
        """Take the first rate, a second; it may be changed at any time, to none too."""
        self.rate = rate
        self._turns: Queue[None] = Queue()
        self._random = Random(1)

    def run(self) -> None:
        """Let one act after the other, for ever."""
        due = time.monotonic()
        while True:
            if self.rate:
                due += self._random.expovariate(self.rate)
                gevent.sleep(max(0.0, due - time.monotonic()))
                self._turns.put(None)
            else:
                gevent.sleep(IDLE_SECONDS)
                due = time.monotonic()

    def wait(self) -> None:
        """Return when it is somebody's turn."""
        self._turns.get()

    def forget(self) -> None:
        """Drop the turns nobody was free to take."""
        while not self._turns.empty():
            self._turns.get()


@dataclass
class Campaign:
    """State shared by all simulated learners.

    They think `think` seconds in the mean after each response or, where there are `arrivals`, act
    as those say.
    """

    key: AnswerKey
    token: Callable[[str], str]
    think: float
    arrivals: Arrivals | None = None
    busy: int = 0
    users: list[UserBooks] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def fault(self, text: str) -> None:
        """Record a wrong response."""
        self.faults.append(text)


class SimulatedLearner(FastHttpUser):
    """Plays sessions until the test ends."""

    campaign: ClassVar[Campaign]
    network_timeout = 15.0
    connection_timeout = 5.0

    def on_start(self) -> None:
        """Sign in."""
        number = len(self.campaign.users)
        self.name = f"learner-{number}"
        self.random = Random(number)
        self.token = self.campaign.token(self.name)
        self.token_until = time.monotonic() + TOKEN_SECONDS
        self.books = UserBooks(
            self.name,
            subject(self.token),
            self.campaign.key,
            ERROR_RATES[number % len(ERROR_RATES)],
            self.random,
        )
        self.campaign.users.append(self.books)
        if not self.campaign.arrivals:
            gevent.sleep(self.random.uniform(0, self.campaign.think))

    def wait_time(self) -> float:
        """Return the seconds until the next action."""
        if self.campaign.arrivals:
            self.campaign.arrivals.wait()
            return 0.0
        return self.random.expovariate(1 / self.campaign.think) if self.campaign.think else 0.0

    @task
    def act(self) -> None:
        """Do one thing."""
        self.campaign.busy += 1
        try:
            if not self._open():
                self.another_session()
                return
            (action,) = self.random.choices(list(ACTIONS), weights=list(ACTIONS.values()))
            if any(each.unsettled for each in self._open()):
                action = "answer"
            getattr(self, action)()
            self.campaign.done[action] += 1
        except GivenUpError:
            self.campaign.done["given up"] += 1
        finally:
            self.campaign.busy -= 1

    # Actions of learners.

    def answer(self) -> None:
        """Answer the question on the screen."""
        session = self._any_session()
        submission = self._submission(session)
        self._settle(session, submission, self._post_answer(session, submission))

    def lose_a_response(self) -> None:
        """Answer, lose the connection before the response, and send the answer again."""
        session = self._any_session()
        submission = self._submission(session)
        self._send_and_hang_up(session, submission)
        self._settle(session, submission, self._post_answer(session, submission))

    def double_click(self) -> None:
        """Send an answer twice at the same time: both get the same response."""
        session = self._any_session()
        submission = self._submission(session)
        first = gevent.spawn(self._post_answer, session, submission)
        second = self._post_answer(session, submission)
        body = first.get()
        if body != second:
            self.campaign.fault(f"a double click was told {body} and {second}")
        self._settle(session, submission, second)

    def reload(self) -> None:
        """Ask for the question on the screen."""
        session = self._any_session()
        body = self._call("GET", f"/sessions/{session.session_id}/question", QUESTION)
        if body["question"] != session.question:
            self.campaign.fault(f"the screen shows {body['question']}, not {session.question}")

    def list_sessions(self) -> None:
        """Look at one's sessions."""
        self._call("GET", "/sessions?limit=10", "GET /sessions")

    def read_progress(self) -> None:
        """Look at one's totals."""
        self._call("GET", "/users/me/progress", "GET /users/{userId}/progress")

    def list_wrong_answers(self) -> None:
        """Look at what is owed."""
        self._call("GET", "/users/me/wrong-answers", "GET /users/{userId}/wrong-answers")

    def list_questions(self) -> None:
        """Look at one's record."""
        name = "GET /users/{userId}/progress/questions"
        self._call("GET", "/users/me/progress/questions", name)

    def pause_and_resume(self) -> None:
        """Pause, find that nothing can be answered, and go on."""
        session = self._any_session()
        path = f"/sessions/{session.session_id}"
        version = self._call("GET", path, "GET /sessions/{sessionId}")["version"]
        name = "PATCH /sessions/{sessionId}"
        paused = self._call("PATCH", path, name, {"status": "PAUSED", "version": version})
        self._call("GET", f"{path}/question", QUESTION, expected=409)
        active = {"status": "ACTIVE", "version": paused["version"]}
        self._call("PATCH", path, name, active)

    def another_session(self) -> None:
        """Begin a session, up to a number of them."""
        if len(self._open()) >= SESSIONS_AT_ONCE:
            return
        self._call("GET", "/questions/categories", "GET /questions/categories")
        questions = self.random.randint(*QUESTIONS_OF_A_SESSION)
        categories = self.random.sample(CATEGORIES, self.random.randint(1, 3))
        each = max(1, questions // len(categories))
        body = {"sources": [{"category": name, "questionCount": each} for name in categories]}
        key = {"Idempotency-Key": uuid.UUID(int=self.random.getrandbits(128)).hex}
        created = self._call("POST", "/sessions", "POST /sessions", body, headers=key, expected=201)
        session = self.books.open(created["sessionId"], created["progress"]["totalQuestions"])
        path = f"/sessions/{session.session_id}/question"
        session.question = self._call("GET", path, QUESTION)["question"]

    def give_up(self) -> None:
        """Abandon a session."""
        session = self._any_session()
        path = f"/sessions/{session.session_id}"
        self._call("DELETE", path, "DELETE /sessions/{sessionId}", expected=204)
        session.question = None

    # How they do it.

    def _open(self) -> list[SessionBooks]:
        return [each for each in self.books.sessions.values() if not each.over]

    def _any_session(self) -> SessionBooks:
        """Return one of the open sessions, first of all one whose answer nobody acknowledged."""
        sessions = self._open()
        return self.random.choice([each for each in sessions if each.unsettled] or sessions)

    def _submission(self, session: SessionBooks) -> Mapping[str, Any]:
        """Choose an answer, or take up the one that nobody acknowledged."""
        assert session.question is not None
        session.unsettled = session.unsettled or session.learner.submission(session.question)
        return session.unsettled

    def _post_answer(self, session: SessionBooks, submission: Mapping[str, Any]) -> Any:
        return self._call("POST", f"/sessions/{session.session_id}/answer", ANSWER, submission)

    def _settle(self, session: SessionBooks, submission: Mapping[str, Any], body: Any) -> None:
        if fault := self.books.settle(session, submission, body):
            self.campaign.fault(f"{self.name}, {session.session_id}: {fault}")

    def _call(
        self,
        method: str,
        path: str,
        name: str,
        body: Mapping[str, Any] | None = None,
        *,
        expected: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a request until it is answered; return the body.

        A repeated create returns 200 instead of 201: its first response was lost.
        """
        for attempt in range(ATTEMPTS):
            if attempt:
                gevent.sleep(0.1 * 2**attempt)
            with self.client.request(
                method,
                path,
                name=name.partition(" ")[2],
                json=body,
                headers={"Authorization": f"Bearer {self._token()}", **(headers or {})},
                catch_response=True,
            ) as response:
                status = response.status_code
                if status == expected or (attempt and (expected, status) == (201, 200)):
                    response.success()
                    return response.json() if response.text else None
                response.failure(f"{status} {(response.text or '')[:200]}")
                if 400 <= status < 500 and status != 429:
                    self.campaign.fault(f"{name} of {self.name}: {status} {response.text}")
                    raise GivenUpError
        raise GivenUpError

    def _token(self) -> str:
        if time.monotonic() > self.token_until:
            self.token = self.campaign.token(self.name)
            self.token_until = time.monotonic() + TOKEN_SECONDS
        return self.token

    def _send_and_hang_up(self, session: SessionBooks, submission: Mapping[str, Any]) -> None:
        address = urlsplit(str(self.host))
        content = json.dumps(submission)
        request = (
            f"POST /sessions/{session.session_id}/answer HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Authorization: Bearer {self._token()}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n{content}"
        )
        assert address.hostname
        with socket.create_connection((address.hostname, address.port or 80), 5.0) as connection:
            connection.sendall(request.encode())
