"""Headers and methods that browsers may use, and headers that every response carries.

The gateway, the functions and the laptop stage read them here, so that they answer alike.
"""

from collections.abc import Iterable

from lambdas.contract.route import Route

TRACE_HEADERS = ("traceparent", "tracestate", "baggage", "sentry-trace", "X-Amzn-Trace-Id")
"""Headers that tracing libraries add to the requests of a browser."""

EXPOSED_HEADERS = ("Location", "Retry-After", "X-Request-Id")
"""Headers of a response that a page of another origin may read."""

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=31536000",
}
"""Headers of every response. Browsers ignore the second one on plain HTTP, as on a laptop."""

CHALLENGE = {"WWW-Authenticate": "Bearer"}
"""Header of every `401` (RFC 9110, 11.6.1; RFC 6750, 3)."""

PREFLIGHT_SECONDS = 3_600
"""How long a browser may keep the answer to a preflight."""

MIN_COMPRESSED_BYTES = 1_024
"""Size from which a response is compressed for clients that accept it."""


def allowed_headers(routes: Iterable[Route]) -> list[str]:
    """Return the headers that a cross-origin request may carry."""
    own = sorted({header.name for route in routes for header in route.headers})
    return ["Authorization", "Content-Type", *own, *TRACE_HEADERS]


def allowed_methods(routes: Iterable[Route]) -> list[str]:
    """Return the methods of the API; a preflight for any path lists all of them."""
    return sorted({route.method for route in routes} | {"HEAD"})
