"""Somebody signed in to the deployed stage."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

import httpx2
import jwt
import pyotp

from lambdas.shared.http.identity import ADMIN_GROUP
from ops.deploy.outputs import Outputs
from ops.deploy.second_factor import enrol_app, is_refused
from ops.deploy.sign_in import Nobody, access_token, create_user
from tests.deployment.local_cloud import Deployment

CATEGORY = "rehearsal"
_PATIENCE = 10.0


@dataclass(frozen=True)
class ApiUser:
    """A user, their access token and a client that sends it."""

    name: str
    password: str
    app: "AuthenticatorApp"
    token: str
    http: httpx2.Client

    @property
    def credentials(self) -> dict[str, str]:
        """Variables with which a command signs the user in."""
        return {"QUIZ_PASSWORD": self.password, "QUIZ_TOTP_SECRET": self.app.secret}

    @property
    def claims(self) -> dict[str, Any]:
        """Claims of the token."""
        claims: dict[str, Any] = jwt.decode(self.token, options={"verify_signature": False})
        return claims

    def call(self, method: str, path: str, body: object = None, status: int = 200) -> Any:
        """Return the body of a response of the status expected."""
        deadline = monotonic() + _PATIENCE
        response = self.http.request(method, path, json=body)
        while response.status_code == 429 and monotonic() < deadline:  # throttled: nothing was done
            response = self.http.request(method, path, json=body)
        assert response.status_code == status, f"{method} {path}: {response.text}"
        return response.json() if response.content else None

    def answer(self, session_id: str, question: Mapping[str, Any], *, right: bool) -> Any:
        """Answer one of `bank_questions`."""
        (chosen, *_) = (a for a in question["answers"] if (a["text"] == "right") is right)
        body = {
            "questionId": question["questionId"],
            "turn": question["turn"],
            "selectedAnswers": [chosen["id"]],
        }
        return self.call("POST", f"/sessions/{session_id}/answer", body)

    def start_session(self, count: int, category: str = CATEGORY) -> tuple[str, Any]:
        """Start a session that draws fresh questions first; return its id and first question."""
        body = {
            "sources": [{"category": category, "questionCount": count}],
            "settings": {"wrongAnswerPercentage": 0},
        }
        session_id = self.call("POST", "/sessions", body, 201)["sessionId"]
        return session_id, self.call("GET", f"/sessions/{session_id}/question")["question"]

    def miss_and_mend(self, session_id: str, question: Mapping[str, Any]) -> Any:
        """Answer wrong, then right; return the next question."""
        again = self.answer(session_id, question, right=False)["question"]
        return self.answer(session_id, again, right=True)["question"]


@contextmanager
def signed_in(deployment: Deployment, *groups: str) -> Iterator[ApiUser]:
    """Make a user of these groups and sign them in over SRP, with a real client.

    The user ends with the pool.
    """
    cognito = deployment.cloud.client("cognito-idp")
    pool = deployment.outputs.userPoolId
    name, password = f"{secrets.token_hex(8)}@example.com", f"Aa1!{secrets.token_urlsafe(24)}"
    create_user(cognito, deployment.outputs, name, password)
    for group in groups:
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=group)
    token, app = access_token(cognito, deployment.outputs, name, password), AuthenticatorApp()
    if ADMIN_GROUP in groups:
        token = _with_second_factor(cognito, deployment.outputs, name, password, token, app)
    with deployment.http(token) as http:
        yield ApiUser(name, password, app, token, http)


class AuthenticatorApp(Nobody):
    """An authenticator app that is always at hand."""

    def __init__(self) -> None:
        self.secret = ""

    def one_time_code(self, secret: str | None, /) -> str:
        self.secret = secret or self.secret
        return pyotp.TOTP(self.secret).now()


def _with_second_factor(
    cognito: Any, outputs: Outputs, name: str, password: str, token: str, app: AuthenticatorApp
) -> str:
    """Enrol an app and sign in with it, which counts from the second after it was first seen."""
    assert is_refused(outputs, token)
    deadline = monotonic() + _PATIENCE
    enrol_app(cognito, token, app)
    while is_refused(outputs, token) and monotonic() < deadline:
        token = access_token(cognito, outputs, name, password, app)
    return token


def bank_questions(first: int, count: int, category: str = CATEGORY) -> list[dict[str, Any]]:
    """Return questions as the bank takes them."""
    return [
        {
            "category": category,
            "text": f"Question {number}?",
            "type": "SINGLE_CHOICE",
            "answers": [
                {"text": text, "correct": text == "right"} for text in ("right", "wrong", "no")
            ],
        }
        for number in range(first, first + count)
    ]
