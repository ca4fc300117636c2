"""A stage's API for the importer: real handlers on a real engine, and deaths at any request."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lambdas.contract.routes import ROUTES
from ops.bank.api import ApiError
from tests.integration.stage import InvokedStage


class DeathError(BaseException):
    """The importer's process ends here."""


@dataclass
class StageApi:
    """Calls operations by their paths; dies at one request, before or after it is made.

    Attributes:
        stage: The stage.
        dies_at: The number of the request at which `death` is raised, from 0.
        answers_first: Whether that request is made first.
        death: The exception.
        made: The requests, with their bodies.
    """

    stage: InvokedStage
    dies_at: int | None = None
    answers_first: bool = False
    death: BaseException = field(default_factory=DeathError)
    made: list[tuple[str, str, Any]] = field(default_factory=list)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        number = len(self.made)
        self.made.append((method, path, body))
        dies = number == self.dies_at
        if dies and not self.answers_first:
            raise self.death
        operation, parameters = _operation(method, path)
        reply = self.stage.admin(operation, body, path=parameters, query=query, headers=headers)
        if dies:
            raise self.death
        if reply.status >= 400:
            raise ApiError(str(reply.body["detail"]), reply.status, reply.body["code"])
        return reply.body


def _operation(method: str, path: str) -> tuple[str, dict[str, str]]:
    for route in ROUTES:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path)
        found = re.fullmatch(pattern, path)
        if found and route.method == method:
            return route.operation, found.groupdict()
    raise AssertionError(f"no route for {method} {path}")
