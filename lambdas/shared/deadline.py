"""The deadline of an invocation."""

import math
from time import monotonic
from typing import Any


def deadline(context: Any) -> float:
    """Return when the invocation ends, on the monotonic clock; never, outside of Lambda."""
    left = getattr(context, "get_remaining_time_in_millis", None)
    return monotonic() + left() / 1000 if left else math.inf
