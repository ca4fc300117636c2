"""From a REST proxy event to a use case and back: the one place that routes and renders."""

import os
from collections.abc import Callable, Mapping
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

from lambdas.contract.errors import InternalError, NotFoundError
from lambdas.contract.headers import EXPOSED_HEADERS
from lambdas.contract.route import Access, Route
from lambdas.contract.routes import ROUTES
from lambdas.shared.deadline import deadline
from lambdas.shared.http.request import Request, read_request
from lambdas.shared.http.response import Response, problem, proxy_response
from lambdas.shared.http.store_problems import client_error
from lambdas.shared.settings import settings
from lambdas.shared.telemetry import audit_record
from lambdas.shared.telemetry.metrics import COLD_STARTS
from lambdas.shared.telemetry.pseudonym_key import current_key
from lambdas.shared.telemetry.request_log import Usage, log_fault, log_request, note, usage

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.shared.services import Services

Operation = Callable[[Request, "Services"], Response]
PublicOperation = Callable[[], Response]
Handler = Callable[[Mapping[str, Any], "LambdaContext"], dict[str, Any]]

WarmUp = Callable[["Services"], object]

WARM_UP_SECONDS = 3.5
"""What `warm_up` may take: one attempt at a call, and no second one."""

_EXPOSED = ",".join(EXPOSED_HEADERS)


def entrypoint(
    function: str,
    operations: Mapping[str, Operation],
    public: Mapping[str, PublicOperation] | None = None,
    warm_up: WarmUp | None = None,
) -> Handler:
    """Return the Lambda handler of a function, which serves the operations named.

    On Lambda the client is made, and `warm_up` run, while the function initializes: with a whole
    processor whatever the function's memory, and where environments are kept ready before anybody
    waits.

    Raises:
        ValueError: the operations are not exactly those the route table gives the function.
    """
    routes = {(r.method, r.path): r for r in ROUTES if r.function == function}
    public = public or {}
    if {route.operation for route in routes.values()} != {*operations, *public}:
        raise ValueError(f"{function} does not serve exactly the operations of its routes")
    # A public GET answers HEAD too, without the body.
    routes |= {
        ("HEAD", path): route
        for (method, path), route in routes.items()
        if method == "GET" and route.access is Access.PUBLIC
    }
    cold_start = True
    if operations and "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        _initialize(warm_up)

    def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
        nonlocal cold_start
        began = perf_counter()
        request_id = (event.get("requestContext") or {}).get("requestId") or context.aws_request_id
        method = event.get("httpMethod", "")
        route = routes.get((method, event.get("resource", "")))
        meter = Usage(deadline=deadline(context))
        token = usage.set(meter)
        audit_record.begin()
        if cold_start:
            note(COLD_STARTS)
            cold_start = False
        code = None
        try:
            response = _serve(route, event, operations, public)
        except Exception as error:  # nothing may leave but a problem document
            known = client_error(error)
            if known is None:
                log_fault(settings(), error, request_id)
                known = InternalError()
            code, response = known.code, problem(known, request_id)
        finally:
            usage.reset(token)
        audit_record.record_request(
            route, event, request_id=request_id, status=response.status, code=code
        )
        log_request(
            settings(),
            meter,
            operation=route.operation if route else None,
            request_id=request_id,
            status=response.status,
            code=code,
            milliseconds=(perf_counter() - began) * 1000,
        )
        result = proxy_response(response, request_id)
        if route and method == "HEAD":
            result["body"] = ""
        result["headers"].update(_cors_headers(event.get("headers") or {}))
        return result

    return handler


def services() -> "Services":
    """Return this process's environment. A function that never asks for it never loads the SDK."""
    from lambdas.shared.services import services as of_this_process  # noqa: PLC0415

    return of_this_process()


def _initialize(warm_up: WarmUp | None) -> None:
    current_settings = settings()
    token = usage.set(Usage(deadline=monotonic() + WARM_UP_SECONDS))
    try:
        current = services()
        current_key()
        if warm_up:
            warm_up(current)
    except Exception as error:  # what is wrong the first request meets again, and answers
        log_fault(current_settings, error, "init")
    finally:
        usage.reset(token)


def _serve(
    route: Route | None,
    event: Mapping[str, Any],
    operations: Mapping[str, Operation],
    public: Mapping[str, PublicOperation],
) -> Response:
    if route is None:
        raise NotFoundError
    request = read_request(route, event, settings().client_id)
    if request is None:
        return public[route.operation]()
    current = services()
    if settings().admin_mfa and request.as_administrator:
        current.second_factor.require(request.caller.user_id, request.caller.signed_in_at)
    return operations[route.operation](request, current)


def _cors_headers(sent: Mapping[str, str]) -> dict[str, str]:
    """The origin that called, if the stage allows it: the header takes one origin or `*`."""
    allowed = settings().cors_origins
    origin = next((value for name, value in sent.items() if name.lower() == "origin"), None)
    if "*" in allowed:
        return {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Expose-Headers": _EXPOSED,
        }
    if origin in allowed and origin:
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": _EXPOSED,
            "Vary": "Origin",
        }
    return {}
