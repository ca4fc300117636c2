"""The deadline of an invocation."""

from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def deadline(context: "LambdaContext") -> float:
    """Return when the invocation ends, on the monotonic clock."""
    return monotonic() + context.get_remaining_time_in_millis() / 1000
