"""Preferences as attributes of an item: a learner's, or the defaults of a category."""

from collections.abc import Mapping
from typing import Any

from domain.session.policy import Policy, Preferences

NUMBERS = {
    "wrong_answer_percentage": "wrongAnswerPercentage",
    "first_lag": "firstLag",
    "second_lag": "secondLag",
    "share": "share",
    "pending_limit": "pendingLimit",
}
"""Attributes of the settings that are numbers."""


def preference_values(preferences: Preferences) -> dict[str, str | int]:
    """Return the values of the settings that are given, by attribute."""
    values: dict[str, str | int] = {
        NUMBERS[field]: value
        for field, value in preferences._asdict().items()
        if field in NUMBERS and value is not None
    }
    return values | ({"policy": preferences.policy.value} if preferences.policy else {})


def preferences_from_item(item: Mapping[str, Any]) -> Preferences:
    """Return the preferences that an item holds."""
    numbers = {
        field: int(item[name]["N"]) if name in item else None for field, name in NUMBERS.items()
    }
    policy = Policy(item["policy"]["S"]) if "policy" in item else None
    return Preferences(policy=policy, **numbers)
