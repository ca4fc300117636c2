"""Stands in for API Gateway: serves the route table over HTTP, in front of the real handlers.

For tests of a client, a request with the header `X-Quiz-Test-Status: 429` or `503` gets that error
in place of its response. Only the laptop stage knows this header.
"""

import asyncio
import importlib
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lambdas.contract.gateway_problems import (
    CONTENT_TYPE,
    GATEWAY_PROBLEMS,
    HEADERS_TOO_LARGE,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    Problem,
)
from lambdas.contract.headers import (
    EXPOSED_HEADERS,
    PREFLIGHT_SECONDS,
    SECURITY_HEADERS,
    allowed_headers,
    allowed_methods,
)
from lambdas.contract.route import Access, Route
from local.accounts.token_issuer import InvalidTokenError, TokenVerifier
from local.gateway.proxy_event import proxy_event, response_headers
from local.gateway.throttles import Throttles
from local.invocation import InvocationContext

Handler = Callable[[Mapping[str, Any], InvocationContext], Mapping[str, Any]]

MAX_BODY_BYTES = 10_000_000
MAX_HEAD_BYTES = 10_240
"""Limit on the address and the values of all headers together, by the quotas of API Gateway:
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
"""

TEST_HEADER = "X-Quiz-Test-Status"
_TEST_PROBLEMS = {
    "429": GATEWAY_PROBLEMS["THROTTLED"],
    "503": GATEWAY_PROBLEMS["INTEGRATION_FAILURE"],
}

_WORKERS = 16
_READS = frozenset({"GET", "HEAD"})

_log = logging.getLogger(__name__)


class Refusal(Exception):  # noqa: N818 - a response, not a fault
    """An error that the gateway returns by itself."""

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.headers = headers or {}

    def result(self, request_id: str) -> dict[str, Any]:
        """Return the response in the form of a function's result."""
        return {
            "statusCode": self.problem.status,
            "headers": {
                "Content-Type": CONTENT_TYPE,
                "Cache-Control": "no-store",
                "X-Request-Id": request_id,
                **self.problem.headers,
                **self.headers,
            },
            "body": self.problem.template.replace("$context.requestId", request_id),
        }


@dataclass(frozen=True, slots=True)
class Resource:
    """A path of the table, and its methods."""

    segments: tuple[str, ...]
    methods: dict[str, Route]

    @property
    def allowed(self) -> list[str]:
        """Methods that the path accepts."""
        return [*sorted({*self.methods, *self._head}), "OPTIONS"]

    def route(self, method: str) -> Route | None:
        """Return the route of a method. A public GET answers HEAD too."""
        return self.methods.get("GET" if method in self._head else method)

    @property
    def _head(self) -> set[str]:
        get = self.methods.get("GET")
        return {"HEAD"} if get and get.access is Access.PUBLIC else set()

    def match(self, parts: Sequence[str]) -> dict[str, str] | None:
        """Return the path parameters if the parts are of this path.

        An encoded letter of a literal segment is that letter (RFC 3986, section 6.2.2.2).
        """
        found = {}
        for segment, part in zip(self.segments, parts, strict=True):
            if segment.startswith("{") and part:
                found[segment[1:-1]] = part
            elif segment != unquote(part):
                return None
        return found


class ResourceTree:
    """Finds the resource of a path. As in API Gateway, a literal segment wins over a parameter."""

    def __init__(self, routes: Sequence[Route]) -> None:
        methods: dict[str, dict[str, Route]] = {}
        for route in routes:
            methods.setdefault(route.path, {})[route.method] = route
        resources = [Resource(tuple(path.split("/")), by) for path, by in methods.items()]
        resources.sort(key=lambda r: [segment.startswith("{") for segment in r.segments])
        self._by_length: dict[int, list[Resource]] = {}
        for resource in resources:
            self._by_length.setdefault(len(resource.segments), []).append(resource)

    def find(self, raw_path: str) -> tuple[Resource, dict[str, str]]:
        """Return the resource and the path parameters, percent-encoded as they were sent.

        Raises:
            Refusal: No route has this path.
        """
        parts = raw_path.split("/")
        for resource in self._by_length.get(len(parts), ()):
            if (parameters := resource.match(parts)) is not None:
                return resource, parameters
        raise Refusal(NOT_FOUND)


