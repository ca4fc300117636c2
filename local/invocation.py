"""The Lambda context of an invocation on the laptop."""

import time

from lambdas.contract.timeouts import timeout_of


class InvocationContext:
    """The context of one invocation of a function of the laptop stage."""

    function_version = "$LATEST"
    memory_limit_in_mb = "512"

    def __init__(self, function: str, request_id: str, seconds: float | None = None) -> None:
        """`seconds` is how long the function may take, if not as long as it may on AWS."""
        self.aws_request_id = request_id
        self.function_name = f"quiz-local-{function}"
        self.invoked_function_arn = (
            f"arn:aws:lambda:us-east-1:000000000000:function:{self.function_name}"
        )
        self._deadline = time.monotonic() + (timeout_of(function) if seconds is None else seconds)

    def get_remaining_time_in_millis(self) -> int:
        """Return how much of the invocation's time is left."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))
