"""Records of the Progress table's stream, as the answers they tell of."""

from collections.abc import Mapping
from re import compile as compile_pattern
from typing import Any

from domain.question import MAX_CHOICES
from domain.statistics.given_answer import GivenAnswer
from lambdas.contract.routes import QUESTION_ID_PATTERN, SESSION_ID_PATTERN
from lambdas.shared.store.progress import RESTORED_AT

Record = Mapping[str, Any]
"""A record of Lambda's event for a DynamoDB stream."""

_SESSION_ID = compile_pattern(SESSION_ID_PATTERN.strip("^$"))
_QUESTION_ID = compile_pattern(QUESTION_ID_PATTERN.strip("^$"))


class MalformedRecordError(Exception):
    """A record that no answer can have left; counting it again would not help."""


def given_answer(record: Record) -> GivenAnswer | None:
    """Return the answer a record tells of; None for one that tells of none, as an item removed.

    Raises:
        MalformedRecordError: its images are not those before and after one answer.
    """
    try:
        if record["eventName"] == "REMOVE":
            return None
        images = record["dynamodb"]
        answer = _answer(images["NewImage"], images.get("OldImage") or {})
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        raise MalformedRecordError from None
    if answer and not _possible(answer):
        raise MalformedRecordError
    return answer


def _answer(new: Mapping[str, Any], old: Mapping[str, Any]) -> GivenAnswer | None:
    attempt, right, wrong = (
        _number(new, name) - _number(old, name) for name in ("attempts", "correct", "wrong")
    )
    if (attempt, right, wrong) == (0, 0, 0) or new.get(RESTORED_AT) != old.get(RESTORED_AT):
        return None
    if attempt != 1 or sorted((right, wrong)) != [0, 1]:
        raise MalformedRecordError
    return GivenAnswer(
        user_id=new["userId"]["S"],
        session_id=new["sessionId"]["S"],
        number=int(new["answerNumber"]["N"]),
        right_before=int(new["rightBefore"]["N"]),
        pool_entries=int(new["poolEntries"]["N"]),
        question_id=new["questionId"]["S"],
        version=int(new["lastVersion"]["N"]),
        correct=right == 1,
        attempt=int(new["attempts"]["N"]),
        mastered=_mastered(new) - _mastered(old),
        selected=tuple(map(int, new["lastChoice"]["S"])),
        time_spent=_number(new, "timeSpent") - _number(old, "timeSpent"),
        at=int(new["lastSeenAt"]["N"]),
    )


def _possible(answer: GivenAnswer) -> bool:
    return (
        bool(answer.user_id)
        and _SESSION_ID.fullmatch(answer.session_id) is not None
        and _QUESTION_ID.fullmatch(answer.question_id) is not None
        and 0 <= answer.right_before < answer.number
        and answer.pool_entries >= 0
        and answer.attempt >= 1
        and answer.version >= 1
        and answer.time_spent >= 0
        and answer.at >= 0
        and 0 < len(set(answer.selected)) == len(answer.selected) <= MAX_CHOICES
    )


def _number(image: Mapping[str, Any], name: str) -> int:
    return int(image[name]["N"]) if name in image else 0


def _mastered(image: Mapping[str, Any]) -> int:
    return int(image.get("mastered", {}).get("BOOL", False))
