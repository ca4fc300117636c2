"""Losses are detected: the books of the load test against tables."""

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from tests.laptop.learner import asked
from tests.load.books import SessionBooks, Tables, UserBooks, differences

CHOICES = [{"id": "a", "text": "yes"}, {"id": "b", "text": "no"}]
SHOWN = {"questionId": "law:000001", "turn": 1, "text": "Well?", "answers": CHOICES}
KEY = {asked("Well?", ["yes", "no"]): frozenset({"yes"})}


@pytest.fixture
def user() -> UserBooks:
    return UserBooks("learner-0", "ada", KEY, 0.0, Random(1))


@pytest.fixture
def session(user: UserBooks) -> SessionBooks:
    session = user.open("s", questions=2)
    session.question = SHOWN
    return session


def answer(chosen: str) -> dict[str, Any]:
    return {"questionId": "law:000001", "turn": 1, "selectedAnswers": [chosen], "timeSpent": 1.5}


def settle(user: UserBooks, session: SessionBooks, chosen: str, **body: Any) -> str:
    shown = session.question
    other = UserBooks("", "", KEY, 0.0, Random(1)).open("", 2)
    other.learner.missed |= session.learner.missed
    other.learner.wrong = session.learner.wrong
    assert shown
    right = other.learner.grade(shown, answer(chosen))
    told = {"correct": right, "progress": other.learner.recount, "question": SHOWN, **body}
    return user.settle(session, answer(chosen), told)


def tables(user: UserBooks, session: SessionBooks, **other: Any) -> Tables:
    """Return the tables as they must be after a wrong answer and a right one."""
    ids = {"userId": {"S": user.user_id}, "sessionId": {"S": session.session_id}}
    kept = {
        "sessions": [{**ids, "seed": {"B": b""}, "figures": session.learner.recount}],
        "progress": [
            {
                "userId": {"S": "ada"},
                "questionId": {"S": "law:000001"},
                "attempts": {"N": "2"},
                "correct": {"N": "1"},
                "wrong": {"N": "1"},
                "timeSpent": {"N": "3000"},
            }
        ],
        "wrong_answers": [{**ids, "questionId": {"S": "law:000001"}, "remainingTries": {"N": "2"}}],
    }
    return Tables(**{**kept, **other})


def found(user: UserBooks, kept: Tables) -> list[str]:
    def figures(item: Mapping[str, Any]) -> Any:
        return item["figures"]

    return list(differences([user], kept, figures))


@pytest.fixture
def played(user: UserBooks, session: SessionBooks) -> UserBooks:
    assert not settle(user, session, "b")
    assert not settle(user, session, "a")
    return user


def test_tables_that_hold_what_was_told_differ_in_nothing(
    played: UserBooks, session: SessionBooks
) -> None:
    assert not found(played, tables(played, session))


@pytest.mark.parametrize("table", ["sessions", "progress", "wrong_answers"])
def test_an_item_that_is_gone_is_told(played: UserBooks, session: SessionBooks, table: str) -> None:
    (difference,) = found(played, tables(played, session, **{table: []}))
    assert "kept None" in difference


def test_an_attempt_counted_twice_is_told(played: UserBooks, session: SessionBooks) -> None:
    kept = tables(played, session)
    (record,) = kept.progress
    record = {**record, "attempts": {"N": "3"}}
    (difference,) = found(played, tables(played, session, progress=[record]))
    assert difference.startswith("question ('ada', 'law:000001'): told (2, 1, 1, 3000)")


def test_an_entry_nobody_knows_of_is_told(played: UserBooks, session: SessionBooks) -> None:
    kept = tables(played, session)
    (entry,) = kept.wrong_answers
    other = {**entry, "questionId": {"S": "law:000002"}}
    (difference,) = found(played, tables(played, session, wrong_answers=[entry, other]))
    assert "law:000002" in difference


def test_other_users_are_nobodys_business(played: UserBooks, session: SessionBooks) -> None:
    kept = tables(played, session)
    (entry,) = kept.wrong_answers
    other = {**entry, "userId": {"S": "eve"}}
    assert not found(played, tables(played, session, wrong_answers=[entry, other]))


def test_a_wrong_verdict_and_wrong_figures_are_told(user: UserBooks, session: SessionBooks) -> None:
    assert settle(user, session, "b", correct=True) == "graded otherwise"
    assert settle(user, session, "a", progress={}).startswith("progress is {}")
