"""Exporting all that is kept about a user, and nothing that would give answers away."""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import pytest

from domain.statistics.given_answer import DAY
from tests.integration.stage import InvokedStage, Reply, drafts

ME = {"userId": "me"}
NOW = "2026-09-21T14:13:20.000Z"

WITHHELD = {
    *(("sessions", name) for name in ("seed", "turn.order", "ends")),
    *(("wrong_answers", name) for name in ("beyondHead", "owedIn")),
}
"""Attributes left out of an export according to docs/privacy.md, and no others."""

RENDERED = {
    *(("sessions", name) for name in ("pool", "passed", "mark", "spacing", "tally")),
    *(("users", name) for name in ("tally", "ledger")),
}
"""Attributes packed in the table and readable in an export."""


@pytest.fixture
def bank(stage: InvokedStage) -> InvokedStage:
    stage.save(*drafts("rivers", 20))
    return stage


def export(stage: InvokedStage, user: str = "ada", **query: str) -> Reply:
    return stage.call("exportUser", path=ME, query=query, user=user)


def pages(stage: InvokedStage, user: str = "ada", **query: str) -> list[Any]:
    """Return the bodies of all pages."""
    bodies = []
    while True:
        reply = export(stage, user, **query)
        assert reply.status == 200, reply.body
        bodies.append(reply.body)
        if "nextToken" not in reply.body:
            return bodies
        query["nextToken"] = reply.body["nextToken"]


def play(stage: InvokedStage, user: str) -> str:
    """Leave something in every table, a pool beyond its head too; return the open session's id."""
    stage.call("updateUser", {"displayName": user, "language": "de"}, path=ME, user=user)
    headers = {"Idempotency-Key": "k"}
    body = {"sources": [{"category": "rivers"}], "settings": {"wrongAnswerPercentage": 0}}
    session_id = stage.call("startSession", body, user=user, headers=headers).body["sessionId"]
    shown = stage.question(session_id, user)
    for _ in range(18):
        for right in (False, True):
            stage.clock.advance(1_000)
            shown = stage.answer(session_id, shown["question"], right=right, user=user).body
    stage.start({"category": "rivers"}, user=user)
    stage.count()
    return str(session_id)


def test_a_user_who_never_did_anything_has_an_empty_export(stage: InvokedStage) -> None:
    reply = export(stage)
    assert reply.status == 200
    assert reply.body == {
        "userId": "ada",
        "exportedAt": NOW,
        "user": {},
        "sessions": [],
        "bookkeeping": [],
        "progress": [],
        "wrongAnswers": [],
    }


def test_every_attribute_of_every_item_of_a_user_is_exported_but_what_is_withheld(
    bank: InvokedStage,
) -> None:
    play(bank, "ada")
    play(bank, "bob")
    (body,) = pages(bank)
    tables: Mapping[str, list[Any]] = {
        "users": [body["user"]],
        "sessions": body["sessions"] + body["bookkeeping"],
        "progress": body["progress"],
        "wrong_answers": body["wrongAnswers"],
    }
    for table, records in tables.items():
        rows = [row for row in bank.rows(table) if row["userId"] == {"S": "ada"}]
        assert len(records) == len(rows) > 0
        kept = [sorted(paths(row)) for row in rows]
        shown = [sorted(plain_paths(record)) for record in records]
        expected = [
            sorted(
                path
                for path in row
                if path != "userId" and (table, path.split("[")[0]) not in WITHHELD | RENDERED
            )
            for row in kept
        ]
        given = [
            [path for path in record if (table, path.split(".")[0]) not in RENDERED]
            for record in shown
        ]
        assert sorted(given) == sorted(expected), table
    assert bank.rows("questions")


