"""Responses in the form API Gateway's proxy integration takes."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from lambdas.contract.errors import ApiError, FieldFault
from lambdas.contract.headers import SECURITY_HEADERS

if TYPE_CHECKING:
    from lambdas.contract import responses


class Response(NamedTuple):
    """A use case's result as HTTP; a body of None is sent as none."""

    status: int
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = MappingProxyType({})


def fault_view(fault: FieldFault) -> "responses.FieldError":
    """Return a refused field as a response names it."""
    return {"field": fault.field, "code": fault.code, "message": fault.message}


def problem(error: ApiError, request_id: str) -> Response:
    """Return an error as a problem document (RFC 9457)."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
        "requestId": request_id,
    }
    if error.faults:
        body["errors"] = list(map(fault_view, error.faults))
    body.update(error.members)
    return Response(
        error.status, body, {**error.headers, "Content-Type": "application/problem+json"}
    )


def proxy_response(response: Response, request_id: str) -> dict[str, Any]:
    """Return what API Gateway sends on. Learners' data is for them alone: never cached."""
    headers = {
        "X-Request-Id": request_id,
        "Cache-Control": "no-store",
        **SECURITY_HEADERS,
        **response.headers,
    }
    if response.body is None:
        return {"statusCode": response.status, "headers": headers, "body": ""}
    headers.setdefault("Content-Type", "application/json")
    return {"statusCode": response.status, "headers": headers, "body": _encode(response.body)}


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
