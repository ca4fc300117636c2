"""What ends a program of the laptop stage with one sentence."""


class StageError(Exception):
    """The stage cannot go on; the message is one sentence for whoever started it."""
