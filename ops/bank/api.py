"""The administrator's routes of a stage, with retries: each request here may be repeated."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

import httpx2

from local.errors import CommandError
from ops.deploy.access import AdministratorAccess
from ops.deploy.api import TIMEOUT

PATIENCE = 120.0
"""Seconds for which one request is repeated before the command gives up."""

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_REPEATED = (0, 429, 500, 502, 503, 504)
_FAILED = 400


class ApiError(CommandError):
    """The stage refuses a request.

    Attributes:
        status: The HTTP status, 0 if the stage cannot be reached.
        code: The code of the problem, or an empty string.
    """

    def __init__(self, message: str, status: int, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Api(Protocol):
    """The administrator's routes of a stage."""

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the body of the response.

        Raises:
            ApiError: The stage refuses the request.
        """


@dataclass(slots=True)
class AdministratorApi:
    """Calls a stage's API; a request that a stage is too busy for is repeated.

    Attributes:
        access: Where the stage is and how to sign in; a token that has expired is replaced.
        pause: Waits for some seconds.
        transport: Sends the requests; the network by default.
    """

    access: AdministratorAccess
    pause: Callable[[float], None] = time.sleep
    transport: httpx2.BaseTransport | None = None
    _client: httpx2.Client = field(init=False)

    def __post_init__(self) -> None:
        self._client = httpx2.Client(
            base_url=self.access.url, timeout=TIMEOUT, transport=self.transport
        )
        self._sign_in()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._client.close()

    def _sign_in(self) -> None:
        self._client.headers["Authorization"] = f"Bearer {self.access.sign_in()}"

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the body of the response.

        Raises:
            ApiError: The stage refuses the request, or does not take it for `PATIENCE`.
        """
        request = self._client.build_request(
            method, path, json=body, params=dict(query or {}), headers=dict(headers or {})
        )
        waited, pause = 0.0, _FIRST_PAUSE
        while True:
            response = self._sent(request)
            if isinstance(response, httpx2.Response):
                if response.status_code < _FAILED:
                    return response.json() if response.content else None
                error = _refusal(response)
                wanted = max(pause, _retry_after(response))
            else:
                error, wanted = response, pause
            if error.status not in _REPEATED or waited + wanted > PATIENCE:
                raise error
            self.pause(wanted)
            waited, pause = waited + wanted, min(pause * 2, _LONGEST_PAUSE)

    def _sent(self, request: httpx2.Request) -> httpx2.Response | ApiError:
        """Return the response; a token that has expired is replaced once."""
        try:
            response = self._client.send(request)
            if response.status_code == _UNAUTHORIZED:
                self._sign_in()
                request.headers["Authorization"] = self._client.headers["Authorization"]
                response = self._client.send(request)
        except httpx2.TransportError as error:
            reason = str(error) or type(error).__name__
            return ApiError(f"The stage cannot be reached: {reason}.", 0)
        return response


def _retry_after(response: httpx2.Response) -> float:
    given = response.headers.get("Retry-After", "")
    return float(given) if given.isdecimal() else 0.0


def _refusal(response: httpx2.Response) -> ApiError:
    status, request = response.status_code, response.request
    try:
        problem = response.json()
        reasons = [str(problem.get("detail", ""))]
        reasons += [f"{fault['field']}: {fault['message']}" for fault in problem.get("errors", [])]
        code = str(problem.get("code", ""))
    except (ValueError, TypeError, KeyError, AttributeError):
        reasons, code = [response.text[:200]], ""
    if status == _FORBIDDEN:
        reasons = ["the user is not an administrator: add the user to the group admin."]
    return ApiError(
        f"{request.method} {request.url.path} answered {status}: {' '.join(filter(None, reasons))}",
        status,
        code,
    )
