"""Who may do what: what is another's looks as if it did not exist, on every route of the table.

A route is not covered until `CASES` lists its attacks.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import httpx2
import pytest
from botocore.awsrequest import AWSPreparedRequest

from lambdas.contract.route import Access, Route
from lambdas.shared.http import entrypoint
from tests.integration.stage import InvokedStage, drafts, submission
from tests.security.forgery import Mint
from tests.security.people import (
    GUARDED,
    ROUTE,
    People,
    Person,
    body_of,
    is_refused,
    path_of,
    people_of,
)
from tests.support.stage_process import StageProcess

NOBODY = "7f9c24e8-3b12-4fef-91e0-a5d2c8b7e6f3"
NEVER = "0" * 27


@dataclass(frozen=True)
class Cast:
    """Two learners, an administrator, and where they meet."""

    people: People
    ada: Person
    grace: Person
    root: Person

    def caller(self, route: Route) -> Person:
        """Return somebody who may call a route."""
        return self.root if route.access is Access.ADMIN else self.ada

    def pair(self, route: Route) -> tuple[Person, Person]:
        """Return two people who may call a route, each for their own."""
        if route.access is Access.ADMIN:
            return self.root, self.people.person("another admin", "admin")
        return self.grace, self.ada

    def differences(
        self, foreign: httpx2.Response, absent: httpx2.Response, status: int = 404
    ) -> list[str]:
        """Tell how what is another's differs from what is not there; both are refused alike."""
        return answer_faults(foreign, absent, status) + self.cost_faults(foreign, absent)

    def cost_faults(self, foreign: httpx2.Response, absent: httpx2.Response) -> list[str]:
        """Tell whether the database was asked for more in one case than in the other."""
        costs = self.work(foreign), self.work(absent)
        return [] if costs[0] == costs[1] else [f"{costs[0]} is not {costs[1]}"]

    def work(self, response: httpx2.Response) -> dict[str, Any]:
        """Return what a request asked of the database, by its own log line."""
        wanted, deadline = response.headers["X-Request-Id"], time.monotonic() + 5
        while time.monotonic() < deadline:
            for line in reversed(self.people.running.data.stage_log.read_text().splitlines()):
                if wanted in line and "roundTrips" in line:
                    spent = json.loads(line)
                    return {name: spent.get(name, 0) for name in ("roundTrips", "RRU", "WRU")}
        raise AssertionError(f"no line about {wanted}")


def answer_faults(foreign: httpx2.Response, absent: httpx2.Response, status: int) -> list[str]:
    """Tell how two responses differ, and which is not the refusal of a status."""
    faults = [
        f"{each.status_code} {each.text}"
        for each in (foreign, absent)
        if not is_refused(each, status)
    ]
    if told(foreign) != told(absent):
        faults.append(f"{told(foreign)} is not {told(absent)}")
    return faults


def told(response: httpx2.Response) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return a response without the request's id and the time of day."""
    body = {key: value for key, value in response.json().items() if key != "requestId"}
    passing = ("x-request-id", "date")
    headers = {k.lower(): v for k, v in response.headers.items() if k.lower() not in passing}
    return response.status_code, body, headers


@pytest.fixture(scope="module")
def cast(running: StageProcess) -> Iterator[Cast]:
    with people_of(running) as people:
        ada, grace = people.player("ada"), people.player("grace")
        yield Cast(people, ada, grace, people.player("root", "admin"))


Case = Callable[[Cast, Route], list[str]]
"""Tries something on a route; returns what was wrong with the answers."""


