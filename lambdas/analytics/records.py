"""Parses records of the Progress table's stream into the answers that caused them."""

from collections.abc import Mapping
from re import compile as compile_pattern
from typing import Any

from domain.question import MAX_CHOICES, is_smoke_question
from domain.statistics.given_answer import DAY, GivenAnswer
from lambdas.contract.formats import QUESTION_ID_PATTERN, SESSION_ID_PATTERN
from lambdas.shared.store.progress import RESTORED_AT

Record = Mapping[str, Any]
"""A record of Lambda's event for a DynamoDB stream."""

Image = Mapping[str, Any]
"""An item of the Progress table in DynamoDB's JSON."""

_SESSION_ID = compile_pattern(SESSION_ID_PATTERN.strip("^$"))
_QUESTION_ID = compile_pattern(QUESTION_ID_PATTERN.strip("^$"))
_INVALID = (ArithmeticError, AttributeError, KeyError, TypeError, ValueError)


class EditedItemError(Exception):
    """A change that no single answer makes: the item was restored or edited by hand."""


class MalformedRecordError(Exception):
    """A record that claims to be an answer but holds invalid data; a retry would not help."""


def given_answer(record: Record) -> GivenAnswer | None:
    """Return the answer that caused a record; None if there is none to count.

    None caused it if the item was deleted or restored; answers of the smoke test are not counted.

    Raises:
        EditedItemError: the number of answers did not grow by one.
        MalformedRecordError: it did, but the item's other attributes are invalid, or the record
            has no images.
    """
    try:
        if record["eventName"] == "REMOVE":
            return None
        new: Image = record["dynamodb"]["NewImage"]
        old: Image = record["dynamodb"].get("OldImage") or {}
        if not isinstance(new, Mapping):
            raise MalformedRecordError
    except _INVALID:
        raise MalformedRecordError from None
    if new.get(RESTORED_AT) != old.get(RESTORED_AT):
        return None
    match _change(new, old):
        case (0, 0, 0):
            return None
        case (1, right, wrong) if {right, wrong} == {0, 1}:
            answer = _answer(new, old, correct=right == 1)
            return None if is_smoke_question(answer.question_id) else answer
        case _:
            raise EditedItemError


def _change(new: Image, old: Image) -> tuple[int, ...]:
    try:
        return tuple(
            _number(new, name) - _number(old, name) for name in ("attempts", "correct", "wrong")
        )
    except _INVALID:
        raise EditedItemError from None


def _answer(new: Image, old: Image, *, correct: bool) -> GivenAnswer:
    try:
        answer = GivenAnswer(
            user_id=new["userId"]["S"],
            session_id=new["sessionId"]["S"],
            number=int(new["answerNumber"]["N"]),
            right_before=int(new["rightBefore"]["N"]),
            pool_entries=int(new["poolEntries"]["N"]),
            question_id=new["questionId"]["S"],
            version=int(new["lastVersion"]["N"]),
            correct=correct,
            attempt=int(new["attempts"]["N"]),
            mastered=_mastered(new) - _mastered(old),
            selected=tuple(map(int, new["lastChoice"]["S"])),
            time_spent=_number(new, "timeSpent") - _number(old, "timeSpent"),
            at=int(new["lastSeenAt"]["N"]),
            # Answers of an earlier release do not have it.
            review="review" in new and bool(new["review"]["BOOL"]),
            local_day=int(new["lastDay"]["N"]) if "lastDay" in new else None,
        )
        valid = _is_valid(answer)
    except _INVALID:
        raise MalformedRecordError from None
    if not valid:
        raise MalformedRecordError
    return answer


def _is_valid(answer: GivenAnswer) -> bool:
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
        and abs(answer.day - answer.at // DAY) <= 1
        and 0 < len(set(answer.selected)) == len(answer.selected) <= MAX_CHOICES
    )


def _number(image: Image, name: str) -> int:
    return int(image[name]["N"]) if name in image else 0


def _mastered(image: Image) -> int:
    return int(image.get("mastered", {}).get("BOOL", False))
