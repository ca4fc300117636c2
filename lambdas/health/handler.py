"""GET /health."""

from typing import TYPE_CHECKING

from lambdas.shared.http.entrypoint import entrypoint
from lambdas.shared.http.response import Response
from lambdas.shared.settings import VERSION, settings

if TYPE_CHECKING:
    from lambdas.contract import responses


def get_health() -> Response:
    """Tell that functions run; no dependency is called."""
    body: responses.Health = {"status": "ok", "stage": settings().stage, "version": VERSION}
    return Response(200, body)


handler = entrypoint("health", {}, public={"getHealth": get_health})