def others_session(cast: Cast, route: Route) -> list[str]:
    """Sessions are their owner's alone: an administrator has no right to them either.

    The question that an answer names is read with the session once its copy in memory is a few
    seconds old, whatever the session: that adds to the cost of one request at most, so the costs
    are compared in both orders, and have to be equal in one of them.
    """
    faults = []
    for who in (cast.ada, cast.root):
        costs: list[list[str]] = []
        for order in ((cast.grace.session_id, NEVER), (NEVER, cast.grace.session_id)):
            asked = {
                each: cast.people.ask(who, route, path_of(route, who, sessionId=each))
                for each in order
            }
            foreign, absent = asked[cast.grace.session_id], asked[NEVER]
            faults += answer_faults(foreign, absent, 404)
            costs.append(cast.cost_faults(foreign, absent))
        faults += min(costs)
    return faults


def others_user(cast: Cast, route: Route) -> list[str]:
    def named(who: Person, user_id: str) -> httpx2.Response:
        return cast.people.ask(who, route, path_of(route, who, userId=user_id))

    foreign = named(cast.ada, cast.grace.user_id)
    faults = cast.differences(foreign, named(cast.ada, NOBODY))
    faults += cast.differences(foreign, named(cast.ada, "a" * 129))
    if route.access is not Access.SELF_OR_ADMIN:
        return faults + cast.differences(named(cast.root, cast.grace.user_id), foreign)
    allowed, own = named(cast.root, cast.grace.user_id), named(cast.grace, "me")
    if (allowed.status_code, untimed(allowed)) != (200, untimed(own)):
        faults.append(f"an administrator got {allowed.status_code} {allowed.text}")
    return faults


def untimed(response: httpx2.Response) -> dict[str, Any]:
    passing = ("asOf", "exportedAt", "requestId")
    return {key: value for key, value in response.json().items() if key not in passing}


def others_page_token(cast: Cast, route: Route) -> list[str]:
    """Another's page token is refused in the words for one that nobody was given."""
    owner, other = cast.pair(route)
    token = cast.people.page_token(owner, path_of(route, owner))
    foreign = cast.people.ask(other, route, params={"nextToken": token})
    absent = cast.people.ask(other, route, params={"nextToken": "A" * len(token)})
    return cast.differences(foreign, absent, 422)


def others_id_in_query_and_headers(cast: Cast, route: Route) -> list[str]:
    """Only the token identifies the caller: other claims change nothing, or are refused."""
    who, other = cast.caller(route), cast.grace.user_id
    said = dict.fromkeys(("userId", "user_id", "sub", "owner"), other)
    headers = {"X-User-Id": other, "X-Amzn-Oidc-Identity": other, "X-Forwarded-User": other}
    plain = cast.people.ask(who, route)
    hostile = cast.people.ask(who, route, headers=headers)
    faults = []
    if (plain.status_code, untimed(plain)) != (hostile.status_code, untimed(hostile)):
        faults.append(f"{hostile.text} in place of {plain.text}")
    refused = cast.people.ask(who, route, params=said)
    if not is_refused(refused, 422):
        faults.append(f"parameters were taken: {refused.text}")
    return faults


def others_id_in_the_body(cast: Cast, route: Route) -> list[str]:
    who = cast.caller(route)
    good = body_of(route, who) or {}
    return [
        f"{name} was taken"
        for name in ("userId", "user_id", "sub", "owner", "sessionId")
        if not is_refused(cast.people.ask(who, route, json={**good, name: cast.grace.user_id}), 422)
    ]


def others_choices(cast: Cast, route: Route) -> list[str]:
    """Choice ids are of one session: those of another are choices the question does not have."""
    good = body_of(route, cast.ada) or {}
    return [
        f"{choice['id']} was taken"
        for choice in cast.grace.shown["answers"]
        if cast.people.ask(
            cast.ada, route, json={**good, "selectedAnswers": [choice["id"]]}
        ).status_code
        not in (409, 422)
    ]