def paths(item: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the names of an item's attributes, those of maps with their map's."""
    found = []
    for name, attribute in item.items():
        ((kind, value),) = attribute.items()
        found += paths(value, f"{prefix}{name}.") if kind == "M" else [prefix + name]
    return found


def plain_paths(record: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = []
    for name, value in record.items():
        inner = isinstance(value, dict)
        found += plain_paths(value, f"{prefix}{name}.") if inner else [prefix + name]
    return found


def test_records_read_as_they_are_documented(bank: InvokedStage) -> None:
    session_id = play(bank, "ada")
    (body,) = pages(bank)
    tally, ledger = (body["user"].pop(name) for name in ("tally", "ledger"))
    (span,) = ledger[session_id]
    assert (span["first"], span["run"]["length"], span["run"]["right"]) == (1, 36, 18)
    assert body["user"] == {
        "displayName": "ada",
        "language": "de",
        "createdAt": NOW,
        "updatedAt": NOW,
        "tallyVersion": 1,
        "ledgerDay": "2026-09-21",
        "startDay": "2026-09-21",
        "starts": 2,
        "unfinished": 2,
    }
    assert tally["categories"] == {
        "rivers": {"questions": 18, "correct": 18, "wrong": 18, "mastered": 0}
    }
    assert tally["asOf"].startswith("2026-09-21T14:13:5")
    assert (tally["timeSpent"], tally["closedThrough"]) == (36 * 1500, None)
    assert tally["days"].keys() == {"2026-09-21"}
    assert tally["days"]["2026-09-21"]["length"] == 36
    assert tally["daysBefore"] == {"last": None, "run": 0, "best": 0}
    session = next(each for each in body["sessions"] if each["sessionId"] == session_id)
    assert (session["status"], session["createdAt"], session["wrong"]) == ("ACTIVE", NOW, 18)
    assert session["ttl"] == "2026-11-20T14:13:56.000Z"
    assert session["sources"] == [
        {"category": "rivers", "count": 20, "size": 20, "cursor": 19, "left": 1}
    ]
    oldest = body["wrongAnswers"][0]
    assert session["pool"][0] == {
        "questionId": oldest["questionId"],
        "queuedAt": oldest["timestamp"].partition("#")[0],
        "remainingTries": 2,
        "leftover": False,
        "turn": int(oldest["atTurn"]),
    }
    assert len(session["pool"]) == 16
    assert session["mark"]["questionId"] == session["pool"][-1]["questionId"]
    assert session["turn"].keys() == {"id", "version", "pool", "missed", "why"}
    assert session["done"]["outcome"]
    (marker,) = body["bookkeeping"]
    assert marker["sessionId"].startswith("key#")
    assert marker["startedSession"] == session_id
    progress = body["progress"][0]
    assert (progress["attempts"], progress["correct"], progress["timeSpent"]) == (2, 1, 3000)
    assert progress["firstSeenAt"] < progress["lastSeenAt"] < "2026-09-21T14:14"


def test_no_page_tells_what_the_choices_of_an_open_session_are(bank: InvokedStage) -> None:
    session_id = play(bank, "ada")
    session = bank.services.sessions.get("ada", session_id)
    assert session
    assert session.turn
    text = json.dumps(pages(bank))
    seed = session.seed
    for secret in (seed.hex(), b64encode(seed).decode(), repr(seed)[2:-1], '"seed"', '"order"'):
        assert secret not in text


@pytest.mark.parametrize("limit", ["1", "7", "100"])
def test_pages_join_to_the_whole_once(bank: InvokedStage, limit: str) -> None:
    play(bank, "ada")
    (whole,) = pages(bank)
    found = pages(bank, limit=limit)
    kinds = ("sessions", "bookkeeping", "progress", "wrongAnswers")
    for body in found:
        assert sum(len(body[kind]) for kind in kinds) <= int(limit)
    for kind in kinds:
        assert [each for body in found for each in body[kind]] == whole[kind]
    assert [body.get("user") for body in found] == [whole["user"]] + [None] * (len(found) - 1)
    assert all(len(json.dumps(body)) < 400_000 for body in found)


def test_what_an_export_costs_does_not_grow_with_the_record(bank: InvokedStage) -> None:
    play(bank, "ada")
    first = export(bank, limit="5")
    assert first.log["roundTrips"] <= 4
    token = first.body["nextToken"]
    assert export(bank, limit="5", nextToken=token).log["roundTrips"] <= 3


def test_another_users_export_and_page_are_404(bank: InvokedStage) -> None:
    play(bank, "ada")
    token = export(bank, limit="1").body["nextToken"]
    assert export(bank, "bob", nextToken=token).status == 422
    for groups in ((), ("admin",)):
        reply = bank.call("exportUser", path={"userId": "ada"}, user="bob", groups=groups)
        assert (reply.status, reply.cost) == (404, (0, 0.0, 0.0))


def test_what_was_never_a_page_is_404(bank: InvokedStage) -> None:
    play(bank, "ada")
    listed = bank.call("listQuestionProgress", path=ME, query={"limit": "1"}).body["nextToken"]
    assert export(bank, nextToken=listed).status == 422
    assert export(bank, nextToken="AAAA").status == 422


def test_what_was_counted_of_earlier_days_is_told_by_day(bank: InvokedStage) -> None:
    session_id = play(bank, "ada")
    bank.clock.advance(DAY)
    bank.answer(session_id, bank.question(session_id)["question"])
    bank.count()
    (body,) = pages(bank)
    assert body["user"]["ledgerDay"] == "2026-09-22"
    _, ledger = body["bookkeeping"]
    assert ledger["sessionId"] == "tally#2026-09-21"
    (span,) = ledger["tally"][session_id]
    assert (span["first"], span["run"]["length"]) == (1, 36)
