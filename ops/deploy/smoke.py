"""Plays a short session on a stage over HTTP, and checks it against the rules.

It plays a category of its own, which no learner sees and no statistics and metrics count. The
function `questions` writes it, invoked with an event that no request can be.

It needs no administrator and no answer key. In a deployed stage it signs in a user made for it,
unless QUIZ_SMOKE_USER and QUIZ_SMOKE_PASSWORD name one; on the laptop stage its token is the local
issuer's. It leaves no user and no open session behind.

Exit codes: 0 all is well, 1 the stage does not do what it should, 2 it could not be tried.
"""

import json
import time
import uuid
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import httpx2

from domain.question import SMOKE_CATEGORY
from lambdas.questions.handler import SMOKE_SOURCE, handler
from lambdas.questions.smoke_category import SMOKE_QUESTIONS
from local.accounts.sign_in import LaptopSignIn
from local.database.backend import enter
from local.errors import CommandError
from local.invocation import InvocationContext
from ops.deploy.aliases import LIVE
from ops.deploy.api import TIMEOUT, Api, ResponseError
from ops.deploy.learner import Learner, Question
from ops.deploy.outputs import Outputs
from ops.deploy.sign_in import explained, is_throwaway, signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator

_WRITER = "questions"
"""The function that writes the category."""

_EVENT = {"source": SMOKE_SOURCE}
_SOURCE = {"category": SMOKE_CATEGORY, "questionCount": SMOKE_QUESTIONS}
_MOST_ANSWERS = 4_000
_NOT_TRIED = 2


class SmokeError(Exception):
    """The stage does not do what it should; the message is one sentence."""


def smoke(stage: str) -> str:
    """Play a short session on a stage; return a sentence on how it went.

    Raises:
        CommandError: The stage does not work (exit code 1), or could not be tried (2).
    """
    try:
        with _access(stage) as (url, token):
            played = _play_as_learner(url, token, stage)
            if is_throwaway():
                _erase(url, token)
            return f"Stage {stage} is well: {played}."
    except (SmokeError, ResponseError) as error:
        raise CommandError(f"Stage {stage} is not well: {error}") from error
    except CommandError as error:
        raise CommandError(str(error), _NOT_TRIED) from error
    except httpx2.HTTPError as error:
        raise CommandError(f"Stage {stage} cannot be reached: {error}") from error


def _access(stage: str) -> AbstractContextManager[tuple[str, str]]:
    """Return the address of a stage with the category, and a token that ends with the context."""
    if stage == "local":
        laptop = LaptopSignIn.find()
        _write_on_laptop(laptop.stage.environment)
        return nullcontext((laptop.stage.url, laptop.access_token(f"smoke-{uuid.uuid4().hex}")))
    outputs = Outputs.read(stage)
    write_category(stage, boto3.client("lambda", region_name=outputs.region))
    return _deployed(outputs)


def _write_on_laptop(environment: dict[str, str]) -> None:
    """Run the function in this process, on the tables of the running stage."""
    enter(environment)
    try:
        handler(_EVENT, InvocationContext(_WRITER, str(uuid.uuid4())))
    except Exception as error:  # as on AWS: whatever it is, the function failed
        raise SmokeError(f"its category could not be written: {error}") from error


def write_category(stage: str, client: Any) -> None:
    """Invoke the live version of a deployed stage's function, which writes the category.

    Raises:
        SmokeError: The function fails.
        CommandError: It cannot be invoked, or is of a release without this event.
    """
    name = f"quiz-{stage}-{_WRITER}"
    with explained(f"invoke {name}, which takes the right lambda:InvokeFunction"):
        answered = client.invoke(
            FunctionName=name, Qualifier=LIVE, Payload=json.dumps(_EVENT).encode()
        )
        body = answered["Payload"].read().decode()
    if answered.get("FunctionError"):
        raise SmokeError(f"its category could not be written: {body}")
    if "statuses" not in json.loads(body):
        raise CommandError(
            f"Stage {stage} runs an earlier release, which has no category for the smoke test: "
            "deploy it, or try it with the smoke test of that release."
        )


