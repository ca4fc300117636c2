"""The error that ends a command."""


class CommandError(Exception):
    """Ends a command of the operator.

    Attributes:
        exit_code: Exit code of the command. The message is one sentence on standard error.
    """

    def __init__(self, sentence: str, exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
