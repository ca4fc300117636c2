"""Copying lost items back, between two tables on the engine."""

import json
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from infra.permissions import TableName
from local.errors import CommandError
from ops.deploy.restore import Comparison, Reason, Restoration, restore_beside
from tests.integration.counting import assert_recounted, given, play, tallies
from tests.integration.stage import InvokedStage, drafts


@pytest.fixture
def client(stage: InvokedStage) -> Any:  # noqa: ARG001 - it sets the endpoint
    return boto3.client("dynamodb", endpoint_url=os.environ["DYNAMODB_ENDPOINT"])


def rename(stage: InvokedStage, user: str, name: str) -> None:
    reply = stage.call("updateUser", {"displayName": name}, user=user, path={"userId": "me"})
    assert reply.status == 200, reply.body


@pytest.fixture
def bank(stage: InvokedStage) -> InvokedStage:
    stage.save(*drafts("geography", 8), *drafts("history", 3))
    return stage


def names(stage: InvokedStage) -> dict[TableName, str]:
    services = stage.services
    return {
        TableName.USERS: services.users.name,
        TableName.QUESTIONS: services.questions.name,
        TableName.SESSIONS: services.sessions.name,
        TableName.PROGRESS: services.progress.name,
        TableName.WRONG_ANSWERS: services.wrong_answers.name,
    }


def restored(client: Any, stage: InvokedStage, table: TableName) -> Restoration:
    """A table beside another that holds what it holds now, as DynamoDB restores it: no stream."""
    source = names(stage)[table]
    target = f"{source}-restored"
    described = client.describe_table(TableName=source)["Table"]
    keys = {each["AttributeName"] for each in described["KeySchema"]}
    client.create_table(
        TableName=target,
        KeySchema=described["KeySchema"],
        AttributeDefinitions=[
            each for each in described["AttributeDefinitions"] if each["AttributeName"] in keys
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName=target)
    for item in rows(client, source):
        client.put_item(TableName=target, Item=item)
    now = datetime.fromtimestamp(stage.clock.now / 1000, UTC)
    return Restoration(client, names(stage), table, target, now, now + timedelta(minutes=5))


def in_order(item: dict[str, Any]) -> str:
    return json.dumps(item, sort_keys=True, default=repr)


def rows(client: Any, table: str) -> list[dict[str, Any]]:
    pages = client.get_paginator("scan").paginate(TableName=table)
    return sorted((item for page in pages for item in page["Items"]), key=in_order)


def lose(client: Any, restoration: Restoration, where: Any = lambda _: True) -> int:
    table = restoration.tables[restoration.table]
    schema = client.describe_table(TableName=table)["Table"]["KeySchema"]
    lost = [item for item in rows(client, table) if where(item)]
    for item in lost:
        key = {each["AttributeName"]: item[each["AttributeName"]] for each in schema}
        client.delete_item(TableName=table, Key=key)
    return len(lost)


@pytest.mark.parametrize("table", [t for t in TableName if t is not TableName.PROGRESS])
def test_a_table_that_lost_everything_is_as_it_was(
    bank: InvokedStage, client: Any, table: TableName
) -> None:
    play(bank, "ada", "rwrrw")
    bank.count()
    before = rows(client, names(bank)[table])
    restoration = restored(client, bank, table)
    assert lose(client, restoration) == len(before) > 0
    comparison = restoration.compare()
    assert (len(comparison.lost), comparison.others) == (len(before), Counter())
    assert restoration.copy(comparison.lost) == len(before)
    assert rows(client, names(bank)[table]) == before
    assert restoration.compare().lost == []


def test_progress_that_is_copied_back_is_not_counted_again(bank: InvokedStage, client: Any) -> None:
    """Questions tried once, and those tried more often."""
    session = play(bank, "ada", "rwrrw")
    records = bank.records()
    assert bank.deliver(records) == []
    before = tallies(bank)
    restoration = restored(client, bank, TableName.PROGRESS)
    lost = lose(client, restoration)
    assert restoration.copy(restoration.compare().lost) == lost == 4
    copies = bank.records()
    assert {each["eventName"] for each in copies} == {"REMOVE", "INSERT"}
    assert given(copies) == []
    assert bank.deliver(copies) == []
    assert tallies(bank) == before
    # Answers given afterwards count.
    play(bank, "ada", "rrr", session=session)
    later = bank.records()
    assert len(given(later)) == 3
    assert bank.deliver(later) == []
    assert_recounted(bank, [*records, *later])


def test_only_what_is_missing_is_copied_and_nothing_is_overwritten(
    bank: InvokedStage, client: Any
) -> None:
    for user in ("ada", "bob", "eve"):
        rename(bank, user, user)
    restoration = restored(client, bank, TableName.USERS)
    assert lose(client, restoration, lambda item: item["userId"]["S"] == "ada") == 1
    rename(bank, "bob", "Bob")
    comparison = restoration.compare()
    assert [item["userId"]["S"] for item in comparison.lost] == ["ada"]
    assert comparison.others == {Reason.CHANGED: 1, Reason.PRESENT: 1}
    # Written by its owner between the comparison and the copy.
    rename(bank, "ada", "Ada")
    after = rows(client, names(bank)[TableName.USERS])
    assert restoration.copy(comparison.lost) == 0
    assert rows(client, names(bank)[TableName.USERS]) == after


@pytest.mark.parametrize(
    "table", [TableName.SESSIONS, TableName.PROGRESS, TableName.WRONG_ANSWERS, TableName.USERS]
)
def test_an_erased_account_stays_erased(bank: InvokedStage, client: Any, table: TableName) -> None:
    play(bank, "ada", "rwrrw")
    bank.count()
    restoration = restored(client, bank, table)
    assert bank.call("eraseUser", user="ada", path={"userId": "me"}).status == 204
    comparison = restoration.compare()
    assert comparison.lost == []
    assert set(comparison.others) == {Reason.CHANGED if table is TableName.USERS else Reason.ERASED}


def test_a_session_that_expired_meanwhile_is_not_lost(bank: InvokedStage, client: Any) -> None:
    play(bank, "ada", "rw")
    restoration = restored(client, bank, TableName.SESSIONS)
    lose(client, restoration)
    after_years = Restoration(
        client,
        restoration.tables,
        restoration.table,
        restoration.restored,
        restoration.at,
        restoration.now + timedelta(days=4000),
    )
    comparison = after_years.compare()
    assert comparison.lost == []
    assert comparison.others[Reason.EXPIRED] == len(rows(client, restoration.restored))


def test_a_pool_entry_that_play_may_have_settled_is_left_out(
    bank: InvokedStage, client: Any
) -> None:
    played = play(bank, "ada", "rwrr")
    left = play(bank, "bob", "rwrr")
    restoration = restored(client, bank, TableName.WRONG_ANSWERS)
    bank.clock.advance(60_000)
    play(bank, "ada", "r", session=played)
    assert lose(client, restoration) == 2
    comparison = restoration.compare()
    assert [item["sessionId"]["S"] for item in comparison.lost] == [left]
    assert comparison.others == {Reason.PLAYED: 1}


@pytest.mark.slow
def test_a_table_larger_than_a_page_is_compared_as_a_whole(
    stage: InvokedStage, client: Any
) -> None:
    stage.save(*drafts("geography", 230))
    restoration = restored(client, stage, TableName.QUESTIONS)
    lost = lose(client, restoration, lambda item: item["questionId"]["S"].endswith("7"))
    assert lost >= 23
    assert restoration.copy(restoration.compare().lost) == lost
    assert rows(client, restoration.tables[restoration.table]) == rows(client, restoration.restored)


def test_a_comparison_reads_as_lines() -> None:
    comparison = Comparison(lost=[{}], others=Counter({Reason.PRESENT: 3, Reason.CHANGED: 1}))
    assert str(comparison).splitlines() == [
        "  1 lost",
        "  1 changed since; an item is never overwritten",
        "  3 in the table as it was",
    ]


# The restore itself, which no engine here knows: requests checked against the service model

AT = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)


