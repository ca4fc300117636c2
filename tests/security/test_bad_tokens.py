"""Every route of the table over HTTP, with every token that must not pass."""

import json
import socket
from collections.abc import Callable, Iterator

import pytest

from lambdas.contract.route import Access, Route
from tests.security.forgery import Mint, forgeries
from tests.security.people import (
    GUARDED,
    ROUTE,
    People,
    Person,
    body_of,
    is_refused,
    path_of,
    people_of,
    question,
)
from tests.support.stage_process import StageProcess


@pytest.fixture(scope="module")
def people(running: StageProcess) -> Iterator[People]:
    with people_of(running) as found:
        yield found


@pytest.fixture(scope="module")
def ada(people: People) -> Person:
    return people.player("ada")


def test_no_route_takes_a_bad_token(
    people: People, ada: Person, record_property: Callable[[str, object], None]
) -> None:
    every = forgeries(Mint(people.key, people.running.url, ada.name))
    assert len(every) >= 100
    before = people.records()
    accepted = []
    for route in GUARDED:
        body = body_of(route, ada)
        for kind, forged in every.items():
            headers = [(name.encode(), value.encode("latin-1")) for name, value in forged.headers]
            response = people.client.request(
                route.method,
                path_of(route, ada),
                headers=headers,
                params=forged.query,
                json=body,
            )
            if not is_refused(response, 401):
                accepted.append((route.operation, kind, response.status_code))
    record_property("routes", len(GUARDED))
    record_property("bad tokens", len(every))
    record_property("bad tokens accepted", len(accepted))
    assert accepted == []
    assert people.records() == before


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.operation)
def test_the_request_that_bad_tokens_are_tried_with_is_good(people: People, route: Route) -> None:
    groups = ["admin"] if route.access is Access.ADMIN else []
    who = people.player(f"good {route.operation}", *groups)
    path, body = path_of(route, who), body_of(route, who)
    if route.operation in ("replaceQuestion", "retireQuestion"):
        saved = {"questions": [question(f"For {route.operation}?")]}
        (result,) = people.do(who, "POST", "/admin/questions", saved)["results"]
        path = path_of(route, who, questionId=result["questionId"])
    if "importId" in path_names(route):
        opened = {"categories": [f"imported-{route.operation.lower()}"]}
        import_id = people.do(who, "POST", "/admin/imports", opened)["importId"]
        path = path_of(route, who, importId=import_id)
    if route.operation == "updateSession":
        body = {"version": version_of(people, who), "name": "new"}
    response = people.ask(who, route, path, json=body)
    assert response.status_code == route.status, response.text


def path_names(route: Route) -> set[str]:
    return {each.name for each in route.path_parameters}


def version_of(people: People, who: Person) -> int:
    return int(people.do(who, "GET", f"/sessions/{who.session_id}")["version"])


def test_a_token_of_the_resource_servers_scope_is_as_good(people: People, ada: Person) -> None:
    mint = Mint(people.key, people.running.url, ada.name)
    listing, bank = ROUTE["listSessions"], ROUTE["listQuestions"]
    admin = {"cognito:groups": ["admin"]}
    for route, scope, groups, status in (
        (listing, "quiz/learn", {}, 200),
        (listing, "quiz/manage", admin, 401),
        (bank, "quiz/manage", admin, 200),
        (bank, "quiz/manage", {}, 403),
        (bank, "quiz/learn", admin, 401),
        (bank, "openid quiz/manage email", admin, 200),
    ):
        token = mint.sign({"scope": scope, **groups})
        headers = {"Authorization": f"Bearer {token}"}
        response = people.client.get(route.path, headers=headers)
        assert response.status_code == status, (route.operation, scope, groups)


def test_a_public_route_minds_no_token(people: People) -> None:
    for token in ("", "Bearer x", "Basic YWRhOmE="):
        response = people.client.get("/health", headers={"Authorization": token})
        assert response.status_code == 200


def test_headers_larger_than_the_gateway_takes_are_refused_in_the_contracts_form(
    people: People, ada: Person
) -> None:
    for size in (10_240, 60_000):
        headers = {**ada.headers, "X-Padding": "x" * size}
        response = people.client.get("/sessions", headers=headers)
        assert response.status_code == 431, size
        assert response.json()["code"] == "HEADERS_TOO_LARGE"


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET /health HTTP/x.y\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \0\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nBad Name: b\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_in_the_contracts_form(people: People, sent: bytes) -> None:
    _, _, place = people.running.url.rpartition("/")
    host, _, port = place.partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(sent)
        response = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = response.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == 400
