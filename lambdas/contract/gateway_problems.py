"""Errors the gateway answers by itself, in the contract's form.

Templates of gateway responses are no Velocity: they only fill in `$context` variables.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
"""

import json
from dataclasses import dataclass

from lambdas.contract.errors import (
    BodyTooLargeError,
    ForbiddenError,
    InternalError,
    NotFoundError,
    UnauthorizedError,
    UnavailableError,
)
from lambdas.contract.headers import CHALLENGE

CONTENT_TYPE = "application/problem+json"
_SECONDS_TO_WAIT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A problem document; `retry_after` is in seconds."""

    status: int
    code: str
    title: str
    detail: str
    retry_after: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Headers that go with it, beside those of every response."""
        challenge = CHALLENGE if self.status == UnauthorizedError.status else {}
        wait = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return {**challenge, **wait}

    @property
    def template(self) -> str:
        """Body that the gateway completes with the request's id."""
        return json.dumps(
            {
                "type": "about:blank",
                "title": self.title,
                "status": self.status,
                "code": self.code,
                "detail": self.detail,
                "requestId": "$context.requestId",
            }
        )


NOT_FOUND = Problem(
    status=NotFoundError.status,
    code=NotFoundError.code,
    title=NotFoundError.title,
    detail="The API has no such path.",
)
METHOD_NOT_ALLOWED = Problem(
    status=405,
    code="METHOD_NOT_ALLOWED",
    title="Method Not Allowed",
    detail="The path does not take this method; see the Allow header.",
)
HEADERS_TOO_LARGE = Problem(
    status=431,
    code="HEADERS_TOO_LARGE",
    title="Request Header Fields Too Large",
    detail="Address and headers are larger than 10 KB together.",
)
_UNAUTHORIZED = Problem(
    status=UnauthorizedError.status,
    code=UnauthorizedError.code,
    title=UnauthorizedError.title,
    detail="A valid access token is needed.",
)
_FORBIDDEN = Problem(
    status=ForbiddenError.status,
    code=ForbiddenError.code,
    title=ForbiddenError.title,
    detail="The request is not allowed.",
)
_TOO_LARGE = Problem(
    status=BodyTooLargeError.status,
    code=BodyTooLargeError.code,
    title=BodyTooLargeError.title,
    detail="The body is too large.",
)
RATE_LIMITED = Problem(
    status=429,
    code="RATE_LIMITED",
    title="Too Many Requests",
    detail="Too many requests; try again later.",
    retry_after=_SECONDS_TO_WAIT,
)
_BAD_REQUEST = Problem(
    status=400, code="BAD_REQUEST", title="Bad Request", detail="The request is malformed."
)
_INTERNAL_ERROR = Problem(
    status=InternalError.status,
    code=InternalError.code,
    title=InternalError.title,
    detail="The request failed.",
)
_UNAVAILABLE = Problem(
    status=UnavailableError.status,
    code=UnavailableError.code,
    title=UnavailableError.title,
    detail="The service cannot answer now; try again later.",
    retry_after=_SECONDS_TO_WAIT,
)

GATEWAY_PROBLEMS: dict[str, Problem] = {
    "UNAUTHORIZED": _UNAUTHORIZED,
    "EXPIRED_TOKEN": _UNAUTHORIZED,
    "ACCESS_DENIED": _FORBIDDEN,
    "WAF_FILTERED": _FORBIDDEN,
    # The gateway's name for an unknown path or method; no method here is signed.
    "MISSING_AUTHENTICATION_TOKEN": NOT_FOUND,
    "RESOURCE_NOT_FOUND": NOT_FOUND,
    # Only the fallbacks mind the type of a body, and they answer for paths that are not there.
    "UNSUPPORTED_MEDIA_TYPE": NOT_FOUND,
    "REQUEST_TOO_LARGE": _TOO_LARGE,
    "THROTTLED": RATE_LIMITED,
    "QUOTA_EXCEEDED": RATE_LIMITED,
    "INTEGRATION_FAILURE": _UNAVAILABLE,
    "INTEGRATION_TIMEOUT": _UNAVAILABLE,
    "DEFAULT_4XX": _BAD_REQUEST,
    "DEFAULT_5XX": _INTERNAL_ERROR,
}
"""By response type."""
