"""Profiles: read and changed by their own user alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.integration.stage import InvokedStage, Reply, response_lost

NOW, LATER = "2026-09-21T14:13:20.000Z", "2026-09-21T14:13:30.000Z"

SPACING = {
    "policy": "RATIO",
    "spacing": {"firstLag": 16, "secondLag": 48, "share": 50, "pendingLimit": None},
}
"""The policy and its settings where nobody chose one."""


def read(stage: InvokedStage, user_id: str = "me", **other: Any) -> Reply:
    return stage.call("getUser", path={"userId": user_id}, **other)


def change(
    stage: InvokedStage, body: Mapping[str, object], user_id: str = "me", **other: Any
) -> Reply:
    return stage.call("updateUser", body, path={"userId": user_id}, **other)


def faulty_fields(reply: Reply) -> list[str]:
    assert (reply.status, reply.body["code"]) == (422, "VALIDATION_ERROR"), reply.body
    return [fault["field"] for fault in reply.body["errors"]]


def test_a_user_who_never_wrote_has_the_defaults(stage: InvokedStage) -> None:
    reply = read(stage)
    assert reply.status == 200
    assert reply.body == {
        "userId": "ada",
        "displayName": "",
        "language": "en",
        "timeZone": "UTC",
        "wrongAnswerPercentage": 20,
        **SPACING,
        "createdAt": None,
        "updatedAt": None,
    }
    assert stage.rows("users") == []


def test_a_profile_is_changed_and_reads_as_it_was_returned(stage: InvokedStage) -> None:
    body = {
        "displayName": "Ada \N{BRAIN}",
        "language": "pt-BR",
        "timeZone": "Europe/Vienna",
        "wrongAnswerPercentage": 35,
    }
    reply = change(stage, body)
    assert reply.status == 200
    assert reply.body == {"userId": "ada", **body, **SPACING, "createdAt": NOW, "updatedAt": NOW}
    assert read(stage).body == reply.body


def test_what_a_change_leaves_out_stays(stage: InvokedStage) -> None:
    change(stage, {"displayName": "Ada", "wrongAnswerPercentage": 35})
    stage.clock.advance(10_000)
    body = change(stage, {"language": "de", "displayName": None}).body
    assert body == {
        "userId": "ada",
        "displayName": "Ada",
        "language": "de",
        "timeZone": "UTC",
        "wrongAnswerPercentage": 35,
        **SPACING,
        "createdAt": NOW,
        "updatedAt": LATER,
    }


def test_zero_percent_and_an_empty_name_are_values(stage: InvokedStage) -> None:
    change(stage, {"displayName": "Ada", "wrongAnswerPercentage": 35})
    body = change(stage, {"displayName": "", "wrongAnswerPercentage": 0}).body
    assert (body["displayName"], body["wrongAnswerPercentage"]) == ("", 0)
    assert read(stage).body == body


def test_me_is_the_caller(stage: InvokedStage) -> None:
    change(stage, {"displayName": "Ada"})
    assert read(stage, "ada").body == read(stage, "me").body
    assert change(stage, {"displayName": "A."}, "ada").body["displayName"] == "A."
    assert read(stage, user="bob").body["userId"] == "bob"
    assert read(stage, user="bob").body["displayName"] == ""


def test_another_users_profile_is_404_for_everybody(stage: InvokedStage) -> None:
    change(stage, {"displayName": "Ada"})
    before = stage.everything()
    for groups in ((), ("admin",)):
        for user_id in ("ada", "nobody", "not an id", "a" * 129):
            for reply in (
                read(stage, user_id, user="bob", groups=groups),
                change(stage, {"displayName": "Eve"}, user_id, user="bob", groups=groups),
            ):
                assert (reply.status, reply.body["code"]) == (404, "NOT_FOUND")
                assert reply.cost == (0, 0.0, 0.0)
    assert stage.everything() == before


def test_all_faults_of_a_change_are_reported_together(stage: InvokedStage) -> None:
    body = {
        "displayName": "n" * 81,
        "language": "English!",
        "wrongAnswerPercentage": 101,
        "userId": "bob",
    }
    assert sorted(faulty_fields(change(stage, body))) == [
        "displayName",
        "language",
        "userId",
        "wrongAnswerPercentage",
    ]
    assert stage.rows("users") == []


def test_a_change_of_nothing_is_422(stage: InvokedStage) -> None:
    for body in ({}, {"displayName": None}):
        assert faulty_fields(change(stage, body)) == ["body"]


def test_a_percentage_is_a_whole_number_from_0_to_100(stage: InvokedStage) -> None:
    refused: Sequence[object] = (-1, 101, 20.5, "20", True, [])
    for percentage in refused:
        reply = change(stage, {"wrongAnswerPercentage": percentage})
        assert faulty_fields(reply) == ["wrongAnswerPercentage"]
    for bound in (0, 20.0, 100):
        assert change(stage, {"wrongAnswerPercentage": bound}).status == 200


def test_a_change_whose_response_was_lost_is_done_once(stage: InvokedStage) -> None:
    with stage.fault("UpdateItem", response_lost, times=1):
        assert change(stage, {"displayName": "Ada"}).body["displayName"] == "Ada"


def erase(stage: InvokedStage, user_id: str = "ada") -> None:
    """Leave of a user what an erasure leaves."""
    tombstone = {"userId": {"S": user_id}, "erasedAt": {"N": str(stage.clock.now)}}
    name = stage.services.users.name
    stage.services.database.call("put_item", TableName=name, Item=tombstone)


def test_an_erased_account_has_no_profile_and_takes_none(stage: InvokedStage) -> None:
    erase(stage)
    before = stage.everything()
    for reply in (read(stage), change(stage, {"displayName": "Ada"})):
        assert (reply.status, reply.body["code"]) == (401, "UNAUTHORIZED")
        assert reply.body["detail"] == "The account was erased."
    assert stage.everything() == before
    assert change(stage, {"displayName": "Bob"}, user="bob").status == 200


def test_each_setting_of_a_policy_is_changed_by_itself(stage: InvokedStage) -> None:
    change(stage, {"policy": "SPACED", "spacing": {"firstLag": 8, "pendingLimit": 12}})
    body = change(stage, {"spacing": {"share": 80}}).body
    assert body["policy"] == "SPACED"
    assert body["spacing"] == {"firstLag": 8, "secondLag": 48, "share": 80, "pendingLimit": 12}
    assert read(stage).body == body


def test_a_pending_limit_of_null_is_no_limit(stage: InvokedStage) -> None:
    change(stage, {"spacing": {"pendingLimit": 4}})
    assert change(stage, {"spacing": {"share": 60}}).body["spacing"]["pendingLimit"] == 4
    assert (
        change(stage, {"spacing": {"pendingLimit": None}}).body["spacing"]["pendingLimit"] is None
    )


def test_settings_out_of_bounds_are_named_together(stage: InvokedStage) -> None:
    spacing = {"firstLag": 0, "secondLag": 1001, "share": 0, "pendingLimit": 3, "thirdLag": 9}
    reply = change(stage, {"policy": "LEITNER", "spacing": spacing})
    assert sorted(faulty_fields(reply)) == [
        "policy",
        *sorted(f"spacing.{each}" for each in spacing),
    ]
    for limit in (3, 17):
        refused = change(stage, {"spacing": {"pendingLimit": limit}})
        assert faulty_fields(refused) == ["spacing.pendingLimit"]
    assert stage.rows("users") == []


def test_spacing_without_a_setting_changes_nothing(stage: InvokedStage) -> None:
    assert faulty_fields(change(stage, {"spacing": {}})) == ["body"]
