"""Calls a stage's API, waiting as long as it asks to."""

import time
from dataclasses import dataclass
from typing import Any

import httpx2

TIMEOUT = 30.0
"""Seconds for an answer: more than the gateway itself waits."""

_TOO_MANY = 429
_RETRIES = 5
_MOST_SECONDS_TO_WAIT = 5


class ResponseError(Exception):
    """A response is not the one expected; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Api:
    """The stage's API; what is not the status expected is an error."""

    client: httpx2.Client

    def call(self, method: str, path: str, body: object = None, expected: int = 200) -> Any:
        """Return the body of a response.

        Raises:
            ResponseError: its status is another one.
        """
        response = self.client.request(method, path, json=body)
        for _ in range(_RETRIES):
            if response.status_code != _TOO_MANY:
                break
            time.sleep(min(int(response.headers.get("Retry-After", 1)), _MOST_SECONDS_TO_WAIT))
            response = self.client.request(method, path, json=body)
        if response.status_code != expected:
            raise ResponseError(
                f"{method} {path} answered {response.status_code}, not {expected}: {response.text}"
            )
        return response.json() if response.content else None
