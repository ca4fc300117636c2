"""Records of the stream as answers, and those that no answer can have left."""

from typing import Any

import pytest

from domain.statistics.given_answer import GivenAnswer
from lambdas.analytics.records import EditedItemError, MalformedRecordError, given_answer


def record(*, new: Any = None, old: Any = None, name: str = "MODIFY") -> dict[str, Any]:
    """A second answer, right, to a question missed before."""
    before = {
        "userId": {"S": "ada"},
        "questionId": {"S": "geography:000001"},
        "attempts": {"N": "1"},
        "wrong": {"N": "1"},
        "timeSpent": {"N": "1500"},
        "mastered": {"BOOL": False},
    }
    after = {
        **before,
        "attempts": {"N": "2"},
        "correct": {"N": "1"},
        "timeSpent": {"N": "4000"},
        "mastered": {"BOOL": True},
        "lastSeenAt": {"N": "1790000000000"},
        "lastChoice": {"S": "02"},
        "lastVersion": {"N": "3"},
        "sessionId": {"S": "a" * 27},
        "answerNumber": {"N": "9"},
        "rightBefore": {"N": "6"},
        "poolEntries": {"N": "3"},
    }
    images = {"NewImage": {**after, **(new or {})}, "OldImage": {**before, **(old or {})}}
    return {"eventName": name, "dynamodb": {"SequenceNumber": "1", **images}}


def test_an_answer_is_what_changed_between_the_images() -> None:
    assert given_answer(record()) == GivenAnswer(
        user_id="ada",
        session_id="a" * 27,
        number=9,
        right_before=6,
        pool_entries=3,
        question_id="geography:000001",
        version=3,
        correct=True,
        attempt=2,
        mastered=1,
        selected=(0, 2),
        time_spent=2500,
        at=1_790_000_000_000,
    )


def test_a_first_answer_has_no_old_image() -> None:
    first = record(new={"attempts": {"N": "1"}, "wrong": {"N": "0"}}, name="INSERT")
    del first["dynamodb"]["OldImage"]
    answer = given_answer(first)
    assert answer
    assert (answer.first_try, answer.correct, answer.time_spent) == (True, True, 4000)


def test_a_mastered_question_that_is_missed_is_mastered_no_more() -> None:
    missed = record(
        new={"mastered": {"BOOL": False}, "wrong": {"N": "2"}, "correct": {"N": "0"}},
        old={"mastered": {"BOOL": True}},
    )
    answer = given_answer(missed)
    assert answer
    assert (answer.mastered, answer.correct) == (-1, False)


def test_a_removed_item_and_a_change_that_is_no_answer_tell_of_none() -> None:
    assert given_answer(record(name="REMOVE")) is None
    same = {"attempts": {"N": "1"}, "correct": {"N": "0"}}
    assert given_answer(record(new=same)) is None


@pytest.mark.parametrize(
    "new",
    [
        {"sessionId": {"S": "../../etc"}},
        {"questionId": {"S": "geography"}},
        {"answerNumber": {"N": "0"}},
        {"rightBefore": {"N": "9"}},
        {"rightBefore": {"N": "-1"}},
        {"poolEntries": {"N": "-1"}},
        {"lastDay": {"N": "1"}},
        {"lastDay": {"S": "Monday"}},
        {"lastChoice": {"S": ""}},
        {"lastChoice": {"S": "00"}},
        {"lastChoice": {"S": "x"}},
        {"lastVersion": {"N": "0"}},
        {"lastSeenAt": {"S": "now"}},
        {"lastSeenAt": {"N": "-1"}},
        {"lastSeenAt": {"N": "1e999"}},
        {"timeSpent": {"N": "-1"}},
        {"userId": {"S": ""}},
        {"mastered": True},
    ],
    ids=str,
)
def test_an_image_that_no_answer_leaves_is_malformed(new: Any) -> None:
    with pytest.raises(MalformedRecordError):
        given_answer(record(new=new))


@pytest.mark.parametrize(
    "name",
    [
        "answerNumber",
        "rightBefore",
        "poolEntries",
        "sessionId",
        "lastChoice",
        "lastVersion",
        "lastSeenAt",
    ],
)
def test_an_image_without_what_an_answer_writes_is_malformed(name: str) -> None:
    without = record()
    del without["dynamodb"]["NewImage"][name]
    with pytest.raises(MalformedRecordError):
        given_answer(without)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"eventName": "MODIFY"},
        {"eventName": "MODIFY", "dynamodb": {}},
        {"eventName": "MODIFY", "dynamodb": None},
        {"eventName": "INSERT", "dynamodb": {"NewImage": None}},
    ],
    ids=str,
)
def test_a_record_without_images_is_malformed(broken: Any) -> None:
    with pytest.raises(MalformedRecordError):
        given_answer(broken)


@pytest.mark.parametrize(
    "new",
    [
        {"attempts": {"N": "7"}},
        {"attempts": {"N": "0"}},
        {"attempts": {"N": "many"}},
        {"attempts": {"S": "2"}},
        {"correct": {"N": "2"}},
        {"wrong": {"N": "2"}},
        {"wrong": None},
    ],
    ids=str,
)
def test_a_change_that_no_single_answer_makes_is_an_edit(new: Any) -> None:
    with pytest.raises(EditedItemError):
        given_answer(record(new=new))


def test_an_item_inserted_with_several_attempts_was_restored() -> None:
    without = record(name="INSERT")
    del without["dynamodb"]["OldImage"]
    with pytest.raises(EditedItemError):
        given_answer(without)


def test_an_answer_of_the_smoke_test_is_not_counted() -> None:
    smoke = {"questionId": {"S": "quiz-smoke-test:000001"}}
    assert given_answer(record(new=smoke)) is None
    other = {"questionId": {"S": "quiz-smoke-test-2:000001"}}
    assert given_answer(record(new=other)) is not None
