"""The Lambda context of an invocation on the laptop."""

import time
from collections.abc import Callable

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.contract.timeouts import timeout_of


class InvocationContext(LambdaContext):
    """The context of one invocation of a function of the laptop stage."""

    def __init__(
        self,
        function: str,
        request_id: str,
        seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`seconds` is how long the function may take, if not as long as it may on AWS."""
        self._name = f"quiz-local-{function}"
        self._request_id = request_id
        self._clock = clock
        self._deadline = clock() + (timeout_of(function) if seconds is None else seconds)

    @property
    def function_name(self) -> str:
        """Name of the function."""
        return self._name

    @property
    def function_version(self) -> str:
        """Version of the function: the one that is not published."""
        return "$LATEST"

    @property
    def invoked_function_arn(self) -> str:
        """ARN of the function, in an account that does not exist."""
        return f"arn:aws:lambda:us-east-1:000000000000:function:{self._name}"

    @property
    def memory_limit_in_mb(self) -> int:
        """Memory of the function on AWS."""
        return 512

    @property
    def aws_request_id(self) -> str:
        """Id of the invocation."""
        return self._request_id

    # Powertools declares a static method; on Lambda's own context it is one of the instance.
    def get_remaining_time_in_millis(self) -> int:  # type: ignore[override]
        """Return how much of the invocation's time is left."""
        return max(0, int((self._deadline - self._clock()) * 1000))
