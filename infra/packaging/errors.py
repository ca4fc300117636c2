"""Errors of packaging."""


class PackagingError(Exception):
    """The asset cannot be made; the message is one sentence for whoever deploys."""
