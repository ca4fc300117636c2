"""HTTP to the REST proxy event of API Gateway (payload 1.0), and the result back to HTTP."""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from lambdas.contract.route import Route
from lambdas.shared.http.identity import TIME_FORMAT

Pairs = Sequence[tuple[str, str]]


def proxy_event(  # noqa: PLR0913 - the parts of a request
    route: Route,
    *,
    method: str,
    path: str,
    path_parameters: Mapping[str, str],
    query: str,
    headers: Pairs,
    body: bytes,
    claims: Mapping[str, Any] | None,
    request_id: str,
    source_ip: str,
) -> dict[str, Any]:
    """Return the event that API Gateway would invoke the route's function with."""
    asked = parse_qsl(query, keep_blank_values=True)
    context: dict[str, Any] = {
        "requestId": request_id,
        "stage": "local",
        "resourcePath": route.path,
        "httpMethod": method,
        "path": path,
        "protocol": "HTTP/1.1",
        "requestTimeEpoch": time.time_ns() // 1_000_000,
        "identity": {"sourceIp": source_ip, "userAgent": dict(headers).get("user-agent")},
    }
    if claims is not None:
        context["authorizer"] = {"claims": _claim_texts(claims)}
    return {
        "resource": route.path,
        "path": path,
        "httpMethod": method,
        "headers": dict(headers) or None,
        "multiValueHeaders": _grouped(headers),
        "queryStringParameters": dict(asked) or None,
        "multiValueQueryStringParameters": _grouped(asked),
        "pathParameters": dict(path_parameters) or None,
        "stageVariables": None,
        "requestContext": context,
        # The gateway hands over text, and replaces what is not UTF-8.
        "body": body.decode(errors="replace") or None,
        "isBase64Encoded": False,
    }


def response_headers(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the headers of a function's result; for a name in both forms the list wins."""
    single: Mapping[str, Any] = result.get("headers") or {}
    several: Mapping[str, Sequence[Any]] = result.get("multiValueHeaders") or {}
    pairs = [(name, str(value)) for name, value in single.items() if name not in several]
    return [*pairs, *((name, str(value)) for name, values in several.items() for value in values)]


def _grouped(pairs: Pairs) -> dict[str, list[str]] | None:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped or None


def _claim_texts(claims: Mapping[str, Any]) -> dict[str, str]:
    """Return the claims as the gateway passes them: all are text, times are even spelled out."""
    texts = {}
    for name, value in claims.items():
        if isinstance(value, list):
            texts[name] = ",".join(str(part) for part in value)
        elif name in ("exp", "iat"):
            texts[name] = time.strftime(TIME_FORMAT, time.gmtime(value))
        else:
            texts[name] = str(value)
    return texts
