"""Answers counted while the database, the network or the function fails: each once all the same."""

from typing import Any
from unittest.mock import patch

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError
from botocore.retries.standard import ExponentialBackoff

from lambdas.analytics.use_case import ATTEMPTS
from tests.integration.counting import (
    Records,
    answers_of_two_days,
    counted,
    forget,
    sequence,
    small_bank,
    tallies,
)
from tests.integration.stage import (
    InvokedStage,
    answers_with,
    cancels,
    refuses,
    response_lost,
    unreachable,
)
from tests.reliability.chaos import CrashError, deliver


@pytest.fixture
def bank(stage: InvokedStage) -> InvokedStage:
    return small_bank(stage)


@pytest.fixture
def records(bank: InvokedStage) -> Records:
    return answers_of_two_days(bank)


@pytest.mark.parametrize(
    "fault",
    [
        unreachable,
        refuses("InternalServerError", 500),
        refuses("ProvisionedThroughputExceededException"),
    ],
    ids=["unreachable", "failing", "throttled"],
)
@pytest.mark.parametrize("operation", ["BatchGetItem", "TransactWriteItems"])
def test_trouble_with_the_database_is_reported_from_the_first_record_not_counted(
    bank: InvokedStage, records: Records, operation: str, fault: Any
) -> None:
    expected = counted(bank, records)
    bank.pauses()
    with bank.fault(operation, fault):
        assert bank.deliver(records) == [sequence(records[0])]
    assert not any(tallies(bank).values())
    assert bank.deliver(records) == []
    assert tallies(bank) == expected


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError"])
def test_a_transaction_that_conflicts_is_tried_again(
    bank: InvokedStage, records: Records, reason: str
) -> None:
    expected = counted(bank, records)
    pauses = bank.pauses()
    with bank.fault("TransactWriteItems", cancels(reason), times=2):
        assert bank.deliver(records) == []
    assert len(pauses) == 2
    assert tallies(bank) == expected


def test_tallies_that_others_keep_changing_are_given_up_for_now(
    bank: InvokedStage, records: Records
) -> None:
    pauses = bank.pauses()
    with bank.fault("TransactWriteItems", cancels("ConditionalCheckFailed")) as met:
        assert bank.deliver(records) == [sequence(records[0])]
    assert (len(met), len(pauses)) == (ATTEMPTS, ATTEMPTS - 1)


def test_two_consumers_at_once_count_each_answer_once(bank: InvokedStage, records: Records) -> None:
    expected = counted(bank, records)
    bank.pauses()

    def the_other_first(_: AWSPreparedRequest) -> None:
        assert bank.deliver(records[:9]) == []

    with bank.fault("TransactWriteItems", the_other_first, times=1) as met:
        assert bank.deliver(records) == []
    assert len(met) == 1
    assert tallies(bank) == expected


def test_a_write_whose_reply_was_lost_counts_once(bank: InvokedStage, records: Records) -> None:
    expected = counted(bank, records)
    with bank.fault("TransactWriteItems", response_lost, times=1):
        assert bank.deliver(records) == []
    assert tallies(bank) == expected


class Interference:
    """Kills the function, or loses a reply, at the call of a place."""

    def __init__(self, place: int, kind: str) -> None:
        self.place, self.kind, self.calls = place, kind, 0

    def __call__(self, request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        self.calls += 1
        if self.calls - 1 != self.place:
            return None
        if self.kind == "crash before":
            raise CrashError
        response = deliver(request)
        if self.kind == "crash after":
            raise CrashError
        if self.kind == "reply lost":
            raise ReadTimeoutError(endpoint_url=request.url)
        return response


def interfered(stage: InvokedStage, records: Records, how: Interference) -> list[str]:
    events = stage.services.database.client.meta.events
    hook: Any = how
    events.register("before-send.dynamodb", hook)
    try:
        with patch.object(ExponentialBackoff, "delay_amount", return_value=0.0):
            return stage.deliver(records)
    except CrashError:
        return [sequence(records[0])]
    finally:
        events.unregister("before-send.dynamodb", hook)


@pytest.mark.parametrize("kind", ["crash before", "crash after", "reply lost"])
def test_a_death_at_any_call_and_redelivery_change_nothing(
    bank: InvokedStage, records: Records, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Several transactions of a few answers each.
    monkeypatch.setattr("lambdas.analytics.use_case.MOST_ITEMS", 6)
    batch = records
    expected = counted(bank, batch)
    place = 0
    while True:
        how = Interference(place, kind)
        again = interfered(bank, batch, how)
        if again:
            at = [sequence(each) for each in batch].index(again[0])
            assert bank.deliver(batch[at:]) == []
        assert tallies(bank) == expected, place
        forget(bank)
        if how.calls <= place:
            break
        place += 1
    assert place >= 6


def test_an_unprocessed_read_is_asked_again(bank: InvokedStage, records: Records) -> None:
    expected = counted(bank, records)
    name = bank.services.users.name
    nothing: dict[str, Any] = {
        "Responses": {getattr(bank.services, table).name: [] for table in ("users", "questions")},
        "UnprocessedKeys": {
            name: {"Keys": [{"userId": {"S": "ada"}}, {"userId": {"S": "bob"}}]},
        },
    }
    with bank.fault("BatchGetItem", answers_with(200, nothing), times=1):
        assert bank.deliver(records) == []
    assert tallies(bank) == expected
