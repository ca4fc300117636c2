"""The histories are worth something: they find out a system that breaks the rules."""

from collections.abc import Callable
from copy import copy
from typing import Any

import pytest

from domain.session.state import Session, Status
from lambdas.answer import use_case
from lambdas.shared.playing import save_turn
from lambdas.shared.store.sessions import SessionsTable
from lambdas.shared.store.transaction import Action, Transactions
from tests.integration.stage import InvokedStage
from tests.reliability.history import MismatchError, World, bank_drafts
from tests.reliability.judge import Judge, rows_of
from tests.reliability.test_crash_points import try_every_point

WITHIN = 40
"""Histories in which a sabotage has to be found."""

Sabotage = Callable[[pytest.MonkeyPatch], None]


def separate_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer writes session, progress and pool one after the other."""

    class OneByOne(Transactions):
        def write(self, actions: Any) -> None:
            for action in actions:
                super().write([action])

    def save(environment: Any, *given: Any, **named: Any) -> None:
        apart = copy(environment)
        apart.transactions = OneByOne(environment.database, environment.transactions.pause)
        save_turn(apart, *given, **named)

    monkeypatch.setattr(use_case, "save_turn", save)


def no_version_condition(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session is written over whatever version of it is there."""
    put = SessionsTable.put

    def careless(table: SessionsTable, session: Session, *, expected_version: int | None) -> Action:
        action = put(table, session, expected_version=expected_version)
        if expected_version is not None:
            request = action.request["Put"]
            del request["ConditionExpression"], request["ExpressionAttributeValues"]
        return action

    monkeypatch.setattr(SessionsTable, "put", careless)


def no_marker(monkeypatch: pytest.MonkeyPatch) -> None:
    """The marker of an Idempotency-Key is stored where nobody finds it."""
    put_marker = SessionsTable.put_marker

    def forgetful(table: SessionsTable, session: Session, key: str, body: bytes) -> Action:
        return put_marker(table, session, f"{key}-{session.session_id}", body)

    monkeypatch.setattr(SessionsTable, "put_marker", forgetful)


def greedy_review(monkeypatch: pytest.MonkeyPatch) -> None:
    """A review takes up what sessions still played owe as well."""
    monkeypatch.setattr(SessionsTable, "unfinished", lambda *_: {})
    check_over = SessionsTable.check_over

    def careless(table: SessionsTable, user_id: str, session_id: str) -> Action:
        action = check_over(table, user_id, session_id)
        check = action.request["ConditionCheck"]
        check["ConditionExpression"] += " OR #status IN (:active, :paused)"
        check["ExpressionAttributeValues"] |= {
            ":active": {"S": Status.ACTIVE.value},
            ":paused": {"S": Status.PAUSED.value},
        }
        return action

    monkeypatch.setattr(SessionsTable, "check_over", careless)


@pytest.mark.slow
@pytest.mark.parametrize(
    "sabotage", [separate_writes, no_version_condition, no_marker, greedy_review]
)
def test_histories_find_a_broken_rule(
    stage: InvokedStage,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
    sabotage: Sabotage,
) -> None:
    stage.pauses()
    stage.save(*bank_drafts())
    sabotage(monkeypatch)
    for seed in range(1, WITHIN + 1):
        world = World(stage, seed)
        try:
            world.play()
            Judge(world, rows_of(stage, world.user)).judge()
        except MismatchError:
            record_property(f"{sabotage.__name__} found by history", seed)
            return
    pytest.fail(f"{sabotage.__name__} was not found in {WITHIN} histories")


@pytest.mark.parametrize("name", ["wrong", "lowering_an_entry"])
def test_crash_points_find_separate_writes(
    stage: InvokedStage, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    separate_writes(monkeypatch)
    with pytest.raises(AssertionError, match=f"{name}: crash"):
        try_every_point(stage, name)
