"""Addresses, types and headers that no client of the contract would send, over HTTP as they are."""

import http.client
import json
from collections.abc import Iterator

import pytest

from tests.security.people import ROUTE, People, Person, path_of, people_of
from tests.support.stage_process import StageProcess

CODES = {
    400: {"BAD_REQUEST", "MALFORMED_BODY"},
    404: {"NOT_FOUND"},
    405: {"METHOD_NOT_ALLOWED"},
    413: {"BODY_TOO_LARGE"},
    422: {"VALIDATION_ERROR"},
    431: {"HEADERS_TOO_LARGE"},
}


@pytest.fixture(scope="module")
def people(running: StageProcess) -> Iterator[People]:
    with people_of(running) as found:
        yield found


@pytest.fixture(scope="module")
def ada(people: People) -> Person:
    return people.player("ada")


def raw(
    people: People, who: Person, method: str, target: str, body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Send a request whose target no library has tidied."""
    connection = http.client.HTTPConnection(people.running.url.partition("//")[2], timeout=10)
    # http.client itself refuses what this is about.
    connection._validate_path = lambda _: None  # type: ignore[attr-defined] # noqa: SLF001 - not in its stubs
    try:
        sent = who.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, target, body=body or None, headers=sent)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def is_a_problem(status: int, headers: dict[str, str], body: bytes) -> bool:
    problem = json.loads(body)
    return (
        problem["status"] == status
        and problem["code"] in CODES[status]
        and headers["content-type"] == "application/problem+json"
    )


ODD_PATHS = [
    "/sessions/",
    "//sessions",
    "/sessions//",
    "/./sessions",
    "/sessions/../sessions",
    "/sessions/..",
    "/%2e%2e/sessions",
    "/sessions%2f",
    "/sessions%2F{session}",
    "/sessions/%2e%2e%2fadmin%2fquestions",
    "/sessions/{session}%2fquestion",
    "/sessions/{session}%00",
    "/sessions/{session}%0a",
    "/%0a",
    "/docs%0a",
    "/report%0a",
    "/health%0a",
    "/%2573essions",
    "/users/%C2%82%F1%93%8A%95%C3%B9%0A%3D",
    "/users/%0d%0aX-Forged:%201",
    "/sessions/{session}%20",
    "/sessions/{session};a=b",
    "/sessions/{session}/question/",
    "/sessions/{session}/%71uestion/x",
    "/sessions/{session}/Question",
    "/SESSIONS",
    "/sessions\\{session}",
    "/users/me%2fprogress",
    "/users/me/../{user}",
    "/users/%6de%00",
    "/users/../admin/questions",
    "/users//progress",
    "/users/%/progress",
    "/users/%zz",
    "/users/%ff%fe",
    "/users/%c0%ae%c0%ae",
    "/users/%25%36%64%65",
    "/admin",
    "/admin/",
    "/admin//questions",
    "/health/..",
    "/health%00",
    "/.env",
    "/.git/config",
    "/docs/../local/identity.py",
    "/docs/%2e%2e/package.json",
    "/_aws/lambda",
    "/sessions/" + "a" * 8_000,
    "/" + "a/" * 3_000,
]


@pytest.mark.parametrize("path", ODD_PATHS, ids=lambda path: path[:40])
def test_an_odd_address_is_a_problem_of_the_contract_and_nobodys(
    people: People, ada: Person, path: str
) -> None:
    target = path.format(session=ada.session_id, user=ada.user_id)
    status, headers, body = raw(people, ada, "GET", target)
    assert status in (400, 404)
    assert is_a_problem(status, headers, body)


def test_a_target_that_is_too_long_is_refused_whole(people: People, ada: Person) -> None:
    for target in (f"/sessions?limit={'1' * 10_300}", "/" + "a" * 10_300):
        assert is_a_problem(*raw(people, ada, "GET", target))


def test_an_encoded_name_is_the_name(people: People, ada: Person) -> None:
    assert raw(people, ada, "GET", "/users/%6D%65")[0] == 200
    assert raw(people, ada, "GET", "/%73essions")[0] == 200


@pytest.mark.parametrize(
    "query",
    [
        "limit=1&limit=1",
        "limit=1&limit=2",
        "limit=&limit=2",
        "limit=2&%6cimit=100",
        "limit=1;limit=2",
        "limit=1%00",
        "limit=%EF%BC%91",
        "status=ACTIVE&status=PAUSED",
        "limit=" + "9" * 5_000,
        "nextToken=%ff%fe",
        "nextToken=..%2f..",
        "status=ACTIVE%0d%0aX-Forged:%201",
    ],
)
def test_a_query_that_is_not_as_declared_is_refused(
    people: People, ada: Person, query: str
) -> None:
    status, headers, body = raw(people, ada, "GET", f"/sessions?{query}")
    assert status == 422
    assert is_a_problem(status, headers, body)
    assert "X-Forged" not in headers


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/xml",
        "application/json; charset=utf-16",
        "a",
        "multipart/form-data",
    ],
)
def test_a_body_is_json_whatever_its_type_says(
    people: People, ada: Person, content_type: str
) -> None:
    """The contract knows JSON alone: what else a type names is refused for what it is, not for its
    name, and what is JSON cannot mean anything else."""
    path = path_of(ROUTE["updateUser"], ada)
    for body, expected in ((b'{"displayName": "Ada"}', 200), (b"displayName=Ada", 400)):
        status, headers, answer = raw(people, ada, "PATCH", path, body, Content_Type=content_type)
        assert status == expected
        assert status == 200 or is_a_problem(status, headers, answer)


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip", "x"])
def test_a_body_that_is_said_to_be_compressed_is_read_as_it_is(
    people: People, ada: Person, coding: str
) -> None:
    """Nothing is ever expanded, so nothing small becomes large."""
    path = path_of(ROUTE["updateUser"], ada)
    packed = (
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00"
    )
    status, headers, body = raw(people, ada, "PATCH", path, packed, Content_Encoding=coding)
    assert status == 400
    assert is_a_problem(status, headers, body)


@pytest.mark.parametrize("key", ["\xe9", "a b", "a\tb", "k" * 65, "\xff\xfe", "caf\xc3\xa9"])
def test_a_header_with_odd_bytes_is_refused(people: People, ada: Person, key: str) -> None:
    body = json.dumps({"sources": [{"category": "geography"}]}).encode()
    status, headers, answer = raw(people, ada, "POST", "/sessions", body, Idempotency_Key=key)
    assert status == 422
    assert is_a_problem(status, headers, answer)
    assert json.loads(answer)["errors"][0]["field"] == "Idempotency-Key"
