"""Plays a short session on a stage over HTTP, and checks it against the rules.

It needs no administrator and no answer key. In a deployed stage it signs in a user made for it,
unless QUIZ_SMOKE_USER and QUIZ_SMOKE_PASSWORD name one; on the laptop stage its token is the local
issuer's. It leaves no user and no open session behind.

Exit codes: 0 all is well, 1 the stage does not do what it should, 2 it could not be tried.
"""

import time
import uuid
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2

from local.accounts.sign_in import LaptopSignIn
from local.errors import CommandError
from ops.deploy.api import TIMEOUT, Api, ResponseError
from ops.deploy.learner import Learner, Question
from ops.deploy.outputs import Outputs
from ops.deploy.sign_in import is_throwaway, signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

QUESTIONS = 3
_SESSIONS = 12
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
    """Return the address of a stage and a token for it, which ends with the context."""
    if stage == "local":
        laptop = LaptopSignIn.find()
        return nullcontext((laptop.stage.url, laptop.access_token(f"smoke-{uuid.uuid4().hex}")))
    return _deployed(Outputs.read(stage))


@contextmanager
def _deployed(outputs: Outputs) -> "Iterator[tuple[str, str]]":
    with signed_in(outputs) as token:
        yield outputs.apiUrl.rstrip("/"), token


def _play_as_learner(url: str, token: str, stage: str) -> str:
    """Play until some answer was wrong; return what was done, in words."""
    started = time.monotonic()
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=TIMEOUT) as client:
        api = Api(client)
        told = api.call("GET", "/health")
        _require(told["status"] == "ok" and told["stage"] == stage, f"its health says {told}.")
        sources = _sources(api.call("GET", "/questions/categories")["categories"], stage)
        learner = Learner()
        for _ in range(_SESSIONS):
            learner = Learner(known=learner.known)
            Play(api, learner).session(sources)
            if learner.wrong:
                break
        # All right by luck, a dozen times: with so many right guesses the grading is what is wrong.
        _require(learner.wrong > 0, "whatever is answered counts as right.")
    questions = sum(source["questionCount"] for source in sources)
    return (
        f"{questions} question{'' if questions == 1 else 's'} mastered in "
        f"{learner.right + learner.wrong} answers, {learner.wrong} of them wrong, "
        f"in {time.monotonic() - started:.1f} s"
    )


def _erase(url: str, token: str) -> None:
    """Delete the user and all that is kept of them, as a learner would."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=TIMEOUT) as client:
        Api(client).call("DELETE", "/users/me", expected=204)


def _sources(categories: "Sequence[Question]", stage: str) -> list[dict[str, Any]]:
    """Return what to draw `QUESTIONS` questions from, or as many as there are."""
    sources: list[dict[str, Any]] = []
    missing = QUESTIONS
    for category in categories:
        if count := min(missing, category["questionCount"]):
            sources.append({"category": category["category"], "questionCount": count})
            missing -= count
    if not sources:
        raise CommandError(
            f"Stage {stage} has no questions to play: import a bank first (docs/deployment.md)."
        )
    return sources


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
