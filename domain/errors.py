"""What the engine refuses."""


class DomainError(Exception):
    """Base of every error the engine raises."""


class InvalidValueError(DomainError, ValueError):
    """A value no rule allows, such as a percentage above 100."""


class UnknownChoiceError(DomainError):
    """A selected choice is not one that this turn's question has."""


class TooManyChoicesError(DomainError):
    """Several choices were selected for a question that has one right choice."""


class NoCurrentTurnError(DomainError):
    """The session shows no question, so there is nothing to answer."""
