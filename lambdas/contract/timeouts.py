"""How long functions that requests wait for may take.

Plain data that needs no CDK: on a laptop they may take as long as on AWS. No call to DynamoDB is
begun that the invocation might not outlive.
"""

USUAL_SECONDS = 10
"""A call to DynamoDB gives up within seconds; the gateway would wait for 29."""

_OTHERS = {
    # Just below the gateway's: an erasure deletes some ten thousand items in this.
    "privacy": 28,
    # Cognito's timeout for its triggers, after which it calls them again.
    "signup": 5,
}


def timeout_of(folder: str) -> int:
    """Return the seconds after which an invocation of a function is ended."""
    return _OTHERS.get(folder, USUAL_SECONDS)
