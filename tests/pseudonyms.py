"""The pseudonyms that this process writes into audit records."""

from lambdas.shared.telemetry.pseudonym_key import current_key


def pseudonym(user_id: str) -> str:
    key = current_key()
    assert key is not None
    return key.pseudonym(user_id)
