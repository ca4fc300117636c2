"""The synthetic monitor: asks the stage's public address for its health, as a client does.

EventBridge calls it every minute. A failed check is an error of the function, so its own metrics
hold both: no good answer, and nobody who asked.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import urllib3

from lambdas.shared.settings import settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

CHECK_SECONDS = 5
_USER_AGENT = "adaptive-quiz-synthetic"  # the web ACL blocks requests without one


class UnhealthyError(Exception):
    """The public address does not give the answer it should."""


def handler(_event: Mapping[str, Any], _context: "LambdaContext") -> dict[str, str]:
    """Return the stage's health.

    Raises:
        UnhealthyError: The answer is another one.
        HTTPError: There is none within seconds.
    """
    current = settings()
    if not current.api_url:
        raise LookupError("API_URL is not set, though the synthetic monitor calls it")
    response = urllib3.request(
        "GET",
        f"{current.api_url.rstrip('/')}/health",
        headers={"User-Agent": _USER_AGENT},
        timeout=CHECK_SECONDS,
        retries=False,
        redirect=False,
    )
    if response.status != 200:
        raise UnhealthyError(f"GET /health answered {response.status}.")
    health: dict[str, str] = response.json()
    if (health.get("status"), health.get("stage")) != ("ok", current.stage):
        raise UnhealthyError("GET /health did not answer for this stage.")
    return health
