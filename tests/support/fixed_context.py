"""The Lambda context that tests call handlers with."""

from local.invocation import InvocationContext

LONGEST = 900_000
"""The most that Lambda lets an invocation take, in milliseconds."""


class FixedContext(InvocationContext):
    """The context of an invocation whose time left is always the same, however slow the test is."""

    def __init__(self, milliseconds: int = LONGEST, request_id: str = "invocation") -> None:
        super().__init__("test", request_id, milliseconds / 1000, clock=lambda: 0.0)
