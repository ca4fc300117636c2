"""Settings of sessions, so that the suites play both policies mixed."""

from typing import Any

Policy = dict[str, Any]
"""The part of a session's `settings` that names its policy; empty for RATIO, the default."""


def spaced(first: int, second: int, share: int, limit: int | None = None) -> Policy:
    """Return the settings of a session of SPACED."""
    spacing = {"firstLag": first, "secondLag": second, "share": share, "pendingLimit": limit}
    return {"policy": "SPACED", "spacing": spacing}


POLICIES: tuple[Policy, ...] = (
    {},
    {},
    spaced(16, 48, 50),
    spaced(1, 2, 50),
    spaced(2, 1, 100),
    spaced(3, 5, 80, limit=4),
)
"""RATIO, the defaults of SPACED, and lags that a session of a few questions reaches."""