def others_key(cast: Cast, route: Route) -> list[str]:
    """The same Idempotency-Key of two people leads to a session or an import each."""
    headers = {"Idempotency-Key": "the-same"}
    both = cast.pair(route)
    made = [cast.people.ask(who, route, headers=headers) for who in both]
    statuses = [each.status_code for each in made]
    if statuses != [201, 201]:
        return [f"{each.status_code} {each.text}" for each in made]
    name = "importId" if route.operation == "openImport" else "sessionId"
    ids = [each.json()[name] for each in made]
    if name == "importId":
        # An open import keeps its categories from every other writer.
        closing = ROUTE["deleteImport"]
        for who, each in zip(both, ids, strict=True):
            assert cast.people.ask(who, closing, path_of(closing, who, importId=each)).is_success
    return [] if len(set(ids)) == len(both) else [f"both got {ids[0]}"]


FORGED_GROUPS: dict[str, dict[str, Any]] = {
    "no group": {},
    "learner": {"cognito:groups": ["learner"]},
    "similar names": {"cognito:groups": ["Admin", "ADMIN", "admins", "not-admin", "admin2"]},
    "parts": {"cognito:groups": ["adm", "in"]},
    "nested": {"cognito:groups": {"admin": True}},
    "other claims": {
        "groups": ["admin"],
        "custom:groups": "admin",
        "cognito:roles": ["admin"],
        "role": "admin",
        "isAdmin": True,
        "username": "admin",
    },
    "scope": {"scope": "aws.cognito.signin.user.admin admin quiz/manage"},
}


def learner_on_an_admin_route(cast: Cast, route: Route) -> list[str]:
    mint = Mint(cast.people.key, cast.people.running.url, cast.ada.name)
    faults = []
    for name, claims in FORGED_GROUPS.items():
        headers = {"Authorization": f"Bearer {mint.sign(claims)}"}
        response = cast.people.ask(cast.ada, route, headers=headers)
        if not is_refused(response, 403):
            faults.append(f"{name}: {response.status_code} {response.text}")
        elif any(cast.work(response).values()):
            faults.append(f"{name}: work was done")
    return faults


CASES: dict[str, tuple[Case, ...]] = {
    "listCategories": (others_page_token, others_id_in_query_and_headers),
    "startSession": (others_id_in_the_body, others_key),
    "listSessions": (others_page_token, others_id_in_query_and_headers),
    "getSession": (others_session, others_id_in_query_and_headers),
    "listSessionQuestions": (others_session, others_page_token, others_id_in_query_and_headers),
    "updateSession": (others_session, others_id_in_the_body),
    "abandonSession": (others_session,),
    "getQuestion": (others_session, others_id_in_query_and_headers),
    "submitAnswer": (others_session, others_id_in_the_body, others_choices),
    "getUser": (others_user, others_id_in_query_and_headers),
    "updateUser": (others_user, others_id_in_the_body),
    "exportUser": (others_user, others_page_token, others_id_in_query_and_headers),
    "eraseUser": (others_user,),
    "getProgress": (others_user, others_id_in_query_and_headers),
    "listQuestionProgress": (others_user, others_page_token, others_id_in_query_and_headers),
    "listWrongAnswers": (others_user, others_page_token, others_id_in_query_and_headers),
    "saveQuestions": (learner_on_an_admin_route, others_id_in_the_body),
    "listQuestions": (learner_on_an_admin_route, others_page_token, others_id_in_query_and_headers),
    "getBankQuestion": (learner_on_an_admin_route, others_id_in_query_and_headers),
    "replaceQuestion": (learner_on_an_admin_route, others_id_in_the_body),
    "retireQuestion": (learner_on_an_admin_route,),
    "openImport": (learner_on_an_admin_route, others_id_in_the_body, others_key),
    "getImport": (learner_on_an_admin_route, others_id_in_query_and_headers),
    "addImportPart": (learner_on_an_admin_route, others_id_in_the_body),
    "publishImport": (learner_on_an_admin_route,),
    "deleteImport": (learner_on_an_admin_route,),
    "updateCategory": (learner_on_an_admin_route, others_id_in_the_body),
    "getQuestionStatistics": (learner_on_an_admin_route, others_id_in_query_and_headers),
    "getCategoryStatistics": (learner_on_an_admin_route, others_id_in_query_and_headers),
}