@pytest.fixture
def cloud() -> Any:
    client = boto3.client(
        "dynamodb",
        region_name="eu-central-1",
        aws_access_key_id="made-up",
        aws_secret_access_key="made-up",  # pragma: allowlist secret
    )
    with Stubber(client) as stub:
        yield client, stub
        stub.assert_no_pending_responses()


def described(status: str) -> dict[str, Any]:
    return {"Table": {"TableName": "quiz-at", "TableStatus": status}}


def recovery(status: str) -> dict[str, Any]:
    return {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": {
                "PointInTimeRecoveryStatus": status,
                "EarliestRestorableDateTime": AT - timedelta(days=1),
                "LatestRestorableDateTime": AT + timedelta(hours=1),
            },
        }
    }


def test_a_table_is_restored_beside_itself_and_awaited(cloud: Any) -> None:
    client, stub = cloud
    stub.add_client_error("describe_table", "ResourceNotFoundException")
    stub.add_response("describe_continuous_backups", recovery("ENABLED"), {"TableName": "quiz"})
    stub.add_response(
        "restore_table_to_point_in_time",
        {},
        {"SourceTableName": "quiz", "TargetTableName": "quiz-at", "RestoreDateTime": AT},
    )
    stub.add_response("describe_table", described("CREATING"), {"TableName": "quiz-at"})
    stub.add_response("describe_table", described("ACTIVE"), {"TableName": "quiz-at"})
    restore_beside(client, "quiz", "quiz-at", AT, poll_seconds=0)


def test_an_interrupted_restore_goes_on_with_the_table_it_made(cloud: Any) -> None:
    client, stub = cloud
    for status in ("CREATING", "CREATING", "ACTIVE"):
        stub.add_response("describe_table", described(status), {"TableName": "quiz-at"})
    restore_beside(client, "quiz", "quiz-at", AT, poll_seconds=0)


@pytest.mark.parametrize(
    ("status", "at", "message"),
    [
        ("DISABLED", AT, "quiz has no point-in-time recovery"),
        (
            "ENABLED",
            AT + timedelta(hours=2),
            "quiz can be restored to a time from 2026-11-24 09:30",
        ),
        ("ENABLED", AT - timedelta(days=2), "quiz can be restored to a time from 2026-11-24 09:30"),
    ],
)
def test_a_time_that_cannot_be_restored_is_refused(
    cloud: Any, status: str, at: datetime, message: str
) -> None:
    client, stub = cloud
    stub.add_client_error("describe_table", "ResourceNotFoundException")
    stub.add_response("describe_continuous_backups", recovery(status), {"TableName": "quiz"})
    with pytest.raises(CommandError, match=message):
        restore_beside(client, "quiz", "quiz-at", at, poll_seconds=0)
