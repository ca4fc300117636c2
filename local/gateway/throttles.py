"""Throttles of the route table, as API Gateway applies them: a token bucket per route."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from lambdas.contract.route import Route


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Throttles:
    """Counts requests per route.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def admits(self, route: Route) -> bool:
        """Take a token from the route's bucket; return whether there was one."""
        now = self._clock()
        limit = route.throttle
        bucket = self._buckets.setdefault(route.operation, _Bucket(limit.burst, now))
        refilled = bucket.tokens + (now - bucket.filled_at) * limit.rate
        bucket.tokens, bucket.filled_at = min(limit.burst, refilled), now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True