def asked_for(route: Route) -> Iterator[Case]:
    """Yield the attacks that follow from a route's declaration alone."""
    parameters = {each.name for each in (*route.path_parameters, *route.query)}
    if "sessionId" in parameters:
        yield others_session
    if "userId" in parameters:
        yield others_user
    if "nextToken" in parameters:
        yield others_page_token
    if route.access is Access.ADMIN:
        yield learner_on_an_admin_route
    if route.method == "GET":
        yield others_id_in_query_and_headers
    if route.body:
        yield others_id_in_the_body
    if route.headers:
        yield others_key


def test_every_route_has_the_cases_its_declaration_asks_for() -> None:
    assert CASES.keys() == {route.operation for route in GUARDED}
    for route in GUARDED:
        assert set(asked_for(route)) <= set(CASES[route.operation]), route.operation


@pytest.mark.parametrize(
    ("operation", "case"),
    [(operation, case) for operation, cases in CASES.items() for case in cases],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_nobody_reaches_what_is_not_theirs(operation: str, case: Case, cast: Cast) -> None:
    before = cast.people.records()
    assert case(cast, ROUTE[operation]) == []
    if case is not others_key:
        assert cast.people.records() == before


# One place decides, before anything is read


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.operation)
def test_no_use_case_begins_before_rights_are_checked(
    route: Route, stage: InvokedStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def environment() -> NoReturn:
        begun.append(route.operation)
        raise AssertionError

    monkeypatch.setattr(entrypoint, "services", environment)
    path = dict.fromkeys((each.name for each in route.path_parameters), "me")
    event = stage.event(route.operation, "{}", path=path, groups=["admin"])
    claims = event["requestContext"]["authorizer"]["claims"]
    stranger = {**claims, "client_id": "another"}
    refused = [(stranger, path), ({}, path)]
    if route.access is Access.ADMIN:
        refused.append(({**claims, "cognito:groups": "learner"}, path))
    if "userId" in path:
        refused.append(({**claims, "cognito:groups": ""}, {**path, "userId": "grace"}))
    for each, where in refused:
        event["requestContext"]["authorizer"]["claims"] = each
        reply = stage.send(route.function, {**event, "pathParameters": where})
        assert reply.status in (401, 403, 404)
        assert reply.cost == (0, 0, 0)
    assert begun == []


def test_no_user_id_that_a_learner_sends_reaches_the_database(stage: InvokedStage) -> None:
    stage.save(*drafts("geography", 3))
    session_id = stage.start({"category": "geography"})
    sent: list[bytes] = []

    def note(request: AWSPreparedRequest, **_: object) -> None:
        sent.append(request.body if isinstance(request.body, bytes) else b"")

    stage.services.database.client.meta.events.register("before-send.dynamodb", note)
    hostile = {"sub": "grace", "userId": "grace", "X-User-Id": "grace"}
    shown = stage.question(session_id)["question"]
    bodies: dict[str, Any] = {
        "startSession": {"sources": [{"category": "geography"}]},
        "updateSession": {"version": 1, "name": "n"},
        "submitAnswer": submission(shown),
        "updateUser": {"displayName": "Ada"},
    }
    served = set()
    learners = [route for route in GUARDED if route.access is not Access.ADMIN]
    for route in sorted(learners, key=lambda route: route.method == "DELETE"):
        for user_id in ("me", "grace"):
            path = {"userId": user_id, "sessionId": session_id}
            body = bodies.get(route.operation)
            refused = stage.call(route.operation, body, path=path, query=hostile)
            assert refused.status in (404, 422)
            reply = stage.call(route.operation, body, path=path, headers=hostile)
            served |= {route.operation} if reply.status < 400 else set()
            if body:
                stage.call(route.operation, {**body, **hostile}, path=path)
    assert {"getSession", "submitAnswer", "getProgress", "updateUser"} <= served
    assert any(b'"ada"' in each for each in sent)
    assert not any(b"grace" in each for each in sent)