class Gateway:
    """The ASGI application that serves the route table."""

    def __init__(
        self,
        routes: Sequence[Route],
        handlers: Mapping[str, Handler],
        verifier: TokenVerifier,
        *,
        throttles: Throttles | None = None,
        refuses_writes: Callable[[], bool] = lambda: False,
    ) -> None:
        """Take the parts.

        Args:
            routes: The route table.
            handlers: Handlers of its functions.
            verifier: Checks tokens.
            throttles: Limits the rate of each route; without them nothing is throttled.
            refuses_writes: Whether requests other than reads are answered 503.
        """
        self._throttles = throttles
        self._refuses_writes = refuses_writes
        self._preflight = _preflight(routes)
        self._tree = ResourceTree(routes)
        self._handlers = handlers
        self._verifier = verifier
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="handler")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        request_id = str(uuid.uuid4())
        try:
            result = await self._answer(Request(scope, receive), request_id)
        except Refusal as refusal:
            result = refusal.result(request_id)
        response = Response(str(result.get("body") or "").encode(), result["statusCode"])
        for name, value in response_headers(result):
            if name.lower() != "content-length":
                response.headers.append(name, value)
        response.headers.setdefault("X-Request-Id", request_id)
        response.headers.setdefault("Access-Control-Allow-Origin", "*")
        response.headers.setdefault("Access-Control-Expose-Headers", ",".join(EXPOSED_HEADERS))
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        await response(scope, receive, send)

    async def _answer(self, request: Request, request_id: str) -> Mapping[str, Any]:
        raw_path: bytes = request.scope.get("raw_path", b"")
        address = len(raw_path) + len(request.scope["query_string"])
        if address + sum(len(value) for _, value in request.headers.raw) > MAX_HEAD_BYTES:
            raise Refusal(HEADERS_TOO_LARGE)
        if request.method == "OPTIONS":
            return self._preflight
        path = raw_path.decode("latin-1") or request.url.path
        resource, path_parameters = self._tree.find(path)
        route = resource.route(request.method)
        if route is None:
            raise Refusal(METHOD_NOT_ALLOWED, {"Allow": ", ".join(resource.allowed)})
        self._admit(request, route)
        event = proxy_event(
            route,
            method=request.method,
            path=path,
            path_parameters=path_parameters,
            query=request.url.query,
            headers=request.headers.items(),
            claims=None if route.access is Access.PUBLIC else self._claims(request, route),
            body=await _read_body(request),
            request_id=request_id,
            source_ip=request.client.host if request.client else "127.0.0.1",
        )
        return await asyncio.get_running_loop().run_in_executor(
            self._workers, self._invoke, route.function, event, request_id
        )

    def _admit(self, request: Request, route: Route) -> None:
        if problem := _TEST_PROBLEMS.get(request.headers.get(TEST_HEADER, "")):
            raise Refusal(problem)
        if self._throttles and not self._throttles.admits(route):
            raise Refusal(GATEWAY_PROBLEMS["THROTTLED"])
        if request.method not in _READS and self._refuses_writes():
            raise Refusal(GATEWAY_PROBLEMS["INTEGRATION_FAILURE"])

    def _claims(self, request: Request, route: Route) -> dict[str, Any]:
        sent = request.headers.getlist("authorization")
        scheme, _, token = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
        try:
            if scheme.lower() == "bearer":
                return self._verifier.claims(token.strip(), route.scopes)
        except InvalidTokenError:
            pass
        raise Refusal(GATEWAY_PROBLEMS["UNAUTHORIZED"])

    def _invoke(self, function: str, event: dict[str, Any], request_id: str) -> Mapping[str, Any]:
        try:
            result = self._handlers[function](event, InvocationContext(function, request_id))
            int(result["statusCode"])
        except Exception:
            _log.exception("The handler of %s failed (request %s)", function, request_id)
            raise Refusal(GATEWAY_PROBLEMS["DEFAULT_5XX"]) from None
        return result


def load_handlers(routes: Sequence[Route]) -> dict[str, Handler]:
    """Return the handlers of all functions of the table, imported."""
    functions = dict.fromkeys(route.function for route in routes)
    return {
        function: importlib.import_module(f"lambdas.{function}.handler").handler
        for function in functions
    }


async def _read_body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise Refusal(GATEWAY_PROBLEMS["REQUEST_TOO_LARGE"])
        parts.append(part)
    return b"".join(parts)


def _preflight(routes: Sequence[Route]) -> dict[str, Any]:
    return {
        "statusCode": 204,
        "headers": {
            "Access-Control-Allow-Methods": ",".join(allowed_methods(routes)),
            "Access-Control-Allow-Headers": ",".join([*allowed_headers(routes), TEST_HEADER]),
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        },
    }