@contextmanager
def _deployed(outputs: Outputs) -> "Iterator[tuple[str, str]]":
    with signed_in(outputs) as token:
        yield outputs.apiUrl.rstrip("/"), token


def _play_as_learner(url: str, token: str, stage: str) -> str:
    """Play a session; return what was done, in words."""
    started = time.monotonic()
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=TIMEOUT) as client:
        api = Api(client)
        told = api.call("GET", "/health")
        _require(told["status"] == "ok" and told["stage"] == stage, f"its health says {told}.")
        learner = Learner()
        Play(api, learner).session([_SOURCE])
        # The first answer to the question with several right choices selects all of them.
        _require(learner.wrong > 0, "whatever is answered counts as right.")
    return (
        f"{SMOKE_QUESTIONS} questions mastered in "
        f"{learner.right + learner.wrong} answers, {learner.wrong} of them wrong, "
        f"in {time.monotonic() - started:.1f} s"
    )


def _erase(url: str, token: str) -> None:
    """Delete the user and all that is kept of them, as a learner would."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=TIMEOUT) as client:
        Api(client).call("DELETE", "/users/me", expected=204)


@dataclass(slots=True)
class Play:
    """A learner at one session."""

    api: Api
    learner: Learner

    def session(self, sources: list[dict[str, Any]]) -> None:
        """Start a session, play it to its end and check that it is one."""
        started = self.api.call("POST", "/sessions", {"name": "Smoke", "sources": sources}, 201)
        path = f"/sessions/{started['sessionId']}"
        try:
            self._to_the_end(path, self.api.call("GET", f"{path}/question"))
            self._check_end(self.api.call("GET", path), sources)
        except BaseException:
            with suppress(ResponseError, httpx2.HTTPError):  # the first error is the one to report
                self.api.call("DELETE", path, expected=204)
            raise

    def _check_end(self, ended: Any, sources: list[dict[str, Any]]) -> None:
        _require(ended["status"] == "COMPLETED", f"its session ended {ended['status']}.")
        questions = sum(source["questionCount"] for source in sources)
        counted = {
            "totalQuestions": questions,
            "correctAnswers": self.learner.right,
            "wrongAnswers": self.learner.wrong,
            "mastered": self.learner.mastered,
            "answersLeft": 0,
            "penaltyIndicator": "",
        }
        told = {name: ended["progress"][name] for name in counted}
        _require(told == counted, f"its session counted {told}, where {counted} is right.")
        _require(self.learner.mastered == questions, "its session ended before its end.")

    def _to_the_end(self, path: str, shown: Any) -> None:
        for _ in range(_MOST_ANSWERS):
            if shown["question"] is None:
                _require(
                    shown["nextAction"] == "SESSION_COMPLETED",
                    f"no question is left, and it says {shown['nextAction']}.",
                )
                return
            shown = self._answer(path, shown["question"])
        raise SmokeError(f"its session has no end within {_MOST_ANSWERS} answers.")

    def _answer(self, path: str, question: Question) -> Any:
        chosen = self.learner.choose(question)
        submission = {
            "questionId": question["questionId"],
            "turn": question["turn"],
            "selectedAnswers": chosen,
            "timeSpent": 1,
        }
        result = self.api.call("POST", f"{path}/answer", submission)
        self.learner.enter(question, chosen, correct=result["correct"])
        told, owed = result["penaltyIndicator"], self.learner.indicator
        _require(told == owed, f"its penalty indicator is '{told}', where '{owed}' is right.")
        if not result["correct"]:
            again = result["question"]
            _require(
                result["nextAction"] == "RETRY_SAME_QUESTION"
                and again["questionId"] == question["questionId"]
                and "correctAnswers" not in result,
                "a wrong answer does not bring its question back.",
            )
            repeated = self.api.call("POST", f"{path}/answer", submission)
            _require(repeated == result, "an answer sent twice is not answered alike.")
        return result


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SmokeError(otherwise)
