"""Errors of the engine."""


class DomainError(Exception):
    """Base of every error the engine raises."""


class InvalidValueError(DomainError, ValueError):
    """A value no rule allows, such as a percentage above 100."""


class UnknownChoiceError(DomainError):
    """A text is not the id of a choice."""


class NoCurrentTurnError(DomainError):
    """The session shows no question, so there is nothing to answer."""
