"""Learners of the running stage, each with sessions, a record and a pool of their own."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import httpx2

from lambdas.contract.route import Access, Route
from lambdas.contract.routes import ROUTES
from local.accounts.token_issuer import Issuer, load_key
from local.data_folder import ROOT
from local.running_stage import RunningStage
from tests.laptop.learner import answer_key, asked
from tests.support.stage_process import StageProcess

ROUTE: Mapping[str, Route] = {route.operation: route for route in ROUTES}
GUARDED = [route for route in ROUTES if route.access is not Access.PUBLIC]
KEY = answer_key(ROOT / "local" / "sample_bank.jsonl")
ADMINISTERED = "rights"
"""A category that administrators change and nobody plays."""
QUESTION = f"{ADMINISTERED}:000000"

SOURCES = [{"category": "geography"}]
RECORDS = ("SESSIONS_TABLE", "PROGRESS_TABLE", "WRONG_ANSWERS_TABLE")


@dataclass
class Person:
    """Somebody who calls, and what is theirs: the session they play and the place in each list."""

    name: str
    user_id: str
    token: str
    session_id: str = ""
    shown: Mapping[str, Any] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """Headers that identify the caller."""
        return {"Authorization": f"Bearer {self.token}"}


class People:
    """Makes them, over HTTP; a name is always the same user."""

    def __init__(self, running: StageProcess, client: httpx2.Client) -> None:
        self.running = running
        self.client = client
        self.key = load_key(running.data)
        self.issuer = Issuer(self.key, running.url)

    def person(self, name: str, *groups: str) -> Person:
        """Return somebody who has nothing yet."""
        token = self.issuer.access_token(name, groups)
        found = self.client.get("/users/me", headers={"Authorization": f"Bearer {token}"}).json()
        return Person(name, found["userId"], token)

    def player(self, name: str, *groups: str) -> Person:
        """Return somebody with two sessions, two questions answered and two in their pool."""
        who = self.person(name, *groups)
        for _ in range(2):
            who.session_id = self.do(who, "POST", "/sessions", {"sources": SOURCES})["sessionId"]
        address = f"/sessions/{who.session_id}"
        who.shown = self.do(who, "GET", f"{address}/question")["question"]
        pooled = 0
        while pooled < 2:
            again = self.do(who, "POST", f"{address}/answer", answer(who.shown, right=False))
            done = self.do(who, "POST", f"{address}/answer", answer(again["question"], right=True))
            who.shown, pooled = done["question"], done["progress"]["wrongPoolSize"]
        return who

    def do(self, who: Person, method: str, path: str, body: Any = None) -> Any:
        """Do what has to succeed."""
        response = self.client.request(method, path, json=body, headers=who.headers)
        assert response.is_success, response.text
        return response.json()

    def ask(self, who: Person, route: Route, path: str = "", **how: Any) -> httpx2.Response:
        """Send a good request on somebody's behalf, with the given differences."""
        how.setdefault("json", body_of(route, who))
        how["headers"] = {**who.headers, **how.get("headers", {})}
        return self.client.request(route.method, path or path_of(route, who), **how)

    def page_token(self, who: Person, path: str) -> str:
        """Return the token of a list's second page."""
        page = self.do(who, "GET", f"{path}?limit=1")
        return str(page["nextToken"])

    def records(self) -> dict[str, list[Any]]:
        """Return all learners' sessions, progress and pools, as the tables hold them.

        Without what the stream's consumer keeps: it may still be counting earlier answers.
        """
        known = RunningStage.find(self.running.data).environment
        database = boto3.client(
            "dynamodb",
            endpoint_url=known["DYNAMODB_ENDPOINT"],
            region_name=known["AWS_REGION"],
            aws_access_key_id=known["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=known["AWS_SECRET_ACCESS_KEY"],
        )
        tables = {name: known[name] for name in RECORDS}
        return {
            name: sorted(
                (
                    item
                    for page in database.get_paginator("scan").paginate(TableName=table)
                    for item in page["Items"]
                    if "tally" not in item
                ),
                key=lambda item: json.dumps(item, sort_keys=True, default=repr),
            )
            for name, table in tables.items()
        }


@contextmanager
def people_of(running: StageProcess) -> Iterator[People]:
    """Yield the people of a running stage, and a client they share."""
    with running.client() as client:
        people = People(running, client)
        saved = {"questions": [question("First?"), question("Second?")]}
        people.do(people.person("root", "admin"), "POST", "/admin/questions", saved)
        yield people


def answer(shown: Mapping[str, Any], *, right: bool) -> dict[str, Any]:
    """Return the body of an answer to a question of the sample bank."""
    correct = KEY[asked(shown["text"], [each["text"] for each in shown["answers"]])]
    chosen = [each["id"] for each in shown["answers"] if (each["text"] in correct) is right]
    return {
        "questionId": shown["questionId"],
        "turn": shown["turn"],
        "selectedAnswers": chosen if right else chosen[:1],
    }


def question(text: str) -> dict[str, Any]:
    """Return a question that administrators may change."""
    answers = [{"text": "right", "correct": True}, {"text": "wrong", "correct": False}]
    return {"category": ADMINISTERED, "text": text, "answers": answers}


def path_of(route: Route, who: Person, **other: str) -> str:
    """Return a route's path, filled with somebody's own ids, or with the given ones."""
    known = {
        "sessionId": who.session_id,
        "userId": who.user_id,
        "questionId": QUESTION,
        "category": ADMINISTERED,
        "importId": "0" * 32,
        **other,
    }
    return route.path.format(**known)


def body_of(route: Route, who: Person) -> dict[str, Any] | None:
    """Return a good body of a route for somebody, None where it takes none."""
    draft = question(f"Who is {who.name}?")
    bodies: dict[str, dict[str, Any]] = {
        "startSession": {"sources": SOURCES},
        "updateSession": {"version": 1, "name": "new"},
        "submitAnswer": answer(who.shown, right=True) if who.shown else {},
        "updateUser": {"displayName": who.name},
        "saveQuestions": {"questions": [draft]},
        "replaceQuestion": draft,
        "updateCategory": {"title": f"Questions of {who.name}"},
        "openImport": {"categories": [f"imported-by-{who.name.lower().replace(' ', '-')}"]},
        "addImportPart": {"part": 1, "questions": [draft]},
    }
    return bodies[route.operation] if route.body else None


def is_refused(response: httpx2.Response, status: int) -> bool:
    """Whether a response is the problem document of a status and holds nothing else."""
    codes = {401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND", 422: "VALIDATION_ERROR"}
    if response.status_code != status:
        return False
    problem = response.json()
    return (
        (problem["status"], problem["code"]) == (status, codes[status])
        and response.headers["Content-Type"] == "application/problem+json"
        and problem["requestId"] == response.headers["X-Request-Id"]
        and response.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)
        and set(problem) - {"errors"} == {"type", "title", "status", "code", "detail", "requestId"}
    )
