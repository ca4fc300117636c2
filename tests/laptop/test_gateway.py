"""The gateway in front of the handlers: routing, what it answers itself, the event it makes."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.routing import Router
from starlette.testclient import TestClient

from lambdas.contract.headers import SECURITY_HEADERS, TRACE_HEADERS
from lambdas.contract.route import Access, Route, Throttle
from lambdas.contract.routes import ROUTES
from local.accounts.token_issuer import Issuer, KeySet, TokenVerifier
from local.gateway.app import TEST_HEADER, Gateway, Invoke
from local.gateway.function_processes import FunctionError, FunctionUnavailableError
from local.gateway.server import Server
from local.gateway.throttles import Throttles
from local.invocation import InvocationContext
from tests.support.stage_process import StageProcess

ISSUER = "http://issuer.test"
Event = Mapping[str, Any]


def route(method: str, path: str, function: str, access: Access = Access.PUBLIC) -> Route:
    return Route(
        operation=f"{method} {path}",
        method=method,
        path=path,
        function=function,
        access=access,
        summary="",
    )


class Recorder:
    """A handler that keeps what it was called with, and answers with what it was given."""

    def __init__(self, result: Mapping[str, Any] | None = None) -> None:
        self.result = result or {"statusCode": 200, "body": "{}"}
        self.events: list[Event] = []
        self.contexts: list[InvocationContext] = []

    def __call__(self, event: Event, context: InvocationContext) -> Mapping[str, Any]:
        self.events.append(event)
        self.contexts.append(context)
        return self.result


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer(rsa.generate_private_key(public_exponent=65537, key_size=2048), ISSUER)


def invoking(handlers: Mapping[str, Any]) -> Invoke:
    """Run handlers in this process, each with what its own process would give it."""

    async def invoke(route: Route, event: Event, request_id: str) -> Event:
        handler = handlers[route.function]
        result: Event = handler(event, InvocationContext(route.function, request_id))
        return result

    return invoke


def client(issuer: Issuer, *routes: Route, **handlers: Any) -> TestClient:
    verifier = TokenVerifier(KeySet(issuer.key_set), ISSUER)
    return TestClient(Gateway(routes, invoking(handlers), verifier))


def test_the_event_is_that_of_a_rest_proxy_integration(issuer: Issuer) -> None:
    recorder = Recorder()
    gateway = client(issuer, route("POST", "/a/{sessionId}/b", "f", Access.LEARNER), f=recorder)
    token = issuer.access_token("ada", ["admin", "editors"])
    response = gateway.post(
        "/a/x%3A1/b?limit=1&limit=2&empty=&q=a%20b",
        content='{"n": "ü"}',
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "k"},
    )
    assert response.status_code == 200
    (event,) = recorder.events
    json.dumps(event)
    assert event["resource"] == "/a/{sessionId}/b"
    assert event["path"] == "/a/x%3A1/b"
    assert event["httpMethod"] == "POST"
    assert event["pathParameters"] == {"sessionId": "x%3A1"}
    assert event["queryStringParameters"] == {"limit": "2", "empty": "", "q": "a b"}
    assert event["multiValueQueryStringParameters"] == {
        "limit": ["1", "2"],
        "empty": [""],
        "q": ["a b"],
    }
    assert event["headers"]["idempotency-key"] == "k"
    assert event["multiValueHeaders"]["idempotency-key"] == ["k"]
    assert event["body"] == '{"n": "ü"}'
    assert event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert context["requestId"] == response.headers["X-Request-Id"]
    assert context["resourcePath"] == "/a/{sessionId}/b"
    assert context["httpMethod"] == "POST"
    assert context["stage"] == "local"
    assert context["identity"]["sourceIp"]
    claims = context["authorizer"]["claims"]
    assert all(isinstance(value, str) for value in claims.values())
    assert claims["cognito:groups"] == "admin,editors"
    assert claims["exp"].endswith(" UTC 20" + claims["exp"][-2:])


def test_what_a_request_lacks_is_null_in_the_event(issuer: Issuer) -> None:
    recorder = Recorder()
    client(issuer, route("GET", "/a", "f"), f=recorder).get("/a")
    (event,) = recorder.events
    for name in (
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "pathParameters",
        "body",
    ):
        assert event[name] is None
    assert "authorizer" not in event["requestContext"]


def test_a_body_that_is_not_utf_8_arrives_as_text(issuer: Issuer) -> None:
    recorder = Recorder()
    client(issuer, route("POST", "/a", "f"), f=recorder).post("/a", content=b"\xff\x00")
    assert recorder.events[0]["body"] == "\ufffd\x00"


def test_the_context_is_what_lambda_gives(issuer: Issuer) -> None:
    recorder = Recorder()
    response = client(issuer, route("GET", "/a", "f"), f=recorder).get("/a")
    (context,) = recorder.contexts
    assert context.aws_request_id == response.headers["X-Request-Id"]
    assert context.function_name == "quiz-local-f"
    assert context.invoked_function_arn.endswith(":function:quiz-local-f")
    assert 0 < context.get_remaining_time_in_millis() <= 10_000


def test_the_result_becomes_the_response(issuer: Issuer) -> None:
    recorder = Recorder(
        {
            "statusCode": 201,
            "headers": {"Location": "/a/1", "X-Request-Id": "mine", "Content-Type": "text/x"},
            "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]},
            "body": "ü",
        }
    )
    response = client(issuer, route("POST", "/a", "f"), f=recorder).post("/a")
    assert (response.status_code, response.text) == (201, "ü")
    assert response.headers["Location"] == "/a/1"
    assert response.headers["X-Request-Id"] == "mine"
    assert response.headers["Content-Type"] == "text/x"
    assert response.headers["Content-Length"] == "2"
    assert response.headers.get_list("Set-Cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (FunctionError("a secret"), 500, "INTERNAL_ERROR"),
        (FunctionUnavailableError("a secret"), 503, "UNAVAILABLE"),
        (TimeoutError("a secret"), 503, "UNAVAILABLE"),
    ],
)
def test_a_function_that_fails_is_a_problem_without_a_trace(
    issuer: Issuer, failure: Exception, status: int, code: str
) -> None:
    def failing(_event: Event, _context: InvocationContext) -> Mapping[str, Any]:
        raise failure

    response = client(issuer, route("GET", "/a", "f"), f=failing).get("/a")
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == code
    assert response.json()["requestId"] == response.headers["X-Request-Id"]
    assert ("Retry-After" in response.headers) == (status == 503)
    assert "secret" not in response.text


def test_a_function_that_hangs_is_given_up(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.gateway.app.INTEGRATION_SECONDS", 0)

    async def hang(_route: Route, _event: Event, _request_id: str) -> Event:
        await asyncio.Event().wait()
        raise AssertionError

    verifier = TokenVerifier(KeySet(issuer.key_set), ISSUER)
    response = TestClient(Gateway([route("GET", "/a", "f")], hang, verifier)).get("/a")
    assert (response.status_code, response.json()["code"]) == (503, "UNAVAILABLE")


def test_a_literal_segment_wins_over_a_parameter(issuer: Issuer) -> None:
    routes = [
        route("GET", "/q/{questionId}", "parameter"),
        route("GET", "/q/categories", "literal"),
        route("GET", "/q/{questionId}/x", "below"),
    ]
    literal, parameter, below = Recorder(), Recorder(), Recorder()
    gateway = client(issuer, *routes, literal=literal, parameter=parameter, below=below)
    gateway.get("/q/categories")
    gateway.get("/q/other")
    gateway.get("/q/categories/x")
    assert [len(r.events) for r in (literal, parameter, below)] == [1, 1, 1]


def test_an_encoded_letter_of_a_literal_segment_is_that_letter(issuer: Issuer) -> None:
    routes = [
        route("GET", "/q/{questionId}", "parameter"),
        route("GET", "/q/categories", "literal"),
    ]
    literal, parameter = Recorder(), Recorder()
    gateway = client(issuer, *routes, literal=literal, parameter=parameter)
    gateway.get("/%71/%63ategories")
    gateway.get("/%71/%2563ategories")
    gateway.get("/%71/categories%2F")
    assert [len(r.events) for r in (literal, parameter)] == [1, 2]
    assert gateway.get("/q%2Fcategories").status_code == 404


def test_an_encoded_slash_is_part_of_its_segment(issuer: Issuer) -> None:
    recorder = Recorder()
    gateway = client(issuer, route("GET", "/q/{questionId}", "f"), f=recorder)
    assert gateway.get("/q/a%2Fb").status_code == 200
    assert recorder.events[0]["pathParameters"] == {"questionId": "a%2Fb"}
    assert gateway.get("/q/a/b").status_code == 404


def test_a_body_over_10_mb_is_refused_by_the_gateway(issuer: Issuer) -> None:
    recorder = Recorder()
    gateway = client(issuer, route("POST", "/a", "f"), f=recorder)
    response = gateway.post("/a", content=b" " * 10_000_001)
    assert response.status_code == 413
    assert response.json()["code"] == "BODY_TOO_LARGE"
    assert not recorder.events


@pytest.mark.parametrize("path", ["/nope", "/sessions/", "/sessions/a/b/c", "//health"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_path_is_404(stage: StageProcess, method: str, path: str) -> None:
    with stage.client() as http:
        response = http.request(method, stage.url + path)
    assert response.status_code == 404
    assert response.json()["code"] == "NOT_FOUND"
    assert response.json()["requestId"] == response.headers["X-Request-Id"]
    assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
def test_another_method_of_a_known_path_is_405(stage: StageProcess, path: str) -> None:
    known = {route.method for route in ROUTES if route.path == path}
    with stage.client() as http:
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - known:
            response = http.request(method, path.replace("{", "").replace("}", ""))
            assert response.status_code == 405, method
            assert response.json()["code"] == "METHOD_NOT_ALLOWED"
            head = {"HEAD"} if path == "/health" else set()
            assert set(response.headers["Allow"].split(", ")) == known | head | {"OPTIONS"}
            assert response.headers["Access-Control-Allow-Origin"] == "*"
        answered = http.head(path)
        assert (answered.status_code, answered.content) == (405 if path != "/health" else 200, b"")


@pytest.mark.parametrize("path", [*sorted({route.path for route in ROUTES}), "/nope", "/a/b/c"])
def test_a_preflight_needs_no_token(stage: StageProcess, path: str) -> None:
    known = {route.method for route in ROUTES}
    with stage.client() as http:
        response = http.options(
            path.replace("{", "").replace("}", ""),
            headers={"Origin": "http://app.test", "Access-Control-Request-Method": min(known)},
        )
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert known <= set(response.headers["Access-Control-Allow-Methods"].split(","))
    allowed = response.headers["Access-Control-Allow-Headers"].split(",")
    declared = {p.name for route in ROUTES for p in route.headers}
    assert {"Authorization", "Content-Type", *TRACE_HEADERS} | declared <= set(allowed)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_each_route_reaches_its_function(stage: StageProcess, route: Route) -> None:
    path = route.path.replace("{userId}", "me").replace("{", "").replace("}", "")
    with stage.client(stage.token("ada", "admin")) as http:
        response = http.request(route.method, path, content=b"{" if route.body else None)
    assert response.status_code not in (401, 405, 500)
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    exposed = response.headers["Access-Control-Expose-Headers"].replace(" ", "").split(",")
    assert set(exposed) == {"Location", "Retry-After", "X-Request-Id"}
    assert response.headers["X-Request-Id"] in stage.data.stage_log.read_text()


def test_each_request_has_an_id_of_its_own(stage: StageProcess) -> None:
    with stage.client() as http:
        ids = {http.get("/health").headers["X-Request-Id"] for _ in range(5)}
    assert len(ids) == 5


def test_encoded_and_plain_path_parameters_name_the_same_thing(stage: StageProcess) -> None:
    with stage.client(stage.token("root", "admin")) as http:
        for path in ("geography:000001", "geography%3A000001", "geography%3a000001"):
            found = http.get(f"/admin/questions/{path}")
            assert (found.status_code, found.json()["questionId"]) == (200, "geography:000001")
        for path in ("geography%253A000001", "geography%2F000001", "%FF"):
            assert http.get(f"/admin/questions/{path}").status_code == 404


@pytest.mark.parametrize(("status", "code"), [(429, "RATE_LIMITED"), (503, "UNAVAILABLE")])
def test_the_test_header_forces_an_error(issuer: Issuer, status: int, code: str) -> None:
    recorder = Recorder()
    gateway = client(issuer, route("GET", "/a", "f"), f=recorder)
    response = gateway.get("/a", headers={TEST_HEADER: str(status)})
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert int(response.headers["Retry-After"]) >= 1
    assert recorder.events == []
    assert gateway.get("/a", headers={TEST_HEADER: "418"}).status_code == 200


def test_throttles_admit_the_burst_then_the_rate_of_each_route() -> None:
    now = 0.0
    throttles = Throttles(lambda: now)
    limited = route("GET", "/a", "f")._replace(throttle=Throttle(rate=2, burst=3))
    other = route("GET", "/b", "f")._replace(throttle=Throttle(rate=1, burst=1))
    assert [throttles.admits(limited) for _ in range(4)] == [True, True, True, False]
    assert throttles.admits(other)
    now = 1.0
    assert [throttles.admits(limited) for _ in range(3)] == [True, True, False]
    now = 100.0
    assert [throttles.admits(limited) for _ in range(4)] == [True, True, True, False]


def test_a_throttled_request_is_429_with_retry_after(issuer: Issuer) -> None:
    limited = route("GET", "/a", "f")._replace(throttle=Throttle(rate=1, burst=1))
    verifier = TokenVerifier(KeySet(issuer.key_set), ISSUER)
    app = Gateway(
        [limited], invoking({"f": Recorder()}), verifier, throttles=Throttles(lambda: 0.0)
    )
    statuses = [TestClient(app).get("/a") for _ in range(2)]
    assert [each.status_code for each in statuses] == [200, 429]
    assert statuses[1].headers["Retry-After"] == "1"


def test_responses_are_compressed_on_request_and_carry_the_security_headers(
    stage: StageProcess,
) -> None:
    with stage.client(stage.token()) as http:
        large = http.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
        assert large.headers["Content-Encoding"] == "gzip"
        plain = http.get("/openapi.json", headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers
        assert large.json() == plain.json()
        for path in ("/health", "/sessions", "/nope"):
            response = http.get(path)
            assert {name: response.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_a_connection_stays_open_while_a_learner_thinks() -> None:
    """A request sent at the moment at which its connection is closed would be lost."""
    thinking = 5 * 60
    assert Server(Router(), lambda: None).config.timeout_keep_alive >= thinking
